import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  databaseReading,
  evenly,
  type Held,
  poolerReading,
  poolReading,
  quietActivity,
  withSettings,
} from '../../test/support/advisor-readings.ts'
import { adviceText } from './advice-text.ts'
import { advise, type Readings, type Known } from './advise.ts'
import type { Finding } from './advice.ts'
import type { DatabaseReading } from './database-reading.ts'

const quiet = databaseReading()

function pooled(size: number, held: Held, database: DatabaseReading = quiet): Readings {
  return { database, pooler: poolerReading([poolReading(size, held)]) }
}

function found(readings: Readings, code: string, known: Known = {}): Finding[] {
  return advise(readings, known).findings.filter((finding) => finding.code === code)
}

function textOf(readings: Readings, code: string, known: Known = {}): string {
  return found(readings, code, known)
    .map(({ level, text }) => `${level}: ${text}`)
    .join('\n')
}

/** A machine whose cores are all used. */
const full = databaseReading({
  activity: { ...quietActivity, active: evenly(20), activeOnCpu: evenly(16), activeWaiting: { Lock: evenly(4) } },
})

describe('the size that is advised for a pool', () => {
  it("is what is asked for, by Little's law, with a fifth to spare and waits that are shorter than holds", () => {
    const [pool] = advise(pooled(20, { perSecond: 400, heldMs: 10 }), {}).pools
    assert.equal(pool?.sizeAdvised, 7)
    assert.equal(pool.decidedBy, 'demand')
    assert.equal(pool.utilisationMean, 0.2)
    assert.equal(pool.perSecondAt80, 1_600)
    assert.ok((pool.utilisationAdvised ?? 1) < 0.8)
    assert.ok((pool.waitP99AdvisedMs ?? Infinity) < 10, `${pool.waitP99AdvisedMs} ms`)
    assert.match(
      textOf(pooled(20, { perSecond: 400, heldMs: 10 }), 'pool_size'),
      /^advice: shop\/app: 20 now, 7 connections are advised\. 400 a second × 10 ms held = 4 in use on average\. 4 were held at the peak: 7 keep that below 80%, and let 99 of 100/,
    )
  })

  it('of a pool that is asked too seldom to be simulated, no wait is expected', () => {
    const [pool] = advise(pooled(20, { perSecond: 1e-4, heldMs: 1e6 }), {}).pools
    assert.deepEqual([pool?.sizeAdvised, pool?.waitP99AdvisedMs], [2, undefined])
  })

  it('is no more than the cores can use, if these are full', () => {
    const [pool] = advise(pooled(50, { perSecond: 400, heldMs: 50 }, full), { cores: 4 }).pools
    // 20 held on average, of which 16 on 4 cores: alone each would take 50 × (16 / 4) / 20 = 10 ms, so 4 carry it.
    assert.deepEqual([pool?.decidedBy, pool?.sizeAdvised], ['cores', 10])
    assert.match(
      textOf(pooled(50, { perSecond: 400, heldMs: 50 }, full), 'pool_size', { cores: 4 }),
      /the database's cores are used, and with more connections each takes longer/,
    )
  })

  it('is as many as held or waited at the same time, if somebody always waits and the cores have time left', () => {
    const held = { perSecond: 400, heldMs: 25, waitMs: 30 }
    const idle = databaseReading({
      activity: { ...quietActivity, idleInTransaction: evenly(9.8), active: evenly(0.2), activeOnCpu: evenly(0.2) },
    })
    const [pool] = advise(pooled(10, held, idle), { cores: 4 }).pools
    assert.deepEqual([pool?.isSaturated, pool?.sizeAdvised], [true, 15])
    assert.match(
      textOf(pooled(10, held, idle), 'pool_size', { cores: 4 }),
      /so many held one or waited for one at the same time\. The database has time left for them/,
    )
  })

  it('is shared by several pools, as far as the cores can use them', () => {
    const pools = [
      poolReading(50, { perSecond: 300, heldMs: 50 }),
      poolReading(20, { perSecond: 100, heldMs: 50 }, { user: 'jobs' }),
      poolReading(20, { perSecond: 1, heldMs: 1 }, { user: 'cron' }),
    ]
    const advice = advise({ database: full, pooler: poolerReading(pools) }, { cores: 4 })
    assert.deepEqual(
      advice.pools.map(({ name, sizeAdvised, decidedBy }) => [name, sizeAdvised, decidedBy]),
      [
        ['shop/app', 7, 'cores'],
        ['shop/jobs', 3, 'cores'],
        ['shop/cron', undefined, undefined],
      ],
    )
    assert.equal(advice.total.advised, 30)
  })

  it('is what is asked for, if the pool has no limit', () => {
    const { utilisation: _, ...pool } = poolReading(0, { perSecond: 400, heldMs: 10 })
    const [advised] = advise({ database: quiet, pooler: poolerReading([pool]) }, {}).pools
    assert.deepEqual([advised?.sizeNow, advised?.busyMean, advised?.sizeAdvised], [undefined, 4, 7])
  })

  it('is none, if next to nothing was asked for', () => {
    for (const perSecond of [0, 1]) {
      const advice = advise(pooled(20, { perSecond, heldMs: 10 }), {})
      assert.deepEqual([advice.pools[0]?.sizeAdvised, advice.iniFragment], [undefined, ''])
    }
  })

  it('is of all connections together, if there is no pooler', () => {
    const database = databaseReading({
      activity: { ...quietActivity, active: evenly(3), idleInTransaction: evenly(1) },
    })
    const advice = advise({ database }, {})
    assert.deepEqual(
      [advice.pools[0]?.name, advice.pools[0]?.sizeNow, advice.pools[0]?.busyMean],
      ['all connections', undefined, 4],
    )
    assert.equal(advice.pools[0]?.sizeAdvised, 7)
    assert.match(advice.iniFragment, /\[pgbouncer\]\npool_mode = transaction\ndefault_pool_size = 7\n/)
  })

  it('is worth nothing, if nobody did anything, and that is said', () => {
    assert.match(
      textOf({ database: quiet }, 'nothing_seen'),
      /^warning: Hardly anybody used a connection while I watched/,
    )
    assert.match(textOf({ database: quiet, pooler: poolerReading([]) }, 'nothing_seen'), /^warning: /)
    assert.deepEqual(found(pooled(10, { perSecond: 100, heldMs: 10 }), 'nothing_seen'), [])
  })

  it('is not of what the advisor asks itself through the pooler', () => {
    const own = { database: 'shop', user: 'app', busyMean: 0.045 }
    const through = databaseReading({ own, pooler: { kind: 'taxirank', version: '3.0.0' } })
    const isNothing = (database: DatabaseReading, heldMs: number): boolean =>
      found(pooled(10, { perSecond: 5, heldMs }, database), 'nothing_seen').length > 0
    assert.deepEqual([isNothing(through, 8), isNothing(through, 16)], [true, false])
    assert.equal(isNothing(databaseReading({ own }), 8), false, 'asked by another way')
    assert.equal(isNothing({ ...through, own: { ...own, user: 'other' } }, 8), false, 'asked of another pool')
  })

  it('is none, if nothing could be seen', () => {
    const { activity: _, ...blind } = quiet
    assert.deepEqual(advise({ database: blind }, {}).pools, [])
    assert.equal(advise({ database: blind }, {}).iniFragment, '')
  })
})

describe('the advice', () => {
  it('warns past 80 % of a pool, and speaks up past 70 %', () => {
    assert.match(
      textOf(pooled(10, { perSecond: 900, heldMs: 10 }), 'utilisation'),
      /^warning: .* 90% of 10 were in use/,
    )
    assert.match(
      textOf(pooled(10, { perSecond: 750, heldMs: 10 }), 'utilisation'),
      /^fine: .* Past 70% there is little left/,
    )
    assert.match(
      textOf(pooled(10, { perSecond: 300, heldMs: 10 }), 'utilisation'),
      /80% would be reached at 800 a second/,
    )
  })

  it('says how many connections there may be, and that pools together are too many', () => {
    const twenty = poolReading(10, { perSecond: 10, heldMs: 10 })
    const pools = Array.from({ length: 20 }, (_, index) => ({ ...twenty, user: `app${index}` }))
    assert.match(
      textOf({ database: quiet, pooler: poolerReading(pools) }, 'total'),
      /^problem: PostgreSQL takes 97 connections .* The pools may open 200\. That is more than there are/,
    )
    assert.match(textOf(pooled(20, { perSecond: 10, heldMs: 10 }), 'total'), /^fine: /)
    assert.match(textOf(pooled(90, { perSecond: 10, heldMs: 10 }), 'total'), /^warning: .* little for anybody else/)
  })

  it('says whether a pool in each instance is enough, or a pooler is needed', () => {
    const activity = { ...quietActivity, active: evenly(4) }
    const busy = databaseReading({ activity })
    const few = advise({ database: busy }, { instances: 4 })
    assert.equal(few.total.needsPooler, false)
    assert.match(
      textOf({ database: busy }, 'pooler_needed', { instances: 4 }),
      /^fine: 4 instances × 2 = 8, in a deploy 16: within the 97/,
    )
    const many = advise({ database: busy }, { instances: 50 })
    assert.equal(many.total.needsPooler, true)
    assert.match(
      textOf({ database: busy }, 'pooler_needed', { instances: 50 }),
      /^problem: 50 instances × 2 = 100, in a deploy 200: more than the 97 .* A pooler in front/,
    )
    const limited = withSettings({ databaseConnectionLimit: 10 }, { activity })
    assert.match(
      textOf({ database: limited }, 'pooler_needed', { instances: 4 }),
      /^problem: 4 instances × 2 = 8, in a deploy 16: more than the 10 /,
    )
  })

  it('says what connections take of memory, as measured or as is common', () => {
    const measured = databaseReading({
      backendMemory: { backends: 5, privateBytes: 3 * 1024 ** 2, proportionalBytes: 0, largestPrivateBytes: 0 },
    })
    assert.match(
      textOf(pooled(20, { perSecond: 400, heldMs: 10 }, measured), 'memory'),
      /20 connections take 60 MiB of memory \(3 MiB each, measured\); the 7 that are advised, 21 MiB/,
    )
    assert.match(
      textOf(pooled(1_000, { perSecond: 400, heldMs: 10 }), 'memory'),
      /1,000 connections take 4\.88 GiB to 9\.77 GiB of memory \(5 MiB to 10 MiB each, as is common\)/,
    )
  })

  it('says what is configured and was never used: 13 of 4,248', () => {
    const pools = [
      poolReading(
        4_248,
        { perSecond: 1_250, heldMs: 10 },
        { utilisation: { from: 'leases', mean: 12.5 / 4_248, peak: 13 / 4_248 } },
      ),
    ]
    assert.match(textOf({ database: quiet, pooler: poolerReading(pools) }, 'unused'), /At most 13 of 4,248 connections/)
    assert.deepEqual(found(pooled(10, { perSecond: 900, heldMs: 10 }), 'unused'), [])
    const group = {
      database: 'shop',
      user: 'app',
      application: 'web',
      connections: evenly(40),
      active: evenly(0),
      idleInTransaction: evenly(0),
      hidden: evenly(0),
      addresses: 4,
      unused: 30,
      unusedForAtLeastMs: 90_000,
    }
    assert.match(
      textOf({ database: databaseReading({ activity: { ...quietActivity, groups: [group] } }) }, 'unused'),
      /30 of 40 connections of "web" from 4 addresses did nothing while I watched, for 90 s or longer/,
    )
  })

  it('names who idles in a transaction', () => {
    const longest = {
      pid: 42,
      database: 'shop',
      user: 'app',
      application: 'checkout',
      idleMs: 12_000,
      transactionMs: 15_000,
    }
    const database = databaseReading({
      activity: {
        ...quietActivity,
        active: evenly(1),
        idleInTransaction: evenly(3),
        longestIdleInTransaction: longest,
      },
    })
    assert.match(
      textOf({ database }, 'idle_in_transaction'),
      /^warning: 3 of 4 connections that were held did nothing: .* The longest, 12 s, was of "checkout" \(pid 42\)\. There is no limit/,
    )
    assert.deepEqual(found({ database: quiet }, 'idle_in_transaction'), [])
  })

  it('names the statements that hold connections most, before it advises to enlarge anything', () => {
    const top = [
      {
        database: 'shop',
        calls: 30_000,
        totalMs: 30_000,
        meanMs: 1,
        rows: 0,
        share: 0.6,
        text: 'select * from item where id = $1',
      },
      { database: 'shop', calls: 10, totalMs: 15_000, meanMs: 1_500, rows: 0, share: 0.3 },
      { database: 'shop', calls: 1, totalMs: 10, meanMs: 10, rows: 0, share: 0.001, text: 'select 1' },
    ]
    const database = databaseReading({
      statements: { since: 'watch', overMs: 15_000, calls: 31_000, totalMs: 50_000, top },
    })
    const texts = found({ database }, 'statement').map(({ text }) => text)
    assert.equal(texts.length, 2)
    assert.match(
      texts[0] ?? '',
      /What holds connections most: select \* from item where id = \$1 took 60% of the time of all statements, which is 2 connections all the time: 30,000 calls of 1 ms\. Shorten it/,
    )
    assert.match(texts[1] ?? '', /a statement that is hidden took 30%/)
  })

  it('says what a pool in session mode would need in transaction mode', () => {
    const pool = poolReading(40, { perSecond: 1, heldMs: 8_000 }, { mode: 'session', clientsPeak: 40, serversPeak: 38 })
    const text = (database: DatabaseReading) => textOf({ database, pooler: poolerReading([pool]) }, 'session_mode')
    assert.match(
      text(quiet),
      /shop\/app is in session mode: 38 servers for 40 clients\. In transaction mode they would share/,
    )
    const group = {
      database: 'shop',
      user: 'app',
      application: 'web',
      connections: evenly(38),
      active: evenly(3),
      idleInTransaction: evenly(1),
      hidden: evenly(0),
      addresses: 1,
      unused: 0,
    }
    const seen = databaseReading({ activity: { ...quietActivity, groups: [group] } })
    assert.match(text(seen), /On average 4 were in a transaction, and in transaction mode about 5 servers would do/)
    assert.deepEqual(found(pooled(10, { perSecond: 900, heldMs: 10 }), 'session_mode'), [])
  })

  it('says that connections which wait for locks need no company', () => {
    const locks = { samples: 60, notGranted: evenly(3), blocked: evenly(3), blockers: evenly(1) }
    assert.match(textOf({ database: databaseReading({ locks }) }, 'locks'), /^warning: 3 connections waited for locks/)
    assert.deepEqual(found({ database: quiet }, 'locks'), [])
  })

  it('says that the address is a pooler, or a standby', () => {
    const behind = databaseReading({ pooler: { kind: 'taxirank', version: '3.0.0' } })
    assert.match(textOf({ database: behind }, 'address_is_pooler'), /that of Taxirank 3\.0\.0, not of PostgreSQL/)
    assert.match(adviceText(advise({ database: behind }, {})), /say --pooler http:\/\/HOST:PORT/)
    const server = { ...(quiet.server as NonNullable<DatabaseReading['server']>), isStandby: true }
    assert.match(textOf({ database: databaseReading({ server }) }, 'standby'), /standby/)
  })

  it('says what was not seen, and what would show it', () => {
    const missing = [{ what: 'the waits', why: 'they are hidden', remedy: 'grant pg_monitor' }]
    const text = adviceText(advise({ database: databaseReading({ missing }) }, {}))
    assert.match(text, /\* The waits: they are hidden\. To see it: grant pg_monitor\.\n/)
    assert.match(text, /To see it: say --cores N\./)
    assert.match(text, /To see it: say --instances N\./)
    assert.doesNotMatch(adviceText(advise({ database: quiet }, { cores: 4, instances: 2 })), /say --/)
  })

  it('survives JSON, begins with what is wrong, and is read in lines of 110 characters', () => {
    const advice = advise(pooled(200, { perSecond: 400, heldMs: 10 }), { cores: 4 })
    assert.deepEqual(JSON.parse(JSON.stringify(advice)), advice)
    const levels = advice.findings.map(({ level }) => ['problem', 'warning', 'advice', 'fine'].indexOf(level))
    assert.deepEqual(
      levels,
      levels.toSorted((a, b) => a - b),
    )
    for (const line of adviceText(advice).split('\n').slice(1)) assert.ok(line.length <= 120, line)
  })

  it('is the same for the same readings', () => {
    const readings = pooled(20, { perSecond: 400, heldMs: 10 })
    assert.deepEqual(advise(readings, {}), advise(readings, {}))
  })

  it('has lines for pgbouncer.ini that can be pasted as they are, and change nothing else', () => {
    const one = advise(pooled(20, { perSecond: 400, heldMs: 10 }), {})
    assert.match(one.iniFragment, /^; unless .*\n\[pgbouncer\]\ndefault_pool_size = 7\n$/)
    const pools = [
      poolReading(20, { perSecond: 400, heldMs: 10 }),
      poolReading(20, { perSecond: 40, heldMs: 10 }, { database: 'a "b"' }),
    ]
    const several = advise({ database: quiet, pooler: poolerReading(pools) }, {}).iniFragment
    assert.match(several, /^; in the lines .*\n; shop: pool_size=7\n; "a ""b""": pool_size=3\n$/)
    const session = poolReading(20, { perSecond: 1, heldMs: 8_000 }, { database: 'old', mode: 'session' })
    const shop = poolReading(20, { perSecond: 400, heldMs: 10 })
    const mixed = advise({ database: quiet, pooler: poolerReading([shop, session]) }, {}).iniFragment
    assert.match(mixed, /^; in the lines .*\n; shop: pool_size=7\n$/)
  })

  it('asks for no more than PostgreSQL takes, also where nothing is known of its cores', () => {
    const saturated = poolReading(
      90,
      { perSecond: 9_000, heldMs: 10, waitMs: 5 },
      { clientsPeak: 3_000, waitingPeak: 900 },
    )
    const [pool] = advise({ database: quiet, pooler: poolerReading([saturated]) }, {}).pools
    assert.deepEqual([pool?.sizeAdvised, pool?.decidedBy], [97, 'limit'])
    const small = poolReading(20, { perSecond: 2_000, heldMs: 10, waitMs: 5 }, { waitingPeak: 10 })
    assert.match(
      textOf({ database: quiet, pooler: poolerReading([small]) }, 'pool_size'),
      /20 now, 30 connections are advised\. .* is not known: enlarge step by step/,
    )
  })

  it('counts what the pooler lent and PostgreSQL did not see, where its cores have time left', () => {
    // 10,000 a second, held for 5 ms on the way from and to another place, with 0.1 ms of work.
    const database = databaseReading({ activity: { ...quietActivity, active: evenly(1), activeOnCpu: evenly(1) } })
    const [pool] = advise(pooled(60, { perSecond: 10_000, heldMs: 5 }, database), { cores: 4 }).pools
    assert.deepEqual([pool?.decidedBy, (pool?.sizeAdvised ?? 0) > 55], ['demand', true])
  })

  it('gives pools in session mode no size', () => {
    const pool = poolReading(40, { perSecond: 1, heldMs: 8_000 }, { mode: 'session' })
    assert.equal(
      advise({ database: full, pooler: poolerReading([pool]) }, { cores: 4 }).pools[0]?.sizeAdvised,
      undefined,
    )
  })

  it('gives no size where others can not be seen, and says why', () => {
    const hidden = databaseReading({ activity: { ...quietActivity, active: evenly(3), hidden: evenly(30) } })
    const advice = advise({ database: hidden }, {})
    assert.deepEqual(advice.pools, [])
    assert.match(adviceText(advice), /How many connections are in use: what 30 of 10 connections do is hidden/)
  })

  it('shows no control characters of names and statements', () => {
    const longest = {
      pid: 42,
      database: 'shop',
      user: 'app',
      application: 'a\u001B[31mb',
      idleMs: 12_000,
      transactionMs: 15_000,
    }
    const database = databaseReading({
      activity: { ...quietActivity, idleInTransaction: evenly(3), longestIdleInTransaction: longest },
    })
    assert.match(adviceText(advise({ database }, {})), /"a\?\[31mb"/)
  })

  it('says that max_connections is too low for the pools', () => {
    assert.match(
      textOf(
        { ...pooled(20, { perSecond: 400, heldMs: 10 }), database: withSettings({ maxConnections: 20 }) },
        'total',
      ),
      /^problem: PostgreSQL takes 17 connections/,
    )
  })
})
