/**
 * Everything together: PostgreSQL, a relay, the pooler with its trace in the checker, another relay, and the canary's
 * clients, some of them through that relay and some not.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/random.ts'
import { startRelay } from '../../src/relay/relay.ts'
import type { Breach } from '../canary/breach.ts'
import { Canary } from '../canary/canary.ts'
import type { Identity } from '../canary/client.ts'
import type { Target } from '../canary/connection.ts'
import { canaryIdentities, createCanaryDatabases, readFunctions, readLedger, withAdmin } from '../canary/database.ts'
import { startTestPostgres } from '../support/postgres.ts'
import { SecretSearch } from '../support/secret-search.ts'
import { Conductor } from './conductor.ts'
import { countFaults, missing, sumOf } from './faults.ts'
import { startPoolerProcess, type PoolerProcess, type Verdict } from './pooler-process.ts'
import { describeStuck } from './stuck.ts'
import { BackendKiller, QueueCanceller } from './troublemakers.ts'

export interface SoakOptions {
  readonly statements: number
  readonly seed: number
  readonly clients: number
  /** Servers of each of the four pools. */
  readonly pool: number
}

export interface SoakResult {
  readonly statements: number
  readonly faults: ReadonlyMap<string, number>
  readonly breaches: number
}

type Say = (line: string) => void

const progressMs = 10_000
/** How long PostgreSQL may take to end the backends of a pooler that is gone. */
const backendEndMs = 5000

/** Runs the whole soak. `say` is given progress and every breach. */
export async function soak(options: SoakOptions, say: Say): Promise<SoakResult> {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-soak-'))
  const test = await startTestPostgres({ max_connections: String(options.pool * 8 + 50) })
  const postgres = { host: '127.0.0.1', port: test.port }
  try {
    await createCanaryDatabases(postgres)
    return await soakOn(postgres, folder, options, say)
  } finally {
    await test.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function soakOn(postgres: Target, folder: string, options: SoakOptions, say: Say): Promise<SoakResult> {
  const conductor = new Conductor()
  const secrets = new SecretSearch()
  secrets.listen()
  const serverRelay = startRelay({ target: postgres, plan: conductor.plan('server'), seed: options.seed })
  const pooler = await startPoolerProcess({
    folder,
    postgresPort: serverRelay.port,
    poolSize: options.pool,
    maxClients: options.clients * 4 + 100,
    secrets,
  })
  const straight = { host: '127.0.0.1', port: pooler.port }
  const clientRelay = startRelay({ target: straight, plan: conductor.plan('client'), seed: options.seed + 1 })
  const canary = new Canary({
    ...options,
    identities: canaryIdentities,
    target: (client) => (client % 4 === 0 ? straight : { host: '127.0.0.1', port: clientRelay.port }),
    cancelTarget: straight,
    mostCancelHits: 1,
    functions: await readFunctions(postgres),
    weather: conductor.weather,
    onError: secrets.error,
    onBreach: (breach) => {
      sayBreach(breach, options.seed, say)
      if (breach.kind !== 'stuck') return
      void describeStuck({ postgres, pooler: straight, relayPort: serverRelay.port }).then((lines) =>
        lines.forEach(say),
      )
    },
  })
  const queueCanceller = new QueueCanceller(canary, canaryIdentities[0] as Identity, straight, options.pool)
  try {
    return await withAdmin(postgres, 'postgres', async (admin) => {
      const killer = new BackendKiller(admin, new Random(options.seed + 2))
      const faults = (): Map<string, number> => countFaults({ canary, clientRelay, serverRelay, killed: killer.killed })
      const stopProgress = sayProgress(canary, faults, conductor, say)
      const relays = [clientRelay, serverRelay]
      await Promise.all([
        canary.run(() => conductor.isOver),
        conductor.run(canary, options.statements, relays, [killer, queueCanceller], () => missing(faults()).length > 0),
      ])
      stopProgress()
      await secrets.askMetrics(pooler.httpPort)
      const verdict = await pooler.stop()
      secrets.log(pooler.log())
      const problems = [
        ...verdict.problems,
        ...unseenIn(pooler.log()),
        ...(await remainingBackends(postgres)),
        ...secrets.found,
      ]
      await canary.compareLedger((database) => readLedger(postgres, database))
      say(secrets.summary)
      sayEnd(canary, verdict, problems, faults(), pooler, say)
      const breaches = canary.breaches.length + verdict.breaches + problems.length
      return { statements: canary.statements, faults: faults(), breaches }
    })
  } finally {
    pooler.kill()
    clientRelay.stop()
    serverRelay.stop()
  }
}

/** All that the canary does texts show. */
function unseenIn(log: string): string[] {
  return log.split('\n').filter((line) => line.includes('which no statement has shown'))
}

/** A sentence if backends are left a while after the pooler has ended. */
async function remainingBackends(postgres: Target): Promise<string[]> {
  const count = (): Promise<number> =>
    withAdmin(postgres, 'postgres', async (admin) => {
      const text = `select count(*)::int as count from pg_stat_activity where usename like 'canary%'`
      const { rows } = await admin.query<{ count: number }>(text)
      return rows[0]?.count ?? 0
    })
  const deadlineMs = performance.now() + backendEndMs
  while ((await count()) > 0 && performance.now() < deadlineMs) await sleep(100)
  const left = await count()
  return left === 0 ? [] : [`${left} backends are left ${backendEndMs} ms after the pooler ended`]
}

function sayProgress(canary: Canary, faults: () => Map<string, number>, conductor: Conductor, say: Say): () => void {
  const startMs = performance.now()
  const timer = setInterval(() => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
    const phase = `${conductor.isStorm ? 'storm' : 'calm after storm'} ${conductor.storms}`
    const counts = `${canary.statements} statements, ${sumOf(faults())} faults, ${canary.breaches.length} breaches`
    say(`${seconds} s: ${counts}, ${phase}`)
  }, progressMs)
  return () => clearInterval(timer)
}

function sayBreach(breach: Breach, seed: number, say: Say): void {
  say(`BREACH ${breach.kind}, client ${breach.client}, seed ${seed}: ${breach.message}`)
  for (const line of breach.transcript) say(`    ${line}`)
}

function sayEnd(
  canary: Canary,
  verdict: Verdict,
  problems: readonly string[],
  faults: ReadonlyMap<string, number>,
  pooler: PoolerProcess,
  say: Say,
): void {
  say(`${canary.logins} logins; rows ${JSON.stringify(canary.ledger.totals())}; pins ${JSON.stringify(canary.pins)}`)
  say(`connections lost: ${JSON.stringify(Object.fromEntries(canary.losses))}`)
  say(`checker: ${verdict.report.trim()}`)
  for (const problem of problems) say(`BREACH at the end: ${problem}`)
  if (problems.length > 0 || verdict.breaches > 0) say(`the end of the pooler's log:\n${pooler.log().slice(-4000)}`)
  say([...faults].map(([kind, count]) => `${kind} ${count}`).join(', '))
  for (const kind of missing(faults)) say(`never happened: ${kind}`)
}
