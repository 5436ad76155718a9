/** Prisma 7 with its adapter for pg, which makes the pool itself. The client is made from prisma/schema.prisma before. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { commits, commonSteps, rollsBack, words } from './checks.mjs'
import { runSteps, settings } from './contract.mjs'

const { PrismaClient } = createRequire(import.meta.url)('../node_modules/prisma-made')

let pool

/** Says which pool it has made. */
class SeenPrismaPg extends PrismaPg {
  async connect() {
    const adapter = await super.connect()
    pool = adapter.underlyingDriver()
    return adapter
  }
}

const prisma = new PrismaClient({ adapter: new SeenPrismaPg(settings), log: [] })
await prisma.$connect()

const ask = async (sql, on = prisma) => Object.values((await on.$queryRawUnsafe(sql))[0])[0]
const transaction = (work) => prisma.$transaction(work)
const insert = (on) => on.item.create({ data: { id: 1, name: 'a' } })
const count = () => prisma.item.count()
const clear = () => prisma.item.deleteMany()

await runSteps({
  ...commonSteps({
    packageName: '@prisma/adapter-pg',
    pool: () => pool,
    ask,
    transaction,
    end: () => prisma.$disconnect(),
  }),
  async 3() {
    await clear()
    const data = [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ]
    assert.deepEqual(await prisma.item.createMany({ data }), { count: 2 })
    await prisma.item.update({ where: { id: 1 }, data: { name: 'c' } })
    await prisma.item.delete({ where: { id: 2 } })
    assert.deepEqual(await prisma.item.findMany(), [{ id: 1, name: 'c' }])
  },
  async 4() {
    const rows = await prisma.$queryRaw`select ${42}::int as n, ${words}::text as t, ${null}::text as nothing`
    assert.deepEqual(rows, [{ n: 42, t: words, nothing: null }])
  },
  async 5() {
    await clear()
    await commits(transaction, insert, count)
    // Several in one transaction without a function.
    const [deleted] = await prisma.$transaction([prisma.item.deleteMany(), prisma.item.create({ data: { id: 2 } })])
    assert.deepEqual(deleted, { count: 1 })
  },
  async 6() {
    await clear()
    await rollsBack(transaction, insert, count)
  },
})
