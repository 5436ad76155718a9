/**
 * No secret in anything that is said. Every secret that there is, is a canary: what is stored, what clients type, right and
 * wrong, what goes over the wire for it, keys in files, and parts of configuration files that are wrong. Then everything
 * happens that can go well or badly, and the canaries are looked for in all that the program says: log (debug, text and
 * JSON), console, `taxirank check`, errors that clients get, metrics, what a bug leaves behind. Not in the trace: that holds
 * every byte, and its file is only readable for its owner.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client as PgClient } from 'pg'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { PlainSecret } from '../src/auth/secret.ts'
import { readTlsSetups } from '../src/cli/tls-setups.ts'
import { parseConfig } from '../src/config/parse-config.ts'
import { freePort } from '../src/embedded/free-port.ts'
import { Canaries } from './support/canaries.ts'
import { issue } from './support/certificates.ts'
import { eventually, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { checkFile, type Program, startProgram } from './support/program.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { answerWrongly } from './support/wrong-login.ts'

const canaries = new Canaries()
const secret = (name: string): string => canaries.make(name)
const passwords = {
  ann: secret('a plain password in auth_file'),
  mia: secret('the password of an md5 secret'),
  sam: secret('the password of a SCRAM secret'),
  eve: secret('the password of a user of auth_query'),
  looker: secret("auth_user's password"),
  bob: secret('password= of a database'),
  boss: secret("an administrator's password"),
}
const wrongAtServer = secret('password= that PostgreSQL refuses')
const own = issue({ name: 'pooler', names: ['127.0.0.1'] })
const md5Of = (name: keyof typeof passwords): string =>
  createHash('md5')
    .update(passwords[name] + name)
    .digest('hex')

let postgres: TestPostgres
let program: Program
let folder: string
let ini: string
let port: number
let httpPort: number
const told: string[] = []

before(async () => {
  const rules =
    'host all postgres 127.0.0.1/32 trust\nhost all mia 127.0.0.1/32 md5\nhost all all 127.0.0.1/32 scram-sha-256\n'
  postgres = await startTestPostgres({}, { 'pg_hba.conf': rules })
  const admin = await RawClient.login(postgres.port)
  for (const [name, password] of Object.entries(passwords)) {
    await admin.query(`set password_encryption = '${name === 'mia' ? 'md5' : 'scram-sha-256'}'`)
    await admin.query(`create role ${name} login ${name === 'looker' ? 'superuser' : ''} password '${password}'`)
  }
  const verifierOf = async (name: keyof typeof passwords): Promise<string> => {
    const verifier = (await admin.value(`select rolpassword from pg_authid where rolname = '${name}'`)) ?? ''
    canaries.watchScram(name, passwords[name], verifier)
    return verifier
  }
  const samVerifier = await verifierOf('sam')
  for (const name of ['eve', 'ann', 'bob', 'looker'] as const) await verifierOf(name)
  admin.leave()
  canaries.watch('an md5 secret', Buffer.from(md5Of('mia')))
  canaries.watchKey('the key file', own.key)
  folder = mkdtempSync(join(tmpdir(), 'taxirank-secrets-'))
  chmodSync(folder, 0o711)
  write('users.txt', userlist(samVerifier))
  write('key.pem', own.key)
  write('certificate.pem', own.certificate)
  port = await freePort()
  httpPort = await freePort()
  ini = join(folder, 'pooler.ini')
  write('pooler.ini', configuration({}))
  program = await startProgram(ini, ['-v', '-v'])
})

after(async () => {
  await program.stop()
  rmSync(folder, { recursive: true, force: true })
  await postgres.remove()
})

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text, { mode: 0o644 })
}

function userlist(samVerifier: string): string {
  const { ann, looker, boss } = passwords
  const lines = { ann, looker, boss, mia: `md5${md5Of('mia')}`, sam: samVerifier }
  return Object.entries(lines)
    .map(([name, stored]) => `"${name}" "${stored}"\n`)
    .join('')
}

interface Different {
  readonly settings?: Readonly<Record<string, string>>
  readonly databases?: readonly string[]
  readonly lines?: readonly string[]
}

function configuration({ settings = {}, databases = [], lines = [] }: Different): string {
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users.txt'),
    auth_user: 'looker',
    admin_users: 'boss',
    pool_mode: 'transaction',
    default_pool_size: 2,
    server_login_retry: 1,
    query_wait_timeout: 1,
    client_tls_sslmode: 'allow',
    client_tls_key_file: join(folder, 'key.pem'),
    client_tls_cert_file: join(folder, 'certificate.pem'),
    unix_socket_dir: '',
    http_addr: '127.0.0.1',
    http_port: httpPort,
    ...settings,
  }
  const at = `host=127.0.0.1 port=${postgres.port}`
  return [
    '[databases]',
    `postgres = ${at}`,
    `forced = ${at} dbname=postgres user=bob password=${passwords.bob}`,
    `refused = ${at} dbname=postgres user=bob password=${wrongAtServer}`,
    ...databases,
    '[pgbouncer]',
    ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
    ...lines,
  ].join('\n')
}

/** Reloads by signal, and waits until the log has said what came of it. */
async function reload(different: Different): Promise<void> {
  write('pooler.ini', configuration(different))
  const before = program.said().length
  program.signal('SIGHUP')
  const isDone = (): boolean => /config was re-read|ERROR|"level":"error"/.test(program.said().slice(before))
  await eventually('the reload is done', isDone)
}

/** What one login, and a query behind it, is told. */
async function logIn(user: string, password: string, database: string, isEncrypted: boolean): Promise<string> {
  const ssl = isEncrypted && { rejectUnauthorized: false }
  const client = new PgClient({ host: '127.0.0.1', port, user, password, database, ssl })
  client.on('error', (error) => told.push(error.message))
  try {
    await client.connect()
    const { rows } = await client.query(database === 'pgbouncer' ? 'show lists' : 'select session_user as who')
    return rows[0].who ?? 'in'
  } catch (error) {
    told.push(JSON.stringify(error, Object.getOwnPropertyNames(error)))
    return (error as Error).message
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function logInInEveryWay(): Promise<Set<string>> {
  const seen = new Set<string>()
  const logins = Object.entries(passwords).flatMap(([user, password]) => [
    ...['postgres', 'forced', 'pgbouncer'].map((database) => logIn(user, password, database, database === 'forced')),
    logIn(user, secret(`a wrong password of ${user}`), 'postgres', false),
  ])
  logins.push(logIn('ann', passwords.ann, 'refused', false), logIn('ann', passwords.ann, 'none', false))
  logins.push(logIn('nobody', secret('a password of nobody'), 'postgres', true))
  for (const said of await Promise.all(logins)) seen.add(said)
  return seen
}

/** Messages of a login that are none, or too long, or not asked for, each with a canary in it. */
async function speakBadly(): Promise<void> {
  const text = (name: string): Buffer => Buffer.from(`${secret(name)}\0`)
  const messages: Readonly<Record<string, Buffer>> = {
    'a password': raw.message('p', text('a password typed by hand')),
    'not terminated': raw.message('p', Buffer.from(secret('a password that is not terminated'))),
    'too long': raw.message('p', Buffer.alloc(70_000, text('a password that is too long'))),
    half: raw.header('p', 100).subarray(0, 5),
    'another mechanism': raw.message('p', text('a mechanism'), Buffer.alloc(4)),
    'bad grammar': raw.message('p', Buffer.from('SCRAM-SHA-256\0\0\0\0\x40'), Buffer.alloc(64, text('SASL data'))),
    'a query': raw.query(`alter role none password '${secret('a password in a statement before the login')}'`),
  }
  const speak = async (message: Buffer): Promise<void> => {
    const client = await RawClient.connect(port)
    client.send(raw.startup({ user: 'ann', database: 'postgres' }))
    await client.until('R')
    client.send(message)
    await tellOf(client)
  }
  await Promise.all(Object.values(messages).map(speak))
  const client = await RawClient.connect(port)
  client.send(raw.startup({ user: 'ann', database: 'postgres', options: `-c app.key=${secret('in options')}` }))
  await tellOf(client)
}

/** Proofs and answers that go over the wire, and the keys that cancel: in either protocol version. */
async function proveWrongly(): Promise<void> {
  for (const user of ['ann', 'mia', 'sam', 'eve', 'nobody']) {
    const client = await RawClient.connect(port)
    client.send(raw.startup({ user, database: 'postgres' }))
    const sent = (answer: string): void => canaries.watch(`a wrong answer of ${user}`, Buffer.from(answer))
    told.push(await answerWrongly(client, secret(`a wrong password of ${user}`), sent))
    client.reset()
  }
}

/** Held until the console has been asked. */
async function keepCancelKeys(): Promise<RawClient[]> {
  const clients = await Promise.all([0, 2].map(() => RawClient.connect(port)))
  for (const [minor, client] of clients.entries()) {
    client.send(raw.startup({ user: 'ann', database: 'postgres' }, raw.version3 + 2 * minor))
    await client.until('Z')
    canaries.watch('a cancel key', client.key)
    canaries.watch("a cancel key's secret", Buffer.from(String(client.key.readUInt32BE(4)).padStart(8, ' ')))
  }
  return clients
}

/** What it is told in the next moment. */
async function tellOf(client: RawClient): Promise<void> {
  const rest = client.rest().then((lines) => told.push(...lines))
  await Promise.race([rest.catch(() => undefined), Bun.sleep(100)])
  client.reset()
}

/** Commands of every kind, the text of each statement with a canary where that is possible. */
async function askConsole(): Promise<void> {
  const options = { host: '127.0.0.1', port, user: 'boss', password: passwords.boss, database: 'pgbouncer' }
  const client = new PgClient(options)
  await client.connect()
  const shows = ['HELP', 'CONFIG', 'DATABASES', 'POOLS', 'CLIENTS', 'SERVERS', 'USERS', 'VERSION', 'PEERS', 'FDS']
  shows.push('PEER_POOLS', 'SOCKETS', 'ACTIVE_SOCKETS', 'LISTS', 'MEM', 'STATE', 'DNS_HOSTS', 'DNS_ZONES', 'STATS')
  shows.push('STATS_TOTALS', 'STATS_AVERAGES', 'TOTALS')
  for (const name of shows) {
    told.push(JSON.stringify((await client.query(`show ${name}`)).rows))
    // With a name: the extended protocol.
    told.push(JSON.stringify((await client.query({ name, text: `show ${name}` })).rows))
  }
  const commands = ['reload', 'pause none', 'kill none', 'set auth_file = 1', `set auth_type = 2`, 'set none = 3']
  for (const command of commands) {
    await client.query(command).catch((error: unknown) => told.push(String(error)))
  }
  const typed = `alter role none password '${secret('a statement on the console')}'`
  // Whoever typed it may be shown it; the log may not.
  await client.query(typed).catch(() => undefined)
  await client.query({ text: typed, values: [] }).catch(() => undefined)
  await client.query(`set none = '${secret('a value on the console')}'`).catch(() => undefined)
  await client.end()
}

function badDatabases(): string[] {
  const a = (what: string): string => secret(`in a bad line: ${what}`)
  return [
    `bad = host=127.0.0.1 password=${a('unknown option')} unknown=1`,
    `bad = host=127.0.0.1 passwrd=${a('misspelt')}`,
    `bad = host=127.0.0.1 password=two ${a('a blank')}`,
    `bad = host=127.0.0.1 password=two ${a('a blank and an equals sign')}=x`,
    `bad = host=127.0.0.1 password=two ${a('an empty value')}=''`,
    `bad = host=127.0.0.1 password='${a('no second quote')}`,
    `bad = host=127.0.0.1 password='x'${a('behind the quote')}`,
    `bad = host=127.0.0.1 port=5432;password=${a('semicolons')}`,
    `bad = host=127.0.0.1 port=5432,password=${a('commas')}`,
    `bad = host=127.0.0.1 pool_mode=session;password=${a('a semicolon behind a choice')}`,
    `bad = host=127.0.0.1 password:${a('a colon')}`,
    `bad = postgres://ann:${a('a URL')}@127.0.0.1/postgres`,
    `bad = host=postgres://ann:${a('a URL as host')}@127.0.0.1/postgres`,
    `"ann" "${a('a line of the userlist')}"`,
  ]
}

function badLines(): string[] {
  const a = (what: string): string => secret(`in a bad line of [pgbouncer]: ${what}`)
  return [`password = ${a('password')}`, `auth_file = /nowhere\nunknown = ${a('unknown')}`, a('alone')]
}

function badUserlists(): string[] {
  const a = (what: string): string => secret(`in a bad userlist: ${what}`)
  return [
    `"ann" "${a('no second quote')}`,
    `ann ${a('no quotes')}`,
    `"ann" ${a('no quotes around the secret')}`,
    `"ann" "SCRAM-SHA-256$4096:${a('a damaged verifier')}"`,
    `"" "${a('no name')}"`,
    `"ann" "${a('too long')}${'x'.repeat(70_000)}"`,
    `"ann" "${a('a zero byte')}\0"`,
  ]
}

/** What a reload says of a wrong configuration. */
function refusalOf(different: Different): void {
  write('bad.ini', configuration(different))
  const act = (): unknown => readTlsSetups(parseConfig(join(folder, 'bad.ini'), read).global, read)
  assert.throws(act, (error: Error) => told.push(error.message) > 0)
}

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

describe('no secret is told', () => {
  it('when clients log in, well or badly, whatever auth_type is', { timeout: 60_000 }, async () => {
    const seen = new Set<string>()
    for (const auth_type of ['scram-sha-256', 'md5', 'plain', 'trust', 'any']) {
      await reload({ settings: { auth_type, log_format: auth_type === 'plain' ? 'json' : 'text' } })
      for (const said of await logInInEveryWay()) seen.add(said)
      await speakBadly()
      await proveWrongly()
    }
    for (const expected of ['ann', 'mia', 'sam', 'eve', 'bob', 'in', 'password authentication failed']) {
      assert.ok(seen.has(expected), `${expected} among ${[...seen].join('; ')}`)
    }
    assert.ok(
      [...seen].some((said) => said.includes('for user "bob"')),
      [...seen].join('; '),
    )
  })

  it('on the console', async () => {
    await reload({ settings: { auth_type: 'trust' } })
    const clients = await keepCancelKeys()
    await reload({})
    await askConsole()
    for (const client of clients) client.leave()
  })

  it('of a configuration with bad lines', { timeout: 60_000 }, async () => {
    const [databases, lines] = [badDatabases(), badLines()]
    for (const line of databases) refusalOf({ databases: [line] })
    for (const line of lines) refusalOf({ lines: [line] })
    for (const text of badUserlists()) {
      write('bad.txt', text)
      refusalOf({ settings: { auth_file: join(folder, 'bad.txt') } })
    }
    for (const text of [own.key.slice(0, 120), own.key.replace('BEGIN', 'BEGAN'), own.certificate]) {
      write('bad.pem', text)
      refusalOf({ settings: { client_tls_key_file: join(folder, 'bad.pem') } })
    }
    refusalOf({ settings: { client_tls_cert_file: join(folder, 'key.pem') } })
    write('bad.txt', badUserlists().join('\n'))
    await reload({ databases, lines, settings: { auth_file: join(folder, 'bad.txt') } })
    const checked = await checkFile(ini)
    assert.ok(checked.split('\n').length > 20, checked)
    told.push(checked)
    await reload({})
    told.push(await checkFile(ini))
    assert.equal(await logIn('ann', passwords.ann, 'postgres', false), 'ann')
  })

  it('over HTTP', async () => {
    for (const path of ['metrics', 'api/snapshot', '', 'healthz', 'readyz']) {
      told.push(await (await fetch(`http://127.0.0.1:${httpPort}/${path}`)).text())
    }
    assert.ok(told.some((text) => text.includes('taxirank_ready 1')))
  })

  it('of a reload that changes them', async () => {
    const changed = `forced2 = host=127.0.0.1 port=${postgres.port} dbname=postgres user=bob password=`
    await reload({ databases: [changed + secret('password= before')] })
    await reload({ databases: [changed + secret('password= after')] })
    write('users.txt', `${userlist('')}"ann" "${secret('a password that has been changed')}"\n`)
    await reload({})
    assert.match(program.said(), /"forced2": password changed/)
  })

  it('in what a bug leaves behind', async () => {
    const poolers = new TestPoolers(() => postgres.port)
    const stored = new PlainSecret(Buffer.from(passwords.ann))
    const broken = {
      kind: 'plain' as const,
      get password() {
        throw new TypeError(`a bug`, { cause: stored })
      },
    }
    const secrets = new Map([
      ['ann', stored],
      ['boom', broken as unknown as PlainSecret],
    ])
    const authentication = { method: 'plain', secrets, madeUp: new MadeUpSecrets(4_096) } as const
    const pooler = await poolers.start({ authentication })
    port = pooler.port
    assert.equal(await logIn('ann', passwords.ann, 'postgres', false), 'ann')
    assert.equal(await logIn('boom', secret('a password that met a bug'), 'postgres', false), 'read ECONNRESET')
    assert.match(pooler.logged.join(''), /a bug of the pooler closed client/)
    told.push(...pooler.logged)
    await poolers.remove()
  })

  it('of all these canaries', () => {
    assert.ok(canaries.size > 150, `${canaries.size} canaries`)
    assert.match(program.said(), /"level":"warning"/)
    const found = [
      canaries.foundIn('log', program.said()),
      ...told.map((text) => canaries.foundIn(text.slice(0, 300), text)),
    ]
    assert.deepEqual(found.flat(), [])
  })

  it('and it would be found', () => {
    const password = passwords.ann
    const bytes = Buffer.from(`x${password}y`)
    for (const text of [password, bytes.toString('hex'), bytes.toString('base64'), [...bytes].join(',')]) {
      assert.equal(canaries.foundIn('here', `before ${text} behind`).length, 1, text)
    }
  })
})
