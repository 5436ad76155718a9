import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import type { Holding } from './entry.ts'
import { explain, nestedAcquire } from './explain.ts'

const figures = { maxSize: 2, leased: 2, opening: 0, waiting: 3 }
const holder = { site: 'src/orders.ts:42', heldMillis: 1_200, stack: '    at order (src/orders.ts:42:7)' }
const timedOut = (cause?: Error): TaxirankError => new TaxirankError('acquire_timeout', 'too late', { cause })
const reasons = (...given: Parameters<typeof explain>): unknown => explain(...given).shortage?.reason

describe('explain', () => {
  it('says how things stood, and who held what was waited for', () => {
    const { code, message, shortage } = explain(timedOut(), figures, [holder])
    assert.deepEqual([code, message], ['acquire_timeout', 'too late'])
    assert.deepEqual(shortage, { reason: 'exhausted', max: 2, leased: 2, opening: 0, waiting: 3, holders: [holder] })
  })

  it('tells a pool that is down from one that is slow and one that is exhausted', () => {
    const cause = new Error('connection refused')
    const down = explain(timedOut(cause), { ...figures, leased: 0, opening: 1 }, [])
    assert.deepEqual([down.shortage?.reason, down.cause], ['down', cause])
    assert.equal(reasons(timedOut(), { ...figures, leased: 1, opening: 1 }, []), 'slow')
    assert.equal(reasons(timedOut(), { ...figures, leased: 2, opening: 1 }, []), 'exhausted')
  })

  it('says that something was being opened', () => {
    const { message } = explain(timedOut(), { ...figures, leased: 0, opening: 2 }, [])
    assert.equal(message, 'too late; 2 being opened, and not there yet')
  })

  it('names ten holders at most', () => {
    const { shortage } = explain(
      timedOut(),
      figures,
      Array.from({ length: 11 }, () => holder),
    )
    assert.equal(shortage?.holders.length, 10)
  })

  it('leaves every other refusal as it is', () => {
    const error = new TaxirankError('queue_full', 'as many wait as may')
    assert.equal(explain(error, figures, [holder]), error)
  })
})

describe('nestedAcquire', () => {
  const holding = (name: string, line: number): Holding => ({
    site: `src/${name}.ts:${line}`,
    calls: { stack: `Error\n    at ${name} (src/${name}.ts:${line}:1)` },
    task: undefined,
  })

  it('says what to do, and shows both stacks', () => {
    const { code, retryable, message } = nestedAcquire(2, 30.4, holding('inner', 7), holding('outer', 5))
    assert.deepEqual([code, retryable], ['nested_acquire', false])
    assert.deepEqual(message.split('\n'), [
      'all 2 are held by callers who wait for one more themselves, and would wait for ever: refused after 30 ms so that one of ' +
        'them can go on. Use what is held already, or a larger pool for each level.',
      '  asked for at src/inner.ts:7',
      '    at inner (src/inner.ts:7:1)',
      '  holds at src/outer.ts:5',
      '    at outer (src/outer.ts:5:1)',
    ])
  })

  it('says so where one of them is not known', () => {
    assert.match(nestedAcquire(1, 1, undefined, undefined).message, /asked for: not known\n {2}holds: not known$/)
  })
})
