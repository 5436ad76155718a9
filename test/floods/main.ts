/**
 * `npm run floods -- [--seconds N] [--scale F] [--only TEXT] [--alone] [--write]`: every flood over Taxirank and over PgBouncer, one after the
 * other on the same PostgreSQL; with `--alone` over Taxirank only. `--write` puts the report into docs/reports/floods.md. Exit code 1 if Taxirank lost a client,
 * let no good login in, or told a secret.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { certificateFile, keyFile, writeCertificate } from '../../bench/certificate.ts'
import { describeMachine, describeTaxirank, projectRoot } from '../../bench/machine.ts'
import { startPgBouncer, type PoolerPlace } from '../../bench/poolers.ts'
import { Processes } from '../../bench/processes.ts'
import { findPrograms } from '../../bench/programs.ts'
import { startTestPostgres } from '../support/postgres.ts'
import { RawClient } from '../support/raw-client.ts'
import { type Flood, floods, lookedUp, password, secrets } from './floods.ts'
import { measure, measureTaxirank, type Measured } from './measure.ts'
import { renderReport } from './report.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    alone: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const [seconds, scale] = [Number(values.seconds), Number(values.scale)]
const processes = new Processes()
const dir = mkdtempSync(join(tmpdir(), 'taxirank-floods-'))
const machine = describeMachine()
const { pgbouncer } = await findPrograms(processes, process.env)
const postgres = await startTestPostgres()
const measured: Measured[] = []
try {
  const direct = await RawClient.login(postgres.port)
  await direct.query(`create role ${lookedUp} login password '${password}'`)
  direct.leave()
  writeCertificate(dir)
  const files = { client_tls_key_file: join(dir, keyFile), client_tls_cert_file: join(dir, certificateFile) }
  for (const flood of floods({ client_tls_sslmode: 'allow', ...files })) {
    if (!flood.name.includes(values.only)) continue
    const place = { dir, databasePort: postgres.port, setup: flood.setup }
    for (const name of values.alone ? ['Taxirank'] : ['Taxirank', 'PgBouncer']) {
      const one = await (name === 'Taxirank'
        ? measureTaxirank(flood, processes, place, scale, seconds)
        : measurePgBouncer(flood, place))
      measured.push(one)
      process.stderr.write(`${flood.name}, ${one.pooler}: ${JSON.stringify(one)}\n`)
    }
  }
  const versions = `${await describeTaxirank(processes)}; ${pgbouncer.version}`
  const command = ['npm run floods --', ...process.argv.slice(2)].join(' ')
  const report = renderReport(measured, { machine, versions, command, seconds, secrets: secrets.summary })
  process.stdout.write(report)
  if (values.write) writeFileSync(join(projectRoot, 'docs/reports/floods.md'), report)
} finally {
  await processes.stopAll()
  await postgres.remove()
  rmSync(dir, { recursive: true, force: true })
}

async function measurePgBouncer(flood: Flood, place: PoolerPlace): Promise<Measured> {
  const pooler = await startPgBouncer(processes, { name: 'PgBouncer', command: pgbouncer.command }, place)
  const one = await measure(flood, pooler, scale, seconds)
  await pooler.stop()
  return one
}

for (const sentence of secrets.found) process.stderr.write(`${sentence}\n`)
const isGood = ({ during }: Measured): boolean => during.lost === 0 && during.logins > 0
const isWell = measured.filter(({ pooler }) => pooler === 'Taxirank').every(isGood)
process.exit(isWell && secrets.found.length === 0 ? 0 : 1)
