/** Floods from those who have not logged in: each says what the pooler is told, who belongs there, and what comes over it. */

import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ScramVerifier } from '../../src/auth/scram-keys.ts'
import type { Setup } from '../../bench/poolers.ts'
import { RawClient } from '../support/raw-client.ts'
import * as raw from '../support/raw-messages.ts'
import { SecretSearch } from '../support/secret-search.ts'
import { answerWrongly } from '../support/wrong-login.ts'

export interface Flood {
  readonly name: string
  readonly setup: Setup
  /** Who logs in rightly. */
  readonly user: string
  /** Goes on until it is told to stop; `scale` 1 is a whole flood. Resolves with how many connections it has made. */
  run(port: number, scale: number, signal: AbortSignal): Promise<number>
}

/** Of all floods: the right password, and the wrong ones. */
export const secrets = new SecretSearch()
export const password = secrets.canaries.make('the right password')
const wrong = secrets.canaries.make('wrong passwords')
/** How many answers of each flood are searched for as well. */
const watchedAnswers = 5
export const maxClients = 1_000
/** Of PostgreSQL alone, for the flood of auth_query. */
export const lookedUp = 'looked_up'

const salt = { salt: Buffer.from('salt of a flood!'), iterations: 4_096 }
const verifier = ScramVerifier.fromSaltedPassword(salt, pbkdf2Sync(password, salt.salt, salt.iterations, 32, 'sha256'))
const perSecond = 500

secrets.canaries.watchScram('the right password', password, verifier.text)

function setup(authType: string, secret: string, more: Setup['settings'] = {}): Setup {
  return { settings: { auth_type: authType, max_client_conn: maxClients, ...more }, user: `"postgres" "${secret}"` }
}

/** `tls`: the settings for a certificate. */
export function floods(tls: Setup['settings']): readonly Flood[] {
  const user = 'postgres'
  const scram = setup('scram-sha-256', verifier.text)
  const offering = setup('scram-sha-256', verifier.text, tls)
  const looking = setup('scram-sha-256', password, { auth_user: 'postgres' })
  return [
    { name: '10,000 requests for SSL and GSS in turn', setup: scram, user, run: alternate },
    { name: '5,000 connections that say nothing', setup: scram, user, run: crowd(5_000, Buffer.alloc(0)) },
    { name: '2,000 that say one byte a second', setup: scram, user, run: crowd(2_000, startupOf('slow')) },
    {
      name: '1,000 that stop inside the TLS hello',
      setup: offering,
      user,
      run: crowd(1_000, halfHello, raw.sslRequest),
    },
    { name: '500 wrong passwords a second, md5', setup: setup('md5', password), user, run: guess(['postgres']) },
    { name: '500 a second, SCRAM', setup: scram, user, run: guess(['postgres']) },
    {
      name: '500 a second, plain against a SCRAM secret',
      setup: setup('plain', verifier.text),
      user,
      run: guess(['postgres']),
    },
    { name: '500 a second, SCRAM, unknown users', setup: scram, user, run: guess(undefined) },
    { name: '500 a second, unknown users of auth_query', setup: looking, user: lookedUp, run: guess(undefined) },
    { name: '500 cancels a second, of keys that are nobody’s', setup: scram, user, run: atRate(cancelNobody) },
  ]
}

function startupOf(user: string): Buffer {
  return raw.startup({ user, database: 'postgres', application_name: 'x'.repeat(200) })
}

/** The first bytes of a ClientHello of 512 bytes. */
const halfHello = Buffer.from('160301020001fc0303', 'hex')

async function alternate(port: number, scale: number, signal: AbortSignal): Promise<number> {
  const requests = 10_000 * scale
  let asked = 0
  let connections = 0
  const go = async (): Promise<void> => {
    while (asked < requests && !signal.aborted) {
      connections++
      asked += await alternateOnce(port)
    }
  }
  await Promise.all(Array.from({ length: 20 }, go))
  return connections
}

/** Until it is refused: how many it asked. */
async function alternateOnce(port: number): Promise<number> {
  const client = await RawClient.connect(port).catch(() => undefined)
  if (!client) return 1
  for (let asked = 1; ; asked++) {
    client.send(asked % 2 === 1 ? raw.sslRequest : raw.gssRequest)
    const answer = await client.byte().catch(() => '')
    if (answer === 'N' && asked < 10_000) continue
    client.reset()
    return asked
  }
}

/**
 * Keeps as many connections open, whoever closes them: each says `first` at once, and then `slowly` one byte a second, or
 * all but its last byte if that is short.
 */
function crowd(size: number, slowly: Buffer, first?: Buffer): Flood['run'] {
  return async (port, scale, signal) => {
    let connections = 0
    const stand = async (): Promise<void> => {
      while (!signal.aborted) {
        const client = await RawClient.connect(port).catch(() => undefined)
        connections++
        if (client) await standAs(client, signal, slowly, first)
        else await sleep(1_000)
      }
    }
    await Promise.all(Array.from({ length: size * scale }, stand))
    return connections
  }
}

async function standAs(client: RawClient, signal: AbortSignal, slowly: Buffer, first?: Buffer): Promise<void> {
  if (first) client.send(first)
  for (let at = 0; client.over === undefined && !signal.aborted; at++) {
    if (at < slowly.length - 1) client.send(slowly.subarray(at, at + 1))
    await sleep(1_000)
  }
  if (client.over !== undefined) await client.rest()
  client.reset()
}

/** One connection after the other at a steady rate, whatever becomes of them. */
function atRate(connectOnce: (port: number, number: number) => Promise<void>): Flood['run'] {
  return async (port, scale, signal) => {
    let connections = 0
    const underWay = new Set<Promise<void>>()
    const startMs = performance.now()
    while (!signal.aborted) {
      const due = ((performance.now() - startMs) / 1_000) * perSecond * scale
      for (; connections < due && underWay.size < 2_000; connections++) {
        const one: Promise<void> = connectOnce(port, connections)
          .catch(() => undefined) // whoever floods doesn't mind being refused
          .finally(() => underWay.delete(one))
        underWay.add(one)
      }
      await sleep(10)
    }
    await Promise.all(underWay)
    return connections
  }
}

/** Wrong passwords, for these users or for one of a new name each time. */
function guess(users: readonly string[] | undefined): Flood['run'] {
  return atRate(async (port, number) => {
    const user = users ? (users[number % users.length] ?? '') : `nobody${number}`
    const client = await RawClient.connect(port)
    client.send(raw.startup({ user, database: 'postgres' }))
    const watch = (answer: string): void => secrets.canaries.watch('a wrong answer', Buffer.from(answer))
    await answerWrongly(client, `${wrong} ${number}`, number < watchedAnswers ? watch : undefined)
    client.reset()
  })
}

/** The pooler may take the time it likes, but must close. */
async function cancelNobody(port: number): Promise<void> {
  const client = await RawClient.connect(port)
  client.send(raw.cancelRequest(randomBytes(8)))
  await client.closed()
  client.reset()
}
