/** What drivers connect to: PostgreSQL itself, and both poolers in both modes in front of it, each told the same. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Processes } from '../../bench/processes.ts'
import { PoolerUnderTest } from '../reliability/pooler.ts'
import { issue } from '../support/certificates.ts'
import { startTestPostgres, temporaryFolder, type TestPostgres } from '../support/postgres.ts'
import { SecretSearch } from '../support/secret-search.ts'

export const targetNames = [
  'direct',
  'taxirank session',
  'taxirank transaction',
  'pgbouncer session',
  'pgbouncer transaction',
] as const

export type TargetName = (typeof targetNames)[number]
type PooledName = Exclude<TargetName, 'direct'>
type Mode = 'session' | 'transaction'

/** In session mode fifty clients need as many servers; in transaction mode a few, so that they have to share. */
const poolSize: Readonly<Record<Mode, number>> = { session: 60, transaction: 5 }
const quietLimitMs = 5_000

const scramUser = 'ann'
const password = 'correct horse'

const accessRules = [`host all ${scramUser} 127.0.0.1/32 scram-sha-256`, 'host all all 127.0.0.1/32 trust', ''].join(
  '\n',
)

/** What scripts find in the database. */
const fixtures = [
  `create role ${scramUser} login password '${password}'`,
  'create table item (id int primary key, name text)',
  'create schema tenant',
  "create table tenant.whose as select 'the tenant’s' as owner",
  "create table whose as select 'everybody’s' as owner",
  `grant select on whose to ${scramUser}`,
]

/** A PostgreSQL for one run, with a certificate, a user with a password and a few tables. */
export class Place {
  readonly folder = temporaryFolder()
  readonly postgres: TestPostgres
  /** The authority that has signed both certificates. */
  readonly authorityFile = join(this.folder, 'authority.pem')

  private constructor(postgres: TestPostgres) {
    this.postgres = postgres
  }

  static async make(): Promise<Place> {
    const authority = issue({ name: 'drivers', isAuthority: true })
    const own = issue({ name: 'localhost', names: ['localhost', '127.0.0.1'], issuer: authority })
    const postgres = await startTestPostgres(
      { ssl: 'on', max_connections: '200' },
      { 'pg_hba.conf': accessRules, 'server.crt': own.certificate, 'server.key': own.key },
    )
    const place = new Place(postgres)
    const readable = { mode: 0o644 }
    writeFileSync(place.authorityFile, authority.certificate, readable)
    writeFileSync(place.certificateFile, own.certificate, readable)
    writeFileSync(place.keyFile, own.key, readable)
    await withAdmin(postgres.port, 'postgres', async (admin) => {
      for (const sql of fixtures) await admin.query(sql)
    })
    return place
  }

  get certificateFile(): string {
    return join(this.folder, 'pooler.crt')
  }

  get keyFile(): string {
    return join(this.folder, 'pooler.key')
  }

  async remove(): Promise<void> {
    await this.postgres.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** One of the five. Whoever starts it stops it. */
export interface Target {
  readonly name: TargetName
  /** What a script finds in its environment. */
  readonly environment: Readonly<Record<string, string>>
  /** New servers for the next driver: what the last one left in its sessions is not to be this one's trouble. */
  renewServers(): Promise<void>
  /** Undefined when clients have left nothing behind, else what. */
  whatIsLeft(): Promise<string | undefined>
  stop(): Promise<void>
}

export async function startTarget(name: TargetName, place: Place, processes: Processes): Promise<Target> {
  if (name === 'direct') return directTarget(place)
  const trusting = await startPooler(name, 'trust', place, processes)
  const asking = await startPooler(name, 'scram-sha-256', place, processes)
  return {
    name,
    environment: environmentOf(place, modeOf(name), trusting.port, asking.port),
    renewServers: async () => {
      for (const pooler of [trusting, asking]) {
        await withAdmin(pooler.port, 'pgbouncer', (admin) => admin.query('RECONNECT'), password)
      }
    },
    whatIsLeft: async () => {
      const left = await Promise.all([trusting, asking].map((pooler) => leftInPooler(pooler)))
      return left.find((each) => each !== undefined)
    },
    stop: async () => {
      for (const pooler of [trusting, asking]) {
        if (pooler.isRunning) pooler.signal('SIGKILL')
        await pooler.ended
      }
    },
  }
}

function directTarget(place: Place): Target {
  const { port } = place.postgres
  return {
    name: 'direct',
    environment: environmentOf(place, 'session', port, port),
    renewServers: () => Promise.resolve(),
    whatIsLeft: () => leftInPostgres(port),
    stop: () => Promise.resolve(),
  }
}

const modeOf = (name: TargetName): Mode => (name.endsWith('transaction') ? 'transaction' : 'session')

function environmentOf(place: Place, mode: Mode, port: number, scramPort: number): Record<string, string> {
  return {
    DRIVER_HOST: '127.0.0.1',
    DRIVER_PORT: String(port),
    DRIVER_DATABASE: 'postgres',
    DRIVER_USER: 'postgres',
    DRIVER_SCRAM_PORT: String(scramPort),
    DRIVER_SCRAM_USER: scramUser,
    DRIVER_PASSWORD: password,
    DRIVER_AUTHORITY: place.authorityFile,
    DRIVER_MODE: mode,
    DRIVER_SERVERS: String(poolSize[mode]),
  }
}

function startPooler(
  name: PooledName,
  method: 'trust' | 'scram-sha-256',
  place: Place,
  processes: Processes,
): Promise<PoolerUnderTest> {
  const side = name.startsWith('taxirank') ? 'taxirank' : 'pgbouncer'
  return PoolerUnderTest.start(
    side,
    processes,
    { folder: place.folder, serverPort: place.postgres.port, secrets: new SecretSearch() },
    {
      users: [`"postgres" "${password}"`, `"${scramUser}" "${password}"`],
      settings: {
        pool_mode: modeOf(name),
        auth_type: method,
        default_pool_size: poolSize[modeOf(name)],
        client_tls_sslmode: 'allow',
        client_tls_cert_file: place.certificateFile,
        client_tls_key_file: place.keyFile,
        ignore_startup_parameters: 'extra_float_digits',
      },
    },
  )
}

/** A Terminate takes a moment to be noticed. */
async function untilNothing(look: () => Promise<string | undefined>): Promise<string | undefined> {
  const end = performance.now() + quietLimitMs
  for (;;) {
    const left = await look()
    if (left === undefined || performance.now() > end) return left
    await sleep(20)
  }
}

function leftInPooler(pooler: PoolerUnderTest): Promise<string | undefined> {
  return withAdmin(
    pooler.port,
    'pgbouncer',
    (admin) =>
      untilNothing(async () => {
        const { rows } = await admin.query<Record<string, string>>('SHOW POOLS')
        const pools = rows.filter(({ database }) => database !== 'pgbouncer')
        const busy = ['cl_active', 'cl_waiting', 'sv_active', 'sv_tested', 'sv_login'].flatMap((column) => {
          const sum = pools.reduce((total, pool) => total + Number(pool[column]), 0)
          return sum > 0 ? [`${column} ${sum}`] : []
        })
        return busy.length > 0 ? busy.join(', ') : undefined
      }),
    password,
  )
}

function leftInPostgres(port: number): Promise<string | undefined> {
  return withAdmin(port, 'postgres', (admin) =>
    untilNothing(async () => {
      const { rows } = await admin.query<{ state: string; query: string }>(
        `select state, query from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      )
      return rows.length > 0 ? rows.map(({ state, query }) => `${state}: ${query}`).join(', ') : undefined
    }),
  )
}

async function withAdmin<T>(
  port: number,
  database: string,
  use: (admin: Client) => Promise<T>,
  secret?: string,
): Promise<T> {
  const admin = new Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database,
    ...(secret !== undefined && { password: secret }),
  })
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.end()
  }
}
