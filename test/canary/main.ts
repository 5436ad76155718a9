/**
 * The canary by itself, against a server or pooler on which nothing is broken: `bun test/canary/main.ts`. PostgreSQL is
 * needed directly as well, for setting up and for comparing. Exit code 0 only without a breach.
 */

import { parseArgs } from 'node:util'
import type { Breach } from './breach.ts'
import { Canary } from './canary.ts'
import { canaryIdentities, createCanaryDatabases, readFunctions, readLedger } from './database.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'string', default: '127.0.0.1:5432' },
    through: { type: 'string' },
    clients: { type: 'string', default: '20' },
    statements: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    'no-vanishing': { type: 'boolean', default: false },
  },
})

const postgres = target(values.postgres)
const through = target(values.through ?? values.postgres)
await createCanaryDatabases(postgres)
const canary = new Canary({
  clients: Number(values.clients),
  statements: Number(values.statements),
  seed: Number(values.seed),
  identities: canaryIdentities,
  target: () => through,
  cancelTarget: through,
  mostCancelHits: values.through === undefined ? 2 : 1,
  functions: await readFunctions(postgres),
  weather: { calmSinceMs: -Infinity, mayVanish: !values['no-vanishing'] },
  onBreach: print,
})
const startMs = performance.now()
await canary.run()
const seconds = (performance.now() - startMs) / 1000
await canary.compareLedger((database) => readLedger(postgres, database))
console.log(`${canary.logins} logins, ledger ${JSON.stringify(canary.ledger.totals())}`)
console.log(
  `cancelled ${JSON.stringify(canary.canceled)}, vanished ${JSON.stringify(canary.vanished)}, pins ${JSON.stringify(canary.pins)}`,
)
console.log(`${(canary.statements / seconds).toFixed(0)} statements a second`)
console.log(`${canary.statements} statements, ${canary.breaches.length} breaches, seed ${values.seed}`)
process.exit(canary.breaches.length === 0 ? 0 : 1)

function target(text: string): { host: string; port: number } {
  const [host, port] = text.split(':')
  return { host: host ?? '127.0.0.1', port: Number(port) }
}

function print(breach: Breach): void {
  console.error(`BREACH ${breach.kind}, client ${breach.client}, seed ${values.seed}: ${breach.message}`)
  for (const line of breach.transcript) console.error(`    ${line}`)
}
