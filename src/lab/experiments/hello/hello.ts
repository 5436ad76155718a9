/** What opening a connection costs: phase by phase, by way of authentication, with TLS, and over ways of some length. */

import type { Experiment } from '../../experiment.ts'
import { roleFor, rolePassword } from '../../embedded-database.ts'
import { medianOf } from '../../measurement.ts'
import { type LoginOptions, type PhaseTimes, timeLogin } from '../../raw-login.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { helloFindings } from './hello-findings.ts'
import { firstAnswerMs, firstAnswerOver, type Hello, type Kind, predictedRoundTrips } from './hello-kind.ts'

const embeddedKinds: readonly Kind[] = [
  { name: 'trust', method: 'trust', tls: undefined },
  { name: 'password', method: 'password', tls: undefined },
  { name: 'md5', method: 'md5', tls: undefined },
  { name: 'SCRAM', method: 'scram-sha-256', tls: undefined },
  { name: 'SCRAM, TLS 1.3', method: 'scram-sha-256', tls: 'TLSv1.3' },
  { name: 'SCRAM, TLS 1.2', method: 'scram-sha-256', tls: 'TLSv1.2' },
]
const givenKinds: readonly Kind[] = [
  { name: 'plain', method: undefined, tls: undefined },
  { name: 'TLS 1.3', method: undefined, tls: 'TLSv1.3' },
  { name: 'TLS 1.2', method: undefined, tls: 'TLSv1.2' },
]
/** Over a relay, these do. */
const relayedNames = new Set(['trust', 'SCRAM', 'SCRAM, TLS 1.3', 'SCRAM, TLS 1.2', 'plain', 'TLS 1.3', 'TLS 1.2'])
const shortWays = [1, 10] as const
const longWays: { readonly quick: readonly number[]; readonly usual: readonly number[] } = {
  quick: [50, 150],
  usual: [50, 150, 1_000],
}
const nearRounds = { quick: 7, usual: 41 } as const
const relayedRounds = { quick: 3, usual: 5 } as const
/** A round trip of a second, up to eight times: fewer would do, and more take long. */
const longestWayRounds = 3

export const hello: Experiment = {
  name: 'hello',
  title: 'What opening a connection costs',
  question: 'Where do the milliseconds go before a connection can be used, and how many round trips are they?',
  articles:
    'Opening is a chain: TCP, TLS, authentication, the start of a process, start-up; around a query of 5 ms it is 1 + 2 + 3 + 2 ms. It takes ' +
    '1–5 ms within a rack, 5–20 within a data centre, 50–200 to another one, 800–1,500 to another region. TLS takes 2 round trips (1.3) or 3 (1.2).',
  seconds: { quick: 7, usual: 33 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  rig.progress(0, 'which ways of logging in there are')
  const { kinds, refused } = await usableKinds(rig)
  const near = await nearby(rig, kinds)
  predict(rig, near)
  const far = await overRelays(
    rig,
    kinds.filter(({ name }) => relayedNames.has(name)),
  )
  const isEmbedded = rig.facts.kind === 'embedded'
  return helloFindings([...near, ...far], { refused, isEmbedded, predicted: rig.prediction?.figures ?? {} })
}

/** Those that the server takes; of the others, why not. */
async function usableKinds(rig: Rig): Promise<{ kinds: Kind[]; refused: string[] }> {
  const kinds: Kind[] = []
  const refused: string[] = []
  for (const kind of rig.facts.kind === 'embedded' ? embeddedKinds : givenKinds) {
    try {
      await timeLogin(optionsOf(rig, kind, rig.direct))
      kinds.push(kind)
    } catch (error) {
      rig.signal.throwIfAborted()
      refused.push(`${kind.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (kinds.length === 0) throw new Error(`there is no way in: ${refused.join('; ')}`)
  return { kinds, refused }
}

function optionsOf(rig: Rig, kind: Kind, { host, port }: { host: string; port: number }): LoginOptions {
  const { user, password, database } = rig.target
  const login = kind.method === undefined ? { user, password } : { user: roleFor(kind.method), password: rolePassword }
  return { host, port, serverName: rig.target.host, database, ...login, tls: kind.tls, signal: rig.signal }
}

/** Round by round, each kind once, so that none has the better half of a minute. */
async function nearby(rig: Rig, kinds: readonly Kind[]): Promise<Hello[]> {
  const rounds = rig.pace(nearRounds)
  const times = kinds.map((): PhaseTimes[] => [])
  for (let round = 0; round < rounds; round++) {
    rig.progress((0.2 * round) / rounds, 'next to the server')
    for (const [index, kind] of kinds.entries()) times[index]?.push(await timeLogin(optionsOf(rig, kind, rig.direct)))
  }
  return kinds.map((kind, index) => ({ kind, roundTripMs: 0, rounds: times[index] ?? [] }))
}

/** What a way of some length adds is the protocol's: so many round trips, known beforehand. */
function predict(rig: Rig, near: readonly Hello[]): void {
  const figures: Record<string, number> = {}
  for (const { kind, rounds } of near) {
    if (!relayedNames.has(kind.name)) continue
    const trips = predictedRoundTrips(kind)
    figures[`${kind.name} round trips`] = trips
    for (const way of [...shortWays, ...rig.pace(longWays)]) {
      figures[firstAnswerOver(kind, way)] = medianOf(rounds.map(firstAnswerMs)) + trips * way
    }
  }
  rig.predict(
    'By the protocol, to the first answer: one round trip for TCP; for TLS one to ask for it and one (1.3) or two (1.2) for the handshake; ' +
      'for the login one with trust, two with a password, three with SCRAM; one for the query. Each adds the length of the way to what is measured next to the server.',
    figures,
  )
}

/** Short ways one after the other, for there every fraction of a millisecond counts; long ones at the same time. */
async function overRelays(rig: Rig, kinds: readonly Kind[]): Promise<Hello[]> {
  const found: Hello[] = []
  for (const [index, way] of shortWays.entries()) {
    rig.progress(0.2 + 0.1 * index, `over ${way} ms`)
    found.push(...(await overRelay(rig, kinds, way, () => undefined)))
  }
  const ways = rig.pace(longWays)
  const last = ways.at(-1)
  const long = ways.map((way) => {
    const tell = (share: number): void => {
      if (way === last) rig.progress(0.4 + 0.6 * share, `over ${ways.join(', ')} ms at once`)
    }
    return overRelay(rig, kinds, way, tell)
  })
  found.push(...(await Promise.all(long)).flat())
  return found
}

async function overRelay(
  rig: Rig,
  kinds: readonly Kind[],
  roundTripMs: number,
  tell: (share: number) => void,
): Promise<Hello[]> {
  const way = rig.relay(roundTripMs)
  const rounds = roundTripMs >= 1_000 ? longestWayRounds : rig.pace(relayedRounds)
  const times = kinds.map((): PhaseTimes[] => [])
  const isLong = roundTripMs >= 50
  for (let round = 0; round < rounds; round++) {
    tell(round / rounds)
    const one = async (kind: Kind, index: number): Promise<void> => {
      times[index]?.push(withHandshake(await timeLogin(optionsOf(rig, kind, way)), roundTripMs))
    }
    if (isLong) await Promise.all(kinds.map(one))
    else for (const [index, kind] of kinds.entries()) await one(kind, index)
  }
  way.relay.stop()
  return kinds.map((kind, index) => ({ kind, roundTripMs, rounds: times[index] ?? [] }))
}

/** The relay answers TCP's handshake itself. Over a real way it takes one round trip (RFC 9293, section 3.5), which is added. */
function withHandshake(times: PhaseTimes, roundTripMs: number): PhaseTimes {
  return { ...times, TCP: times.TCP + roundTripMs }
}
