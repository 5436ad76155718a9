import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import * as wire from '../wire/authentication.ts'
import { message } from '../wire/build.ts'
import type { MessageBytes } from '../wire/read.ts'
import { type ClientAuthMethod, ClientExchange, type ClientStep } from './client-exchange.ts'
import type { Derivation } from './derivations.ts'
import { MadeUpSecrets } from './made-up-secrets.ts'
import { md5Answer, md5Secret } from './md5.ts'
import { saslprep } from './saslprep.ts'
import { ScramClientRole } from './scram-client-role.ts'
import { ScramKeys, type ScramVerifier } from './scram-keys.ts'
import { makeNonce } from './scram-server-role.ts'
import { Md5Secret, NoSecret, PlainSecret, type Secret } from './secret.ts'

const user = 'J\xc3\xb6rg'
const password = 'pencíl'
const iterations = 4_096
const madeUp = new MadeUpSecrets(iterations)
const deriveNow = ({
  password,
  salt,
  iterations,
}: Derivation | { password: Buffer; salt: Buffer; iterations: number }) =>
  pbkdf2Sync(password, salt, iterations, 32, 'sha256')

function keysOf(password: string, salt: Buffer = Buffer.alloc(16, 3), rounds = iterations): ScramKeys {
  const prepared = saslprep(Buffer.from(password))
  const salted = deriveNow({ password: prepared, salt, iterations: rounds })
  return ScramKeys.fromSaltedPassword({ salt, iterations: rounds }, salted)
}

const plain = new PlainSecret(Buffer.from(password))
const md5 = new Md5Secret(md5Secret(Buffer.from(password), user))
const scram = keysOf(password).verifier
const empty = new NoSecret('the password is empty')

const whole = (bytes: Buffer): MessageBytes => ({ bytes, start: 0, end: bytes.length })
const exchange = (method: ClientAuthMethod, secret: Secret | undefined, name = user): ClientExchange =>
  new ClientExchange({ method, user: name, secret, madeUp })

/** What a client sees: requests with their random parts blotted out, and how it ends. */
interface Seen {
  readonly messages: string[]
  readonly derivations: number
  readonly end: Exclude<ClientStep, { name: 'send' | 'derive' }>
}

/** Logs in as libpq would, with that password, whatever is asked. */
function logIn(tried: ClientExchange, typed: string, name = user): Seen {
  const messages: string[] = []
  let derivations = 0
  let step = tried.begin()
  let role: ScramClientRole | undefined
  for (;;) {
    if (step.name === 'derive') {
      derivations++
      step = tried.derived(deriveNow(step.derivation))
      continue
    }
    if (step.name !== 'send') {
      if (step.name === 'accepted' && step.bytes.length > 0) messages.push(blot(step.bytes))
      return { messages, derivations, end: step }
    }
    messages.push(blot(step.bytes))
    const request = wire.readAuthenticationRequest(whole(step.bytes))
    role ??= new ScramClientRole(makeNonce())
    step = tried.received(whole(answerOf(request, role, typed, name)))
  }
}

function answerOf(request: wire.AuthenticationRequest, role: ScramClientRole, typed: string, name: string): Buffer {
  switch (request.name) {
    case 'cleartext-password':
      return wire.passwordMessage(Buffer.from(typed))
    case 'md5-password':
      return wire.passwordMessage(md5Answer(md5Secret(Buffer.from(typed), name), request.salt))
    case 'sasl':
      return wire.saslInitialResponse('SCRAM-SHA-256', role.clientFirst)
    case 'sasl-continue': {
      const challenge = role.readServerFirst(request.data)
      return wire.saslResponse(challenge.clientFinal(keysOf(typed, challenge.salt, challenge.iterations)))
    }
    default:
      throw new Error(`unexpected ${request.name}`)
  }
}

function blot(bytes: Buffer): string {
  const request = wire.readAuthenticationRequest(whole(bytes))
  if (request.name === 'md5-password') return `${bytes.length} md5`
  if (request.name === 'sasl-continue' || request.name === 'sasl-final') {
    return `${bytes.length} ${request.data.toString('latin1').replaceAll(/(?<=[rsv]=)[^,]+/g, '*')}`
  }
  return bytes.toString('latin1')
}

/** The end in a word, or the error's code, SQLSTATE and text. */
function endOf({ end }: Seen): string {
  return end.name === 'accepted' ? 'accepted' : `${end.error.severity} ${end.error.sqlState} ${end.error.message}`
}

const wrongPassword = 'FATAL 28P01 password authentication failed'
const wrongProof = 'FATAL 28P01 SASL authentication failed'

describe('a client that knows its password', () => {
  it('gets in wherever auth_type and the kind of secret go together', () => {
    const results = Object.fromEntries(
      (['trust', 'any', 'plain', 'md5', 'scram-sha-256'] as const).map((method) => [
        method,
        [plain, md5, scram, empty, undefined].map((secret) => endOf(logIn(exchange(method, secret), password))),
      ]),
    )
    const accepted = 'accepted'
    assert.deepEqual(results, {
      trust: [accepted, accepted, accepted, accepted, 'FATAL 28000 "trust" authentication failed'],
      any: [accepted, accepted, accepted, accepted, accepted],
      plain: [accepted, accepted, accepted, wrongPassword, wrongPassword],
      md5: [accepted, accepted, accepted, wrongPassword, wrongPassword],
      'scram-sha-256': [accepted, wrongProof, accepted, wrongProof, wrongProof],
    })
  })

  it('is asked as auth_type says, but for SCRAM where md5 meets a SCRAM secret', () => {
    const asked = (method: ClientAuthMethod, secret: Secret): string | undefined =>
      logIn(exchange(method, secret), password).messages[0]?.slice(5).replace('\0\0\0', '')
    assert.deepEqual(asked('plain', scram), '\x03')
    assert.deepEqual(asked('scram-sha-256', md5), '\x0aSCRAM-SHA-256\0\0')
    assert.deepEqual(asked('md5', scram), '\x0aSCRAM-SHA-256\0\0')
    assert.deepEqual(logIn(exchange('md5', plain), password).messages, ['13 md5'])
  })

  it('gets the signature of whoever knows its verifier ahead of AuthenticationOk', () => {
    for (const secret of [plain, scram]) {
      const { messages } = logIn(exchange('scram-sha-256', secret), password)
      assert.deepEqual(messages.slice(1), ['93 r=*,s=*,i=4096', '55 v=*'])
    }
  })

  it('leaves the keys that log in to PostgreSQL, where a SCRAM secret is stored', () => {
    const keysAfter = (method: ClientAuthMethod, secret: Secret): string | undefined => {
      const { end } = logIn(exchange(method, secret), password)
      return end.name === 'accepted' ? end.keys?.verifier.text : 'refused'
    }
    for (const method of ['scram-sha-256', 'md5', 'plain'] as const) assert.equal(keysAfter(method, scram), scram.text)
    assert.equal(keysAfter('scram-sha-256', plain), undefined)
    assert.equal(keysAfter('md5', md5), undefined)
    assert.equal(keysAfter('trust', scram), undefined)
  })

  it('has its stored password derived once for all its logins, what it claims each time', () => {
    const derivation = (method: ClientAuthMethod, secret: Secret): Derivation => {
      const tried = exchange(method, secret)
      tried.begin()
      if (method === 'plain') return derivationIn(tried.received(whole(wire.passwordMessage(Buffer.from(password)))))
      const role = new ScramClientRole(makeNonce())
      const first = tried.received(whole(wire.saslInitialResponse('SCRAM-SHA-256', role.clientFirst)))
      assert.ok(first.name === 'send')
      const challenge = role.readServerFirst(first.bytes.subarray(9))
      return derivationIn(tried.received(whole(wire.saslResponse(challenge.clientFinal(keysOf('x'))))))
    }
    const [made, again] = [derivation('scram-sha-256', plain), derivation('scram-sha-256', plain)]
    assert.deepEqual([made.isKept, made.salt, made.iterations], [true, again.salt, again.iterations])
    assert.equal(derivation('plain', scram).isKept, false)
  })
})

function derivationIn(step: ClientStep): Derivation {
  assert.ok(step.name === 'derive')
  return step.derivation
}

describe('an unknown user', () => {
  const everyMethod = ['plain', 'md5', 'scram-sha-256'] as const

  it('sees what a wrong password sees: the same messages, of the same length, and the same error', () => {
    for (const method of everyMethod) {
      const wrong = logIn(exchange(method, plain), 'Pencíl')
      assert.notEqual(endOf(wrong), 'accepted')
      for (const nobody of [undefined, empty]) {
        const seen = logIn(exchange(method, nobody), 'Pencíl')
        assert.deepEqual([seen.messages, endOf(seen)], [wrong.messages, endOf(wrong)], method)
      }
    }
    const [stored, md5Stored] = [scram, md5].map((secret) => logIn(exchange('scram-sha-256', secret), 'Pencíl'))
    assert.deepEqual(md5Stored?.messages, stored?.messages)
    assert.deepEqual(logIn(exchange('scram-sha-256', undefined), 'Pencíl').messages, stored?.messages)
    assert.deepEqual(endOf(logIn(exchange('md5', md5), 'Pencíl')), endOf(logIn(exchange('md5', undefined), 'Pencíl')))
  })

  it('sees what a wrong password sees when it sends nonsense, too', () => {
    const nonsense = [
      wire.passwordMessage(Buffer.alloc(0)),
      wire.saslInitialResponse('SCRAM-SHA-256', Buffer.from('p=')),
    ]
    for (const method of everyMethod) {
      for (const bytes of [...nonsense, message('p'), wire.saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,'))]) {
        const ends = [plain, undefined, empty].map((secret) => {
          const tried = exchange(method, secret)
          tried.begin()
          const step = tried.received(whole(bytes))
          return step.name === 'refused' ? `${step.error.sqlState} ${step.error.message}` : step.name
        })
        assert.equal(new Set(ends).size, 1, `${method}: ${ends.join(' | ')}`)
      }
    }
  })

  it('is shown a salt that stays the same for a name, as that of a plain password does', () => {
    const saltShown = (secret: Secret | undefined, name: string, from = madeUp): string => {
      const tried = new ClientExchange({ method: 'scram-sha-256', user: name, secret, madeUp: from })
      tried.begin()
      const step = tried.received(whole(wire.saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,n=,r=abc'))))
      assert.ok(step.name === 'send')
      return /s=([^,]+)/.exec(step.bytes.toString('latin1'))?.[1] ?? ''
    }
    assert.equal(saltShown(undefined, 'a'), saltShown(undefined, 'a'))
    assert.equal(saltShown(undefined, 'a'), saltShown(plain, 'a'))
    assert.notEqual(saltShown(undefined, 'a'), saltShown(undefined, 'b'))
    assert.notEqual(saltShown(undefined, 'a'), saltShown(undefined, 'a', new MadeUpSecrets(iterations)))
    assert.equal(Buffer.from(saltShown(undefined, 'a'), 'base64').length, 16)
  })

  it('is shown the iterations of what is made up from passwords', () => {
    const many = new MadeUpSecrets(8_192)
    assert.equal(many.saltOf('x').iterations, 8_192)
    assert.equal(many.verifierOf('x').iterations, 8_192)
    assert.deepEqual(many.verifierOf('x').salt, many.saltOf('x').salt)
  })

  it('costs no derivation, as a wrong password costs none once the right one is known', () => {
    assert.equal(logIn(exchange('scram-sha-256', undefined), password).derivations, 0)
    assert.equal(logIn(exchange('scram-sha-256', plain), 'wrong').derivations, 1)
  })
})

describe('a client that knows what was made up', () => {
  /** As if the process's own key were known. */
  class Known extends MadeUpSecrets {
    override verifierOf(): ScramVerifier {
      return ScramKeys.fromSaltedPassword(this.saltOf(user), deriveNow({ ...this.saltOf(user), password: saslprepped }))
        .verifier
    }

    override bytesOf(): Buffer {
      return Buffer.from(password)
    }
  }
  const saslprepped = saslprep(Buffer.from(password))

  it('does not get in nevertheless, as long as there is no such user', () => {
    for (const method of ['plain', 'md5', 'scram-sha-256'] as const) {
      for (const secret of [undefined, empty]) {
        const tried = new ClientExchange({ method, user, secret, madeUp: new Known(iterations) })
        assert.notEqual(endOf(logIn(tried, password)), 'accepted', method)
      }
    }
  })

  it('has seen one part of it, and no other', () => {
    const { text, salt } = madeUp.verifierOf(user)
    const [, storedKey, serverKey] = /\$([^$:]+):([^$:]+)$/.exec(text) ?? []
    const parts = [storedKey, serverKey, madeUp.bytesOf(user).toString('base64')].map((part) => part?.slice(0, 20))
    assert.equal(new Set([...parts, salt.toString('base64').slice(0, 20)]).size, 4)
  })
})

describe('a client that does not know its password', () => {
  it('is refused, whatever is stored', () => {
    for (const method of ['plain', 'md5', 'scram-sha-256'] as const) {
      for (const secret of [plain, md5, scram, empty, undefined]) {
        for (const wrong of ['', 'pencil', `${password} `, md5.hash.toString(), scram.text]) {
          assert.match(
            endOf(logIn(exchange(method, secret), wrong)),
            /^FATAL 28P01 (password|SASL) authentication failed$/,
          )
        }
      }
    }
  })

  it('does not get in as somebody else with the same password, by md5', () => {
    assert.equal(endOf(logIn(exchange('md5', md5), password, 'other')), wrongPassword)
  })

  it('does not get in with an answer to another challenge', () => {
    const [first, second] = [exchange('md5', md5), exchange('md5', md5)]
    const asked = first.begin()
    second.begin()
    assert.ok(asked.name === 'send')
    const answer = whole(wire.passwordMessage(md5Answer(md5.hash, asked.bytes.subarray(9))))
    assert.equal(second.received(answer).name, 'refused')
    assert.equal(first.received(answer).name, 'accepted')
  })

  it('does not get in with an empty password, although that is what is stored', () => {
    assert.equal(endOf(logIn(exchange('plain', empty), '')), wrongPassword)
    assert.equal(endOf(logIn(exchange('md5', empty), '')), wrongPassword)
    assert.equal(endOf(logIn(exchange('plain', keysOf('').verifier), '')), wrongPassword)
  })
})

describe('an exchange', () => {
  const refusal = (step: ClientStep): string => {
    assert.ok(step.name === 'refused', step.name)
    return `${step.error.code}: ${step.error.message}`
  }

  it('refuses a mechanism that was not offered', () => {
    for (const mechanism of ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1', '', 'scram-sha-256']) {
      const tried = exchange('scram-sha-256', scram)
      tried.begin()
      assert.equal(
        refusal(tried.received(whole(wire.saslInitialResponse(mechanism, Buffer.from('n,,n=,r=abc'))))),
        'protocol_violation: only SCRAM-SHA-256 was offered, and another mechanism chosen',
      )
    }
  })

  it('is over at its end: nothing that comes then gets anybody in', () => {
    const right = whole(wire.passwordMessage(Buffer.from(password)))
    const tried = exchange('plain', plain)
    tried.begin()
    assert.equal(tried.received(whole(wire.passwordMessage(Buffer.from('wrong')))).name, 'refused')
    assert.equal(refusal(tried.received(right)), 'protocol_violation: a password message that nobody asked for')
    const deriving = exchange('plain', scram)
    deriving.begin()
    assert.equal(deriving.received(right).name, 'derive')
    assert.equal(refusal(deriving.received(right)), 'protocol_violation: a password message that nobody asked for')
    assert.throws(() => deriving.derived(Buffer.alloc(32)), /taxirank bug/)
  })

  it('survives malformed SCRAM packets (CVE-2026-6664)', () => {
    const packets = [
      message('p'),
      message('p', Buffer.from('SCRAM-SHA-256')),
      message('p', Buffer.from('SCRAM-SHA-256\0\xff\xff\xff\xffn,,n=,r=a', 'latin1')),
      message('p', Buffer.from('SCRAM-SHA-256\0\x7f\xff\xff\xff', 'latin1')),
      message('p', Buffer.from('SCRAM-SHA-256\0\0\0\0\0', 'latin1')),
      wire.saslInitialResponse('SCRAM-SHA-256', Buffer.alloc(60_000, 'n')),
    ]
    for (const packet of packets) {
      for (const secret of [plain, scram, undefined]) {
        const tried = exchange('scram-sha-256', secret)
        tried.begin()
        assert.match(refusal(tried.received(whole(packet))), /^protocol_violation: malformed /)
      }
    }
  })
})
