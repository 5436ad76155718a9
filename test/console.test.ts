/**
 * The console over real sockets, with real drivers, and with a pooler that only says what tests make it say: no PostgreSQL
 * is needed.
 */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Client as PgClient } from 'pg'
import { Client, notEncrypted } from '../src/client/client.ts'
import { silentLog } from '../src/log.ts'
import { listen, type Listener } from '../src/net/listen.ts'
import type { ClientFigures } from '../src/pooler/figures.ts'
import { Pooler, type PoolerOptions } from '../src/pooler/pooler.ts'
import { noTrace } from '../src/pooler/trace.ts'
import { Network } from '../src/server/network.ts'
import { fakeWorld, type FakeWorld } from './support/console-fakes.ts'
import { eventually, plainNetwork, shortLimits } from './support/pooler.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'
import { findProgram, needs } from './support/tools.ts'

const host = '127.0.0.1'
const version = 'PgBouncer 1.25.2 (Taxirank 9.9.9)'
const rowCount = 10_000

const options: PoolerOptions = {
  ...shortLimits,
  databases: new Map(),
  maxClients: 50,
  logs: { connections: false, disconnections: false, errors: false, stats: false },
}

const figures: ClientFigures = {
  id: 0,
  user: 'somebody with a rather long name',
  database: 'a_database_with_a_rather_long_name',
  state: 'waiting',
  address: '2001:db8::1',
  port: 54_321,
  localAddress: '2001:db8::2',
  localPort: 6_432,
  connectedAtMs: 0,
  requestedAtMs: 0,
  waitMs: 1_500,
  isMarked: false,
  linkedTo: undefined,
  remotePid: 0,
  tls: '',
  applicationName: 'an application with a rather long name',
  preparedStatements: 0,
  heldBytes: 0,
  unsentBytes: 0,
}

let world: FakeWorld
let listener: Listener
let stopAdvancing: () => void

before(() => {
  const clients = Array.from({ length: rowCount }, (_, index) => ({ ...figures, id: index + 1_000 }))
  world = fakeWorld({ callsBackItself: true, figures: { clients: () => clients } })
  const now = (): number => performance.now()
  const pooler = new Pooler(options, {
    log: silentLog,
    trace: noTrace,
    now,
    console: world.console,
    version: '9.9.9',
    network: new Network(plainNetwork, now, () => undefined),
  })
  let lastId = 0
  listener = listen({ host, port: 0, backlog: 64, deferAccept: true }, (socket) => {
    const id = ++lastId
    const client = new Client(id, socket, noTrace.clientTraffic(id), notEncrypted)
    client.handler = pooler.clientArrived(client)
    return client
  })
  const ticker = setInterval(() => pooler.advance(), 20)
  stopAdvancing = () => clearInterval(ticker)
})

after(() => {
  listener.stop()
  stopAdvancing()
})

beforeEach(() => {
  world.verbs.calls.length = 0
})

const enter = (user = 'admin'): Promise<RawClient> => RawClient.login(listener.port, { user, database: 'pgbouncer' })

describe('pg on the console', () => {
  let client: PgClient
  before(async () => {
    client = new PgClient({ host, port: listener.port, user: 'admin', database: 'pgbouncer' })
    await client.connect()
  })
  after(() => client.end())

  it('reads a SHOW by the simple protocol, values in the types of their columns', async () => {
    const { rows, command } = await client.query('SHOW LISTS')
    assert.deepEqual([rows[0], command], [{ list: 'databases', items: 1 }, 'SHOW'])
  })

  it('reads it by the extended protocol, unnamed and named, and more than once', async () => {
    for (const query of [
      { text: 'SHOW VERSION', values: [] },
      { name: 'v', text: 'SHOW VERSION' },
    ]) {
      for (let time = 0; time < 3; time++) assert.deepEqual((await client.query(query)).rows, [{ version }])
    }
  })

  it('reads it as binary', async () => {
    const binary = { queryMode: 'extended', binary: true }
    const stats = await client.query<Record<string, unknown>>({ text: 'SHOW STATS', ...binary })
    const { database, total_client_login_count: logins } = stats.rows[0] ?? {}
    assert.deepEqual([database, typeof logins], ['pgbouncer', 'number'])
    const lists = await client.query({ text: 'SHOW LISTS', ...binary })
    assert.deepEqual(lists.rows[0], { list: 'databases', items: 1 })
  })

  it('is told what is wrong, and goes on', async () => {
    const wrong = { text: 'PAUSE $1', values: ['db'] }
    await assert.rejects(client.query(wrong), { code: '08P01', message: /takes no parameters/ })
    await assert.rejects(client.query('FOO'), { code: '08P01', message: /invalid command "FOO"/ })
    assert.deepEqual((await client.query('SHOW VERSION')).rows, [{ version }])
  })

  it('hears notices', async () => {
    const heard = new Promise<unknown>((resolve) => client.once('notice', ({ message }) => resolve(message)))
    await client.query("SET timezone = 'UTC'")
    assert.equal(await heard, 'SET ignored')
  })
})

describe('psql on the console', needs('psql'), () => {
  const psql = findProgram('psql') ?? 'psql'
  const target = (): string => `host=${host} port=${listener.port} user=admin dbname=pgbouncer`

  const run = (...commands: readonly string[]) => {
    const child = spawn(psql, [target(), '-X', '-A', '-t', ...commands.flatMap((command) => ['-c', command])])
    const [out, err]: [string[], string[]] = [[], []]
    child.stdout.on('data', (text) => out.push(String(text)))
    child.stderr.on('data', (text) => err.push(String(text)))
    const ended = once(child, 'close').then(() => ({ out: out.join(''), err: err.join('') }))
    return { child, ended }
  }

  it('shows rows, help and errors', async () => {
    const { out, err } = await run('SHOW VERSION', 'SHOW HELP', 'FOO').ended
    assert.equal(out, `${version}\nSHOW\n`)
    assert.match(err, /^NOTICE: {2}Console usage\nDETAIL: {2}\n\tSHOW HELP\|/)
    assert.match(err, /ERROR: {2}invalid command "FOO", use SHOW HELP;\n$/)
  })

  it('gives a PAUSE up at Ctrl-C', async () => {
    const { child, ended } = run('PAUSE')
    await eventually('it waits', () => world.verbs.calls.includes('pause'))
    child.kill('SIGINT')
    const { err } = await ended
    assert.match(err, /ERROR: {2}canceled: what it had stopped goes on/)
    assert.deepEqual(world.verbs.calls, ['pause', 'resume'])
  })
})

const python = '/usr/bin/python3'

describe('psycopg2 on the console', psycopgOptions(), () => {
  it('reads rows in a transaction that it begins by itself, and one after an error', async () => {
    const script = `
import psycopg2, sys
link = psycopg2.connect(sys.argv[1])
cursor = link.cursor()
cursor.execute('SHOW VERSION')
print(cursor.fetchall())
try:
    cursor.execute('FOO')
except psycopg2.Error as error:
    print(error.pgcode)
link.rollback()
cursor.execute('SHOW STATE')
print(cursor.fetchone())
link.commit()
`
    const target = `host=${host} port=${listener.port} user=admin dbname=pgbouncer`
    const child = spawn(python, ['-c', script, target], { stdio: ['ignore', 'pipe', 'inherit'] })
    const out: string[] = []
    child.stdout.on('data', (text) => out.push(String(text)))
    await once(child, 'close')
    assert.equal(out.join(''), `[('${version}',)]\n08P01\n('active', 'yes')\n`)
  })
})

/** Debian's package is Debian's python's. */
function psycopgOptions(): { readonly skip: string | false } {
  if (spawnSync(python, ['-c', 'import psycopg2']).status === 0) return { skip: false }
  return needs('python3-psycopg2')
}

describe('a cancel key', () => {
  it('gives up what its own client waits for, and closes the connection that brought it', async () => {
    const [one, other] = [await enter(), await enter()]
    one.send(raw.query('PAUSE'))
    other.send(raw.query('SUSPEND'))
    await eventually('both wait', () => world.verbs.calls.length === 2)
    const cancel = await RawClient.connect(listener.port)
    cancel.send(raw.cancelRequest(one.key))
    assert.equal(await cancel.closed(), 'fin')
    assert.deepEqual(await one.answer(), ['E ERROR 57014: canceled: what it had stopped goes on', 'Z I'])
    assert.deepEqual(await other.answer(), ['E ERROR 08P01: given up', 'Z I'])
    assert.deepEqual(world.verbs.calls, ['pause', 'suspend', 'resume'])
    one.leave()
    other.leave()
  })

  it('does nothing when its client is gone', async () => {
    const one = await enter()
    one.leave()
    await one.closed()
    await eventually('everybody is out', () => world.console.size === 0)
    const cancel = await RawClient.connect(listener.port)
    cancel.send(raw.cancelRequest(one.key))
    assert.equal(await cancel.closed(), 'fin')
    assert.deepEqual(world.verbs.calls, [])
  })
})

describe('ten thousand rows', () => {
  it('reach a client that reads late, whole, and what it asked behind them, too', async () => {
    const slow = await enter()
    slow.pause()
    slow.send(raw.query('SHOW CLIENTS'), raw.statement('SHOW CLIENTS'), raw.sync, raw.query('SHOW VERSION'))
    await Bun.sleep(300)
    const prompt = await enter('stats')
    assert.deepEqual(await prompt.query('SHOW VERSION'), ['T version', `D ${version}`, 'C SHOW', 'Z I'])
    prompt.leave()
    slow.resume()
    const simple = await slow.answer()
    const rows = simple.filter((line) => line.startsWith('D C|somebody'))
    assert.deepEqual([rows.length, simple.at(-2)], [rowCount, 'C SHOW'])
    const extended = await slow.answer()
    assert.deepEqual(
      extended.filter((line) => line.startsWith('D C|somebody')),
      rows,
    )
    assert.deepEqual(await slow.answer(), ['T version', `D ${version}`, 'C SHOW', 'Z I'])
    slow.leave()
  })
})
