import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTask, enterTask, isDeadlock, Task } from './tasks.ts'

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

/** Runs `work` in a context of its own, as a request has one. */
function inPlaceOfItsOwn<R>(work: () => R): R {
  return new AsyncResource('PLACE').runInAsyncScope(work)
}

/** A task that holds something, as soon as its code goes on. */
async function holdingHere(): Promise<Task> {
  const task = enterTask()
  task.took()
  await Promise.resolve()
  return task
}

describe('a task', () => {
  it('is the current one for whatever its code goes on to do, however much later', () =>
    inPlaceOfItsOwn(async () => {
      const task = enterTask()
      task.took()
      await sleep(1)
      assert.equal(currentTask(), task)
      assert.equal(enterTask().parent, task)
    }))

  it('is nothing to what is called in the same breath', () =>
    inPlaceOfItsOwn(async () => {
      const first = holdingHere()
      assert.equal(enterTask().parent, undefined)
      await first
    }))

  it('is nothing to what runs in another place', async () => {
    const [first, second] = [1, 2].map(() => inPlaceOfItsOwn(holdingHere)) as [Promise<Task>, Promise<Task>]
    assert.deepEqual([(await first).parent, (await second).parent], [undefined, undefined])
  })

  it('is none any more once it holds nothing: then what it was within is', () =>
    inPlaceOfItsOwn(async () => {
      const outer = enterTask()
      outer.took()
      await Promise.resolve()
      const inner = enterTask()
      inner.took()
      await Promise.resolve()
      assert.equal(currentTask(), inner)
      inner.gave()
      assert.equal(currentTask(), outer)
      outer.gave()
      assert.equal(currentTask(), undefined)
    }))
})
