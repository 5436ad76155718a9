/** pg-boss, which makes its pool itself. */
import assert from 'node:assert/strict'
import { PgBoss } from 'pg-boss'
import { rejection } from '../../drivers/node/outcomes.mjs'
import { commits, commonSteps, rollsBack, words } from './checks.mjs'
import { eventually, runSteps, settings, soon } from './contract.mjs'

const boss = new PgBoss({ ...settings })
// It asks for a listener; what it tells of lost connections is none of the report.
boss.on('error', () => undefined)
await boss.start()
await boss.createQueue('rides')

const own = boss.getDb()
const ask = async (sql, on = own) => Object.values((await on.executeSql(sql)).rows[0])[0]
const transaction = (work) => own.withTransaction(work)
const send = (db) => boss.send('rides', { fare: 12.5 }, { db })
const count = async () => (await boss.findJobs('rides')).length
const clear = () => boss.deleteAllJobs('rides')

await runSteps({
  ...commonSteps({ packageName: 'pg-boss', pool: () => own.pool, ask, transaction, end: () => boss.stop() }),
  async 3() {
    await boss.createQueue('fares')
    const id = await boss.send('fares', { fare: 1 })
    await boss.cancel('fares', id)
    const [job] = await boss.findJobs('fares', { id })
    assert.deepEqual([job.data, job.state], [{ fare: 1 }, 'cancelled'])
    await boss.deleteJob('fares', id)
    assert.deepEqual(await boss.findJobs('fares', { id }), [])
    await boss.deleteQueue('fares')
    assert.equal(await boss.getQueue('fares'), null)
  },
  async 4() {
    const data = { n: 42, t: words, nothing: null }
    const id = await boss.send('rides', data)
    assert.deepEqual((await boss.findJobs('rides', { id }))[0].data, data)
  },
  async 5() {
    await clear()
    await commits(transaction, send, count)
  },
  async 6() {
    await clear()
    await rollsBack(transaction, send, count)
  },
  async 12() {
    await clear()
    const sent = await Promise.all(Array.from({ length: 50 }, (_each, n) => boss.send('rides', { n })))
    const done = new Set()
    await boss.work('rides', { batchSize: 10, pollingIntervalSeconds: 0.5 }, async (jobs) => {
      for (const { id } of jobs) done.add(id)
    })
    await eventually(
      () => `${done.size} of 50 jobs done`,
      () => done.size === 50,
      20_000,
    )
    await boss.offWork('rides')
    assert.deepEqual(done, new Set(sent))
    const failing = boss.send('no-such-queue', {})
    assert.match((await soon(rejection(failing))).message, /no-such-queue/)
    // By hand: fetched, completed.
    const id = await boss.send('rides', {})
    const [job] = await boss.fetch('rides')
    assert.equal(job.id, id)
    await boss.complete('rides', id, { isPaid: true })
    assert.equal((await boss.findJobs('rides', { id }))[0].state, 'completed')
  },
})
