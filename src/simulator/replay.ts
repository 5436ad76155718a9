/**
 * What if the pool had another size? The callers of a recording, once more, through the same engine.
 *
 * Two questions about them have no answer in a recording, so they are asked of whoever replays:
 *
 * - *Would they have come at the same time?* Open: yes, whatever happened to those before them, as visitors do. Closed: they
 *   were so many, each of whom came again some time after its last answer, as workers do; that time is taken from the
 *   recording, where each arrival follows the departure that is then longest ago.
 * - *Would they have held as long?* Without `cores`: yes. With them: if the database's cores were what they shared, the work
 *   of each follows from who held at the same time, and another size changes who that is.
 */

import { TaxirankError } from '../errors.ts'
import type { RecordedPool } from '../metrics/recorded-pool.ts'
import type { SimulationFigures } from './figures.ts'
import { type Recorded, worksOf } from './recorded.ts'
import type { ApplicationSpec, LoadSpec, Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

export type Callers = 'open' | 'closed'

export interface ReplayOptions {
  readonly poolSize: number
  readonly callers: Callers
  /** Undefined: holds last as long as they did. */
  readonly cores: number | undefined
}

/** Closed, if nearly always as many were present as ever were. */
export function likelyCallers({ meanPresent, mostPresent }: Recorded): Callers {
  return mostPresent > 1 && meanPresent >= 0.8 * mostPresent ? 'closed' : 'open'
}

/** Simulates what a recording shows, with a pool of another size. `about`: the pool it was taken from. */
export function replay(recorded: Recorded, about: RecordedPool | undefined, options: ReplayOptions): SimulationFigures {
  const { fromMs, toMs, holdsMs } = recorded
  const { cores, poolSize } = options
  const scenario: Scenario = {
    seed: 1,
    durationMs: toMs,
    warmUpMs: fromMs,
    database: {
      cores: cores ?? Infinity,
      maxConnections: poolSize,
      reservedConnections: 0,
      connect: { kind: 'fixed', ms: about?.openMs ?? 0 },
      connectWorkMs: 0,
    },
    poolers: [],
    applications: [applicationOf(recorded, about, options, cores === undefined ? holdsMs : worksOf(recorded, cores))],
    failures: [],
  }
  return simulate(scenario)
}

function applicationOf(
  recorded: Recorded,
  about: RecordedPool | undefined,
  { callers, poolSize }: ReplayOptions,
  works: Float64Array,
): ApplicationSpec {
  const { openAtStart } = recorded
  return {
    name: 'recorded',
    instances: 1,
    load: callers === 'open' ? openLoad(recorded) : closedLoad(recorded),
    service: { kind: 'sequence', values: works },
    away: { kind: 'fixed', ms: 0 },
    pool: {
      maxSize: poolSize,
      minSize: Math.min(poolSize, Math.max(openAtStart, about?.minSize ?? 0)),
      waitTimeoutMs: about?.waitTimeoutMs ?? 0,
      idleTimeoutMs: about?.idleTimeoutMs ?? 0,
    },
    connectsEachTime: false,
  }
}

function openLoad({ atMs }: Recorded): LoadSpec {
  return { kind: 'open', arrivals: { kind: 'replayed', atMs }, balance: 'round robin' }
}

function closedLoad({ atMs, waitsMs, holdsMs, mostPresent }: Recorded): LoadSpec {
  const departures = atMs.map((ms, index) => ms + (waitsMs[index] as number) + (holdsMs[index] as number)).sort()
  const thinks: number[] = []
  for (let index = mostPresent; index < atMs.length; index++) {
    const thinkMs = (atMs[index] as number) - (departures[index - mostPresent] as number)
    thinks.push(Math.max(0, thinkMs))
  }
  if (thinks.length === 0) {
    throw new TaxirankError('bad_recording', 'the recording is too short to tell when callers come again')
  }
  return { kind: 'closed', callers: mostPresent, think: { kind: 'sequence', values: Float64Array.from(thinks) } }
}
