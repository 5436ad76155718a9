/** Many instances of one application, and those who call them: at their own times, or each after its last answer. */

import { TaxirankError } from '../errors.ts'
import { Histogram } from '../metrics/histogram.ts'
import type { Arrivals } from './arrivals.ts'
import { Call, type CallWorld, type Ending } from './call.ts'
import type { Database } from './database.ts'
import type { Durations } from './durations.ts'
import type { TimedEvent } from './event-queue.ts'
import type { Instance } from './instance.ts'
import type { SimulatedPool } from './simulated-pool.ts'
import type { VirtualTime } from './virtual-time.ts'

/** Who calls. */
export type Load =
  /** They don't wait for each other. `choose`: a number below `count`, which of the instances that are up gets the next one. */
  | { readonly kind: 'open'; readonly arrivals: Arrivals; readonly choose: (count: number) => number }
  /** So many for each instance, who call again when they have been answered and have thought. */
  | { readonly kind: 'closed'; readonly callers: number; readonly think: Durations }

export interface ApplicationOptions {
  readonly name: string
  readonly instances: readonly Instance[]
  readonly load: Load
  /** In the database. */
  readonly work: Durations
  /** Held without working: round trips, what the application does meanwhile. */
  readonly away: Durations
}

/** Whoever fails, or is answered in no time at all, would otherwise call again within the same instant, for ever. */
const leastPauseMs = 1
/** A crowd that fails at once and calls again at once would be simulated for hours, and nothing learnt from it. */
const mostFailures = 20_000_000

export class Application implements CallWorld, TimedEvent {
  readonly name: string
  readonly time: VirtualTime
  readonly database: Database
  readonly instances: readonly Instance[]
  readonly waitMs = new Histogram()
  readonly latencyMs = new Histogram()
  readonly failures = new Map<Ending, number>()
  /** Since the end of the warm-up. */
  asked = 0
  /** Since the beginning. */
  total = 0
  #failed = 0
  #window = new Window()
  #up: readonly Instance[]
  readonly #options: ApplicationOptions
  readonly #thinkers = new Map<Instance, Thinker>()
  readonly #unused: Call[] = []

  constructor(options: ApplicationOptions, time: VirtualTime, database: Database) {
    this.name = options.name
    this.time = time
    this.database = database
    this.instances = this.#up = options.instances
    this.#options = options
  }

  /** Lets the first ones come. */
  begin(): void {
    const { load } = this.#options
    if (load.kind === 'open') return this.#awaitNext(load.arrivals, 0)
    for (const instance of this.instances) {
      const thinker = new Thinker(this, instance)
      this.#thinkers.set(instance, thinker)
      for (let caller = 0; caller < load.callers; caller++) this.time.at(load.think.next(), thinker)
    }
  }

  /** Also those of instances that were restarted. */
  get pools(): SimulatedPool[] {
    return this.instances.flatMap(({ pools }) => pools)
  }

  /** What has been counted is forgotten: the warm-up is over. */
  clear(): void {
    this.asked = 0
    this.waitMs.clear()
    this.latencyMs.clear()
    this.failures.clear()
  }

  /** What has happened since this was called last. */
  takeWindow(): Window {
    const window = this.#window
    this.#window = new Window()
    return window
  }

  /** Somebody arrives. */
  happen(now: number): void {
    const { load } = this.#options
    if (load.kind !== 'open') return
    this.#awaitNext(load.arrivals, now)
    if (this.#up.length === 0) this.#nobodyUp()
    else this.call(this.#up[load.choose(this.#up.length)] as Instance, now)
  }

  #awaitNext(arrivals: Arrivals, now: number): void {
    const atMs = arrivals.after(now)
    if (atMs < Infinity) this.time.at(atMs, this)
  }

  #nobodyUp(): void {
    this.asked++
    this.total++
    this.#fail('admin_shutdown')
  }

  /** Hot path. */
  call(instance: Instance, now: number): void {
    const { work, away } = this.#options
    this.asked++
    this.total++
    const call = this.#unused.pop() ?? new Call(this)
    call.begin(instance, work.next(), away.next(), now)
  }

  /** Hot path. */
  ended(call: Call, now: number): void {
    if (call.ending === 'served') {
      this.waitMs.record(call.begunAtMs - call.askedAtMs)
      this.latencyMs.record(now - call.askedAtMs)
      this.#window.waitMs.record(call.begunAtMs - call.askedAtMs)
    } else this.#fail(call.ending)
    this.#unused.push(call)
    const { load } = this.#options
    if (load.kind === 'closed') this.#think(call, load.think, now)
  }

  #fail(ending: Ending): void {
    if (++this.#failed > mostFailures) throw this.#hopeless(ending)
    this.#window.failed++
    this.failures.set(ending, (this.failures.get(ending) ?? 0) + 1)
  }

  #hopeless(ending: Ending): TaxirankError {
    return new TaxirankError(
      'bad_configuration',
      `scenario: ${mostFailures.toLocaleString('en')} requests of ${this.name} have failed within ` +
        `${Math.round(this.time.now)} ms, the last of them with ${ending}, and that is where it ends: fewer callers, longer ` +
        `think times or a shorter duration make fewer`,
    )
  }

  #think({ instance, ending, askedAtMs }: Call, think: Durations, now: number): void {
    const thinkMs = think.next()
    const mustPause = ending !== 'served' || now + thinkMs === askedAtMs
    this.time.at(now + (mustPause ? Math.max(thinkMs, leastPauseMs) : thinkMs), this.#thinkers.get(instance) as Thinker)
  }

  stop(instances: readonly Instance[], now: number): void {
    for (const instance of instances) instance.stop(now)
    this.#noteUp()
  }

  start(instances: readonly Instance[], now: number): void {
    for (const instance of instances) instance.start()
    this.#noteUp()
    for (const instance of instances) if (instance.isUp) this.#thinkers.get(instance)?.started(now)
  }

  #noteUp(): void {
    this.#up = this.instances.filter(({ isUp }) => isUp)
  }
}

/** What happens between two looks. */
class Window {
  readonly waitMs = new Histogram()
  failed = 0
}

/** All callers of one instance who think: it stands in the queue of events once for each. */
class Thinker implements TimedEvent {
  readonly #application: Application
  readonly #instance: Instance
  /** Those who wanted to call while it was down. */
  #parked = 0

  constructor(application: Application, instance: Instance) {
    this.#application = application
    this.#instance = instance
  }

  happen(now: number): void {
    if (this.#instance.isUp) this.#application.call(this.#instance, now)
    else this.#parked++
  }

  started(now: number): void {
    for (; this.#parked > 0; this.#parked--) this.#application.call(this.#instance, now)
  }
}
