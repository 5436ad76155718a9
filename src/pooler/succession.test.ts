import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { MessageBytes } from '../wire/read.ts'
import type { ListeningServer } from './listening-server.ts'
import { Succession } from './succession.ts'

const connection = (): ListeningServer => ({}) as ListeningServer
const message = (text: string): MessageBytes => {
  const bytes = Buffer.from(`..${text}..`)
  return { bytes, start: 2, end: bytes.length - 2 }
}

describe('Succession', () => {
  const [old, next] = [connection(), connection()]
  let succession: Succession

  beforeEach(() => {
    succession = new Succession(next)
  })

  /** What is heard at once of these, and then of what was kept. `|`: the marker. */
  function hear(...said: readonly (readonly [ListeningServer, string])[]): string {
    const heard = said.flatMap(([from, text]) => {
      if (text === '|') succession.marked(from)
      else if (succession.isHeard(message(text), from)) return [text]
      return []
    })
    assert.ok(succession.isDone)
    return [...heard, '+', ...succession.takeHeld().map(String)].join(' ')
  }

  const both = (from: ListeningServer) => ['a', 'b', '|', 'c', 'd'].map((text) => [from, text] as const)

  it('hears everything once, in order, whichever connection is ahead', () => {
    assert.equal(hear(...both(old), ...both(next)), 'a b + c d')
    succession = new Succession(next)
    assert.equal(hear(...both(next), ...both(old)), 'a b + c d')
    succession = new Succession(next)
    assert.equal(hear(...both(old).flatMap((each, n) => [each, both(next)[n] ?? each])), 'a b + c d')
  })

  it('hears what comes before the new one listens from the old one only', () => {
    const late = both(next).slice(1)
    assert.equal(hear(...late, ...both(old)), 'a b + c d')
  })

  it('is not done before the marker has come from both', () => {
    succession.marked(next)
    assert.deepEqual([succession.isDone, succession.hasLeftOld], [false, false])
    succession.marked(old)
    assert.deepEqual([succession.isDone, succession.hasLeftOld], [true, true])
  })

  it('keeps 1 MiB, and says when it is more', () => {
    succession.marked(next)
    const kilobyte = message('x'.repeat(1_024))
    for (let n = 0; n < 1_024; n++) assert.equal(succession.isHeard(kilobyte, next), false)
    assert.equal(succession.isTooMuch, false)
    succession.isHeard(kilobyte, next)
    assert.equal(succession.isTooMuch, true)
  })

  it('has a marker that nobody can guess', () => {
    assert.notEqual(new Succession(next).payload, succession.payload)
    assert.match(succession.payload, /^[0-9a-f]{24}$/)
  })
})
