/** A tenth of `npm run floods`: nobody who is logged in is lost, and those who may get in do. */

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFile, keyFile, writeCertificate } from '../bench/certificate.ts'
import { Processes } from '../bench/processes.ts'
import { floods, lookedUp, password, secrets } from './floods/floods.ts'
import { measureTaxirank } from './floods/measure.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'

const mostGrowthMB = 80
const processes = new Processes()
const dir = mkdtempSync(join(tmpdir(), 'taxirank-floods-'))
let postgres: TestPostgres

before(async () => {
  postgres = await startTestPostgres()
  const direct = await RawClient.login(postgres.port)
  await direct.query(`create role ${lookedUp} login password '${password}'`)
  direct.leave()
  chmodSync(dir, 0o755)
  writeCertificate(dir)
})

after(async () => {
  await processes.stopAll()
  await postgres.remove()
  rmSync(dir, { recursive: true, force: true })
})

describe('a flood from those who have not logged in costs nobody a connection', () => {
  const files = { client_tls_key_file: join(dir, keyFile), client_tls_cert_file: join(dir, certificateFile) }
  for (const flood of floods({ client_tls_sslmode: 'allow', ...files })) {
    it(`a tenth of ${flood.name}`, { timeout: 60_000 }, async () => {
      const setup = { ...flood.setup, settings: { ...flood.setup.settings, max_client_conn: 100 } }
      const place = { dir, databasePort: postgres.port, setup }
      const { during, memoryMB } = await measureTaxirank(flood, processes, place, 0.1, 1)
      assert.equal(during.lost, 0)
      assert.ok(during.queries > 0 && during.logins > 0, `${during.logins} logins; ${during.refusal}`)
      assert.ok(memoryMB[1] - memoryMB[0] < mostGrowthMB, `memory: ${memoryMB.join(', ')} MB`)
    })
  }

  it('and tells no secret', () => {
    assert.deepEqual(secrets.found, [], secrets.summary)
  })
})
