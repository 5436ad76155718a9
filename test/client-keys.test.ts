/** The keys that a client proves by SCRAM log its own user in to PostgreSQL, and nobody else: not even who has the same secret. */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Client } from 'pg'
import { MadeUpSecrets } from '../src/auth/made-up-secrets.ts'
import { parseSecret } from '../src/auth/secret.ts'
import { type TestPooler, TestPoolers } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'

const accessRules = 'host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n'
const password = 'the same for both'
const poolers = new TestPoolers(() => postgres.port)
let postgres: TestPostgres
let verifier = ''

before(async () => {
  postgres = await startTestPostgres({}, { 'pg_hba.conf': accessRules })
  const direct = await RawClient.login(postgres.port)
  await direct.query(`create role ann login password '${password}'`)
  verifier = (await direct.value(`select rolpassword from pg_authid where rolname = 'ann'`)) ?? ''
  await direct.query(`create role other login password '${verifier}'`)
  const stored = `select count(*) from pg_authid where rolpassword = '${verifier}'`
  assert.equal(await direct.value(stored), '2')
  direct.leave()
})

after(async () => {
  await poolers.remove()
  await postgres.remove()
})

/** Both users are known by their verifier alone; `forced` makes everybody `other`, without a password. */
function start(): Promise<TestPooler> {
  const secrets = new Map(['ann', 'other'].map((user) => [user, parseSecret(Buffer.from(verifier))]))
  return poolers.start({
    authentication: { method: 'scram-sha-256', secrets, madeUp: new MadeUpSecrets(4_096) },
    databases: { forced: { name: 'postgres', user: 'other' } },
  })
}

/** Who the client is in PostgreSQL, or the SQLSTATE and what it is told. */
async function whoIs(pooler: TestPooler, user: string, database: string): Promise<string> {
  const client = new Client({ host: '127.0.0.1', port: pooler.port, user, password, database })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query('select session_user as name')
    await client.end()
    return rows[0].name
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return `${code}: ${message}`
  }
}

describe('the keys of a client', () => {
  it('log it in as itself, and never as the user whom a database forces', async () => {
    const pooler = await start()
    const refused = /^\w+: .*no password is configured for the user whom the database forces/
    assert.match(await whoIs(pooler, 'ann', 'forced'), refused)
    assert.equal(await whoIs(pooler, 'ann', 'postgres'), 'ann')
    assert.equal(await whoIs(pooler, 'other', 'postgres'), 'other')
    // By now keys are known that PostgreSQL would take, and those of `other` are among them.
    for (const user of ['ann', 'other']) assert.match(await whoIs(pooler, user, 'forced'), refused)
  })
})

describe('the checker', () => {
  it('finds no breach in what the test above did', () => poolers.assertNoBreach())
})
