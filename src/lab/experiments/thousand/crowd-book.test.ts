import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CrowdBook } from './crowd-book.ts'

const times = { warmUpMs: 100, windowMs: 50, windows: 2, meanPauseMs: 1 }

/** A book, and a clock that is turned by hand. */
function open() {
  const clock = { ms: 1_000 }
  const book = new CrowdBook(times, () => clock.ms)
  return { clock, book }
}

describe('CrowdBook', () => {
  it('enters each answer in the window in which it came, and none of the warm-up or afterwards', async () => {
    const { clock, book } = open()
    assert.equal(book.begin(), 1_200)
    for (const [askedMs, answeredMs] of [
      [1_010, 1_099],
      [1_090, 1_100],
      [1_120, 1_149],
      [1_120, 1_150],
      [1_190, 1_200],
    ] as const) {
      clock.ms = askedMs
      const answer = Promise.withResolvers<void>()
      const entered = book.enter(1, answer.promise)
      clock.ms = answeredMs
      answer.resolve()
      await entered
    }
    assert.deepEqual(
      book.close().windows.map(({ latenciesMs }) => latenciesMs),
      [[10, 29], [30]],
    )
  })

  it('counts each client once: answered in time, ended with a reason, or waiting', async () => {
    const { clock, book } = open()
    await book.enter(1, Promise.resolve())
    book.begin()
    await book.enter(1, Promise.resolve())
    await book.enter(2, Promise.reject(Object.assign(new Error('no server'), { code: '53300' })))
    assert.equal(book.isLost(2), true)
    const cut = Promise.withResolvers<void>()
    const waiting = book.enter(3, cut.promise)
    const late = Promise.withResolvers<void>()
    const lateToo = book.enter(4, late.promise)
    clock.ms = 1_200
    late.resolve()
    await lateToo
    cut.reject(new Error('Connection terminated'))
    await waiting
    assert.equal(book.isLost(3), false)
    const { served, failures, waiting: still } = book.close()
    assert.deepEqual({ served, failures, still }, { served: 1, failures: new Map([['53300', 1]]), still: 2 })
  })
})
