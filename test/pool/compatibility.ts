/**
 * Calls of a pool as programs make them, and what comes of each as a plain value: the same from pg's own pool and from
 * this one. What pg's own pool gets wrong is not here but in quirks.ts.
 */

import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import type { AnyPool, PoolClass } from './support/library.ts'
import type { Stage } from './support/stage.ts'
import { StubClient } from './support/stub-client.ts'
import { countsOf, describeError, outcome, Transcript } from './support/transcript.ts'
import { eventually } from './support/waiting.ts'

export interface Usage {
  readonly what: string
  readonly run: (Pool: PoolClass, stage: Stage) => unknown
}

type Release = (error?: Error | boolean) => void

function connectBack(pool: AnyPool): Promise<[Error | undefined, PoolClient | undefined, Release]> {
  return new Promise((resolve) =>
    pool.connect((error, client, release) => resolve([error, client, release as Release])),
  )
}

const options: Usage[] = [
  {
    what: 'fills in the options that are left out, empty or 0',
    run(Pool) {
      const given = [
        undefined,
        null,
        {},
        { max: 0, min: 0, maxUses: 0, maxLifetimeSeconds: 0, idleTimeoutMillis: 0 },
        { poolSize: 3 },
        { max: 5, poolSize: 3 },
        { max: '7', min: '2', idleTimeoutMillis: '50', maxUses: '4' },
        { idleTimeoutMillis: undefined, connectionTimeoutMillis: 5, allowExitOnIdle: true },
        { database: 'other', statement_timeout: 7, application_name: 'a name', whatever: 'else' },
      ]
      return given.map((each) => {
        const { keepAlive: _, ...filled } = new Pool(each as object, StubClient).options as object as Record<
          string,
          unknown
        >
        return filled
      })
    },
  },
  {
    what: 'copies its options, and leaves those of the caller as they are',
    run(Pool) {
      const given = { max: 3, password: 'secret' }
      const pool = new Pool(given, StubClient)
      return [Object.keys(given), pool.options === given, Object.keys(pool.options).includes('max')]
    },
  },
  {
    what: 'hides secrets from whoever lists the options, and hands them on with a copy',
    run(Pool) {
      const pool = new Pool({ password: 'secret', ssl: { key: 'secret', ca: 'known' } }, StubClient)
      const copy = new Pool(pool.options, StubClient)
      const listed = [pool, copy].map((one) => JSON.stringify(one.options).includes('secret'))
      const { password, ssl } = copy.options as { password?: string; ssl?: { key: string } }
      return [listed, password, ssl?.key, Object.keys(pool.options).includes('password')]
    },
  },
  {
    what: 'takes numbers as texts, as they come from an environment',
    async run(Pool, stage) {
      const { port } = stage
      const texts = { port: String(port), max: '2', idleTimeoutMillis: '50', connectionTimeoutMillis: '1500' }
      const pool = stage.pool(Pool, texts)
      const clients = [await pool.connect(), await pool.connect()]
      const third = await outcome(() => pool.connect())
      for (const client of clients) client.release()
      await eventually('they are gone', () => pool.totalCount === 0)
      return withoutCause(third)
    },
  },
  {
    what: 'opens nothing that nobody asks for, and leaves min when others have been idle for long',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { min: 1, idleTimeoutMillis: 100 })
      await sleep(50)
      const before = countsOf(pool)
      const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
      for (const client of clients) client.release()
      const meanwhile = countsOf(pool)
      await sleep(400)
      return [before, meanwhile, countsOf(pool)]
    },
  },
  {
    what: 'makes promises of the kind that it is told',
    async run(Pool, stage) {
      class Own<T> extends Promise<T> {}
      const pool = stage.pool(Pool, { Promise: Own })
      const connecting = pool.connect()
      const querying = pool.query('select 1')
      const client = await connecting
      client.release()
      const again = pool.connect()
      await querying
      ;(await again).release()
      const ending = pool.end()
      await ending
      return [connecting, querying, again, ending].map((promise) => promise instanceof Own)
    },
  },
]

const figures: Usage[] = [
  {
    what: 'counts in the very call',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient, max: 2 })
      const seen = [countsOf(pool)]
      const asked = [pool.connect(), pool.connect()]
      seen.push(`${pool.totalCount} there`, `${pool.idleCount} idle`, `${pool._clients.length} clients`)
      const [first, second] = await Promise.all(asked)
      asked.push(pool.connect())
      seen.push(countsOf(pool))
      first?.release()
      seen.push(countsOf(pool))
      const third = await asked[2]
      second?.release()
      seen.push(countsOf(pool))
      third?.release(true)
      seen.push(countsOf(pool))
      await pool.end()
      return [...seen, countsOf(pool)]
    },
  },
  {
    what: 'does not count as waiting those for whom a client is being opened',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient, max: 2 })
      const asked = [pool.connect(), pool.connect(), pool.connect()]
      const seen = [countsOf(pool)]
      const clients = await Promise.all(asked.slice(0, 2))
      seen.push(countsOf(pool))
      for (const client of clients) client.release()
      await asked[2]
      return [...seen, countsOf(pool)]
    },
  },
  {
    what: 'has its clients in _clients as soon as a query is asked for',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient })
      const querying = pool.query('select 1')
      const [client] = pool._clients
      await querying
      return [client instanceof StubClient, pool._clients.length]
    },
  },
  {
    what: 'has what it was made of, and says whether it is ending or has ended',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient }) as AnyPool & {
        Client: unknown
        Promise: unknown
        log: unknown
      }
      await pool.query('select 1')
      const before = [pool.Client === StubClient, pool.Promise === Promise, typeof pool.log, pool.ending, pool.ended]
      const ending = pool.end()
      const during = pool.ending
      await ending
      return [...before, during, pool.ending, pool.ended]
    },
  },
]

const lending: Usage[] = [
  {
    what: 'says what happens, in order and with the client',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const transcript = Transcript.of(pool)
      const [, client, release] = await connectBack(pool)
      transcript.note('called back', client, release)
      release()
      transcript.note('given back', client)
      const again = await pool.connect()
      again.release(new Error('broken'))
      transcript.note('given back broken')
      await eventually('it is gone', () => transcript.lines.includes('remove client 1'))
      await pool.query('select 1')
      ;(await pool.connect()).release(true)
      await eventually('it is gone', () => transcript.lines.includes('remove client 2'))
      await pool.end()
      return transcript.lines
    },
  },
  {
    what: 'never calls back in the very call',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient })
      const order: string[] = []
      for (const round of ['new', 'idle']) {
        const called = connectBack(pool).then(([, , release]) => release())
        let isBack = false
        pool.connect((_error, _client, release) => {
          order.push(`${round}: ${isBack ? 'later' : 'at once'}`)
          ;(release as Release)()
        })
        isBack = true
        await called
        await sleep(20)
      }
      return order
    },
  },
  {
    what: 'serves in the order of asking, by the client that was used last',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { Client: StubClient, max: 2 })
      const transcript = Transcript.of(pool)
      const holders = [await pool.connect(), await pool.connect()]
      const served = ['a', 'b', 'c'].map(async (name) => {
        const client = await pool.connect()
        transcript.note(name, client)
        await sleep(5)
        client.release()
      })
      for (const holder of holders) holder.release()
      await Promise.all(served)
      const [one, two] = [await pool.connect(), await pool.connect()]
      one.release()
      two.release()
      transcript.note('next', await pool.connect())
      return transcript.lines
    },
  },
  {
    what: 'throws when a client is given back twice',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const [, client, done] = await connectBack(pool)
      client?.release()
      const twice = [await outcome(() => client?.release()), await outcome(() => done())]
      const other = await pool.connect()
      const late = await outcome(() => done())
      other.release()
      return [...twice, late, countsOf(pool)]
    },
  },
  {
    what: 'closes a client that was given back with an error, or ended by its holder',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const seen: string[] = []
      for (const end of [true, new Error('broken'), 'ended', undefined, false] as const) {
        const client = await pool.connect()
        if (end === 'ended') await (client as unknown as { end(): Promise<void> }).end()
        client.release(end === 'ended' ? undefined : end)
        seen.push(countsOf(pool))
      }
      return seen
    },
  },
  {
    what: 'closes a client after so many uses',
    async run(Pool, stage) {
      const logged: unknown[] = []
      const pool = stage.pool(Pool, { maxUses: 2, log: (...words: unknown[]) => logged.push(...words) })
      const transcript = Transcript.of(pool)
      for (const client of [1, 2]) {
        await pool.query('select 1')
        await pool.query('select 1')
        await eventually('it is gone', () => transcript.lines.includes(`remove client ${client}`))
      }
      return [transcript.lines, countsOf(pool), logged.filter((word) => word === 'remove expended client').length]
    },
  },
  {
    what: 'closes a client that has become too old: when it is idle, or given back',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { maxLifetimeSeconds: 0.2 })
      const [held, idle] = await Promise.all([pool.connect(), pool.connect()])
      idle.release()
      await sleep(400)
      const seen = [countsOf(pool)]
      held.release()
      return [...seen, countsOf(pool)]
    },
  },
  {
    what: 'closes a client that was idle for long',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { idleTimeoutMillis: 100 })
      const transcript = Transcript.of(pool)
      await pool.query('select 1')
      await eventually('it is gone', () => transcript.lines.some((line) => line.startsWith('remove')))
      return [transcript.lines, countsOf(pool)]
    },
  },
]

const hooks: Usage[] = [
  {
    what: 'waits for onConnect before it lends a new client',
    async run(Pool, stage) {
      const order: string[] = []
      const onConnect = async (client: PoolClient): Promise<void> => {
        order.push('begins')
        await client.query("set application_name = 'hooked'")
        order.push('is done')
      }
      const pool = stage.pool(Pool, { onConnect, max: 1 })
      pool.on('connect', () => order.push('connect'))
      const names: unknown[] = []
      for (let i = 0; i < 2; i++) {
        const { rows } = await pool.query<{ application_name: string }>('show application_name')
        names.push(rows[0])
      }
      return [order, names]
    },
  },
  ...(['throws', 'rejects'] as const).map((how) => ({
    what: `gives no client that onConnect ${how} at`,
    async run(Pool: PoolClass, stage: Stage) {
      const refuse = (): Promise<never> => {
        const error = new TypeError('not this one')
        if (how === 'throws') throw error
        return Promise.reject(error)
      }
      const pool = stage.pool(Pool, { onConnect: refuse })
      const transcript = Transcript.of(pool)
      const said = [await outcome(() => pool.connect()), await outcome(() => pool.query('select 1'))]
      const [error, client, release] = await connectBack(pool)
      return [said, describeError(error), client, await outcome(() => release()), countsOf(pool), transcript.lines]
    },
  })),
  {
    what: 'gives no new client that verify does not want',
    async run(Pool, stage) {
      let isWanted = false
      const verify = (_client: unknown, callback: (error?: Error) => void): void => {
        setImmediate(() => callback(isWanted ? undefined : new Error('not this one')))
      }
      const pool = stage.pool(Pool, { verify, max: 1 })
      const [error, client] = await connectBack(pool)
      isWanted = true
      const { rows } = await pool.query('select 1 as one')
      isWanted = false
      return [describeError(error), client, rows, (await pool.query('select 2 as two')).rows, countsOf(pool)]
    },
  },
  {
    what: 'asks by connect for the clients of its own queries, so that whoever wraps that sees all',
    async run(Pool, stage) {
      const calls: string[] = []
      const restore = wrapConnect(Pool, (args) => calls.push(args.map((arg) => typeof arg).join()))
      try {
        const pool = stage.pool(Pool)
        ;(await pool.connect()).release()
        const { rows } = await pool.query('select 1 as one')
        const failed = await outcome(() => pool.query('select 1/0'))
        const [, , release] = await connectBack(pool)
        release()
        return [calls, rows, failed, countsOf(pool)]
      } finally {
        restore()
      }
    },
  },
  {
    what: 'can be made with a client of its own by a class that extends it',
    async run(Pool) {
      class BoundPool extends unbound(Pool) {
        constructor(options: object) {
          super(options, StubClient)
        }
      }
      const pool = new BoundPool({ max: 1 })
      await pool.query('select 1')
      const kinds = [pool instanceof BoundPool, pool instanceof unbound(Pool), pool instanceof EventEmitter]
      const isOwn = pool._clients[0] instanceof StubClient
      await pool.end()
      return [kinds, isOwn]
    },
  },
  {
    what: 'is not made without new',
    async run(Pool) {
      return (await outcome(() => (Pool as unknown as () => unknown)())).startsWith('threw TypeError')
    },
  },
  {
    what: 'leaves the end of a client alone while somebody has it who guards it',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const ends: unknown[] = []
      const client = (await pool.connect()) as object as Guarded
      const own = client.end
      client.end = (doNotCall) => ends.push(typeof doNotCall)
      await client.query('select 1')
      const ending = pool.end()
      client.end = own
      client.release()
      await ending
      return [ends, countsOf(pool)]
    },
  },
]

interface Guarded {
  end: (doNotCall?: unknown) => unknown
  query(text: string): Promise<unknown>
  release(): void
}

/** The class itself: that of pg is one with a client already. */
function unbound(Pool: PoolClass): PoolClass {
  const parent = Object.getPrototypeOf(Pool) as PoolClass
  return 'query' in parent.prototype ? parent : Pool
}

const queries: Usage[] = [
  {
    what: 'answers queries in every form',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      type Answer = [unknown, { rows: unknown[] } | undefined]
      const call = (ask: (back: (...answer: Answer) => void) => unknown): Promise<unknown[]> =>
        new Promise((resolve) => {
          const returned = ask((error, result) => resolve([error, result?.rows, typeof returned]))
        })
      return [
        (await pool.query('select 1 as a')).rows,
        (await pool.query('select $1::int as a', [2])).rows,
        (await pool.query({ text: 'select $1::int as a', values: [3] })).rows,
        (await pool.query<unknown[]>({ text: 'select 4 as a', rowMode: 'array' })).rows,
        (await pool.query({ name: 'named', text: 'select $1::int as a' }, [5])).rows,
        await call((back) => pool.query('select 6 as a', back)),
        await call((back) => pool.query('select $1::int as a', [7], back)),
        await call((back) => (pool.query as unknown as (...args: unknown[]) => void)({ text: 'select 8 as a' }, back)),
      ]
    },
  },
  {
    what: 'closes the client of a query that failed',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { max: 5 })
      const transcript = Transcript.of(pool)
      const failed = await outcome(() => pool.query('select 1/0'))
      const seen = [failed, ...transcript.lines, countsOf(pool)]
      await Promise.all(Array.from({ length: 30 }, () => pool.query('nonsense').catch(() => undefined)))
      await eventually('they are gone', () => pool.totalCount === 0)
      const back = await new Promise((resolve) => {
        pool.query('select 1/0', (...answer: unknown[]) => resolve([describeError(answer[0]), answer[1]]))
      })
      return [...seen, back, countsOf(pool)]
    },
  },
  {
    what: 'refuses what is no query, and goes on',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const query = pool.query.bind(pool) as unknown as (...args: unknown[]) => unknown
      const order: string[] = []
      const ofFunction = await new Promise((resolve) => {
        const returned = query((error: unknown) => resolve([describeError(error), typeof returned, ...order]))
        order.push('called back later')
      })
      const said = [await outcome(() => query(null)), await outcome(() => query()), countsOf(pool)]
      return [ofFunction, said, (await pool.query('select 1 as one')).rows]
    },
  },
  {
    what: 'runs a query that submits itself',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1 })
      const query = pool.query.bind(pool) as unknown as (...args: unknown[]) => unknown
      const first = new Rows('select i from generate_series(1, 3) i')
      const returned = query(first)
      const kind = returned instanceof Promise
      await returned
      const second = new Rows('select 4')
      await new Promise<void>((resolve) => void query(second, () => resolve()))
      return [kind, first.rows, second.rows, (await pool.query('select 5 as five')).rows, countsOf(pool)]
    },
  },
  {
    what: 'has in the stack of an error the calls that led to it',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const stackOf = async (call: () => Promise<unknown>): Promise<boolean> => {
        async function whoeverAsks(): Promise<void> {
          await call()
        }
        const error = await whoeverAsks().catch((caught: unknown) => caught)
        return (error as Error).stack?.includes('whoeverAsks') ?? false
      }
      const down = stage.pool(Pool, { port: 1 })
      return [
        await stackOf(() => pool.query('select 1/0')),
        await stackOf(() => down.query('select 1')),
        await stackOf(() => down.connect()),
      ]
    },
  },
]

const failures: Usage[] = [
  {
    what: 'gives the error of a dial, no client, and a release that does nothing',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { port: 1 })
      const [error, client, release] = await connectBack(pool)
      const done = await outcome(() => release(new Error('no matter')))
      const asked = [await outcome(() => pool.connect()), await outcome(() => pool.query('select 1'))]
      return [describeError(error), client, typeof release, done, asked, countsOf(pool)]
    },
  },
  {
    what: 'gives the answer of PostgreSQL to a login that it refuses',
    run(Pool, stage) {
      return outcome(() => stage.pool(Pool, { database: 'nowhere' }).connect())
    },
  },
  {
    what: 'tells who waited too long for a client',
    async run(Pool, stage) {
      const pool = stage.pool(Pool, { max: 1, connectionTimeoutMillis: 800 })
      const holder = await pool.connect()
      const said = [await outcome(() => pool.connect()), await outcome(() => pool.query('select 1'))]
      const [error, client] = await connectBack(pool)
      const waiting = countsOf(pool)
      holder.release()
      return [said.map(withoutCause), error?.message, client, waiting, (await pool.query('select 1 as one')).rows]
    },
  },
  {
    what: 'tells whose dial took too long',
    async run(Pool, stage) {
      const server = await stage.fakeServer({ answers: () => false })
      const pool = stage.pool(Pool, { port: server.port, connectionTimeoutMillis: 100 })
      const error = await pool.connect().catch((caught: unknown) => caught as Error)
      return [(error as Error).message, (error as Error).cause instanceof Error]
    },
  },
  {
    what: 'has forgotten a client whose dial took too long',
    async run(Pool, stage) {
      class Deaf extends StubClient {
        readonly connection = { stream: { destroy: () => setImmediate(() => this.#answer?.(new Error('destroyed'))) } }
        #answer: ((error: Error) => void) | undefined

        override connect(callback: (error: Error) => void): void {
          this.#answer = callback
        }
      }
      const pool = stage.pool(Pool, { Client: Deaf, connectionTimeoutMillis: 50 })
      const said = withoutCause(await outcome(() => pool.connect()))
      await eventually('it is forgotten', () => pool._clients.length === 0)
      return [said, countsOf(pool)]
    },
  },
  {
    what: 'says of an idle client that its connection was lost, and has forgotten it already',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const client = await pool.connect()
      client.release()
      const transcript = Transcript.of(pool)
      const seen = new Promise((resolve) => {
        pool.on('error', (error: Error & { client?: unknown }, lost) => {
          resolve([describeError(error), error.client === client, (lost as unknown) === client, countsOf(pool)])
        })
      })
      await stage.terminate(client)
      await eventually('it is gone', () => transcript.lines.length >= 2)
      return [await seen, transcript.lines.sort()]
    },
  },
  {
    what: 'takes nobody after its end, and ends once',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      const transcript = Transcript.of(pool)
      const clients = [await pool.connect(), await pool.connect()]
      clients[0]?.release()
      const ending = outcome(() => pool.end()).then((how) => transcript.note('end', how))
      const twice = await outcome(() => pool.end())
      const asked = [await outcome(() => pool.connect()), await outcome(() => pool.query('select 1'))]
      pool.connect((error) => transcript.note('called back', error))
      transcript.note('asked')
      const endedTwice = await new Promise((resolve) => (pool.end as (back: (error: unknown) => void) => void)(resolve))
      await eventually('what was idle is gone', () => transcript.lines.includes('remove client 1'))
      transcript.note(countsOf(pool))
      clients[1]?.release()
      await ending
      return [transcript.lines, twice, asked, describeError(endedTwice), countsOf(pool)]
    },
  },
  {
    what: 'calls back when it has ended',
    async run(Pool, stage) {
      const pool = stage.pool(Pool)
      await pool.query('select 1')
      const args = await new Promise((resolve) => {
        const back = (...given: unknown[]): void => resolve([given.length, countsOf(pool)])
        ;(pool.end as (back: (...args: unknown[]) => void) => void)(back)
      })
      return [args, await outcome(() => stage.pool(Pool).end())]
    },
  },
]

export const usages: readonly Usage[] = [...options, ...figures, ...lending, ...hooks, ...queries, ...failures]

function withoutCause(text: string): string {
  return text.split(', caused by')[0] ?? text
}

/** As OpenTelemetry does it: in the prototype that has it. Returns what puts the own one back. */
function wrapConnect(Pool: PoolClass, seen: (args: unknown[]) => void): () => void {
  let prototype = Pool.prototype as { connect: (...args: unknown[]) => unknown }
  while (!Object.hasOwn(prototype, 'connect')) prototype = Object.getPrototypeOf(prototype) as typeof prototype
  const own = prototype.connect
  prototype.connect = function (...args) {
    seen(args)
    return own.apply(this, args)
  }
  return () => {
    prototype.connect = own
  }
}

interface Wire {
  query(text: string): void
}

/** A query that keeps its rows itself: what pg-query-stream is to pg. */
class Rows {
  readonly rows: string[] = []
  readonly #text: string
  callback?: (error: Error | null, result?: unknown) => void

  constructor(text: string) {
    this.#text = text
  }

  submit(connection: Wire): void {
    connection.query(this.#text)
  }

  handleDataRow({ fields }: { fields: Buffer[] }): void {
    this.rows.push(fields.join())
  }

  handleError(error: Error): void {
    this.callback?.(error)
  }

  handleReadyForQuery(): void {
    this.callback?.(null, { rows: this.rows })
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
}
