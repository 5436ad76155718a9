/** The authentication exchanges against real ones: ours against PostgreSQL's, and libpq's and pg's against ours. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { pbkdf2Sync } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Client as PgClient } from 'pg'
import { type ClientAuthMethod, ClientExchange, type ClientStep } from '../src/auth/client-exchange.ts'
import type { Derivation } from '../src/auth/derivations.ts'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { md5Secret } from '../src/auth/md5.ts'
import { saslprep } from '../src/auth/saslprep.ts'
import { type ScramSalt, ScramVerifier } from '../src/auth/scram-keys.ts'
import { type Credentials, credentialsOf, Md5Secret, NoSecret, parseSecret, type Secret } from '../src/auth/secret.ts'
import { ServerExchange } from '../src/auth/server-exchange.ts'
import { emptyQueryResponse } from '../src/wire/build-result.ts'
import * as build from '../src/wire/build.ts'
import { Framer } from '../src/wire/framer.ts'
import { frontendLoginRules } from '../src/wire/messages.ts'
import { StartupFramer } from '../src/wire/startup.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { needs } from './support/tools.ts'

const password = 'pencíl'

function derive({ password, salt, iterations }: Derivation): Buffer {
  return pbkdf2Sync(password, salt, iterations, 32, 'sha256')
}

function derivedFrom(text: string, { salt, iterations }: ScramSalt): Buffer {
  return pbkdf2Sync(saslprep(Buffer.from(text)), salt, iterations, 32, 'sha256')
}

describe('a login to PostgreSQL', () => {
  let postgres: TestPostgres
  let admin: RawClient
  const stored = new Map<string, Secret>()

  before(async () => {
    postgres = await startTestPostgres()
    admin = await RawClient.login(postgres.port)
    const methods = {
      cleartext: 'password',
      md5: 'md5',
      scram: 'scram-sha-256',
      other: 'scram-sha-256',
      postgres: 'trust',
    }
    const rules = Object.entries(methods).map(([role, method]) => `('host all ${role} 127.0.0.1/32 ${method}')`)
    const file = await admin.value('show hba_file')
    await admin.query(`copy (values ${rules.join()}) to '${file}'`)
    for (const role of ['cleartext', 'md5', 'scram', 'other']) {
      const encryption = role === 'md5' ? 'md5' : 'scram-sha-256'
      await admin.query(`set password_encryption = '${encryption}'; create role "${role}" login password '${password}'`)
      const secret = await admin.value(`select rolpassword from pg_authid where rolname = '${role}'`)
      stored.set(role, parseSecret(Buffer.from(secret ?? '')))
    }
    await admin.query('select pg_reload_conf()')
    await admin.query('select pg_sleep(0.2)')
  })

  after(async () => {
    admin.leave()
    await postgres.remove()
  })

  /** `ready`, or why not. */
  async function logIn(user: string, credentials: Credentials): Promise<string> {
    const client = await RawClient.connect(postgres.port)
    client.send(raw.startup({ user, database: 'postgres' }))
    const exchange = new ServerExchange(user, credentials)
    for (;;) {
      const got = (await client.until('R', 'E')).at(-1) as raw.Message
      if (got.type === 'E') return raw.say(got)
      const bytes = build.message('R', got.body)
      let step = exchange.received({ bytes, start: 0, end: bytes.length })
      if (step.name === 'derive') step = exchange.derived(derive(step.derivation))
      if (step.name === 'failed') return step.error.message
      if (step.name === 'send') client.send(step.bytes)
      if (step.name !== 'accepted') continue
      await client.until('Z')
      client.leave()
      return 'ready'
    }
  }

  const plain = parseSecret(Buffer.from(password))
  const verifierOf = (role: string): ScramVerifier => {
    const secret = stored.get(role)
    assert.ok(secret?.kind === 'scram')
    return secret
  }
  const keysOf = (role: string): Credentials => {
    const verifier = verifierOf(role)
    return credentialsOf(verifier, verifier.keysDerivedFrom(derivedFrom(password, verifier)))
  }

  it('is done with a password, whatever is asked for', async () => {
    assert.ok(plain.kind === 'plain')
    for (const role of ['cleartext', 'md5', 'scram']) assert.equal(await logIn(role, plain), 'ready', role)
    assert.equal(await logIn('postgres', new NoSecret('')), 'ready')
  })

  it('is done with the secret that PostgreSQL stores', async () => {
    const md5 = stored.get('md5')
    assert.ok(md5?.kind === 'md5')
    assert.equal(await logIn('md5', md5), 'ready')
    assert.equal(await logIn('scram', keysOf('scram')), 'ready')
  })

  it('is refused with keys of another verifier, and by PostgreSQL with another password', async () => {
    assert.match(await logIn('scram', keysOf('other')), /another salt or number of iterations than PostgreSQL/)
    const wrong = parseSecret(Buffer.from('pencil'))
    assert.ok(wrong.kind === 'plain')
    for (const role of ['cleartext', 'md5', 'scram']) {
      assert.match(await logIn(role, wrong), /password authentication failed for user/)
    }
  })

  it('prepares a password as PostgreSQL does', async () => {
    const passwords = [
      'plain ASCII',
      'Jürgen',
      'e\u0301 decomposed',
      'a\u00a0b\u3000c',
      'I\u00adX',
      '\u00aa\u2168ﬁ',
      'a\u200bb',
      'e\u0301\u0007',
      'e\u0301\ue000',
      'e\u0301😀',
      '😀',
      '\u0627\u00b2\u0628',
      '\u0627e\u0301\u0628',
      '\u0627\ufb1d\u00b2',
      '\u00ad',
      '\u212b한글\u1112\u1161\u11ab',
      '\u0340e\u0301',
      '𝒜\u{1d173}',
      '\u{2f800}',
      '\u0221e\u0301',
      '\ufeffe\u0301',
    ]
    await admin.query("set password_encryption = 'scram-sha-256'; create role prepared")
    for (const text of passwords) {
      await admin.query(`alter role prepared password '${text}'`)
      const secret = await admin.value("select rolpassword from pg_authid where rolname = 'prepared'")
      const verifier = parseSecret(Buffer.from(secret ?? ''))
      assert.ok(verifier.kind === 'scram', secret ?? 'no secret')
      assert.ok(verifier.keysDerivedFrom(derivedFrom(text, verifier)), JSON.stringify(text))
    }
  })
})

describe('a login of a real client', () => {
  let listener: Server
  let method: ClientAuthMethod
  let secret: Secret | undefined
  const madeUp = new MadeUpSecrets(4_096)
  const plain = parseSecret(Buffer.from(password))
  const md5 = new Md5Secret(md5Secret(Buffer.from(password), 'user'))
  const salt = { salt: Buffer.from('0123456789abcdef'), iterations: 4_096 }
  const scram = ScramVerifier.fromSaltedPassword(salt, derivedFrom(password, salt))

  before(async () => {
    listener = createServer((socket) => serve(socket, new ClientExchange({ method, user: 'user', secret, madeUp })))
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  })

  after(() => void listener.close())

  const port = (): number => (listener.address() as AddressInfo).port

  async function byDriver(typed: string): Promise<string> {
    const client = new PgClient({ host: '127.0.0.1', port: port(), user: 'user', password: typed, database: 'x' })
    client.on('error', () => {})
    return client.connect().then(() => client.end().then(() => 'ready'), String)
  }

  async function byLibpq(typed: string): Promise<string> {
    const line = `host=127.0.0.1 port=${port()} user=user dbname=x sslmode=disable gssencmode=disable connect_timeout=4`
    const env = { ...process.env, PGPASSWORD: typed }
    return promisify(execFile)('psql', [line, '-c', ';'], { env }).then(() => 'ready', String)
  }

  async function isJudged(logIn: (typed: string) => Promise<string>): Promise<void> {
    for (const [auth, secrets] of [
      ['plain', [plain, md5, scram]],
      ['md5', [plain, md5, scram]],
      ['scram-sha-256', [plain, scram]],
    ] as const) {
      method = auth
      for (secret of secrets) {
        assert.equal(await logIn(password), 'ready', `${auth}, ${secret.kind}`)
        assert.match(await logIn('pencil'), /(password|SASL) authentication failed/)
      }
      secret = undefined
      assert.match(await logIn(password), /(password|SASL) authentication failed/)
    }
  }

  it('by the pg driver goes well with the right password only', () => isJudged(byDriver))
  it('by libpq goes well with the right password only', { ...needs('psql'), timeout: 30_000 }, () => isJudged(byLibpq))
})

/** A server that knows logins, and the answer to nothing. */
function serve(socket: Socket, exchange: ClientExchange): void {
  const startup = new StartupFramer()
  const framer = new Framer(frontendLoginRules)
  const take = (step: ClientStep): void => {
    if (step.name === 'derive') return take(exchange.derived(derive(step.derivation)))
    if (step.name === 'send') socket.write(step.bytes)
    else if (step.name === 'refused') socket.end(build.errorResponse(step.error))
    else {
      socket.write(Buffer.concat([step.bytes, build.withKey(build.loginEnd(Buffer.alloc(0)), 1, Buffer.alloc(4))]))
      read = answerNothing
    }
  }
  const answerNothing = (): void => {
    socket.write(Buffer.concat([emptyQueryResponse, build.readyForQuery(0x49)]))
  }
  const readAnswers = (bytes: Buffer): void => {
    framer.push(bytes)
    while (framer.next()) take(exchange.received(framer))
  }
  let read = (bytes: Buffer): void => {
    if (!startup.push(bytes)) return
    read = readAnswers
    take(exchange.begin())
  }
  socket.on('error', () => {})
  socket.on('data', (bytes: Buffer) => read(bytes))
}
