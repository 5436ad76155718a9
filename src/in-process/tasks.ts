/**
 * Who waits for a lease while they hold one. A task is the work that begins with asking for a lease and goes on in the same
 * asynchronous context; whatever asks within it, once it has got its lease, is its child. If all that is lent is held by
 * tasks of which some part waits, nobody will ever give anything back: the deadlock of nested acquires.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

export class Task {
  parent: Task | undefined
  /** Leases that its own code has got, and not given back. */
  held = 0

  constructor(parent: Task | undefined) {
    this.parent = parent
  }

  /**
   * It has a lease. What is called in the same breath as the asking is no part of it, though its context is the same: its
   * code has not gone on yet.
   */
  took(): void {
    queueMicrotask(() => void this.held++)
  }

  gave(): void {
    this.held--
  }
}

const storage = new AsyncLocalStorage<Task>()

/** Whatever the caller goes on to do from here belongs to the task returned. */
export function enterTask(): Task {
  const task = new Task(currentTask())
  forgetOver(task)
  storage.enterWith(task)
  return task
}

/** A task that holds nothing any more will never hold anything again: it is one acquire. */
function forgetOver(task: Task): void {
  for (let child: Task | undefined = task; child; child = child.parent) child.parent = holding(child.parent)
}

/** The one that holds something, and in which the caller does what it does. */
export function currentTask(): Task | undefined {
  return holding(storage.getStore())
}

/** This, or the nearest that it is within. */
function holding(task: Task | undefined): Task | undefined {
  let one = task
  while (one && one.held <= 0) one = one.parent
  return one
}

/** Every holder waits, itself or a part of it. A holder without a task is somebody who will not. */
export function isDeadlock(holders: Iterable<Task | undefined>, waiters: Iterable<Task | undefined>): boolean {
  const blocked = new Set<Task>()
  for (const waiter of waiters) {
    for (let task = waiter; task && !blocked.has(task); task = task.parent) blocked.add(task)
  }
  for (const holder of holders) if (!holder || !blocked.has(holder)) return false
  return true
}
