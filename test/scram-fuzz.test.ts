/**
 * SCRAM's grammar under 10^5 mutated messages, in both roles. One side is honest and knows the password, one of the messages
 * to the other is changed on its way: whatever it has become, the exchange ends in an error of ours, and in no login.
 * SCRAM_FUZZ_SEED repeats a run.
 */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { ClientExchange, type ClientStep } from '../src/auth/client-exchange.ts'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { ScramKeys } from '../src/auth/scram-keys.ts'
import { authMessage, clientFinal, readClientFinal } from '../src/auth/scram-messages.ts'
import { PlainSecret } from '../src/auth/secret.ts'
import { ServerExchange, type ServerStep } from '../src/auth/server-exchange.ts'
import { Random } from '../src/random.ts'
import * as wire from '../src/wire/authentication.ts'
import { message } from '../src/wire/build.ts'
import type { MessageBytes } from '../src/wire/read.ts'

const mutantsPerMessage = 25_000
/** About a second each, on a machine that has nothing else to do. */
const patience = { timeout: 60_000 }
const seed = Number(process.env['SCRAM_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const random = new Random(seed)

/** Stands for PBKDF2, which would take a minute. */
const salted = createHmac('sha256', 'salted').digest()
const keys = ScramKeys.fromSaltedPassword({ salt: Buffer.from('0123456789abcdef'), iterations: 4_096 }, salted)
const secret = new PlainSecret(Buffer.from('pencil'))
const madeUp = new MadeUpSecrets(4_096)
const bare = 'n=user,r=fyko+d2lbbFgONRv9qkxdawL'
const clientFirst = body(wire.saslInitialResponse('SCRAM-SHA-256', Buffer.from(`n,,${bare}`)))

describe(`SCRAM with mutated messages (seed ${seed})`, () => {
  it("refuses a client's first message, or the proof that it makes worthless", patience, () => {
    forEachMutant((mutate) => {
      const exchange = begin()
      const step = answer(exchange, mutate(clientFirst))
      return step.name === 'send' ? answer(exchange, finalAfter(step)) : step
    })
  })

  it("refuses a client's proof", patience, () => {
    forEachMutant((mutate) => {
      const exchange = begin()
      return answer(exchange, mutate(finalAfter(answer(exchange, clientFirst))))
    })
  })

  it("refuses a server's challenge, or the signature that it makes worthless", patience, () => {
    forEachMutant((mutate) => {
      const { exchange, ownBare, challenge } = dial()
      const step = ask(exchange, mutate(challenge))
      if (step.name !== 'send') return step
      const verified = ask(exchange, signatureFor(ownBare, challenge, step))
      return verified.name === 'wait' ? verified : ask(exchange, Buffer.alloc(4))
    })
  })

  it("refuses a server's signature, and the Ok behind it", patience, () => {
    forEachMutant((mutate) => {
      const { exchange, ownBare, challenge } = dial()
      const signature = signatureFor(ownBare, challenge, ask(exchange, challenge))
      const verified = ask(exchange, mutate(signature))
      return verified.name === 'wait' ? verified : ask(exchange, Buffer.alloc(4))
    })
  })

  it('would let in what is not mutated', () => {
    const exchange = begin()
    assert.equal(answer(exchange, finalAfter(answer(exchange, clientFirst))).name, 'accepted')
    const { exchange: login, ownBare, challenge } = dial()
    assert.equal(ask(login, signatureFor(ownBare, challenge, ask(login, challenge))).name, 'wait')
    assert.equal(ask(login, Buffer.alloc(4)).name, 'accepted')
  })
})

/** Each run has one message mutated, and must end in an error. */
function forEachMutant(run: (mutate: (original: Buffer) => Buffer) => ClientStep | ServerStep): void {
  for (let count = 0; count < mutantsPerMessage; count++) {
    let mutant = ''
    const step = run((original) => {
      const mutated = mutateBytes(original)
      mutant = mutated.toString('latin1')
      return mutated
    })
    if (step.name === 'refused' || step.name === 'failed') continue
    assert.fail(`${step.name} after ${JSON.stringify(mutant)}`)
  }
}

// The honest sides, with the password.

function begin(): ClientExchange {
  const exchange = new ClientExchange({ method: 'scram-sha-256', user: 'user', secret, madeUp })
  exchange.begin()
  return exchange
}

function answer(exchange: ClientExchange, bytes: Buffer): ClientStep {
  const step = exchange.received(whole(message('p', bytes)))
  return step.name === 'derive' ? exchange.derived(salted) : step
}

/** The proof for the unchanged first message and whatever was answered. */
function finalAfter(step: ClientStep): Buffer {
  assert.ok(step.name === 'send')
  const challenge = step.bytes.toString('latin1', 9)
  const withoutProof = `c=biws,r=${/r=([^,]+)/.exec(challenge)?.[1]}`
  return Buffer.from(clientFinal(withoutProof, keys.proof(authMessage(bare, challenge, withoutProof))), 'latin1')
}

/** A login up to the server's challenge. */
function dial(): { exchange: ServerExchange; ownBare: string; challenge: Buffer } {
  const exchange = new ServerExchange('user', secret)
  const step = exchange.received(whole(wire.authenticationSasl(['SCRAM-SHA-256'])))
  assert.ok(step.name === 'send')
  const ownBare = wire.readSaslInitialResponse(whole(step.bytes)).data.toString('latin1', 3)
  const nonce = ownBare.slice('n=,r='.length)
  const challenge = `r=${nonce}3rfcNHYJY1ZVvWVs7j,s=${keys.salt.toString('base64')},i=4096`
  return { exchange, ownBare, challenge: body(wire.authenticationSaslContinue(Buffer.from(challenge, 'latin1'))) }
}

function ask(exchange: ServerExchange, bytes: Buffer): ServerStep {
  const step = exchange.received(whole(message('R', bytes)))
  return step.name === 'derive' ? exchange.derived(salted) : step
}

/** The signature for the unchanged challenge and whatever was answered. */
function signatureFor(ownBare: string, challenge: Buffer, step: ServerStep): Buffer {
  assert.ok(step.name === 'send')
  const { withoutProof } = readClientFinal(step.bytes.toString('latin1', 5))
  const signed = authMessage(ownBare, challenge.toString('latin1', 4), withoutProof)
  const signature = keys.verifier.serverSignature(signed).toString('base64')
  return body(wire.authenticationSaslFinal(Buffer.from(`v=${signature}`)))
}

function body(bytes: Buffer): Buffer {
  return bytes.subarray(5)
}

function whole(bytes: Buffer): MessageBytes {
  return { bytes, start: 0, end: bytes.length }
}

// Mutations.

const tokens = [
  'n,,',
  'y,,',
  'p=tls-unique,,',
  'a=x',
  'm=',
  'n=',
  'r=',
  's=',
  'i=',
  'c=',
  'p=',
  'v=',
  'e=',
  ',',
  '=',
  '\0',
]
const values = [
  '',
  '0',
  '-1',
  '4096',
  '2147483648',
  '99999999999999999999',
  'biws',
  'eSws',
  '\xff\xff\xff\xff',
  '\x7f',
  ' ',
]
const mutations: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => overwrite(bytes, place(bytes), Buffer.from([random.integer(0, 255)])),
  (bytes) => overwrite(bytes, place(bytes), Buffer.from(random.pick(tokens), 'latin1')),
  (bytes) => splice(bytes, place(bytes), 0, Buffer.from([random.integer(0, 255)])),
  (bytes) => splice(bytes, place(bytes), 0, Buffer.from(random.pick(tokens) + random.pick(values), 'latin1')),
  (bytes) => splice(bytes, place(bytes), random.integer(1, 8), Buffer.alloc(0)),
  (bytes) => splice(bytes, place(bytes), random.integer(1, 8), Buffer.from(random.pick(values), 'latin1')),
  (bytes) => bytes.subarray(0, place(bytes)),
  (bytes) => bytes.subarray(place(bytes)),
  (bytes) =>
    splice(bytes, place(bytes), 0, Buffer.alloc(random.integer(1, 2_000), random.pick(['r', '=', ',', '\0', '0']))),
  (bytes) => splice(bytes, place(bytes), 0, bytes.subarray(place(bytes))),
  (bytes) => Buffer.from(shuffled(bytes.toString('latin1').split(',')).join(','), 'latin1'),
]

/** One to four changes that leave something else than there was. */
function mutateBytes(original: Buffer): Buffer {
  for (;;) {
    let bytes = original
    for (let left = random.integer(1, 4); left > 0; left--) bytes = random.pick(mutations)(bytes)
    if (!bytes.equals(original)) return bytes
  }
}

function place(bytes: Buffer): number {
  return random.integer(0, bytes.length)
}

function overwrite(bytes: Buffer, at: number, by: Buffer): Buffer {
  return splice(bytes, at, by.length, by)
}

function splice(bytes: Buffer, at: number, removed: number, added: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])
}

function shuffled(parts: readonly string[]): string[] {
  const from = random.integer(0, parts.length - 1)
  return [...parts.slice(from), ...parts.slice(0, from)]
}
