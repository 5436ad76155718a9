import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTask, enterTask, isDeadlock, runTask, Task } from './tasks.ts'

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

  it('is the current one only for what runTask runs', async () => {
    const before = currentTask()
    const inside = await runTask(async (task) => {
      task.held = 1
      await sleep(1)
      return currentTask() === task
    })
    assert.deepEqual([inside, currentTask() === before], [true, true])
  })

  it('is within the one in which it was begun', () => {
    runTask((outer) => {
      outer.held = 1
      assert.equal(enterTask().parent, outer)
    })
  })

  it('is none any more once it holds nothing and waits for nothing', () => {
    runTask((outer) => {
      outer.waiting = 1
      runTask((inner) => {
        inner.held = 1
        assert.equal(currentTask(), inner)
        inner.held = 0
        assert.equal(currentTask(), outer)
        outer.waiting = 0
        assert.notEqual(currentTask(), outer)
      })
    })
  })
})
