/**
 * A pool of scripted clients, and what must be true of it whatever is done: who asked first is served first, there are
 * never more connections than `max`, a client has one holder, everybody is answered once, nobody waits while something is
 * idle, and an end comes when all is closed and not before.
 */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { QueryConfig } from 'pg'
import type { Pool as TaxirankPool } from '../../../src/pg/taxirank.ts'
import { Taxirank } from '../support/library.ts'
import type { Command } from './commands.ts'
import { type ClientWatcher, ScriptedClient } from './scripted-client.ts'

interface Caller {
  readonly number: number
  readonly kind: 'connect' | 'query'
  readonly abort: AbortController
  state: 'waiting' | 'holding' | 'over'
  client: ScriptedClient | undefined
}

const down = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const endedText = 'Cannot use a pool after calling end on the pool'
/** The pause after a dial that failed is 100 ms at least. */
const settleLimitMs = 3_000

export class World {
  readonly #pool: TaxirankPool
  readonly #clients: ScriptedClient[] = []
  readonly #callers: Caller[] = []
  /** Those that were served in this step. */
  #served: number[] = []
  #max: number
  #isEnding = false
  #isEnded = false
  #breach: Error | undefined
  /** A dial has failed in this step. */
  #isDown = false

  constructor(max: number) {
    const watcher = this.#watcher()
    class Client extends ScriptedClient {
      constructor() {
        super(watcher)
      }
    }
    const options = {
      Client,
      max,
      idleTimeoutMillis: 0,
      closeTimeoutMillis: 0,
      resetTimeoutMillis: 0,
      retryMaxMillis: 0,
    }
    this.#max = max
    this.#pool = new Taxirank(options) as unknown as TaxirankPool
  }

  #watcher(): ClientWatcher {
    return {
      made: (client) => {
        this.#clients.push(client)
        const { length } = this.#alive
        this.#note(() => assert.ok(length <= this.#max, `${length} connections, and max is ${this.#max}`))
      },
      started: (client, text) => {
        const caller = this.#querying(text)
        if (caller) this.#serve(caller, client)
      },
      answered: (client, text) => {
        const caller = this.#querying(text)
        if (caller?.client === client) caller.client = undefined
      },
    }
  }

  #querying(text: string): Caller | undefined {
    return this.#callers.find(({ number }) => text === `query ${number}`)
  }

  // What is done.

  async run(command: Command): Promise<void> {
    this.#served = []
    this.#isDown = false
    this.#do(command)
    await turn()
    this.#check()
  }

  #do(command: Command): void {
    const { which = 0 } = command as { which?: number }
    switch (command.do) {
      case 'connect':
        return this.#connect(command.isBack)
      case 'query':
        return this.#query()
      case 'dialled':
        return pick(this.#in('dialling'), which)?.dialled()
      case 'dial fails':
        this.#isDown = this.#in('dialling').length > 0
        return pick(this.#in('dialling'), which)?.dialFailed(down)
      case 'release':
        return this.#release(which, command.how)
      case 'answer':
        return pick(this.#running, which)?.answer(command.isError ? new Error('no') : undefined)
      case 'die':
        return pick(this.#in('open'), which)?.die()
      case 'ended':
        return pick(this.#in('ending'), which)?.ended()
      case 'abort':
        return pick(this.#waiting, which)?.abort.abort(new Error('aborted'))
      case 'resize':
        this.#max = Math.max(command.max, this.#alive.length)
        this.#pool.resize({ max: command.max })
        return
      case 'end':
        return this.#end(command.isDrain)
    }
  }

  #connect(isBack: boolean): void {
    const caller = this.#caller('connect')
    const { signal } = caller.abort
    if (!isBack) {
      this.#pool.connect({ signal }).then(
        (client) => this.#serve(caller, client as unknown as ScriptedClient),
        (error: unknown) => this.#refuse(caller, error as Error),
      )
      return
    }
    this.#pool.connect({ signal }, (error, client) => {
      if (error) this.#refuse(caller, error)
      else this.#serve(caller, client as unknown as ScriptedClient)
    })
  }

  #query(): void {
    const caller = this.#caller('query')
    const query: QueryConfig = { text: `query ${caller.number}` }
    this.#pool.query({ ...query, signal: caller.abort.signal } as QueryConfig).then(
      () => this.#over(caller),
      (error: unknown) => (caller.state === 'waiting' ? this.#refuse(caller, error as Error) : this.#over(caller)),
    )
  }

  #caller(kind: Caller['kind']): Caller {
    const number = this.#callers.length
    const caller: Caller = { number, kind, abort: new AbortController(), state: 'waiting', client: undefined }
    this.#callers.push(caller)
    return caller
  }

  /** What is found within a pool's callback must not be thrown into it. */
  #note(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#breach ??= error as Error
    }
  }

  #serve(caller: Caller, client: ScriptedClient): void {
    this.#note(() => this.#checkServed(caller, client))
    caller.state = 'holding'
    caller.client = client
    this.#served.push(caller.number)
  }

  #checkServed(caller: Caller, client: ScriptedClient): void {
    assert.equal(caller.state, 'waiting', `caller ${caller.number} is served once`)
    const other = this.#callers.find((one) => one.client === client)
    assert.equal(other?.number, undefined, `caller ${caller.number} gets what caller ${other?.number} has`)
    assert.equal(client.isInTransaction, false, 'no transaction is lent on')
    assert.ok(client.state === 'open' && !client.isDead, 'what is lent can be used')
  }

  #refuse(caller: Caller, error: Error): void {
    this.#note(() => this.#checkRefused(caller, error))
    caller.state = 'over'
  }

  #checkRefused(caller: Caller, error: Error): void {
    assert.equal(caller.state, 'waiting', `caller ${caller.number} is told once`)
    const isDown = error === down || error.message === down.message
    if (isDown) assert.ok(this.#isDown && this.#in('open').length === 0, 'told that it is down, and it is not')
    else if (error.message === endedText) assert.ok(this.#isEnding, 'told of an end that is none')
    else assert.ok(caller.abort.signal.aborted, `caller ${caller.number} was told: ${error.message}`)
  }

  #over(caller: Caller): void {
    this.#note(() => assert.equal(caller.state, 'holding', `caller ${caller.number} is answered once`))
    caller.state = 'over'
    caller.client = undefined
  }

  #release(which: number, how: 'clean' | 'error' | 'in transaction' | 'busy'): void {
    const holders = this.#callers.filter(({ kind, client }) => kind === 'connect' && client)
    const caller = pick(holders, which)
    const { client } = caller ?? {}
    if (!caller || !client) return
    if (how === 'in transaction') client.isInTransaction = true
    if (how === 'busy') client.query('left running', undefined, () => undefined)
    this.#over(caller)
    const { release } = client
    release?.(how === 'error')
    assert.throws(() => release?.(), /already been released/)
  }

  #end(isDrain: boolean): void {
    if (this.#isEnding) return
    this.#isEnding = true
    const ended = isDrain ? this.#pool.drain() : this.#pool.end()
    void (ended as Promise<unknown>).then(() => (this.#isEnded = true))
  }

  // What must be true.

  get #alive(): ScriptedClient[] {
    return this.#clients.filter(({ state }) => state !== 'ended')
  }

  #in(state: ScriptedClient['state']): ScriptedClient[] {
    return this.#clients.filter((client) => client.state === state && !(state === 'open' && client.isDead))
  }

  get #running(): ScriptedClient[] {
    return this.#clients.filter(({ _queryQueue: queue }) => queue.length > 0)
  }

  get #waiting(): Caller[] {
    return this.#callers.filter(({ state }) => state === 'waiting')
  }

  #check(): void {
    if (this.#breach) throw this.#breach
    const [first] = this.#waiting
    for (const number of this.#served) {
      assert.ok(!first || number < first.number, `caller ${number} was served before caller ${first?.number}`)
    }
    assert.equal(this.#pool.snapshot().waiting, this.#waiting.length, 'waiting')
    const held = new Set(this.#callers.map(({ client }) => client))
    const isFree = (client: ScriptedClient): boolean => !held.has(client) && client._queryQueue.length === 0
    const idle = this.#in('open').filter(isFree)
    assert.equal(this.#pool.idleCount, idle.length, 'idle')
    const there = this.#clients.filter((client) => client.state === 'dialling' || client.state === 'open')
    assert.equal(this.#pool.totalCount, there.length, 'all that is not being closed')
    assert.ok(this.#waiting.length === 0 || idle.length === 0, 'nobody waits while something is idle')
    const isOver = this.#isEnding && this.#alive.length === 0 && this.#waiting.length === 0
    assert.deepEqual([this.#isEnded, this.#pool.ended], [isOver, isOver], 'it has ended when all is closed')
  }

  /** Everything comes to rest, and everybody has been answered. */
  async settle(): Promise<void> {
    const limit = performance.now() + settleLimitMs
    while (this.#callers.some(({ state }) => state !== 'over')) {
      assert.ok(performance.now() < limit, 'everybody is answered in the end')
      await this.#go()
    }
    await this.run({ do: 'end', isDrain: false })
    for (let round = 0; round < 5; round++) await this.#go()
    assert.ok(this.#isEnded && this.#alive.length === 0, 'all is closed in the end')
  }

  async #go(): Promise<void> {
    const all: Command[] = [
      { do: 'dialled', which: 0 },
      { do: 'answer', which: 0, isError: false },
      { do: 'release', which: 0, how: 'clean' },
      { do: 'ended', which: 0 },
    ]
    for (const command of all) await this.run(command)
    const isPaused = this.#alive.length === 0 && this.#waiting.length > 0
    if (isPaused) await sleep(10)
  }
}

function pick<T>(list: readonly T[], which: number): T | undefined {
  return list[which % list.length]
}

/** All that follows from what was done has been done. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
}
