/**
 * One pooler with a pool of one server for each mode, between two relays that can cut: the client's, and the server's. One
 * conversation at a time goes through it. A lane says what it finds wrong as an error, and is not to be used afterwards.
 */

import assert from 'node:assert/strict'
import { eventually, type TestPooler, TestPoolers } from '../support/pooler.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Cut, faultsOf, isOfClient, messagesIn, type Stream, type StreamMeasure, streams } from './cut.ts'
import { CuttingRelay } from './cutting-relay.ts'
import { accessOptions } from './ground.ts'
import { askNext, type Door, secrets, speakerAt } from './people.ts'
import type { Access, Mode, Transcript } from './transcripts.ts'

/** What came of a cut. */
export interface Outcome {
  /** The conversation was longer than that: there was a cut. */
  readonly isCut: boolean
  readonly isServerKept: boolean
  /** From the cut until the next client had been answered, the whole of its visit included. */
  readonly idleMs: number
}

/** What an uncut conversation is. */
export interface Measure {
  readonly answers: readonly string[]
  readonly streams: Readonly<Record<Stream, StreamMeasure>>
}

const restMs = 8_000

export class Lane {
  readonly #poolers: TestPoolers
  readonly #pooler: TestPooler
  readonly #clientRelay: CuttingRelay
  readonly #serverRelay: CuttingRelay
  readonly #direct: RawClient
  readonly #access: Access
  #lastToken = 0
  /** The pool that has an idle server, and its backend. */
  #ready: { readonly mode: Mode; readonly pid: number } | undefined

  private constructor(
    poolers: TestPoolers,
    pooler: TestPooler,
    serverRelay: CuttingRelay,
    direct: RawClient,
    access: Access,
  ) {
    this.#poolers = poolers
    this.#pooler = pooler
    this.#serverRelay = serverRelay
    this.#clientRelay = new CuttingRelay(pooler.port)
    this.#direct = direct
    this.#access = access
  }

  static async open(postgresPort: number, database: string, access: Access): Promise<Lane> {
    const serverRelay = new CuttingRelay(postgresPort)
    const poolers = new TestPoolers(() => serverRelay.port)
    const pooler = await poolers.start({
      poolSize: 1,
      serverLoginRetryMs: 20,
      serverResetQuery: 'DISCARD ALL',
      isWithoutTemplate: true,
      databases: {
        transaction: { name: database, poolMode: 'transaction' },
        session: { name: database, poolMode: 'session' },
      },
      ...accessOptions(access),
    })
    const direct = await RawClient.login(postgresPort, { database })
    return new Lane(poolers, pooler, serverRelay, direct, access)
  }

  /** Plays it uncut. */
  async measure(transcript: Transcript, mode: Mode): Promise<Measure> {
    const isLogin = transcript.steps.length === 0
    await this.#prepare(mode, isLogin)
    const before = this.#forwarded()
    const speaker = await speakerAt(this.#victimsDoor(mode))
    const from = isLogin ? before : this.#forwarded()
    const answers = await speaker.play(transcript.steps)
    await this.#isIdle()
    const to = this.#forwarded()
    await this.#clean(transcript, Math.max(...(transcript.mayLeave ?? [0])))
    this.#ready = undefined
    const sent = messagesIn(Buffer.concat(transcript.steps.map(([bytes]) => bytes)))
    const measured = streams.map((stream) => {
      const messages = stream.endsWith('receives') || stream.startsWith('PostgreSQL') ? speaker.received : sent
      return [stream, { length: to[stream] - from[stream], messages }]
    })
    return { answers, streams: Object.fromEntries(measured) as Measure['streams'] }
  }

  /** Plays it, cuts it, and sends the next client. Rejects with what is wrong. */
  async cut(transcript: Transcript, mode: Mode, cut: Cut, expected: readonly string[]): Promise<Outcome> {
    const isLogin = transcript.steps.length === 0
    const relay = isOfClient(cut) ? this.#clientRelay : this.#serverRelay
    const pidBefore = await this.#prepare(mode, isLogin && !isOfClient(cut))
    const [cutsBefore, serverBefore] = [relay.cuts, isOfClient(cut) ? undefined : this.#server(mode)]
    const isCut = (): boolean => relay.cuts > cutsBefore
    if (isLogin) relay.arm('next', faultsOf(cut))
    const speaker = await speakerAt(this.#victimsDoor(mode))
    if (!isLogin) relay.arm('open', faultsOf(cut))
    const played = speaker.play(transcript.steps)
    // A driver whose login is cut may not notice; whoever has its answer to wait for is heard to the end.
    if (isLogin && isOfClient(cut)) await Promise.race([played, eventually('it is cut', isCut, restMs)])
    else assertBeginning(await played, expected)
    const startMs = performance.now()
    const isOver = (): boolean => (isCut() ? !this.#has(serverBefore) : this.#rests())
    await eventually('the cut is over', isOver, restMs)
    relay.disarm()
    const pid = await this.#next(mode)
    const idleMs = performance.now() - startMs
    speaker.gone()
    await this.#isIdle()
    if (pid !== pidBefore) await this.#onlyBackend(pid)
    await this.#clean(transcript)
    this.#ready = { mode, pid }
    return { isCut: isCut(), isServerKept: pid === pidBefore, idleMs }
  }

  /** Ends it, and rejects if the checker or PostgreSQL finds anything left. */
  async close(): Promise<void> {
    try {
      await this.#isIdle()
      for (const { clients, servers } of this.#pooler.figures.pools()) {
        assert.deepEqual({ ...clients, ...servers, idle: 0, used: 0 }, nothing)
      }
      await this.#poolers.assertNoBreach()
      await this.#backendsAre('')
    } finally {
      await this.abandon()
    }
  }

  /** And looks for secrets in what it said. */
  async abandon(): Promise<void> {
    const { figures, logged } = this.#pooler
    secrets.figures(JSON.stringify([figures.clients(), figures.servers(), figures.pools()]))
    secrets.log(logged.join(''))
    this.#direct.reset()
    this.#clientRelay.stop()
    await this.#poolers.remove()
    this.#serverRelay.stop()
  }

  /** Sees to it that the pool has a server, idle; or none. Says its backend, or which one it was. */
  async #prepare(mode: Mode, isEmptyWanted: boolean): Promise<number> {
    this.#ready = this.#ready?.mode === mode ? this.#ready : { mode, pid: await this.#next(mode) }
    await this.#isIdle()
    if (isEmptyWanted) {
      this.#pooler.verbs.reconnect(mode)
      await eventually('the pool is empty', () => !this.#has(this.#server(mode)), restMs)
    }
    return this.#ready.pid
  }

  #next(mode: Mode): Promise<number> {
    return askNext({ port: this.#pooler.port, database: mode, access: this.#access }, `next ${++this.#lastToken}`)
  }

  #victimsDoor(mode: Mode): Door {
    return { port: this.#clientRelay.port, database: mode, access: this.#access }
  }

  /** The id of the one in the pool, if there is one. */
  #server(mode: Mode): number | undefined {
    return this.#pooler.figures.servers().find(({ database }) => database === mode)?.id
  }

  #has(server: number | undefined): boolean {
    return this.#pooler.figures.servers().some(({ id }) => id === server)
  }

  #forwarded(): Record<Stream, number> {
    const [client, server] = [this.#clientRelay.forwardedBytes, this.#serverRelay.forwardedBytes]
    return {
      'the client sends': client.fromClient,
      'the client receives': client.fromTarget,
      'the pooler sends': server.fromClient,
      'PostgreSQL sends': server.fromTarget,
    }
  }

  #rests(): boolean {
    const { figures } = this.#pooler
    return figures.clients().length === 0 && figures.servers().every(({ state }) => state === 'idle')
  }

  /** Nobody is active, nobody waits, no lease is held. */
  async #isIdle(): Promise<void> {
    const { figures } = this.#pooler
    const seen = (): string => JSON.stringify({ clients: figures.clients(), servers: figures.servers() })
    await eventually('the pooler is idle', () => this.#rests(), restMs).catch(() =>
      assert.fail(`it is not idle: ${seen()}`),
    )
  }

  async #onlyBackend(pid: number): Promise<void> {
    const others = this.#pooler.figures.servers().map(({ remotePid }) => remotePid)
    assert.ok(others.includes(pid), `${pid} is a server of the pool: ${others.join()}`)
    await this.#backendsAre(others.join())
  }

  async #backendsAre(pids: string): Promise<void> {
    const sql = `select count(*) from pg_stat_activity where datname = current_database()
      and backend_type = 'client backend' and pid not in (pg_backend_pid()${pids && `, ${pids}`})`
    await eventually(
      'PostgreSQL has only the backends of the pool',
      async () => (await this.#direct.value(sql)) === '0',
      restMs,
    )
  }

  /** What it left is one of what it may leave; then nothing. */
  async #clean({ mayLeave }: Transcript, exactly?: number): Promise<void> {
    if (!mayLeave) return
    const sql = 'with gone as (delete from item returning 1) select count(*) from gone'
    const left = Number(await this.#direct.value(sql))
    const may = exactly === undefined ? mayLeave : [exactly]
    assert.ok(may.includes(left), `it left ${left} rows, and may leave ${may.join(' or ')}`)
  }
}

const nothing = {
  idle: 0,
  used: 0,
  active: 0,
  waiting: 0,
  active_cancel_req: 0,
  waiting_cancel_req: 0,
  login: 0,
  tested: 0,
  active_cancel: 0,
  being_canceled: 0,
}

/** Whatever it got is a beginning of the right answers; a FATAL error may end it. */
function assertBeginning(got: readonly string[], expected: readonly string[]): void {
  const wrong = got.findIndex((text, index) => text !== expected[index])
  const isFarewell = wrong === got.length - 1 && got[wrong]?.startsWith('E FATAL')
  assert.ok(wrong < 0 || isFarewell, `its answer ${wrong + 1} is ${got[wrong]}, and should be ${expected[wrong]}`)
}
