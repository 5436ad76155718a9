/**
 * What is due when (`Deadlines`), and for how long the process has run (`RunningClock`). Everything is in milliseconds, of
 * clocks that are handed in.
 *
 * `Deadlines` is a hierarchical timing wheel (Varghese and Lauck 1987; tokio has the same). A tick is 1 ms. Level 0 has a
 * bucket for each of 32 ticks, level 1 for each 32 of those, and so on; six levels are a turn of 2^30 ticks (12 days), and
 * what is due later waits in a list for its turn. A deadline stands at the level of the highest five bits in which its
 * tick differs from the present one. So only buckets ahead are taken, everything at a level is due before anything at a
 * higher one, and the next bucket is the lowest bit of the lowest level that has any. When a bucket's time comes, its
 * deadlines move to lower levels, five times at most.
 */

const levels = 6
const bitsPerLevel = 5
const bucketsPerLevel = 32
const bucketMask = bucketsPerLevel - 1
const turnTicks = 2 ** (levels * bitsPerLevel)

/** What stands in a list of deadlines: its neighbours; outside of one itself, so that nothing dead keeps anything alive. */
class Link {
  previous: Link = this
  next: Link = this
}

/** One thing that will be due. Made once by its owner and started again and again, by one `Deadlines`. */
export class Deadline extends Link {
  /** When it is due; Infinity if it doesn't run. */
  readonly atMs: number = Infinity
  readonly expired: (now: number) => void

  /** `expired` is called when it is due, and doesn't run any more. */
  constructor(expired: (now: number) => void) {
    super()
    this.expired = expired
  }

  get isRunning(): boolean {
    return this.next !== this
  }
}

/** The end of a list of deadlines, oldest start first. It knows its place in the wheel: the bit that says it isn't empty. */
class Bucket extends Link {
  readonly level: number
  /** 0: it stands outside of the wheel. */
  readonly bit: number

  constructor(level = 0, number?: number) {
    super()
    this.level = level
    this.bit = number === undefined ? 0 : 1 << (number & bucketMask)
  }

  get first(): Deadline | undefined {
    return this.next === this ? undefined : (this.next as Deadline)
  }
}

/**
 * Deadlines of any duration. Starting, stopping and firing cost O(1) and allocate nothing. None fires early; each fires
 * at the first `advance` to the end of its millisecond or later, by due millisecond and within one in the order of
 * starting.
 */
export class Deadlines {
  readonly #buckets = Array.from({ length: levels * bucketsPerLevel }, (_, at) => new Bucket(at >> bitsPerLevel, at))
  /** By level: bit n is set if bucket n isn't empty. */
  readonly #taken = new Int32Array(levels)
  /** Due in a later turn. */
  readonly #far = new Bucket()
  /** Started for an instant that had come already: due at the next `advance`. */
  readonly #late = new Bucket()
  /** To be fired by the `advance` that runs, or, if a callback threw, by the next one. */
  readonly #due = new Bucket()
  #originMs: number
  /** The present one, counted from the origin: 0 to `turnTicks` - 1. */
  #tick = 0
  #nowMs: number
  #size = 0
  #isAdvancing = false

  /** Begins at `now`, which may be anything up to 2^52. */
  constructor(now: number) {
    this.#nowMs = now
    this.#originMs = Math.floor(now)
  }

  /** How many run. */
  get size(): number {
    return this.#size
  }

  /**
   * No deadline is due before this instant; Infinity if none runs. It may be earlier than the next deadline, but
   * whoever advances to it again and again comes to exactly that.
   */
  get nextAtMs(): number {
    if (this.#size === 0) return Infinity
    if (this.#late.first ?? this.#due.first) return this.#nowMs
    const level = this.#lowestLevel()
    return this.#originMs + (level < 0 ? turnTicks : this.#nextTick(level))
  }

  /**
   * Starts a deadline, or starts it anew. If `atMs` has come already it is due at the next `advance`; in a callback that
   * is not the one that runs, so that a deadline which always starts itself can't hold it for ever. Infinity: stops it.
   */
  start(deadline: Deadline, atMs: number): void {
    if (atMs === Infinity) return this.stop(deadline)
    if (deadline.next === deadline) this.#size++
    else this.#unlink(deadline)
    ;(deadline as { atMs: number }).atMs = atMs
    const tick = Math.ceil(atMs) - this.#originMs
    if (tick > this.#tick) this.#place(deadline, tick)
    else append(this.#late, deadline)
  }

  /** Nothing happens if it doesn't run. */
  stop(deadline: Deadline): void {
    if (deadline.next === deadline) return
    this.#unlink(deadline)
    ;(deadline as { atMs: number }).atMs = Infinity
    this.#size--
  }

  /**
   * Fires everything that is due at `now` and was started before this call. A deadline doesn't run any more when its
   * callback is called, which may start and stop any. If one throws, the rest fires at the next `advance`. Does nothing
   * within a callback. A `now` before the last one is taken for the last one.
   */
  advance(now: number): void {
    if (this.#isAdvancing) return
    this.#isAdvancing = true
    try {
      if (now > this.#nowMs) this.#nowMs = now
      this.#collect()
      for (let next = this.#due.first; next; next = this.#due.first) {
        this.stop(next)
        next.expired(this.#nowMs)
      }
    } finally {
      this.#isAdvancing = false
    }
  }

  /** Brings the wheel to the present, and what has become due to `#due`, in order. No callback runs meanwhile. */
  #collect(): void {
    moveAll(this.#late, this.#due)
    const nowTick = Math.floor(this.#nowMs)
    while (nowTick - this.#originMs >= turnTicks) {
      this.#turnTo(turnTicks - 1)
      this.#beginTurn(nowTick - this.#originMs)
    }
    this.#turnTo(nowTick - this.#originMs)
  }

  #turnTo(tick: number): void {
    for (let level = this.#lowestLevel(); level >= 0; level = this.#lowestLevel()) {
      const next = this.#nextTick(level)
      if (next > tick) break
      this.#tick = next
      const bucket = this.#bucketAt(level, next)
      this.#taken[level] = (this.#taken[level] as number) & ~bucket.bit
      if (level === 0) moveAll(bucket, this.#due)
      else this.#placeAnew(bucket)
    }
    this.#tick = tick
  }

  /** The wheel is empty: goes on to the turn in which `tick` lies, or to an earlier one in which something is due. */
  #beginTurn(tick: number): void {
    let earliest = tick
    for (let link = this.#far.next; link !== this.#far; link = link.next) {
      earliest = Math.min(earliest, this.#tickOf(link as Deadline))
    }
    this.#originMs += earliest - (earliest % turnTicks)
    this.#tick = 0
    const far = new Bucket()
    moveAll(this.#far, far)
    this.#placeAnew(far)
  }

  /** For a bucket that is out of the wheel, or whose bit has been cleared. */
  #placeAnew(bucket: Bucket): void {
    for (let next = bucket.first; next; next = bucket.first) {
      detach(next)
      this.#place(next, this.#tickOf(next))
    }
  }

  #tickOf(deadline: Deadline): number {
    return Math.ceil(deadline.atMs) - this.#originMs
  }

  /** `tick` is the present one or a later one. */
  #place(deadline: Deadline, tick: number): void {
    if (tick >= turnTicks) return append(this.#far, deadline)
    const level = ((31 - Math.clz32((tick ^ this.#tick) | 1)) / bitsPerLevel) | 0
    const bucket = this.#bucketAt(level, tick)
    this.#taken[level] = (this.#taken[level] as number) | bucket.bit
    append(bucket, deadline)
  }

  #bucketAt(level: number, tick: number): Bucket {
    return this.#buckets[level * bucketsPerLevel + ((tick >>> (level * bitsPerLevel)) & bucketMask)] as Bucket
  }

  /** -1: the wheel is empty. */
  #lowestLevel(): number {
    for (let level = 0; level < levels; level++) if (this.#taken[level] !== 0) return level
    return -1
  }

  /** When the time of the next bucket of a level begins, which has one. */
  #nextTick(level: number): number {
    const taken = this.#taken[level] as number
    const bucket = 31 - Math.clz32(taken & -taken)
    const shift = level * bitsPerLevel
    return (((this.#tick >>> shift) & ~bucketMask) | bucket) << shift
  }

  #unlink(deadline: Deadline): void {
    const { previous } = deadline
    if (previous === deadline.next) {
      const { level, bit } = previous as Bucket
      this.#taken[level] = (this.#taken[level] as number) & ~bit
    }
    detach(deadline)
  }
}

function append(bucket: Bucket, deadline: Deadline): void {
  const last = bucket.previous
  deadline.previous = last
  deadline.next = bucket
  last.next = deadline
  bucket.previous = deadline
}

function detach(link: Link): void {
  const { previous, next } = link
  previous.next = next
  next.previous = previous
  link.previous = link.next = link
}

/** Appends everything in `from` to `to`. */
function moveAll(from: Bucket, to: Bucket): void {
  const { next: first, previous: last } = from
  if (first === from) return
  from.previous = from.next = from
  first.previous = to.previous
  to.previous.next = first
  last.next = to
  to.previous = last
}

/** The process was stopped; or the machine was suspended, or its wall clock set forward: these two look the same. */
export type JumpCause = 'stopped' | 'suspended'

/** The clocks that a `RunningClock` reads, and what it does when it finds that the process did not run. */
interface RunningClockOptions {
  /** Goes on while the process is stopped, and stands still while the machine is suspended. */
  readonly monotonic: () => number
  /** Goes on whatever happens, and may be set. */
  readonly wall: () => number
  /** A gap of more than this is time in which the process did not run. */
  readonly jumpMs: number
  readonly jumped: (ms: number, cause: JumpCause) => void
}

/**
 * The time for which the process ran: a stopped process (SIGSTOP, a debugger, a frozen container) could not have kept a
 * deadline, so its clock stands still. Somebody has to call `tick` at least every `jumpMs` / 2; what passes between two
 * readings counts if it is no more than `jumpMs`.
 */
export class RunningClock {
  readonly #options: RunningClockOptions
  #readAtMs: number
  #lostMs = 0
  /** What both clocks said at the last tick. */
  #tickedAtMs: number
  #tickedAtWallMs: number

  constructor(options: RunningClockOptions) {
    this.#options = options
    this.#readAtMs = this.#tickedAtMs = options.monotonic()
    this.#tickedAtWallMs = options.wall()
  }

  /** Hot path. Milliseconds; never goes back. */
  now(): number {
    const { monotonic, jumpMs, jumped } = this.#options
    const at = monotonic()
    const passed = at - this.#readAtMs
    if (passed > 0) this.#readAtMs = at
    if (passed > jumpMs) {
      this.#lostMs += passed
      jumped(passed, 'stopped')
    }
    return this.#readAtMs - this.#lostMs
  }

  /**
   * Reads the wall clock, too: if that has moved on alone the machine was suspended, or its clock set forward. Nothing
   * is lost then, since `now` stood still anyway, but what is connected to us may be gone.
   */
  tick(): void {
    this.now()
    const { wall, jumpMs, jumped } = this.#options
    const wallMs = wall()
    const suspendedMs = wallMs - this.#tickedAtWallMs - (this.#readAtMs - this.#tickedAtMs)
    this.#tickedAtWallMs = wallMs
    this.#tickedAtMs = this.#readAtMs
    if (suspendedMs > jumpMs) jumped(suspendedMs, 'suspended')
  }
}
