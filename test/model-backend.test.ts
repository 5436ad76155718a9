import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { message, query, startupMessage, terminate } from '../src/wire/build.ts'
import { Framer } from '../src/wire/framer.ts'
import { backendLoginRules, backendRules } from '../src/wire/messages.ts'
import { type ClientMessage, ModelBackend, type ReplyType, type Statement } from './support/model-backend.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'

const tables = `
  create table taken (n int);
  create table broken (n int);
  create function break_it() returns trigger language plpgsql as $$ begin raise 'broken'; end $$;
  create trigger break_it before insert on broken execute function break_it()`

const statementTexts: Record<Statement, string> = {
  select: 'select 1',
  empty: '',
  error: 'drop table missing',
  suspend: 'select generate_series(1, 3)',
  'copy-out': 'copy (select 1) to stdout',
  'copy-in': 'copy taken from stdin',
  'copy-in-broken': 'copy broken from stdin',
}

/** A message as the model takes it and as PostgreSQL does. */
interface Sent {
  readonly model: ClientMessage
  readonly bytes: Buffer
}

const body = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(typeof part === 'string' ? `${part}\0` : part)))

const parse = (text: string): Sent => ({
  model: { type: 'parse', fails: text.includes('from from') },
  bytes: message('P', body('', text, [0, 0])),
})

const bind = (statement: string): Sent => ({
  model: { type: 'bind', fails: statement !== '' },
  bytes: message('B', body('', statement, [0, 0, 0, 0, 0, 0])),
})

const describeOf = (statement: string): Sent => ({
  model: { type: 'describe', fails: statement !== '' },
  bytes: message('D', body([0x53], statement)),
})

const execute = (statement: Statement): Sent => ({
  model: { type: 'execute', statement },
  bytes: message('E', body('', [0, 0, 0, statement === 'suspend' ? 1 : 0])),
})

const queryOf = (...statements: Statement[]): Sent => ({
  model: { type: 'query', statements },
  bytes: query(statements.map((statement) => statementTexts[statement]).join(';')),
})

/** The function is int4pl, which takes two numbers, or one that doesn't exist. */
const callOf = (fails: boolean): Sent => ({
  model: { type: 'function-call', fails },
  bytes: message('F', body([0, 0, fails ? 255 : 0, 177, 0, 1, 0, 1, 0, 2, ...two, ...two, 0, 1])),
})
const two = [0, 0, 0, 4, 0, 0, 0, 2]

const copyData = (isBad: boolean): Sent => ({
  model: { type: 'copy-data', isBad },
  bytes: message('d', Buffer.from(isBad ? 'bad\n' : '1\n')),
})

const close: Sent = { model: { type: 'close', fails: false }, bytes: message('C', body([0x53], 'whatever')) }
const sync: Sent = { model: { type: 'sync', fails: false }, bytes: message('S') }
const flush: Sent = { model: { type: 'flush' }, bytes: message('H') }
const copyDone: Sent = { model: { type: 'copy-done' }, bytes: message('c') }
const copyFail: Sent = { model: { type: 'copy-fail' }, bytes: message('f', body('no')) }

const replyTypes: Readonly<Record<string, ReplyType>> = {
  1: 'completion',
  2: 'completion',
  3: 'completion',
  T: 'completion',
  n: 'completion',
  I: 'completion',
  s: 'completion',
  C: 'command-complete',
  G: 'copy-in',
  V: 'function-result',
  Z: 'ready',
}

/** What PostgreSQL itself sends in a session of its own, from login to its end. */
async function converse(port: number, bytes: Buffer): Promise<ReplyType[]> {
  const replies: ReplyType[] = []
  let framer = new Framer(backendLoginRules)
  let isSent = false
  const socket = connect(port, '127.0.0.1', () => socket.write(startupMessage([['user', 'postgres']], 0)))
  socket.on('data', (chunk: Buffer) => {
    framer.push(chunk)
    while (framer.next()) {
      const reply = framer.isHead && replyOf(framer)
      if (reply) replies.push(reply)
    }
    if (isSent || !replies.includes('ready')) return
    isSent = true
    replies.length = 0
    framer = new Framer(backendRules)
    socket.write(bytes)
  })
  await once(socket, 'close')
  return replies
}

function replyOf({ type, bytes, start, end }: Framer): ReplyType | undefined {
  const letter = String.fromCharCode(type)
  if (letter !== 'E') return replyTypes[letter]
  return bytes.toString('latin1', start, end).includes('VFATAL\0') ? 'fatal' : 'error'
}

/** What the model sends, without rows. */
function predict(messages: readonly Sent[]): ReplyType[] {
  const model = new ModelBackend()
  model.unread.push(...messages.map((sent) => sent.model))
  while (model.step());
  return model.replies.map(({ type }) => type).filter((type) => type !== 'row')
}

const statements = Object.keys(statementTexts) as Statement[]
const inQuery = fc.constantFrom(...statements.filter((statement) => statement !== 'suspend' && statement !== 'empty'))
const copyPart = fc.constantFrom(copyData(false), copyData(true), copyDone, copyDone, copyFail, flush, sync)

const part: fc.Arbitrary<Sent[]> = fc.oneof(
  fc.array(inQuery, { minLength: 1, maxLength: 3 }).map((several) => [queryOf(...several)]),
  fc.constantFrom(...statements).map((one) => [parse(statementTexts[one]), bind(''), execute(one)]),
  fc.array(copyPart, { maxLength: 4 }),
  fc.constantFrom<Sent[][]>(
    [queryOf('empty')],
    [parse('select from from')],
    [bind('missing')],
    [parse('select 1'), describeOf('')],
    [describeOf('missing')],
    [callOf(false)],
    [callOf(true)],
    [close],
    [sync],
    [sync],
  ),
)

/** The messages, and what brings any conversation to its end. */
function toTheEnd(messages: readonly Sent[]): Sent[] {
  const mixed = endOfMixedGroup(messages)
  if (mixed === undefined) return [...messages, copyFail, sync, queryOf('select')]
  return [...messages.slice(0, mixed), copyFail]
}

/**
 * Behind a Query or FunctionCall in a group that has executed something, and the Sync after that, PostgreSQL reports
 * idle with a transaction still open, and the next statement fails with XX000. What it answers up to there is compared.
 */
function endOfMixedGroup(messages: readonly Sent[]): number | undefined {
  let hasExecuted = false
  for (const [index, { model }] of messages.entries()) {
    if (model.type === 'execute') hasExecuted = true
    if (model.type === 'sync') hasExecuted = false
    if (hasExecuted && (model.type === 'query' || model.type === 'function-call')) return index + 1
  }
  return undefined
}

describe('ModelBackend', () => {
  let server: TestPostgres

  before(async () => {
    server = await startTestPostgres()
    await converse(server.port, Buffer.concat([query(tables), terminate]))
  })

  after(() => server.remove())

  it('answers any conversation as PostgreSQL does', { timeout: 60_000 }, async () => {
    const property = fc.asyncProperty(fc.array(part, { maxLength: 6 }), async (parts) => {
      const sent = toTheEnd(parts.flat())
      const bytes = Buffer.concat([...sent.map((one) => one.bytes), terminate])
      assert.deepEqual(await converse(server.port, bytes), predict(sent))
    })
    await fc.assert(property, { numRuns: 300 })
  })
})
