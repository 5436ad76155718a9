/** Prisma 7 with its adapter for pg. The client is made from prisma/schema.prisma before. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  answersFifty,
  big,
  bytes,
  connects,
  failsAlone,
  holdByTransaction,
  rollsBack,
  keepsSettings,
  selectTaxis,
  survivesRestart,
  taxis,
  words,
} from './checks.mjs'
import { assertNothingLeft, atEnd, notApplicable, rejection, target, runSteps } from './contract.mjs'

const { PrismaClient } = createRequire(import.meta.url)('../node_modules/prisma-made')

function open(options = {}) {
  const adapter = new PrismaPg({ ...target, max: 1, ...options }, { onPoolError: () => undefined })
  const prisma = new PrismaClient({ adapter, log: [] })
  atEnd(() => prisma.$disconnect())
  return prisma
}

const rowOf = async (prisma, sql, ...values) => (await prisma.$queryRawUnsafe(sql, ...values))[0]
const value = async (...query) => Object.values(await rowOf(...query))[0]
const sqlstateOf = (error) => error.meta?.driverAdapterError?.cause?.originalCode ?? error.message

const holdServer = () =>
  holdByTransaction(
    (use) => open().$transaction(use, { timeout: 30_000 }),
    (tx) => value(tx, 'select pg_backend_pid()'),
  )

await runSteps({
  1: () => connects((options) => value(open(options), 'select current_user::text')),
  async 2() {
    assert.deepEqual(await open().$queryRawUnsafe(selectTaxis), taxis)
  },
  async 3() {
    const rows = await open().$queryRaw`select ${41}::int + 1 as n, ${"it's"}::text as t, ${null}::text as nothing`
    assert.deepEqual(rows, [{ n: 42, t: "it's", nothing: null }])
  },
  4: () => notApplicable('names no statements'),
  async 5() {
    const prisma = open()
    await failsAlone((n) => value(prisma, 'select 4 / $1::int as n', n), sqlstateOf)
  },
  async 6() {
    const prisma = open()
    await prisma.item.deleteMany()
    const insert = (error) =>
      prisma.$transaction(async (tx) => {
        await tx.item.create({ data: { id: 1, name: 'a' } })
        if (error) throw error
      })
    await rollsBack(
      insert,
      () => prisma.item.count(),
      () => open().item.count(),
    )
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
    assert.equal(sqlstateOf(await rejection(late)), '57014')
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
    assert.equal(await value(prisma, 'select 1'), 1)
  },
  async 11() {
    assert.equal(await value(open(), 'select $1::text', big), big)
  },
  async 12() {
    const prisma = open()
    const [row] = await prisma.$queryRaw`select ${bytes}::bytea as b, ${words}::text as t`
    assert.deepEqual([[...row.b], row.t], [[...bytes], words])
    await rejection(prisma.item.create({ data: { id: 12, name: 'a\u0000b' } }))
    assert.equal(await value(prisma, 'select 1'), 1)
  },
  13: () => notApplicable('no notices'),
  14: () => notApplicable('no LISTEN'),
  15: () => notApplicable('no cursors'),
  async 16() {
    const prisma = open()
    await survivesRestart((n) => value(prisma, `select ${n}`))
  },
  async 17() {
    const prisma = open({ max: 50 })
    await answersFifty((n) => value(prisma, 'select $1::int from pg_sleep(0.1)', n))
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
    await keepsSettings((sql) => rowOf(prisma, sql), holdServer)
  },
})
