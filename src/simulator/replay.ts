/**
 * What if the pool had another size? The callers of a recording, once more, through the same engine.
 *
 * Two questions about them have no answer in a recording, so they are asked of whoever replays:
 *
 * - *Would they have come at the same time?* Open: yes, whatever happened to those before them, as visitors do. Closed: they
 *   were so many, each of whom came again some time after its last answer, as workers do; that time is taken from the
 *   recording, where each arrival follows the departure that is then longest ago.
 * - *Would they have held as long?* Without `coreUse`: yes. With it: as far as the database's cores were what they shared, the
 *   work of each follows from who held at the same time, and another size changes who that is.
 */

import { TaxirankError } from '../errors.ts'
import type { RecordedPool } from '../metrics/recorded-pool.ts'
import type { DurationSpec } from './durations.ts'
import type { SimulationFigures } from './figures.ts'
import { type CoreUse, type Recorded, worksOf } from './recorded.ts'
import type { ApplicationSpec, LoadSpec, Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

export type Callers = 'open' | 'closed'

export interface ReplayOptions {
  readonly poolSize: number
  readonly callers: Callers
  /** Undefined: holds last as long as they did. */
  readonly coreUse: CoreUse | undefined
}

/** Of independent callers it is 1 or more. */
const mostClosedDispersion = 0.8
/** Independent callers hardly ever are as many as ever, and never so often. */
const leastPeaks = 20
/** Of so few nothing can be said. */
const leastCallers = 5

/**
 * Closed, if there were as many present as ever again and again; or if their number varies less than that of independent
 * callers would. Of these it is Poisson if nobody waits, so that the variance is the mean, and varies more if they do; of `n`
 * who are present with the probability `p` the variance is `(1 - p)` times the mean.
 */
export function likelyCallers(recorded: Recorded): Callers {
  const { meanPresent, presentVariance } = recorded
  return isCapped(recorded) || presentVariance < mostClosedDispersion * meanPresent ? 'closed' : 'open'
}

function isCapped({ mostPresent, peaks }: Recorded): boolean {
  return mostPresent >= leastCallers && peaks >= leastPeaks
}

/** How many there are, if they are closed: as many as were ever present, or, if that was seldom, by mean and variance. */
export function likelyCallerCount(recorded: Recorded): number {
  const { meanPresent, presentVariance, mostPresent } = recorded
  if (isCapped(recorded)) return mostPresent
  const presence = 1 - presentVariance / meanPresent
  const likely = presence > 0 ? Math.round(meanPresent / presence) : 0
  return Math.max(1, mostPresent, Math.min(likely, 2 * mostPresent))
}

/** Simulates what a recording shows, with a pool of another size. `about`: the pool it was taken from. */
export function replay(recorded: Recorded, about: RecordedPool | undefined, options: ReplayOptions): SimulationFigures {
  const { fromMs, toMs } = recorded
  const { coreUse, poolSize } = options
  const leadMs = leadMsOf(about)
  const scenario: Scenario = {
    seed: 1,
    durationMs: leadMs + toMs,
    warmUpMs: leadMs + fromMs,
    database: {
      cores: coreUse?.cores ?? Infinity,
      maxConnections: poolSize,
      reservedConnections: 0,
      connect: { kind: 'fixed', ms: about?.openMs ?? 0 },
      connectWorkMs: 0,
    },
    poolers: [],
    applications: [applicationOf(recorded, about, options)],
    failures: [],
  }
  return simulate(scenario)
}

/** Before the first caller comes: enough for the pool to open what was open then. */
function leadMsOf(about: RecordedPool | undefined): number {
  return 100 + 20 * (about?.openMs ?? 0)
}

function applicationOf(
  recorded: Recorded,
  about: RecordedPool | undefined,
  { callers, poolSize, coreUse }: ReplayOptions,
): ApplicationSpec {
  const { openAtStart } = recorded
  return {
    name: 'recorded',
    instances: 1,
    load: callers === 'open' ? openLoad(recorded, leadMsOf(about)) : closedLoad(recorded),
    ...partsOf(recorded, coreUse),
    pool: {
      maxSize: poolSize,
      minSize: Math.min(poolSize, Math.max(openAtStart, about?.minSize ?? 0)),
      waitTimeoutMs: about?.waitTimeoutMs ?? 0,
      idleTimeoutMs: about?.idleTimeoutMs ?? 0,
    },
    connectsEachTime: false,
  }
}

/** What of each hold is work, and what is not. */
function partsOf(recorded: Recorded, coreUse: CoreUse | undefined): Pick<ApplicationSpec, 'service' | 'away'> {
  const { holdsMs } = recorded
  const sequence = (values: Float64Array): DurationSpec => ({ kind: 'sequence', values })
  if (!coreUse) return { service: { kind: 'fixed', ms: 0 }, away: sequence(holdsMs) }
  const awayMs = holdsMs.map((ms) => (1 - coreUse.onCore) * ms)
  return { service: sequence(worksOf(recorded, coreUse)), away: sequence(awayMs) }
}

function openLoad({ atMs }: Recorded, leadMs: number): LoadSpec {
  const laterMs = atMs.map((ms) => leadMs + ms)
  return { kind: 'open', arrivals: { kind: 'replayed', atMs: laterMs }, balance: 'round robin' }
}

function closedLoad(recorded: Recorded): LoadSpec {
  const { atMs, waitsMs, holdsMs, isServed } = recorded
  const callers = likelyCallerCount(recorded)
  const heldMs = holdsMs.map((ms, index) => (isServed[index] === 1 ? ms : 0))
  const departures = atMs.map((ms, index) => ms + (waitsMs[index] as number) + (heldMs[index] as number)).sort()
  const thinks: number[] = []
  for (let index = callers; index < atMs.length; index++) {
    const thinkMs = (atMs[index] as number) - (departures[index - callers] as number)
    thinks.push(Math.max(0, thinkMs))
  }
  if (thinks.length === 0) {
    throw new TaxirankError('bad_recording', 'the recording is too short to tell when callers come again')
  }
  return { kind: 'closed', callers, think: { kind: 'sequence', values: Float64Array.from(thinks) } }
}
