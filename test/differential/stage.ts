/**
 * Where conversations are played: PostgreSQL itself, and poolers in front of it with four pools. In one of them there is one
 * server for all; another has two, for who keeps one; in the third each transaction gets the next of three; in the fourth each
 * client has one of its own, in session mode.
 */

import assert from 'node:assert/strict'
import { type TestDatabase, TestPoolers } from '../support/pooler.ts'
import { RawClient } from '../support/raw-client.ts'
import type { Message } from '../support/raw-messages.ts'
import { Neighbour } from './neighbour.ts'
import { isPinNotice, Normaliser, reportsInOrder } from './normalise.ts'
import type { Cutting } from './pieces.ts'
import { type Departure, type Door, play, playUntil } from './player.ts'
import type { Transcript } from './transcript.ts'

/** `in turns`: no transaction is on the server of the one before. */
export type Lending = 'by transaction' | 'in turns' | 'by session'

/** How a conversation is played. */
export interface Manner {
  readonly cutting: Cutting
  readonly lending: Lending
}

/** What came back, each message in full. */
export type Answers = readonly (readonly string[])[]

/** One pool, and the other client in it. */
interface Room {
  readonly door: Door
  readonly neighbour: Neighbour
}

interface Rooms {
  readonly one: Room
  readonly two: Room
  readonly turns: Room
  readonly session: Room
}

const restMs = 8_000
/** Single bytes take their time where others use the machine, too. */
const patient = { halfMessageTimeoutMs: 60_000, queryWaitTimeoutMs: 60_000, settleTimeoutMs: 5_000 }

export class Stage {
  readonly #poolers: TestPoolers
  readonly #rooms: Rooms
  readonly #isFree: () => boolean
  readonly #postgres: Door
  readonly #direct: RawClient
  readonly #lastGroundOid: number

  private constructor(
    poolers: TestPoolers,
    rooms: Rooms,
    isFree: () => boolean,
    postgres: Door,
    direct: RawClient,
    lastGroundOid: number,
  ) {
    this.#poolers = poolers
    this.#rooms = rooms
    this.#isFree = isFree
    this.#postgres = postgres
    this.#direct = direct
    this.#lastGroundOid = lastGroundOid
  }

  /** On a database of PostgreSQL's that nobody else uses. */
  static async open(postgres: Door): Promise<Stage> {
    const { port, database: name } = postgres
    const poolers = new TestPoolers(() => port)
    const sized = (poolSize: number, rest: TestDatabase = {}): TestDatabase => ({ name, poolSize, ...rest })
    const still = await poolers.start({ ...patient, databases: { one: sized(1), two: sized(2, { maxPinned: 2 }) } })
    const turns = sized(3, { minPoolSize: 3 })
    const turning = await poolers.start({
      ...patient,
      databases: { turns },
      isServerRoundRobin: true,
      maxPreparedStatements: 4,
      sessionAuditEvery: 3,
    })
    const own = await poolers.start({
      ...patient,
      poolMode: 'session',
      serverResetQuery: 'DISCARD ALL',
      databases: { session: sized(4) },
    })
    const room = async (door: Door): Promise<Room> => ({
      door,
      neighbour: await Neighbour.login(door.port, door.database),
    })
    const rooms = {
      one: await room({ port: still.port, database: 'one' }),
      two: await room({ port: still.port, database: 'two' }),
      turns: await room({ port: turning.port, database: 'turns' }),
      session: await room({ port: own.port, database: 'session' }),
    }
    const neighbours = 2 * Object.keys(rooms).length
    const clients = (): number => [still, turning, own].reduce((sum, { figures }) => sum + figures.clients().length, 0)
    const isFree = (): boolean => clients() === neighbours
    const direct = await RawClient.login(port, { database: name })
    const lastOid = 'select greatest((select max(oid::bigint) from pg_class), (select max(oid::bigint) from pg_type))'
    return new Stage(poolers, rooms, isFree, postgres, direct, Number(await direct.value(lastOid)))
  }

  /** How often one of the others was answered. */
  get neighbourAnswers(): number {
    return Object.values(this.#rooms).reduce((sum: number, { neighbour }: Room) => sum + neighbour.answers, 0)
  }

  /** What PostgreSQL says. */
  async expect(transcript: Transcript): Promise<Answers> {
    await this.#direct.value('select clean()')
    return this.#normalise(await play(this.#postgres, transcript, { kind: 'whole' }))
  }

  /** What comes through the pooler; rejects if the client's neighbour is answered wrongly. */
  async play(transcript: Transcript, { cutting, lending }: Manner): Promise<Answers> {
    const { isPinning } = transcript
    const { one, two, turns, session } = this.#rooms
    const byTransaction = isPinning ? two : one
    const rooms = { 'by transaction': byTransaction, 'in turns': turns, 'by session': session }
    const { door, neighbour } = rooms[lending]
    await this.#direct.value('select clean()')
    const got = await play(door, transcript, cutting, neighbour)
    await this.#over()
    return this.#normalise(isPinning ? withoutPinNotice(got) : got)
  }

  /** Rejects if the client's neighbour is answered wrongly, also when the client has vanished. */
  async playUntil(transcript: Transcript, departure: Departure): Promise<void> {
    const { one, two, turns } = this.#rooms
    const { door, neighbour } = transcript.isPinning ? two : departure.step % 2 === 0 ? one : turns
    await this.#direct.value('select clean()')
    await playUntil(door, transcript, departure, neighbour)
    await this.#over()
    // Each of them, on each of three servers.
    for (let n = 0; n < 6; n++) {
      await neighbour.answered()
      neighbour.ask()
    }
    await neighbour.answered()
  }

  /** Rejects if the checker finds a breach. */
  async close(): Promise<void> {
    for (const { neighbour } of Object.values(this.#rooms) as Room[]) neighbour.leave()
    this.#direct.leave()
    try {
      await this.#poolers.assertNoBreach()
    } finally {
      await this.#poolers.remove()
    }
  }

  /** The pooler has forgotten the client. */
  async #over(): Promise<void> {
    const endMs = performance.now() + restMs
    while (!this.#isFree()) {
      assert.ok(performance.now() < endMs, `the client is there ${restMs} ms after its end`)
      await Bun.sleep(1)
    }
  }

  #normalise(got: readonly (readonly Message[])[]): Answers {
    const normaliser = new Normaliser(this.#lastGroundOid)
    return got.map((messages) => reportsInOrder(messages.map((message) => normaliser.normalise(message))))
  }
}

/** It comes once in a connection, whenever the pooler has noticed. */
function withoutPinNotice(got: readonly (readonly Message[])[]): (readonly Message[])[] {
  const notices = got.flat().filter(isPinNotice)
  assert.ok(notices.length <= 1, `${notices.length} notices of a pin`)
  return got.map((messages) => messages.filter((message) => !isPinNotice(message)))
}
