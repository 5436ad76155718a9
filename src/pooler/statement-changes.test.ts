import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { ReplyQueue } from './reply-queue.ts'
import { StatementChanges } from './statement-changes.ts'

const reader = { id: 1, isReading: true, reply: () => true }

describe('what a client has changed of its names', () => {
  let queue: ReplyQueue
  let changes: StatementChanges

  beforeEach(() => {
    queue = new ReplyQueue()
    changes = new StatementChanges(queue)
  })

  const groupEnds = (): void => queue.sentSync(reader)

  it('is what was given in an earlier group, not in this one', () => {
    changes.changing('s')
    assert.deepEqual([changes.isChangedBefore('s'), changes.isChangedBefore('t')], [false, false])
    groupEnds()
    assert.deepEqual([changes.isChangedBefore('s'), changes.isChangedBefore('t')], [true, false])
  })

  it('drops in its group what was given in front, not what is given behind', () => {
    changes.changing('s')
    changes.allDropping()
    assert.deepEqual([changes.isDropped('s'), changes.isDropped('t')], [true, true])
    changes.changing('s')
    assert.deepEqual([changes.isDropped('s'), changes.isDropped('t')], [false, true])
    assert.equal(changes.isAllChangedBefore, false)
    groupEnds()
    assert.deepEqual([changes.isDropped('t'), changes.isAllChangedBefore], [false, true])
  })

  it('survives a drop that has run if it was given behind it, whatever is to run behind that', () => {
    changes.allDropping()
    changes.changing('s')
    const isFirstThere = changes.survivalOf('s')
    changes.allDropping()
    changes.changing('s')
    changes.allDropped()
    assert.deepEqual([isFirstThere(), changes.survives('s'), changes.survives('t')], [true, true, false])
    changes.allDropped()
    assert.deepEqual([isFirstThere(), changes.survives('s')], [false, true])
  })

  it('is over when all is answered: what is there then was dropped by nothing', () => {
    changes.allDropping()
    changes.changing('s')
    groupEnds()
    changes.allDropped()
    queue.gotReady()
    assert.equal(changes.isEmpty, false)
    changes.requestsAnswered()
    assert.deepEqual([changes.isEmpty, changes.survives('s')], [true, true])
  })

  it('forgets a drop of an earlier group that was skipped, and nothing of the group that is open', () => {
    changes.allDropping()
    groupEnds()
    queue.gotReady()
    changes.changing('s')
    queue.sentExtended()
    changes.requestsAnswered()
    changes.allDropping()
    changes.allDropped()
    assert.deepEqual([changes.isEmpty, changes.survives('s')], [false, false])
    changes.changing('s')
    assert.equal(changes.survives('s'), true)
  })

  it('is limited', () => {
    for (let n = 0; n < 65_536; n++) changes.changing(`s${n}`)
    assert.throws(() => changes.changing('one more'), { code: 'too_many_statements' })
  })
})
