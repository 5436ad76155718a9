import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseLatencies, parseProgress, parseSummary, pgbenchArguments, threadsFor } from '../../bench/pgbench.ts'
import { type PgbenchWorkload, workloads } from '../../bench/workloads.ts'

const steady = `pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: <builtin: select only>
scaling factor: 50
query mode: simple
number of clients: 32
number of threads: 2
maximum number of tries: 1
duration: 5 s
number of transactions actually processed: 98765
number of failed transactions: 3 (0.003%)
latency average = 1.620 ms
initial connection time = 21.404 ms
tps = 19753.012345 (without initial connection time)
`

const reconnecting = `transaction type: <builtin: select only>
number of transactions actually processed: 17000
number of failed transactions: 0 (0.000%)
latency average = 9.412 ms
average connection time = 0.532 ms
tps = 3399.896 (including reconnection times)
`

const mixed = `transaction type: multiple scripts
number of transactions actually processed: 1000
number of failed transactions: 0 (0.000%)
latency average = 5.000 ms
initial connection time = 1.000 ms
tps = 200.5 (without initial connection time)
SQL script 1: <builtin: select only>
 - weight: 80 (targets 80.0% of total)
 - 790 transactions (79.0% of total, tps = 158.395000)
 - number of failed transactions: 0 (0.000%)
SQL script 2: <builtin: TPC-B (sort of)>
 - weight: 20 (targets 20.0% of total)
 - 210 transactions (21.0% of total, tps = 42.105)
 - number of failed transactions: 0 (0.000%)
`

describe('parseSummary', () => {
  it('reads a run whose clients stay connected', () => {
    assert.deepEqual(parseSummary(steady), { transactions: 98_765, failed: 3, tps: 19_753.012345, latencyMs: 1.62 })
  })

  it('reads a run that connects for every transaction', () => {
    assert.deepEqual(parseSummary(reconnecting), { transactions: 17_000, failed: 0, tps: 3399.896, latencyMs: 9.412 })
  })

  it('reads the whole of a mix, not one of its scripts', () => {
    assert.deepEqual(parseSummary(mixed), { transactions: 1000, failed: 0, tps: 200.5, latencyMs: 5 })
  })

  it('takes versions that do not speak of failed transactions for versions that stop at the first', () => {
    assert.equal(parseSummary(steady.replace(/^number of failed.*\n/m, '')).failed, 0)
  })

  it('rejects a run in which nothing was done', () => {
    const idle = 'number of transactions actually processed: 0\nnumber of failed transactions: 0 (NaN%)\n'
    assert.throws(() => parseSummary(idle), /finished no transaction/)
  })

  it('rejects a summary without a number it needs, and shows the summary', () => {
    assert.throws(() => parseSummary(steady.replace(/^tps.*\n/m, '')), /no tps:\npgbench \(15/)
  })
})

describe('parseProgress', () => {
  const stderr = `pgbench (15.18)
progress: 1.7 s, 0.0 tps, lat 0.000 ms stddev 0.000, 0 failed
progress: 2.0 s, 2946.7 tps, lat 18.292 ms stddev 43.208, 0 failed
progress: 3.0 s, 4000.0 tps, lat 6.779 ms stddev 3.859, 0 failed
progress: 5.0 s, 7000.0 tps, lat 5.838 ms stddev 3.125, 0 failed
`

  it('is the mean of what comes after the warming, by time', () => {
    assert.equal(parseProgress(stderr, 2), 6000)
    assert.equal(parseProgress(stderr, 3), 7000)
  })

  it('rejects a run that ended before', () => {
    assert.throws(() => parseProgress(stderr, 6), /no progress after 6 s:\npgbench \(15/)
  })
})

describe('parseLatencies', () => {
  it('reads the microseconds of every line, of any thread and script', () => {
    const log = '0 1 1520 0 1700000000 12\n31 2 99001 1 1700000000 13\n'
    assert.deepEqual([...parseLatencies(log)], [1520, 99_001])
  })

  it('leaves a last line out that was cut off', () => {
    assert.deepEqual([...parseLatencies('0 1 1520 0 1700000000 12\n31 2 99')], [1520])
  })

  it('reads nothing from an empty log', () => {
    assert.deepEqual([...parseLatencies('')], [])
  })
})

const pgbenchWorkloads = workloads.flatMap((workload) => (workload.kind === 'pgbench' ? [workload] : []))
const named = (name: string): PgbenchWorkload => {
  const found = pgbenchWorkloads.find((workload) => workload.name === name)
  assert.ok(found)
  return found
}

describe('pgbenchArguments', () => {
  const run = { command: 'pgbench', port: 6432, threads: 2, seconds: 7, seed: 3, rate: undefined }

  it('logs latencies only where the workload asks for them', () => {
    const logging = pgbenchWorkloads.filter((workload) => {
      return pgbenchArguments({ ...run, workload }, 'prefix').includes('--log-prefix=prefix')
    })
    assert.deepEqual(
      logging.map((workload) => workload.name),
      ['thousand', 'open-50', 'open-90'],
    )
  })

  it('asks for progress only where a run warms up first', () => {
    const showing = pgbenchWorkloads.filter((workload) => {
      return pgbenchArguments({ ...run, workload }, 'prefix').includes('--progress=1')
    })
    assert.deepEqual(
      showing.map(({ name }) => name),
      ['prepared'],
    )
  })

  it('names clients, time, seed and workload', () => {
    assert.equal(
      pgbenchArguments({ ...run, workload: named('mix') }, 'prefix').join(' '),
      '-h 127.0.0.1 -p 6432 -U postgres --no-vacuum -c 32 -j 2 -T 7 --random-seed=3 ' +
        '-b select-only@80 -b tpcb-like@20 dbname=postgres',
    )
  })

  it('says how to connect in the connection string, and the rate of an open loop', () => {
    assert.equal(pgbenchArguments({ ...run, workload: named('tls') }, '').at(-1), 'dbname=postgres sslmode=require')
    assert.equal(pgbenchArguments({ ...run, workload: named('scram') }, '').at(-1), 'dbname=postgres password=bench')
    const scheduled = pgbenchArguments({ ...run, workload: named('open-50'), rate: 1234 }, '').join(' ')
    assert.match(scheduled, / --rate 1234 /)
  })
})

describe('threadsFor', () => {
  it('is one on two cores, and two where every transaction connects or cores abound', () => {
    const threads = (name: string, cores: number) => threadsFor(named(name), cores)
    assert.deepEqual([threads('simple', 2), threads('connect', 2), threads('simple', 8)], [1, 2, 2])
  })
})
