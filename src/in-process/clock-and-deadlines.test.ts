import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Supply } from '../../test/support/supply.ts'
import { Deadline } from '../time.ts'
import { now } from './clock.ts'
import { deadlines } from './timed-deadlines.ts'

/** Asks until one reading has served two. */
function burst(): void {
  for (let tries = 0; tries < 100_000; tries++) if (now() === now()) return
}

function blockFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end) {
    // Nothing else runs meanwhile.
  }
}

/** Resolves with what happens in a turn in which somebody asks for the time often, and then computes for 60 ms. */
function inBusyTurn<R>(work: () => R): Promise<R> {
  return new Promise((resolve) => {
    setTimeout(() => {
      burst()
      blockFor(60)
      resolve(work())
    }, 1)
  })
}

it('a deadline is told no time that the clock has not reached', async () => {
  const late = new Promise<number>((resolve) => {
    const deadline = new Deadline((at) => resolve(at - now()))
    deadlines.start(deadline, now() + 10)
  })
  await inBusyTurn(() => undefined)
  assert.ok((await late) <= 0, `the clock is ${await late} ms behind`)
})

it('a wait is as long as it was said to be, also behind a long computation', async () => {
  const ticking = new Deadline((at) => deadlines.start(ticking, at + 1))
  deadlines.start(ticking, performance.now())
  const pool = new Supply().pool({ max: 1 })
  await pool.acquire()
  const [from, waiting] = await inBusyTurn(() => [performance.now(), pool.acquire({ timeoutMillis: 80 })] as const)
  await waiting.catch(() => undefined)
  deadlines.stop(ticking)
  const waitedMs = performance.now() - from
  assert.ok(waitedMs >= 79, `${waitedMs} ms`)
})
