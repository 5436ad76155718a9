import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import {
  type ClientMessage,
  isCopyMessage,
  ModelBackend,
  type Reply,
  type Statement,
} from '../../test/support/model-backend.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ReplyQueue } from './reply-queue.ts'

/**
 * A client, a pooler that is nothing but a ReplyQueue, and a model backend, with both directions of the wire in between:
 * at any moment a message may be forwarded, read by the backend, or a reply received. The queue is driven as
 * `PooledServer` and `PooledClient` drive it.
 */
class Conversation {
  readonly queue = new ReplyQueue()
  readonly backend = new ModelBackend()
  readonly #script: ClientMessage[]
  readonly #readers = new Map<ClientMessage, ReplyReader>()
  #isClientGone = false
  #wasUncertain = false

  constructor(script: readonly ClientMessage[]) {
    this.#script = script.map((message) => ({ ...message }))
  }

  /** One step of the kind that `choice` prefers. False if nothing can happen any more. */
  step(choice: number): boolean {
    const steps = [() => this.#forward(), () => this.backend.step(), () => this.#receive()]
    const hasMoved = [0, 1, 2].some((offset) => steps[(choice + offset) % 3]?.())
    this.#check()
    return hasMoved
  }

  /** The next message of the client, as far as the pooler lets it pass. Behind the last, the client is gone. */
  #forward(): boolean {
    if (this.#isClientGone) return false
    const message = this.#script.shift()
    if (!message) return this.#leave()
    if (this.queue.copyIn === 'in' && !isCopyMessage(message)) {
      if (message.type === 'sync' || message.type === 'flush') return true
      return this.#leave()
    }
    this.#account(message)
    this.backend.unread.push(message)
    return true
  }

  #account(message: ClientMessage): void {
    switch (message.type) {
      case 'query':
      case 'function-call':
        return this.queue.sentQuery(this.#readerOf(message))
      case 'sync':
        return this.queue.sentSync(this.#readerOf(message))
      case 'execute':
        return this.queue.sentExtended()
      case 'parse':
      case 'bind':
      case 'describe':
      case 'close':
        return this.queue.sentExtended()
      case 'copy-done':
      case 'copy-fail':
        return this.queue.sentCopyEnd()
      default:
    }
  }

  #readerOf(message: ClientMessage): ReplyReader {
    const reader = { id: this.#readers.size + 1, isReading: true, reply: () => true }
    this.#readers.set(message, reader)
    return reader
  }

  /** Behind the client's last message, the server is settled. */
  #leave(): true {
    this.#isClientGone = true
    this.#settle()
    return true
  }

  #settle(): void {
    const { queue } = this
    if (queue.isUncertain) return
    if (queue.copyIn === 'in') this.#sendOurs({ type: 'copy-fail' })
    if (!queue.needsSync) return
    this.#sendOurs({ type: 'parse', fails: true })
    this.#sendOurs({ type: 'sync', fails: false })
  }

  #sendOurs(message: ClientMessage): void {
    this.#account(message)
    this.backend.unread.push(message)
  }

  #receive(): boolean {
    const reply = this.backend.replies.shift()
    if (!reply) return false
    this.#take(reply)
    if (this.#isClientGone && reply.type !== 'fatal') this.#settle()
    return true
  }

  #take(reply: Reply): void {
    const { queue } = this
    switch (reply.type) {
      case 'completion':
        queue.gotCompletion()
        return
      case 'command-complete':
        queue.gotCommandComplete()
        return
      case 'copy-in':
        return queue.gotCopyIn()
      case 'error':
        queue.gotError()
        return
      case 'ready':
        if (!queue.isUncertain) {
          assert.ok(queue.owed > 0, 'a ReadyForQuery comes that the queue does not count')
          assert.equal(queue.reader?.id, this.#readers.get(reply.answers)?.id, 'it goes to whoever is owed it')
        }
        return queue.gotReady()
      default:
    }
  }

  #check(): void {
    const { queue, backend } = this
    if (this.#wasUncertain) assert.ok(queue.isUncertain, 'uncertain for good')
    this.#wasUncertain = queue.isUncertain
    if (queue.isUncertain) return assert.ok(!queue.isAtRest, 'at rest although uncertain')
    assert.equal(queue.isAtRest, backend.isQuiet, 'at rest exactly when the backend is quiet')
    this.#checkCopyIn()
  }

  /** While the backend reads copy data, and will not die of what else it was sent, the queue knows if the end is on its way. */
  #checkCopyIn(): void {
    const { queue, backend } = this
    if (backend.state !== 'copying' || backend.replies.length > 0) return
    const next = backend.unread.find(({ type }) => type !== 'copy-data' && type !== 'sync' && type !== 'flush')
    if (next && !isCopyMessage(next)) return
    assert.equal(queue.copyIn, next ? 'ending' : 'in', 'how far copy-in is')
  }
}

const statement = fc.constantFrom<Statement>(
  ...(['select', 'empty', 'error', 'suspend', 'copy-out', 'copy-in', 'copy-in', 'copy-in-broken'] as const),
)
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 9)
const extendedType = fc.constantFrom('parse', 'bind', 'describe', 'close')

const query = fc.record({ type: fc.constant('query'), statements: fc.array(statement, { minLength: 1, maxLength: 3 }) })
const functionCall = fc.record({ type: fc.constant('function-call'), fails: rarely })
const sync = fc.record({ type: fc.constant('sync'), fails: rarely })
const execute = fc.record({ type: fc.constant('execute'), statement })
const extended = fc.oneof(fc.record({ type: extendedType, fails: rarely }), execute)
const copyData = fc.record({ type: fc.constant('copy-data'), isBad: rarely })
const copyEnd = fc.record({ type: fc.constantFrom('copy-done', 'copy-fail') })
const flush = fc.record({ type: fc.constant('flush') })
const anything = fc.oneof(query, functionCall, sync, extended, copyData, copyEnd, flush)

/** What the client of a COPY sends behind the statement: Syncs too early, data, an end, perhaps for a second COPY. */
const copyTail = fc.array(fc.oneof(sync, flush, copyData, copyEnd), { maxLength: 6 })
const copyStatement = fc.constantFrom<Statement>('copy-in', 'copy-in', 'copy-in-broken')
const copyQuery = fc
  .tuple(fc.array(fc.oneof(copyStatement, statement), { minLength: 1, maxLength: 3 }), copyTail)
  .map(([statements, tail]) => [{ type: 'query', statements }, ...tail])
const copyExecute = fc
  .tuple(fc.array(extended, { maxLength: 3 }), copyStatement, copyTail)
  .map(([before, copy, tail]) => [...before, { type: 'execute', statement: copy }, ...tail])
const group = fc
  .tuple(fc.array(extended, { maxLength: 4 }), fc.oneof(sync, query, functionCall))
  .map(([before, end]) => [...before, end])

const script = fc
  .array(fc.oneof(copyQuery, copyExecute, group, fc.array(anything, { maxLength: 2 })), { maxLength: 5 })
  .map((parts) => parts.flat() as ClientMessage[])

/** In which order things happen; where it ends, each goes on in turn. */
const schedule = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 60 })

describe('ReplyQueue and a model of PostgreSQL', () => {
  it(
    'is at rest exactly when the backend is, in any conversation and at every moment of it',
    { timeout: 60_000 },
    () => {
      const property = fc.property(script, schedule, (messages, choices) => {
        const conversation = new Conversation(messages)
        for (const choice of choices) conversation.step(choice)
        let left = 1_000
        while (left > 0 && conversation.step(left)) left--
        assert.ok(left > 0, 'it comes to an end')
        const { backend, queue } = conversation
        assert.ok(backend.state === 'dead' || queue.isUncertain || queue.isAtRest, 'settled in the end')
      })
      fc.assert(property, { numRuns: 5_000 })
    },
  )
})
