import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { issue } from '../../support/certificates.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import type { Finding, Row } from '../row.ts'
import type { Stage } from '../stage.ts'

const startup = raw.startup({ user: 'postgres', database: 'postgres' })
/** What is sent in the clear behind an SSLRequest. */
const injections: Readonly<Record<string, Buffer>> = {
  'a byte': Buffer.from([0]),
  'a startup packet': startup,
  'a startup packet and a query': raw.all(startup, raw.query('select 1')),
  'a TLS hello that is none': Buffer.from('16030100050100000100', 'hex'),
}
/** What a hostile server answers to our SSLRequest. */
const answers: Readonly<Record<string, Buffer>> = {
  'S and a byte': Buffer.from('Sx'),
  'S and a login': raw.all(Buffer.from('S'), raw.message('R', Buffer.alloc(4)), raw.message('Z', Buffer.from('I'))),
  'S and 200 bytes': Buffer.concat([Buffer.from('S'), Buffer.alloc(200, 1)]),
  'an error': raw.message('E', Buffer.from('SFATAL\0C28000\0Mfrom a hostile server\0\0')),
  N: Buffer.from('N'),
  'a letter that is none': Buffer.from('Q'),
}
const accepted = raw.message('R', Buffer.alloc(4))

export const tlsBoundary: Row = {
  number: 17,
  name: 'bytes across the TLS boundary',
  injected: `clear text behind an SSLRequest (${Object.keys(injections).join(', ')}), in one write and split at every byte; endless requests for encryption; a hostile server that answers our SSLRequest with ${Object.keys(answers).join(', ')}`,
  mustHold: 'the connection ends, nothing of it is used, and nothing a server says before TLS is shown',
  limitMs: 90_000,
  async run(stage, finding) {
    await clients(stage, finding)
    await servers(stage, finding)
  },
}

async function clients(stage: Stage, finding: Finding): Promise<void> {
  const postgres = await stage.postgres()
  const { certificate, key } = issue({ name: 'localhost', names: ['localhost'] })
  const [client_tls_cert_file, client_tls_key_file] = [join(stage.folder, 'cert'), join(stage.folder, 'key')]
  writeFileSync(client_tls_cert_file, certificate)
  writeFileSync(client_tls_key_file, key)
  for (const file of [client_tls_cert_file, client_tls_key_file]) chmodSync(file, 0o644)
  const settings = { client_tls_sslmode: 'allow', client_tls_cert_file, client_tls_key_file }
  const pooler = await stage.pooler(postgres.port, { settings })
  const cases = Object.entries(injections).flatMap(([name, bytes]) => {
    const whole = raw.all(raw.sslRequest, bytes)
    const splits = Array.from({ length: whole.length - 1 }, (_, n) => n + 1)
    return [undefined, ...splits].map((at) => ({ name: `${name}, split at ${at}`, whole, at }))
  })
  let passed = 0
  for (let n = 0; n < cases.length; n += 16) {
    const outcomes = await Promise.all(cases.slice(n, n + 16).map(({ whole, at }) => inject(pooler.port, whole, at)))
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome === 'closed') passed++
      else finding.must(false, `${cases[n + i]?.name}: ${outcome}`)
    }
  }
  const endless = raw.all(...Array.from({ length: 1000 }, (_, n) => (n % 2 === 0 ? raw.gssRequest : raw.sslRequest)))
  const outcome = await inject(pooler.port, endless, undefined)
  finding.must(outcome === 'closed', `endless requests for encryption: ${outcome}`)
  finding.figure(
    'from clients: cases passed',
    passed + (outcome === 'closed' ? 1 : 0),
    `of ${cases.length + 1}`,
    'more',
  )
}

/** "closed": it ended, or became TLS, without anybody being let in. */
function inject(port: number, bytes: Buffer, at: number | undefined): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const got: Buffer[] = []
    const limit = setTimeout(() => finish('left open'), 5000)
    const finish = (how: string): void => {
      clearTimeout(limit)
      socket.destroy()
      resolve(Buffer.concat(got).includes(accepted) ? 'let in' : how)
    }
    socket.on('data', (chunk: Buffer) => void got.push(chunk))
    socket.on('error', () => finish('closed')).on('close', () => finish('closed'))
    socket.setNoDelay()
    socket.write(bytes.subarray(0, at))
    if (at === undefined) return
    setTimeout(() => {
      socket.write(bytes.subarray(at))
      // A TLS record that isn't whole yet may wait for its rest: then nobody was let in, either.
      setTimeout(() => socket.end(), 300)
    }, 20)
  })
}

async function servers(stage: Stage, finding: Finding): Promise<void> {
  let answer: Buffer = Buffer.alloc(0)
  const seen = { clearText: false }
  const server = await hostile(
    () => answer,
    () => (seen.clearText = true),
  )
  stage.atEnd(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  let passed = 0
  const settings = { server_tls_sslmode: 'require', query_wait_timeout: 1, server_login_retry: 1 }
  const pooler = await stage.pooler(address.port, { settings })
  for (const [name, bytes] of Object.entries(answers)) {
    answer = bytes
    seen.clearText = false
    const complaint = await loginBehindHostile(pooler.port, seen)
    if (complaint === undefined) passed++
    else finding.must(false, `a server that answers ${name}: ${complaint}`)
    await sleep(50)
  }
  finding.figure('from servers: cases passed', passed, `of ${Object.keys(answers).length}`, 'more')
}

/** What is wrong with what a client is told, or with what the server got to see. */
async function loginBehindHostile(port: number, seen: { readonly clearText: boolean }): Promise<string | undefined> {
  const told = await RawClient.login(port).then(
    () => 'let in',
    (error: unknown) => String(error),
  )
  if (seen.clearText) return 'was sent a login in the clear'
  return told === 'let in' || told.includes('hostile') ? told : undefined
}

async function hostile(answer: () => Buffer, sawClearText: () => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(answer())
      socket.on('data', (bytes: Buffer) => {
        if (bytes.includes('user\0')) sawClearText()
      })
    })
    setTimeout(() => socket.destroy(), 2000)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
