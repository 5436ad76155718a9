/**
 * The scripts of `npm run drivers` for pg, postgres.js and psycopg, through Taxirank in both modes: every step holds, but
 * those that test/drivers/known.ts names, and these fail: whoever makes one hold strikes it off there.
 */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Guard } from '../bench/guard.ts'
import { Processes } from '../bench/processes.ts'
import { type Driver, drivers, findVersion } from './drivers/drivers.ts'
import { reasonOf } from './drivers/known.ts'
import { type Outcome, runDriver } from './drivers/run-driver.ts'
import { steps } from './drivers/steps.ts'
import { Place, startTarget, type TargetName } from './drivers/targets.ts'
import { needs } from './support/tools.ts'

const tested = ['pg', 'postgres.js', 'postgres.js unprepared', 'psycopg2', 'psycopg']
const targets = ['taxirank session', 'taxirank transaction'] as const
const numbers = steps.map(({ number }) => number)

const processes = new Processes()
const guard = new Guard()
const places: Place[] = []
/** Both targets at once, each with a PostgreSQL of its own, since scripts restart it. */
const runs = new Map<TargetName, Promise<Map<string, Outcome[]>>>()

before(() => {
  for (const name of targets) runs.set(name, runAll(name))
})

after(async () => {
  await Promise.allSettled(runs.values())
  await processes.stopAll()
  for (const place of places) await place.remove()
  await guard.close()
})

async function runAll(name: TargetName): Promise<Map<string, Outcome[]>> {
  const place = await Place.make()
  places.push(place)
  const target = await startTarget(name, place, processes)
  const restart = (): Promise<void> => place.postgres.postgres.restart()
  const outcomes = new Map<string, Outcome[]>()
  for (const driver of drivers.filter(isTested)) {
    outcomes.set(driver.name, await runDriver(driver.command, numbers, { target, guard, restart }))
  }
  await target.stop()
  return outcomes
}

const isTested = (driver: Driver): boolean => tested.includes(driver.name) && 'version' in findVersion(driver)

/** A driver is no program; where it is missing, its package is what to install. */
function options(driver: Driver): { readonly skip: string | false; readonly timeout: number } {
  return { ...('version' in findVersion(driver) ? { skip: false } : needs(...driver.packages)), timeout: 180_000 }
}

for (const name of targets) {
  describe(`through ${name}`, () => {
    for (const driver of drivers.filter((each) => tested.includes(each.name))) {
      const failing = numbers.filter((step) => reasonOf(driver.name, step, name) !== undefined)
      const but = failing.length > 0 ? ` but ${failing.join(', ')}` : ''
      it(`${driver.name} goes through all steps${but}`, options(driver), async () => {
        const outcomes = (await runs.get(name))?.get(driver.name) ?? []
        const failed = outcomes.filter(({ result }) => result === 'failed')
        const messages = failed.map(({ step, message }) => `${step}: ${message}`).join('\n')
        assert.equal(outcomes.length, numbers.length)
        assert.deepEqual(
          failed.map(({ step }) => step),
          failing,
          messages,
        )
      })
    }
  })
}
