import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Deadline, Deadlines, type JumpCause, RunningClock } from './time.ts'

const dayMs = 86_400_000

/** Durations of every level and of every turn, also such as end within a millisecond. */
const duration = fc.oneof(
  fc.nat({ max: 70 }),
  fc.double({ min: 0, max: 40, noNaN: true }),
  fc.nat({ max: 100_000 }),
  fc.nat({ max: 40 * dayMs }),
  fc.double({ min: 0, max: 1_200 * dayMs, noNaN: true }),
)
const origin = fc.oneof(
  fc.constantFrom(0, 0.5, 31, 32, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 0.25, 2 ** 52),
  fc.double({ min: 0, max: 2 ** 51, noNaN: true }),
)

describe('Deadlines', () => {
  let fired: [name: string, now: number][]
  const noted = (name: string): Deadline => new Deadline((now) => void fired.push([name, now]))

  beforeEach(() => {
    fired = []
  })

  it('fires what is due, and not before', () => {
    const deadlines = new Deadlines(0)
    deadlines.start(noted('a'), 100)
    deadlines.advance(99.9)
    assert.deepEqual(fired, [])
    deadlines.advance(100)
    deadlines.advance(1_000)
    assert.deepEqual(fired, [['a', 100]])
  })

  it('fires at the end of the millisecond in which something is due', () => {
    const deadlines = new Deadlines(0.5)
    deadlines.start(noted('a'), 7.3)
    deadlines.advance(7.9)
    assert.deepEqual(fired, [])
    deadlines.advance(8)
    assert.deepEqual(fired, [['a', 8]])
  })

  it('fires by due millisecond, and within one in the order of starting', () => {
    const deadlines = new Deadlines(0)
    for (const [name, atMs] of [
      ['d', 4_000],
      ['b', 99.5],
      ['a', 40],
      ['c', 99.1],
      ['e', 4_000],
    ] as const) {
      deadlines.start(noted(name), atMs)
    }
    deadlines.advance(3_990)
    deadlines.start(noted('f'), 4_000)
    deadlines.advance(5_000)
    assert.equal(fired.map(([name]) => name).join(''), 'abcdef')
  })

  it('knows what runs, until when, and how many', () => {
    const deadlines = new Deadlines(0)
    const a = noted('a')
    const state = (): unknown => [a.isRunning, a.atMs, deadlines.size]
    assert.deepEqual(state(), [false, Infinity, 0])
    deadlines.start(a, 100.5)
    assert.deepEqual(state(), [true, 100.5, 1])
    deadlines.start(a, 50)
    assert.deepEqual(state(), [true, 50, 1])
    deadlines.stop(a)
    assert.deepEqual(state(), [false, Infinity, 0])
    deadlines.start(a, 60)
    deadlines.advance(60)
    assert.deepEqual(state(), [false, Infinity, 0])
  })

  it('lets a deadline be started anew, earlier or later, and stopped twice', () => {
    const deadlines = new Deadlines(0)
    const [a, b, c] = [noted('a'), noted('b'), noted('c')]
    for (const deadline of [a, b, c]) deadlines.start(deadline, 100)
    deadlines.start(a, 5_000)
    deadlines.start(b, 10)
    deadlines.stop(c)
    deadlines.stop(c)
    deadlines.advance(100)
    deadlines.advance(5_000)
    assert.deepEqual(fired, [
      ['b', 100],
      ['a', 5_000],
    ])
  })

  it('stops what is started for ever', () => {
    const deadlines = new Deadlines(0)
    const a = noted('a')
    deadlines.start(a, 10)
    deadlines.start(a, Infinity)
    deadlines.advance(1e15)
    assert.deepEqual([fired, a.isRunning, deadlines.nextAtMs], [[], false, Infinity])
  })

  it('fires at the next advance what was due before it was started, also if that brings no later time', () => {
    const deadlines = new Deadlines(100)
    deadlines.start(noted('a'), 50)
    deadlines.start(noted('b'), -Infinity)
    assert.equal(deadlines.nextAtMs, 100)
    deadlines.advance(100)
    assert.deepEqual(fired, [
      ['a', 100],
      ['b', 100],
    ])
  })

  it('takes a time before the last one for the last one', () => {
    const deadlines = new Deadlines(0)
    deadlines.advance(1_000)
    deadlines.start(noted('a'), 500)
    deadlines.start(noted('b'), 1_001)
    deadlines.advance(3)
    assert.deepEqual(fired, [['a', 1_000]])
  })

  it('lets a deadline that starts itself for the present run until the next advance', () => {
    const deadlines = new Deadlines(0)
    const again = new Deadline((now) => {
      assert.equal(again.isRunning, false)
      fired.push(['again', now])
      deadlines.start(again, now)
    })
    deadlines.start(again, 10)
    for (const now of [10, 10, 25]) deadlines.advance(now)
    assert.deepEqual(fired, [
      ['again', 10],
      ['again', 10],
      ['again', 25],
    ])
  })

  it('lets a callback stop what would fire after it', () => {
    const deadlines = new Deadlines(0)
    const b = noted('b')
    deadlines.start(new Deadline(() => deadlines.stop(b)), 10)
    deadlines.start(b, 10)
    deadlines.start(noted('c'), 10)
    deadlines.advance(10)
    assert.deepEqual([fired, deadlines.size], [[['c', 10]], 0])
  })

  it('does nothing if it is advanced by a callback', () => {
    const deadlines = new Deadlines(0)
    deadlines.start(new Deadline(() => deadlines.advance(1_000)), 10)
    deadlines.start(noted('a'), 10)
    deadlines.start(noted('b'), 500)
    deadlines.advance(10)
    assert.deepEqual(fired, [['a', 10]])
  })

  it('loses nothing when a callback throws: the rest fires at the next advance', () => {
    const deadlines = new Deadlines(0)
    const failing = new Deadline(() => {
      throw new Error('bug')
    })
    deadlines.start(noted('a'), 9)
    deadlines.start(failing, 10)
    deadlines.start(noted('b'), 10)
    deadlines.start(noted('c'), 12)
    assert.throws(() => deadlines.advance(20), /bug/)
    assert.deepEqual([fired, deadlines.nextAtMs, failing.isRunning], [[['a', 20]], 20, false])
    deadlines.start(noted('d'), 15)
    deadlines.advance(20)
    assert.equal(fired.map(([name]) => name).join(''), 'abcd')
  })

  it('passes over days and years at once', () => {
    const deadlines = new Deadlines(0)
    const times = [5, 40 * dayMs, 2 ** 30 - 1, 2 ** 30, 900 * dayMs, 2 ** 52]
    for (const atMs of times) deadlines.start(noted(String(atMs)), atMs)
    deadlines.advance(2 ** 52)
    const inOrder = times.toSorted((a, b) => a - b)
    assert.deepEqual(
      fired,
      inOrder.map((atMs) => [String(atMs), 2 ** 52]),
    )
  })

  it('looks for nothing where the last deadline was stopped', () => {
    const deadlines = new Deadlines(0)
    const [a, b] = [noted('a'), noted('b')]
    deadlines.start(a, 3)
    deadlines.start(b, 20)
    deadlines.stop(a)
    assert.equal(deadlines.nextAtMs, 20)
    deadlines.start(b, 30)
    assert.equal(deadlines.nextAtMs, 30)
  })

  it('says before when nothing is due, and leads whoever advances to it to each deadline', () => {
    const property = fc.property(origin, fc.array(duration, { minLength: 1, maxLength: 12 }), (begin, durations) => {
      fired = []
      const deadlines = new Deadlines(begin)
      const due = durations.map((ms, index) => [String(index), Math.max(begin, Math.ceil(begin + ms))] as const)
      durations.forEach((ms, index) => deadlines.start(noted(String(index)), begin + ms))
      for (let steps = 0, last = -Infinity; deadlines.size > 0; steps++) {
        const next = deadlines.nextAtMs
        const earliest = Math.min(
          ...due
            .slice()
            .sort((a, b) => a[1] - b[1])
            .slice(fired.length)
            .map(([, atMs]) => atMs),
        )
        assert.ok(next <= earliest && next >= last && steps < 2_000)
        last = next
        deadlines.advance(next)
      }
      assert.deepEqual(
        fired,
        due.slice().sort((a, b) => a[1] - b[1]),
      )
      assert.equal(deadlines.nextAtMs, Infinity)
    })
    fc.assert(property)
  })

  it('agrees with a sorted list, whatever is started and stopped, from wherever', () => {
    const fate = fc.record({ item: fc.nat({ max: 5 }), ms: fc.option(fc.oneof(duration, fc.constantFrom(-5, 0))) })
    const step = fc.record({ fate, advanceMs: fc.option(duration) })
    const property = fc.property(
      origin,
      fc.array(step, { maxLength: 60 }),
      fc.array(fate, { minLength: 6, maxLength: 60 }),
      (begin, steps, reactions) => {
        const real = play(new Wheel(begin), begin, steps, reactions)
        const model = play(new SortedList(begin), begin, steps, reactions)
        assert.deepEqual(real, model)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})

interface Fate {
  readonly item: number
  /** null: it is stopped. */
  readonly ms: number | null
}

interface Step {
  readonly fate: Fate
  readonly advanceMs: number | null
}

/** What both can do. Items are numbers. */
interface Subject {
  fired: (item: number, now: number) => void
  readonly size: number
  start(item: number, atMs: number): void
  stop(item: number): void
  advance(now: number): void
}

/** Plays the steps; each firing leads to the next one of the reactions. Returns what happened. */
function play(subject: Subject, begin: number, steps: readonly Step[], reactions: readonly Fate[]): unknown[] {
  const events: unknown[] = []
  let now = begin
  let reaction = 0
  const meet = ({ item, ms }: Fate): void => (ms === null ? subject.stop(item) : subject.start(item, now + ms))
  subject.fired = (item, at) => {
    events.push(['fired', item, at, subject.size])
    const next = reactions[reaction++]
    if (next) meet(next)
  }
  for (const { fate, advanceMs } of steps) {
    meet(fate)
    if (advanceMs === null) continue
    now += advanceMs
    subject.advance(now)
    events.push(['advanced', now, subject.size])
  }
  return events
}

class Wheel implements Subject {
  fired: Subject['fired'] = () => undefined
  readonly #deadlines: Deadlines
  readonly #items = [0, 1, 2, 3, 4, 5].map((item) => new Deadline((now) => this.fired(item, now)))

  constructor(begin: number) {
    this.#deadlines = new Deadlines(begin)
  }

  get size(): number {
    return this.#deadlines.size
  }

  start(item: number, atMs: number): void {
    this.#deadlines.start(this.#items[item] as Deadline, atMs)
  }

  stop(item: number): void {
    this.#deadlines.stop(this.#items[item] as Deadline)
  }

  advance(now: number): void {
    this.#deadlines.advance(now)
  }
}

class SortedList implements Subject {
  fired: Subject['fired'] = () => undefined
  #running: { item: number; tick: number }[] = []
  #now: number

  constructor(begin: number) {
    this.#now = begin
  }

  get size(): number {
    return this.#running.length
  }

  start(item: number, atMs: number): void {
    this.stop(item)
    const tick = Math.ceil(atMs)
    this.#running.push({ item, tick: tick > Math.floor(this.#now) ? tick : -Infinity })
    this.#running.sort((a, b) => (a.tick === b.tick ? 0 : a.tick - b.tick))
  }

  stop(item: number): void {
    this.#running = this.#running.filter((one) => one.item !== item)
  }

  advance(now: number): void {
    this.#now = now
    for (const one of this.#running.filter(({ tick }) => tick <= now)) {
      if (!this.#running.includes(one)) continue
      this.stop(one.item)
      this.fired(one.item, now)
    }
  }
}

describe('RunningClock', () => {
  let monotonicMs: number
  let wallMs: number
  let jumps: [number, JumpCause][]
  let clock: RunningClock

  beforeEach(() => {
    monotonicMs = 1_000.5
    wallMs = 1.7e12
    jumps = []
    clock = new RunningClock({
      monotonic: () => monotonicMs,
      wall: () => wallMs,
      jumpMs: 5_000,
      jumped: (...jump) => void jumps.push(jump),
    })
  })

  const pass = (ms: number): void => {
    monotonicMs += ms
    wallMs += ms
  }

  it('says what the monotonic clock says, as long as that is read often enough', () => {
    for (const ms of [0, 0.25, 20, 5_000]) {
      pass(ms)
      clock.tick()
      assert.equal(clock.now(), monotonicMs)
    }
    assert.deepEqual(jumps, [])
  })

  for (const reading of ['now', 'tick'] as const) {
    it(`does not count a gap in which the process was stopped, whoever sees it first: ${reading}`, () => {
      pass(100)
      clock.tick()
      pass(60_000)
      clock[reading]()
      clock.tick()
      assert.deepEqual([clock.now(), jumps], [1_100.5, [[60_000, 'stopped']]])
      pass(10)
      assert.equal(clock.now(), 1_110.5)
      pass(7_000)
      assert.deepEqual(
        [clock.now(), jumps],
        [
          1_110.5,
          [
            [60_000, 'stopped'],
            [7_000, 'stopped'],
          ],
        ],
      )
    })
  }

  it('tells of a machine that was suspended, in which time its clock stood still anyway', () => {
    pass(20)
    wallMs += 3_600_000
    assert.deepEqual([clock.now(), jumps], [1_020.5, []])
    clock.tick()
    clock.tick()
    assert.deepEqual([clock.now(), jumps], [1_020.5, [[3_600_000, 'suspended']]])
  })

  it('ignores a wall clock that goes back, or forward by less', () => {
    for (const ms of [-3_600_000, 4_900, -1, 5_000]) {
      pass(20)
      wallMs += ms
      clock.tick()
    }
    assert.deepEqual([clock.now(), jumps], [1_080.5, []])
  })

  it('never goes back', () => {
    pass(50)
    clock.tick()
    monotonicMs -= 30
    assert.equal(clock.now(), 1_050.5)
    clock.tick()
    monotonicMs += 40
    assert.deepEqual([clock.now(), jumps], [1_060.5, []])
  })

  it('lets the listener read the time: it is right already', () => {
    const seen: number[] = []
    const watched: RunningClock = new RunningClock({
      monotonic: () => monotonicMs,
      wall: () => wallMs,
      jumpMs: 5_000,
      jumped: () => void seen.push(watched.now()),
    })
    pass(9_000)
    watched.tick()
    assert.deepEqual(seen, [1_000.5])
  })
})
