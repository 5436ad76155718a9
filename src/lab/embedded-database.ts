/** The embedded PostgreSQL as the lab needs it: with TLS, and with a role for each way of authentication. In a folder that goes when it does. */

import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { makeCertificate } from '../embedded/certificate.ts'
import { canEnter, findOsUser, type OsUser } from '../embedded/os-user.ts'
import { type Postgres, startPostgres } from '../embedded/postgres.ts'
import { TaxirankError } from '../errors.ts'
import { silentLog } from '../log.ts'
import type { Target } from './target.ts'

/** The role that experiments use: no superuser, as applications should be. */
const role = 'lab'
/** The names end with the methods of pg_hba.conf. */
export const authenticationMethods = ['trust', 'password', 'md5', 'scram-sha-256'] as const
export type AuthenticationMethod = (typeof authenticationMethods)[number]
export const rolePassword = 'lab'

export interface EmbeddedDatabase {
  readonly target: Target
  readonly superuser: Target
  readonly postgres: Postgres
  readonly folder: string
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

/** `settings`: as in postgresql.conf. Rejects as `startPostgres` does, and leaves nothing. */
export async function startEmbeddedDatabase(
  signal: AbortSignal,
  settings: Readonly<Record<string, string>> = {},
  made: (folder: string) => void = () => undefined,
): Promise<EmbeddedDatabase> {
  const folder = makeFolder()
  made(folder)
  try {
    const user = await findOsUser(silentLog)
    if (!(await canEnter(user, folder))) {
      throw wrong(
        `the OS user ${user.name}, whom PostgreSQL runs as, can't enter ${tmpdir()}: set TMPDIR to where it can`,
      )
    }
    const files = writeFiles(folder, user)
    const postgres = await startPostgres({
      dataDir: join(folder, 'data'),
      settings: { ...files, ...settings, ssl: 'on' },
      signal,
    })
    const database: EmbeddedDatabase = {
      target: targetOf(postgres, role),
      superuser: targetOf(postgres, 'postgres'),
      postgres,
      folder,
      remove: async () => {
        await postgres.stop('immediate')
        rmSync(folder, { recursive: true, force: true })
      },
    }
    await makeRoles(database).catch(async (error: unknown) => {
      await database.remove()
      throw error
    })
    return database
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function makeFolder(): string {
  try {
    const folder = mkdtempSync(join(resolve(tmpdir()), 'taxirank-lab-'))
    chmodSync(folder, 0o711)
    return folder
  } catch (cause) {
    throw wrong(`a folder for PostgreSQL can't be made: ${(cause as Error).message}`, cause)
  }
}

function wrong(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_configuration', message, { cause })
}

/** For a way of authentication of its own; `undefined`: the role of all experiments. */
export function roleFor(method: AuthenticationMethod): string {
  return `lab-${method}`
}

function targetOf({ host, port }: Postgres, user: string): Target {
  const database = 'postgres'
  const address = `postgres://${user}@${host}:${port}/${database}`
  return {
    host,
    port,
    user,
    password: undefined,
    database,
    sslMode: 'disable',
    sslRootFile: undefined,
    ssl: false,
    address,
  }
}

/** Settings that lead to them. They lie outside of the data directory, which is not ours to write to. */
function writeFiles(folder: string, user: OsUser): Record<string, string> {
  const { certificate, key } = makeCertificate()
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    if (user.isOther) chownSync(path, user.uid, user.gid)
    return path
  }
  return {
    ssl_cert_file: write('server.crt', certificate),
    ssl_key_file: write('server.key', key),
    hba_file: write('pg_hba.conf', accessRules()),
  }
}

function accessRules(): string {
  const loopback = '127.0.0.1/32'
  const byMethod = authenticationMethods.map((method) => `host all ${roleFor(method)} ${loopback} ${method}`)
  return `${[...byMethod, `host all all ${loopback} trust`].join('\n')}\n`
}

async function makeRoles({ superuser }: EmbeddedDatabase): Promise<void> {
  const { host, port, user, database } = superuser
  const client = new Client({ host, port, user, database, password: '', ssl: false })
  await client.connect()
  try {
    await client.query(`create role ${role} login`)
    await client.query(`grant create on database ${database} to ${role}`)
    await client.query(`grant pg_monitor to ${role}`)
    for (const method of authenticationMethods) {
      const encryption = method === 'md5' ? 'md5' : 'scram-sha-256'
      await client.query(`set password_encryption = '${encryption}'; set md5_password_warnings = off`)
      await client.query(`create role "${roleFor(method)}" login password '${rolePassword}'`)
    }
  } finally {
    await client.end()
  }
}
