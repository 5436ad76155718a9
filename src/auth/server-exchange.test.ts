import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import * as wire from '../wire/authentication.ts'
import { message } from '../wire/build.ts'
import type { MessageBytes } from '../wire/read.ts'
import { md5Answer, md5Secret } from './md5.ts'
import { ScramKeys } from './scram-keys.ts'
import { checkClaim, makeNonce, ScramServerRole } from './scram-server-role.ts'
import { type Credentials, Md5Secret, NoSecret, PlainSecret } from './secret.ts'
import { ServerExchange, type ServerStep } from './server-exchange.ts'

const user = 'user'
const password = Buffer.from('pencil')
const salt = { salt: Buffer.from('0123456789abcdef'), iterations: 4_096 }
const salted = pbkdf2Sync('pencil', salt.salt, salt.iterations, 32, 'sha256')
const keys = ScramKeys.fromSaltedPassword(salt, salted)
const plain = new PlainSecret(password)
const md5 = new Md5Secret(md5Secret(password, user))
const none = new NoSecret('no password is configured')

const ok = message('R', Buffer.alloc(4))
const offer = wire.authenticationSasl(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'])
const whole = (bytes: Buffer): MessageBytes => ({ bytes, start: 0, end: bytes.length })
const text = (value: string): Buffer => Buffer.from(value, 'latin1')

function sent(step: ServerStep): Buffer {
  assert.ok(step.name === 'send', step.name === 'failed' ? step.error.message : step.name)
  return step.bytes
}

function failureOf(step: ServerStep): string {
  assert.ok(step.name === 'failed', step.name)
  return `${step.error.code} ${step.error.sqlState} ${step.error.message}`
}

/** An exchange up to the server's first message, and PostgreSQL's side of it. */
function begin(credentials: Credentials): { tried: ServerExchange; role: ScramServerRole } {
  const tried = new ServerExchange(user, credentials)
  const { mechanism, data } = wire.readSaslInitialResponse(whole(sent(tried.received(whole(offer)))))
  assert.equal(mechanism, 'SCRAM-SHA-256')
  return { tried, role: new ScramServerRole(data, salt, makeNonce()) }
}

/** What the exchange does at PostgreSQL's first message, a derivation done at once. */
function takeUp(tried: ServerExchange, serverFirst: Buffer): ServerStep {
  const step = tried.received(whole(wire.authenticationSaslContinue(serverFirst)))
  return step.name === 'derive' ? tried.derived(salted) : step
}

function serverFinalFor(role: ScramServerRole, step: ServerStep): Buffer {
  const proved = checkClaim(keys.verifier, role.readClientFinal(wire.readSaslResponse(whole(sent(step)))))
  assert.ok(proved)
  return proved.serverFinal
}

/** An exchange that has proved its password; `serverFinal` is what PostgreSQL would say now. */
function proved(credentials: Credentials): { tried: ServerExchange; serverFinal: Buffer } {
  const { tried, role } = begin(credentials)
  return { tried, serverFinal: serverFinalFor(role, takeUp(tried, role.serverFirst)) }
}

describe('a login to PostgreSQL', () => {
  it('is done where nothing is asked for', () => {
    for (const credentials of [none, plain, md5, keys]) {
      assert.deepEqual(new ServerExchange(user, credentials).received(whole(ok)), { name: 'accepted' })
    }
  })

  it('says the password in clear text where that is what is stored', () => {
    const tried = new ServerExchange(user, plain)
    const bytes = sent(tried.received(whole(wire.authenticationCleartextPassword)))
    assert.deepEqual(bytes, wire.passwordMessage(password))
    assert.deepEqual(tried.received(whole(ok)), { name: 'accepted' })
  })

  it('answers md5 from a password or an md5 secret', () => {
    const expected = wire.passwordMessage(md5Answer(md5.hash, text('salt')))
    // md5(md5('pencil' 'user') 'salt'), computed by another program.
    assert.equal(md5Answer(md5.hash, text('salt')).toString(), 'md5d3d9bcccbaa2fb5234570d4d0f22b055')
    for (const credentials of [plain, md5]) {
      const tried = new ServerExchange(user, credentials)
      assert.deepEqual(sent(tried.received(whole(wire.authenticationMd5Password(text('salt'))))), expected)
      assert.deepEqual(tried.received(whole(ok)), { name: 'accepted' })
    }
  })

  it('speaks SCRAM from a password, having it derived once', () => {
    const { tried, role } = begin(plain)
    const step = tried.received(whole(wire.authenticationSaslContinue(role.serverFirst)))
    assert.ok(step.name === 'derive')
    const { derivation } = step
    assert.deepEqual(
      [derivation.password, derivation.salt, derivation.iterations, derivation.isKept],
      [password, salt.salt, 4_096, true],
    )
    const serverFinal = serverFinalFor(role, tried.derived(salted))
    assert.deepEqual(tried.received(whole(wire.authenticationSaslFinal(serverFinal))), { name: 'wait' })
    assert.deepEqual(tried.received(whole(ok)), { name: 'accepted' })
  })

  it("speaks SCRAM from a client's keys, with nothing to derive", () => {
    const { tried, role } = begin(keys)
    const step = tried.received(whole(wire.authenticationSaslContinue(role.serverFirst)))
    const serverFinal = serverFinalFor(role, step)
    assert.deepEqual(tried.received(whole(wire.authenticationSaslFinal(serverFinal))), { name: 'wait' })
    assert.deepEqual(tried.received(whole(ok)), { name: 'accepted' })
  })
})

describe('a login that cannot succeed', () => {
  const asked: Record<string, Buffer> = {
    cleartext: wire.authenticationCleartextPassword,
    md5: wire.authenticationMd5Password(text('salt')),
    sasl: offer,
  }
  const complaint = (kind: string, credentials: Credentials): string =>
    failureOf(new ServerExchange(user, credentials).received(whole(asked[kind] as Buffer)))
  const prefix = 'server_connect_failed 28P01 server login failed: wrong password type: PostgreSQL asks for'

  it('says what is asked for, what there is and what is needed', () => {
    assert.equal(
      complaint('cleartext', md5),
      `${prefix} a clear-text password, the pooler has an md5 secret for this user; it needs a plain password`,
    )
    assert.equal(
      complaint('md5', keys),
      `${prefix} an md5 password, the pooler has the SCRAM keys of a client for this user; it needs a plain password or an md5 secret`,
    )
    assert.equal(
      complaint('sasl', md5),
      `${prefix} SCRAM-SHA-256, the pooler has an md5 secret for this user; it needs a plain password, or the same SCRAM secret as PostgreSQL and a client that logs in with it`,
    )
    assert.equal(
      complaint('cleartext', none),
      `${prefix} a clear-text password, the pooler has none for this user (no password is configured); it needs a plain password`,
    )
  })

  it('says so when the keys are those of another verifier', () => {
    for (const other of [
      { ...salt, iterations: 4_097 },
      { ...salt, salt: Buffer.alloc(16) },
    ]) {
      const { tried, role } = begin(ScramKeys.fromSaltedPassword(other, salted))
      assert.equal(
        failureOf(takeUp(tried, role.serverFirst)),
        'server_connect_failed 28P01 server login failed: the SCRAM secret stored here has another salt or number of ' +
          'iterations than PostgreSQL’s: store the one that pg_authid has now, or a plain password',
      )
    }
  })

  it('names what is not spoken', () => {
    const kindsAsked = [7, 9, 2, 77].map((code) =>
      failureOf(new ServerExchange(user, plain).received(whole(message('R', Buffer.from([0, 0, 0, code]))))),
    )
    const names = ['GSS', 'SSPI', 'KerberosV5', 'kind 77']
    const sentence = (name: string): string =>
      `server_connect_failed 28P01 server login failed: PostgreSQL asks for authentication by ${name}, which is not supported`
    assert.deepEqual(kindsAsked, names.map(sentence))
    for (const mechanisms of [['SCRAM-SHA-256-PLUS'], ['OAUTHBEARER'], ['scram-sha-256']]) {
      assert.equal(
        failureOf(new ServerExchange(user, plain).received(whole(wire.authenticationSasl(mechanisms)))),
        'server_connect_failed 28P01 server login failed: PostgreSQL offers no SASL mechanism that is supported: it must be SCRAM-SHA-256',
      )
    }
  })
})

describe('a server that is not what it seems', () => {
  const unproved = 'protocol_violation 08P01 the server ended SCRAM without proving that it knows the password'

  it('is not believed when it says Ok before it has proved that it knows the password', () => {
    assert.equal(failureOf(begin(plain).tried.received(whole(ok))), unproved)
    for (const credentials of [plain, keys]) {
      assert.equal(failureOf(proved(credentials).tried.received(whole(ok))), unproved)
    }
    const { tried, role } = begin(plain)
    assert.equal(tried.received(whole(wire.authenticationSaslContinue(role.serverFirst))).name, 'derive')
    assert.equal(failureOf(tried.received(whole(ok))), unproved)
  })

  it('is not believed when its proof is wrong, or it sends an error, or nonsense', () => {
    const finalOf = (final: string): string =>
      failureOf(proved(plain).tried.received(whole(wire.authenticationSaslFinal(text(final)))))
    assert.equal(
      finalOf(`v=${Buffer.alloc(32).toString('base64')}`),
      'protocol_violation 08P01 the server does not know the password: its SCRAM signature is wrong',
    )
    assert.equal(finalOf('e=other-error'), 'authentication_failed 28P01 SCRAM error: other-error')
    assert.equal(finalOf(''), 'protocol_violation 08P01 malformed SCRAM message: attribute expected')
    const { tried } = proved(plain)
    tried.received(whole(wire.authenticationSaslFinal(text('v='))))
    assert.equal(tried.received(whole(ok)).name, 'failed')
  })

  it('gets no second try', () => {
    const { tried, serverFinal } = proved(plain)
    assert.equal(tried.received(whole(wire.authenticationSaslFinal(text('v=')))).name, 'failed')
    assert.equal(tried.received(whole(wire.authenticationSaslFinal(serverFinal))).name, 'failed')
    assert.equal(tried.received(whole(ok)).name, 'failed')
  })

  it('is refused before any work when it asks for 2^31 rounds, or sends a long nonce (CVE-2026-6665)', () => {
    const refusal = (change: (first: string) => string): string => {
      const { tried, role } = begin(plain)
      const changed = text(change(role.serverFirst.toString('latin1')))
      return failureOf(tried.received(whole(wire.authenticationSaslContinue(changed))))
    }
    const malformed = 'protocol_violation 08P01 malformed SCRAM message:'
    assert.equal(
      refusal((first) => first.replace('i=4096', 'i=2147483648')),
      `${malformed} 2,147,483,648 iterations; allowed: 1 to 600,000`,
    )
    assert.equal(
      refusal((first) => first.replace(',s=', `${'x'.repeat(2_000)},s=`)),
      `${malformed} the nonce is longer than 512 characters`,
    )
    assert.equal(
      refusal((first) => first.replace('r=', 'r=x')),
      `${malformed} the nonce does not go on from ours`,
    )
  })

  it('may ask once, and only for what comes next', () => {
    const outOfOrder = 'protocol_violation 08P01 an Authentication message that does not belong here'
    const requests = [wire.authenticationCleartextPassword, wire.authenticationMd5Password(text('salt')), offer]
    const late = [...requests, wire.authenticationSaslContinue(text('')), wire.authenticationSaslFinal(text(''))]
    const answered = (): ServerExchange => {
      const tried = new ServerExchange(user, plain)
      tried.received(whole(wire.authenticationCleartextPassword))
      return tried
    }
    const accepted = (): ServerExchange => {
      const tried = new ServerExchange(user, plain)
      tried.received(whole(ok))
      return tried
    }
    for (const bytes of late) {
      assert.equal(failureOf(answered().received(whole(bytes))), outOfOrder)
      assert.equal(failureOf(accepted().received(whole(bytes))), outOfOrder)
    }
    for (const bytes of requests) {
      assert.equal(failureOf(begin(plain).tried.received(whole(bytes))), outOfOrder)
      assert.equal(failureOf(proved(plain).tried.received(whole(bytes))), outOfOrder)
    }
    for (const bytes of late.slice(3)) {
      assert.equal(failureOf(new ServerExchange(user, plain).received(whole(bytes))), outOfOrder)
    }
    assert.equal(failureOf(accepted().received(whole(ok))), outOfOrder)
    assert.equal(failureOf(begin(plain).tried.received(whole(wire.authenticationSaslFinal(text('v='))))), outOfOrder)
  })

  it('is refused when its messages are malformed', () => {
    for (const body of ['', '\0\0\0', '\0\0\0\x05abc', '\0\0\0\x0a', '\0\0\0\0x']) {
      const step = new ServerExchange(user, plain).received(whole(message('R', text(body))))
      assert.match(failureOf(step), /^protocol_violation 08P01 malformed Authentication/)
    }
  })

  it('learns nothing of a password from what an error says', () => {
    const canary = new PlainSecret(Buffer.from('S3CR3T-canary'))
    for (const bytes of [message('R', Buffer.from([0, 0, 0, 7])), message('R'), wire.authenticationSasl(['X'])]) {
      assert.ok(!failureOf(new ServerExchange(user, canary).received(whole(bytes))).includes('S3CR3T'))
    }
  })
})
