import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Processors } from './processors.ts'

/** Begins work at instants and notes when each is done. */
class Bench {
  readonly done: [name: string, atMs: number][] = []
  readonly processors: Processors

  constructor(cores: number) {
    this.processors = new Processors((running) => Math.min(running, cores), 100)
  }

  begin(name: string, workMs: number, now: number): void {
    this.runUntil(now)
    this.processors.begin(workMs, { happen: (at) => this.done.push([name, Math.round(at * 1e6) / 1e6]) }, now)
  }

  runUntil(untilMs: number): void {
    while (this.processors.nextAtMs <= untilMs) this.processors.advance(this.processors.nextAtMs)
  }
}

describe('Processors', () => {
  it('do not slow what runs while there are no more statements than cores', () => {
    const bench = new Bench(2)
    bench.begin('a', 10, 0)
    bench.begin('b', 3, 5)
    bench.runUntil(1e9)
    assert.deepEqual(bench.done, [
      ['b', 8],
      ['a', 10],
    ])
  })

  it('are shared equally by more: two on one core take as long as both together', () => {
    const bench = new Bench(1)
    bench.begin('a', 10, 0)
    bench.begin('b', 10, 0)
    bench.runUntil(1e9)
    assert.deepEqual(bench.done, [
      ['a', 20],
      ['b', 20],
    ])
  })

  it('go on at another speed when somebody comes or goes', () => {
    const bench = new Bench(1)
    bench.begin('a', 10, 0)
    // From 4 on both have half a core: b's 3 take until 10, when a has 3 left.
    bench.begin('b', 3, 4)
    bench.runUntil(1e9)
    assert.deepEqual(bench.done, [
      ['b', 10],
      ['a', 13],
    ])
  })

  it('know how many have run, and for how long', () => {
    const bench = new Bench(4)
    bench.begin('a', 10, 0)
    bench.begin('b', 4, 2)
    bench.runUntil(1e9)
    assert.deepEqual(
      [bench.processors.runningMs(20), bench.processors.mostRunning, bench.processors.running],
      [14, 2, 0],
    )
  })

  it('lose what runs when they stop, and begin anew', () => {
    const bench = new Bench(1)
    bench.begin('a', 10, 0)
    bench.processors.stop(5)
    bench.begin('b', 2, 7)
    bench.runUntil(1e9)
    assert.deepEqual(bench.done, [['b', 9]])
  })

  it('do what they can also for more than was computed beforehand', () => {
    const processors = new Processors((running) => Math.min(running, 3), 2)
    let doneAtMs = 0
    for (let one = 0; one < 4; one++) processors.begin(3, { happen: (now) => (doneAtMs = now) }, 0)
    while (processors.running > 0) processors.advance(processors.nextAtMs)
    assert.equal(doneAtMs, 4)
  })
})
