/**
 * How waits grow with utilisation. Connections that wait use no core, so all levels are measured at the same time, each before
 * a pool of its own: one of a single connection, which is Kingman's case exactly, and one of four, which is Erlang's.
 */

import type { Pool } from '../../../pg/public-types.ts'
import type { Experiment } from '../../experiment.ts'
import { failed, failureOf, openLoad } from '../../load.ts'
import { medianOf } from '../../measurement.ts'
import type { Findings } from '../../results.ts'
import type { Rig } from '../../rig.ts'
import { type Conditions, findings, predictionOf } from './utilisation-findings.ts'
import type { Round } from './utilisation-measured.ts'
import { type Drawn, drawnFor, foretell, type Foretold, type Holds, type Level } from './utilisation-queue.ts'

interface Station {
  readonly level: Level
  readonly pool: Pool
}

/** In percent, the most telling first: as many are measured as there are connections for. */
const percents = [50, 80, 95, 70, 90, 30, 98, 10, 60, 85, 40, 75, 20]
const poolSizes = [1, 4]
const fewestLevels = 2
const rounds = 3
/** What a hold takes beyond what is asked for, about: it is calibrated. */
const guessedBeyondMs = 0.5

export const utilisation: Experiment = {
  name: 'utilisation',
  title: 'Waiting by utilisation',
  question: 'How long does one wait for a connection, the busier the pool is, and from where on does it hurt?',
  articles: 'Waiting grows without bound as utilisation nears 100% (Kingman): keep it below 70 to 80%.',
  seconds: { quick: 7, usual: 45 },
  run,
}

async function run(rig: Rig): Promise<Findings> {
  const roundMs = rig.pace({ quick: 1_500, usual: 11_500 })
  const drawnMs = rig.pace({ quick: 10, usual: 14 })
  const { stations, leftOut, refusal } = await openStations(rig, rig.pace({ quick: 7, usual: percents.length }))
  const calibrationMs = rig.pace({ quick: 500, usual: 1_500 })
  const calibration = await calibrate(rig, stations, { drawnMs, beyondMs: guessedBeyondMs }, calibrationMs)
  const conditions: Conditions = { roundMs, leftOut, refusal, ...calibration }
  const { holds } = conditions

  const draws = (level: Level): Drawn[] => {
    return Array.from({ length: rounds }, (_, round) => drawnFor(level, holds, roundMs, round + 1))
  }
  const drawn = stations.map(({ level }) => draws(level))
  const foretold: Foretold[] = []
  for (const [index, { level }] of stations.entries()) {
    rig.progress(0.1 + (0.1 * index) / stations.length, 'the simulator foretells')
    foretold.push(foretell(level, holds, roundMs, drawn[index] ?? []))
    await rig.sleep(0)
  }
  const { text, figures } = predictionOf(
    stations.map(({ level }) => level),
    foretold,
    conditions,
  )
  rig.predict(text, figures)

  const measured: Round[][] = stations.map(() => [])
  for (let round = 0; round < rounds; round++) {
    const from = 0.2 + (0.8 * round) / rounds
    const bar = { from, to: from + 0.8 / rounds, ms: roundMs, doing: `round ${round + 1} of ${rounds}` }
    const all = stations.map(({ pool }, index) =>
      measure(rig, pool, drawn[index]?.[round] as Drawn, roundMs, round + 1),
    )
    const ended = await rig.progressWhile(Promise.all(all), bar)
    for (const [index, one] of ended.entries()) measured[index]?.push(one)
  }
  return findings(
    stations.map(({ level }, index) => {
      return { level, foretold: foretold[index] as Foretold, drawn: drawn[index] ?? [], rounds: measured[index] ?? [] }
    }),
    conditions,
  )
}

/** With all connections open, so that nobody waits for one to be opened. A server that refuses more ends it early. */
async function openStations(
  rig: Rig,
  wanted: number,
): Promise<{ stations: readonly Station[] } & Pick<Conditions, 'leftOut' | 'refusal'>> {
  const ofLevel = poolSizes.reduce((sum, size) => sum + size, 0)
  const count = Math.min(wanted, Math.max(fewestLevels, Math.floor(rig.freeConnections / ofLevel)))
  const stations: Station[] = []
  let refusal: string | undefined
  for (const percent of percents.slice(0, count)) {
    const open = (servers: number): Promise<Pool> => rig.fullPool({ max: servers })
    const pools: Pool[] = []
    try {
      for (const servers of poolSizes) pools.push(await open(servers))
    } catch (error) {
      rig.signal.throwIfAborted()
      if (stations.length < fewestLevels * poolSizes.length) throw error
      refusal = failureOf(error)
      break
    }
    stations.push(...pools.map((pool, index) => stationOf(pool, percent, poolSizes[index] as number)))
  }
  const ascending = stations.toSorted(
    ({ level: a }, { level: b }) => a.servers - b.servers || a.utilisation - b.utilisation,
  )
  return { stations: ascending, leftOut: wanted - stations.length / poolSizes.length, refusal }
}

function stationOf(pool: Pool, percent: number, servers: number): Station {
  return { pool, level: { utilisation: percent / 100, servers } }
}

/** Under the whole load, whose cost is then in what holds take. Medians: whatever else the machine does now and then is not in them. */
async function calibrate(
  rig: Rig,
  stations: readonly Station[],
  guessed: Holds,
  ms: number,
): Promise<Pick<Conditions, 'holds' | 'lateMs'>> {
  const seed = rounds + 1
  const all = stations.map(async ({ level, pool }) => {
    const drawn = drawnFor(level, guessed, ms, seed)
    const { holdsMs, lateMs } = await measure(rig, pool, drawn, ms, seed)
    return { lateMs, beyondMs: holdsMs.map((held, index) => held - (drawn.askedMs[index] as number)) }
  })
  const found = await rig.progressWhile(Promise.all(all), { from: 0, to: 0.1, ms, doing: 'how long holds take' })
  const beyondMs = Math.max(0, medianOf(found.flatMap((one) => one.beyondMs)))
  return { holds: { drawnMs: guessed.drawnMs, beyondMs }, lateMs: medianOf(found.flatMap(({ lateMs }) => lateMs)) }
}

async function measure(rig: Rig, pool: Pool, drawn: Drawn, roundMs: number, seed: number): Promise<Round> {
  const { arrivalsPerSecond, askedMs } = drawn
  const round: Omit<Round, 'failed'> = { waitsMs: [], holdsMs: [], lateMs: [] }
  let arrived = 0
  const load = { arrivalsPerSecond, warmUpMs: 0, measureMs: roundMs, seed, signal: rig.signal }
  const done = await openLoad(load, async (meantMs) => {
    const place = arrived++
    round.lateMs.push(performance.now() - meantMs)
    round.holdsMs.push(0)
    // Half a millisecond less, since pg_sleep rounds up, and now and then a whole number to the next.
    const { text, values } = rig.work.holding((askedMs[place] as number) - 0.5)
    const client = await pool.connect()
    const atMs = performance.now()
    round.waitsMs.push(atMs - meantMs)
    try {
      await client.query({ name: 'holding', text, values: [...values] })
    } finally {
      client.release()
      round.holdsMs[place] = performance.now() - atMs
    }
  })
  return { ...round, failed: failed(done) }
}
