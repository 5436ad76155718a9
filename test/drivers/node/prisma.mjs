/** Prisma 7 with its adapter for pg. The client is made from prisma/schema.prisma before. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  assertNothingLeft,
  atEnd,
  authorityFile,
  notApplicable,
  onTwoServers,
  rejection,
  restartPostgres,
  runSteps,
  scramTarget,
  target,
  valueOrError,
  within,
} from './contract.mjs'

const { PrismaClient } = createRequire(import.meta.url)('../node_modules/prisma-made')

function open(options = {}) {
  const adapter = new PrismaPg({ ...target, max: 1, ...options }, { onPoolError: () => undefined })
  const prisma = new PrismaClient({ adapter, log: [] })
  atEnd(() => prisma.$disconnect())
  return prisma
}

const value = async (prisma, ...query) => Object.values((await prisma.$queryRaw(...query))[0])[0]
const currentUser = (prisma) => prisma.$queryRaw`select current_user::text as name`
const one = (prisma) => prisma.$queryRaw`select 1 as n`
/** The SQLSTATE stands in what Prisma says. */
const assertSqlstate = (error, sqlstate) =>
  assert.ok(JSON.stringify(error).includes(sqlstate) || error.message.includes(sqlstate), error.message)

async function holdServer() {
  const prisma = open()
  let release
  const held = new Promise((resolve) => (release = resolve))
  const pid = await new Promise((resolve, reject) => {
    const transaction = prisma.$transaction(
      async (tx) => {
        resolve(await value(tx, ['select pg_backend_pid() as pid']))
        await held
      },
      { timeout: 30_000 },
    )
    transaction.catch(reject)
  })
  return { pid, release }
}

await runSteps({
  async 1() {
    assert.deepEqual(await currentUser(open()), [{ name: target.user }])
    assert.deepEqual(await currentUser(open(scramTarget)), [{ name: scramTarget.user }])
    await rejection(one(open({ ...scramTarget, password: 'wrong' })))
    assert.deepEqual(await one(open({ ssl: { ca: readFileSync(authorityFile) } })), [{ n: 1 }])
  },
  async 2() {
    const rows = await open().$queryRawUnsafe("select n, 'taxi ' || n as name from generate_series(1, 3) n")
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, name: `taxi ${n}` })),
    )
  },
  async 3() {
    const rows = await open().$queryRaw`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual(rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const prisma = open()
    const ask = (n) => prisma.$queryRaw`select 4 / ${n}::int as n`
    const [before, failed, behind] = await Promise.allSettled([1, 0, 4].map(ask))
    assert.deepEqual([before.value, behind.value], [[{ n: 4 }], [{ n: 1 }]])
    assertSqlstate(failed.reason, '22012')
  },
  async 6() {
    const prisma = open()
    await prisma.item.deleteMany()
    const thrown = new Error('back')
    const insert = (error) =>
      prisma.$transaction(async (tx) => {
        await tx.item.create({ data: { id: 1, name: 'a' } })
        if (error) throw error
      })
    assert.equal(await rejection(insert(thrown)), thrown)
    assert.equal(await prisma.item.count(), 0)
    await insert()
    assert.equal(await open().item.count(), 1)
    // Several in one transaction without a function.
    const twice = prisma.$transaction([prisma.item.deleteMany(), prisma.item.create({ data: { id: 2 } })])
    assert.deepEqual((await twice)[0], { count: 1 })
  },
  7: () => notApplicable('no savepoints'),
  8: () => notApplicable('no COPY'),
  9: () => notApplicable('no cancel'),
  async 10() {
    const prisma = open()
    const late = prisma.$transaction(async (tx) => {
      await tx.$executeRaw`set local statement_timeout = '200ms'`
      await tx.$queryRaw`select 1 from pg_sleep(30)`
    })
    assertSqlstate(await rejection(late), '57014')
    // Its own, for a transaction.
    const slow = prisma.$transaction(
      async (tx) => {
        await tx.item.deleteMany()
        await new Promise((resolve) => setTimeout(resolve, 600))
        await tx.item.count()
      },
      { timeout: 300 },
    )
    assert.equal((await rejection(slow)).code, 'P2028')
    assert.deepEqual(await one(prisma), [{ n: 1 }])
  },
  async 11() {
    const big = 'x'.repeat(8 * 1024 * 1024)
    assert.deepEqual(await open().$queryRaw`select ${big}::text as big`, [{ big }])
  },
  async 12() {
    const prisma = open()
    const bytes = Uint8Array.from([0, 1, 0, 255, 0])
    const words = 'Ťaxi 日本語 🚕 e\u0301'
    const [row] = await prisma.$queryRaw`select ${bytes}::bytea as b, ${words}::text as t`
    assert.deepEqual([[...row.b], row.t], [[...bytes], words])
    await rejection(prisma.item.create({ data: { id: 12, name: 'a\u0000b' } }))
    assert.deepEqual(await one(prisma), [{ n: 1 }])
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  15: () => notApplicable('no cursors'),
  async 16() {
    const prisma = open()
    assert.deepEqual(await one(prisma), [{ n: 1 }])
    await restartPostgres()
    const outcome = await valueOrError(within(15_000, one(prisma), 'no answer'))
    assert.ok(outcome instanceof Error || outcome[0].n === 1, String(outcome))
    assert.deepEqual(await within(15_000, one(prisma), 'no answer'), [{ n: 1 }])
  },
  async 17() {
    const prisma = open({ max: 50 })
    const numbers = Array.from({ length: 50 }, (_each, n) => n)
    const ask = (n) => prisma.$queryRaw`select ${n}::int as n from pg_sleep(0.1)`
    assert.deepEqual(
      await Promise.all(numbers.map(ask)),
      numbers.map((n) => [{ n }]),
    )
  },
  async 18() {
    const prisma = open()
    await prisma.$transaction([prisma.item.count()])
    await prisma.$disconnect()
    await assertNothingLeft()
  },
  19: () => notApplicable('`prisma migrate` needs an engine that is not in the npm packages'),
  async 20() {
    const prisma = open({ application_name: 'meter', options: '-c search_path=tenant,public -c work_mem=5MB' })
    await onTwoServers(async () => {
      const [{ pid, ...settings }] = await prisma.$queryRaw`select pg_backend_pid() as pid, owner,
        current_setting('work_mem') as memory, current_setting('application_name') as name from whose`
      assert.deepEqual(settings, { owner: 'the tenant’s', memory: '5MB', name: 'meter' })
      return pid
    }, holdServer)
  },
})
