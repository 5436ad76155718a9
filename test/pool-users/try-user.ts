/** One user's script with one pool on one runtime, in a database of its own. */

import type { Guard } from '../../bench/guard.ts'
import { type Outcome, runDriver } from '../drivers/run-driver.ts'
import { makeDatabase } from '../support/database.ts'
import type { TestPostgres } from '../support/postgres.ts'
import { steps } from './steps.ts'
import { commandOf, type User, type Way } from './users.ts'

export async function tryUser(user: User, way: Way, postgres: TestPostgres, guard: Guard): Promise<Outcome[]> {
  const database = `${user.name} ${way}`
  await makeDatabase(postgres, database, 'create table item (id int primary key, name text)')
  const environment = {
    DRIVER_HOST: '127.0.0.1',
    DRIVER_PORT: String(postgres.port),
    DRIVER_DATABASE: database,
    DRIVER_USER: 'postgres',
  }
  const nothing = (): Promise<undefined> => Promise.resolve(undefined)
  const target = { environment, renewServers: nothing, whatIsLeft: nothing }
  return runDriver(
    commandOf(user, way),
    steps.map(({ number }) => number),
    { target, guard, restart: nothing },
  )
}
