/** The PostgreSQL that all lanes share: a database each, so that nobody waits for another's locks. */

import { MadeUpSecrets } from '../../src/auth/made-up-secrets.ts'
import { parseSecret } from '../../src/auth/secret.ts'
import { acceptingTls, connectingTls } from '../../src/net/tls.ts'
import { issue } from '../support/certificates.ts'
import type { TestPoolerOptions } from '../support/pooler.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { RawClient } from '../support/raw-client.ts'
import { password, secrets } from './people.ts'
import type { Access } from './transcripts.ts'

const accessRules = 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n'
const own = issue({ name: 'localhost', names: ['localhost', '127.0.0.1'] })
const trusted = parseSecret(Buffer.from(secrets.canaries.make('what is stored of whoever is trusted')))
secrets.canaries.watchKey('the key file', own.key)

export interface Ground {
  readonly port: number
  readonly databases: readonly string[]
  remove(): Promise<void>
}

export async function prepareGround(lanes: number): Promise<Ground> {
  const postgres = await startTestPostgres(
    { ssl: 'on' },
    { 'pg_hba.conf': accessRules, 'server.crt': own.certificate, 'server.key': own.key },
  )
  try {
    const databases = await makeDatabases(postgres, lanes)
    return { port: postgres.port, databases, remove: () => postgres.remove() }
  } catch (error) {
    await postgres.remove()
    throw error
  }
}

async function makeDatabases({ port }: TestPostgres, lanes: number): Promise<string[]> {
  const admin = await RawClient.login(port)
  await admin.value(`create role ann login password '${password}'`)
  const verifier = await admin.value("select rolpassword from pg_authid where rolname = 'ann'")
  secrets.canaries.watchScram('the password', password, verifier ?? '')
  await admin.value('create table item (id int primary key, name text); grant all on item to ann')
  admin.leave()
  await admin.closed()
  const names = Array.from({ length: lanes }, (_, n) => `lane_${n + 1}`)
  const maker = await RawClient.login(port, { database: 'template1' })
  for (const name of names) await maker.value(`create database ${name} template postgres`)
  maker.leave()
  return names
}

/** What a pooler is told so that both sides log in like this. */
export function accessOptions(access: Access): TestPoolerOptions {
  const madeUp = new MadeUpSecrets(4_096)
  if (access === 'trust') {
    return { authentication: { method: 'trust', secrets: new Map([['postgres', trusted]]), madeUp } }
  }
  const stored = new Map([['ann', parseSecret(Buffer.from(password))]])
  const authentication = { method: 'scram-sha-256', secrets: stored, madeUp } as const
  if (access === 'scram') return { authentication }
  return {
    authentication,
    clientTls: acceptingTls({ mode: 'require', certificate: own.certificate, key: own.key }),
    isTlsRequired: true,
    serverEncryption: connectingTls({ mode: 'require' }),
  }
}
