/**
 * The scripts of `npm run pool-users` for Drizzle, Prisma and OpenTelemetry on Node: npm puts our pool in the place of
 * pg-pool, and every step holds. The packages are fetched where CI is set; elsewhere only `npm run pool-users` does that.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Guard } from '../bench/guard.ts'
import type { Outcome } from './drivers/run-driver.ts'
import { isInstalled, prepare } from './pool-users/install.ts'
import { steps } from './pool-users/steps.ts'
import { tryUser } from './pool-users/try-user.ts'
import { users } from './pool-users/users.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { isContinuousIntegration, needs } from './support/tools.ts'

const tested = users.filter(({ name }) => ['Drizzle', 'Prisma', 'OpenTelemetry'].includes(name))
const isReady = isContinuousIntegration() || isInstalled()

const options = {
  ...(isReady
    ? needs('node', 'npm')
    : { skip: 'the packages of test/pool-users are not installed: `npm run pool-users`' }),
  timeout: 180_000,
}

describe('in the place of pg-pool', () => {
  const guard = new Guard()
  let starting: Promise<TestPostgres> | undefined

  before(() => {
    if (options.skip === false) starting = start()
  })

  after(async () => {
    await (await starting)?.remove()
    await guard.close()
  })

  for (const user of tested) {
    it(`the pool carries ${user.name} through all steps`, options, async () => {
      assert.ok(starting)
      const outcomes = await tryUser(user, 'Node', await starting, guard)
      assert.deepEqual(
        outcomes.map(({ step }) => step),
        steps.map(({ number }) => number),
      )
      assert.deepEqual(outcomes.filter(isFailed), [])
    })
  }
})

async function start(): Promise<TestPostgres> {
  await prepare()
  return startTestPostgres({ max_connections: '200' })
}

const isFailed = ({ result }: Outcome): boolean => result === 'failed'
