import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTask, enterTask, isDeadlock, Task } from './tasks.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function holding(parent?: Task): Task {
  const task = new Task(parent)
  task.held = 1
  return task
}

describe('isDeadlock', () => {
  it('is true where every holder waits for one more', () => {
    const [first, second] = [holding(), holding()]
    assert.equal(isDeadlock([first, second], [first, second]), true)
  })

  it('is true where a part of each holder waits, however deep within', () => {
    const [first, second] = [holding(), holding()]
    assert.equal(isDeadlock([first, second], [new Task(new Task(first)), new Task(second)]), true)
  })

  it('is false where one holder waits for nothing', () => {
    const [first, second] = [holding(), holding()]
    assert.equal(isDeadlock([first, second], [new Task(first), new Task(undefined)]), false)
  })

  it('is false where a holder is not known', () => {
    const first = holding()
    assert.equal(isDeadlock([first, undefined], [new Task(first)]), false)
  })

  it('is false where those who wait are not known, or nobody waits', () => {
    assert.deepEqual([isDeadlock([holding()], [undefined]), isDeadlock([holding()], [])], [false, false])
  })
})

describe('a task', () => {
  it('is the current one for whatever the caller goes on to do', async () => {
    await new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        const task = enterTask()
        task.held = 1
        sleep(1).then(() => (assert.equal(currentTask(), task), resolve()), reject)
      })
    })
  })

  it('is within the one that held something when it was begun', async () => {
    await turn()
    const outer = enterTask()
    outer.held = 1
    const inner = enterTask()
    assert.equal(inner.parent, outer)
    outer.held = 0
    assert.equal(enterTask().parent, undefined)
  })

  it('has a lease only when its own code goes on, and not when what was called in the same breath asks', async () => {
    await turn()
    const first = enterTask()
    first.took()
    assert.equal(enterTask().parent, undefined)
    first.gave()
    await turn()
    assert.equal(first.held, 0)
  })
})
