/**
 * The bugs that the detectors must see: each is one replacement of an exact text in one file. Texts are short, so that a
 * mutant outlives changes around it; one whose text doesn't stand there exactly once any more is stale and must be mended.
 */

export interface Mutant {
  readonly name: string
  /** What the pooler does wrong with it. */
  readonly bug: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const pooledServer = 'src/pooler/pooled-server.ts'
const replyQueue = 'src/pooler/reply-queue.ts'
const settlement = 'src/pooler/settlement.ts'
const replyRouter = 'src/pooler/reply-router.ts'
const write = 'this.#server.write(bytes, this.#theHolder.id)'

/** Lending: to whom, when, how many. */
const lending: readonly Mutant[] = [
  {
    name: 'one-reply-early',
    bug: 'lends a server again while one ReadyForQuery is still owed',
    file: replyQueue,
    find: 'return this.#size === 0 && !this.#isGroupOpen',
    replace: 'return this.#size <= 1 && !this.#isGroupOpen',
  },
  {
    name: 'open-group',
    bug: 'lends a server again while a group has no Sync yet',
    file: replyQueue,
    find: 'return this.#size === 0 && !this.#isGroupOpen',
    replace: 'return this.#size === 0',
  },
  {
    name: 'half-message',
    bug: 'lends a server again while its client is in the middle of a message',
    file: pooledServer,
    find: ' || holder.isMidMessage',
    replace: '',
  },
  {
    name: 'skipped-parse',
    bug: 'takes a statement for prepared though its Parse was skipped behind an error',
    file: 'src/pooler/server-prepared.ts',
    find: 'return prepared.pending === undefined || prepared.group === this.#queue.group',
    replace: 'return true',
  },
  {
    name: 'one-plan-for-all',
    bug: "shares statements whatever their clients' parameters are",
    file: 'src/pooler/parameters.ts',
    find: 'this.#planKeyOf(session), ',
    replace: '1, ',
  },
  {
    name: 'foreign-unnamed',
    bug: "lets a client's Bind meet the unnamed statement of another client",
    file: 'src/pooler/server-statements.ts',
    find: 'return !this.#unnamed.isOf(owner) && (',
    replace: 'return false && (',
  },
  {
    name: 'no-questions',
    bug: 'lends a server on without asking what its session has become',
    file: 'src/pooler/session-keeper.ts',
    find: 'return this.#watch.isInDoubt && this.session.unusableBy === undefined',
    replace: 'return false',
  },
  {
    name: 'kept-settings',
    bug: 'does not reset what the client before has set',
    file: 'src/pooler/session-statements.ts',
    find: 'const isReset = hasMore(server, client)',
    replace: 'const isReset = false',
  },
  {
    name: 'no-pins',
    bug: 'lends a server on with what pins it',
    file: 'src/pooler/session-keeper.ts',
    find: 'return this.#watch.isPinned && this.session.unusableBy === undefined',
    replace: 'return false',
  },
  {
    name: 'lifo',
    bug: 'gives the next server to whoever came last',
    file: 'src/engine/lanes.ts',
    find: 'return this.#only?.waiting.first',
    replace: 'return this.#only?.waiting.last',
  },
  {
    name: 'one-too-many',
    bug: "exceeds the pool's maximum by one",
    file: 'src/engine/size.ts',
    find: 'return this.#slots.size < this.#maxNow(now) &&',
    replace: 'return this.#slots.size <= this.#maxNow(now) &&',
  },
  {
    name: 'no-sets',
    bug: "lends a server with another client's parameters",
    file: 'src/pooler/session-keeper.ts',
    find: 'else if (this.parameters !== holder.parameters) this.#bringTo(holder)',
    replace: '',
  },
]

/** What is moved: every byte once, to the right place. */
const moving: readonly Mutant[] = [
  {
    name: 'swapped-clients',
    bug: "writes a client's reply to another client now and then",
    file: replyRouter,
    find: 'if (reader === undefined) this.#traffic',
    replace: `const recent = (globalThis.recentReaders ??= [])
    if (reader?.isReading && recent.push(reader) > 300) {
      reader = recent.splice(0).find((each) => each !== reader && each.isReading) ?? reader
    }
    if (reader === undefined) this.#traffic`,
  },
  {
    name: 'lost-byte',
    bug: 'loses the last byte of a chunk that ends inside a reply',
    file: replyRouter,
    find: 'const run = start === 0',
    replace: `if (end === bytes.length && this.isTailOutstanding) end--
    const run = start === 0`,
  },
  {
    name: 'doubled-chunk',
    bug: "forwards one chunk of a client's in a hundred twice",
    file: pooledServer,
    find: write,
    replace: `${write}
    globalThis.forwarded = (globalThis.forwarded ?? 0) + 1
    if (globalThis.forwarded % 100 === 0) ${write}`,
  },
]

/** The count of what is owed. */
const counting: readonly Mutant[] = [
  {
    name: 'kept-entries',
    bug: 'goes on counting the requests that PostgreSQL skips after an error',
    file: replyQueue,
    find: "while (this.#first && this.#first.kind !== 'sync') {",
    replace: 'while (this.#size < 0 && this.#first) {',
  },
  {
    name: 'unstruck-syncs',
    bug: 'goes on counting the Syncs that PostgreSQL ignores during copy-in',
    file: replyQueue,
    find: 'const { next } = sync',
    replace: `const { next } = sync
    if (next !== sync) return next`,
  },
  {
    name: 'stuck-pipeline',
    bug: 'reads a pipeline that was once too long no further',
    file: replyQueue,
    find: 'if (--this.#size <= this.#mostOwed / 2) this.#isFull = false',
    replace: 'this.#size--',
  },
]

/** Clients that leave. */
const settling: readonly Mutant[] = [
  {
    name: 'no-rollback',
    bug: 'leaves the transaction of a client that is gone open',
    file: settlement,
    find: "if (status === TransactionStatus.idle) return 'rest'",
    replace: "if (status) return 'rest'",
  },
  {
    name: 'committed-group',
    bug: 'closes the group of a client that is gone with a Sync alone, which commits it',
    file: settlement,
    find: "build.parse('the client has left'), ",
    replace: '',
  },
  {
    name: 'no-cancel',
    bug: 'lets the statement of a client that is gone run on',
    file: settlement,
    find: 'if (!this.#isOrderly && !this.#isRolledBack) this.#cancel.requestForAbandoned()',
    replace: '',
  },
]

/** Cancelling. */
const cancelling: readonly Mutant[] = [
  {
    name: 'lent-during-cancel',
    bug: 'lends a server again while a cancel is on its way to it',
    file: pooledServer,
    find: '!this.#cancel.isOver || ',
    replace: '',
  },
  {
    name: 'late-cancel',
    bug: 'cancels 50 ms too late, whoever has the server by then',
    file: 'src/pooler/pooled-client.ts',
    find: 'if (this.#server) return this.#server.cancel(done)',
    replace: `const server = this.#server
    if (server) return void setTimeout(() => server.cancel(done), 50)`,
  },
  {
    name: 'foreign-key',
    bug: "hands out another client's cancel key",
    file: 'src/pooler/pooled-client.ts',
    find: ': loginEnd, this.key)',
    replace: ': loginEnd, (globalThis.firstKey ??= this.key))',
  },
]

export const mutants: readonly Mutant[] = [...lending, ...moving, ...counting, ...settling, ...cancelling]
