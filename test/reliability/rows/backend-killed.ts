import { setTimeout as sleep } from 'node:timers/promises'
import type { Relay } from '../../../src/relay/relay.ts'
import { deadNetwork } from '../../../src/relay/faults.ts'
import type { Canary } from '../../canary/canary.ts'
import type { CanaryClient } from '../../canary/client.ts'
import { halfCopyIn } from '../../canary/copy.ts'
import { facts, written } from '../../canary/exchanges.ts'
import { copyDone, query } from '../../canary/messages.ts'
import { commandComplete, ready } from '../../canary/replies.ts'
import { begin } from '../../canary/transactions.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import type { Finding, Row } from '../row.ts'
import { identity, type Stage } from '../stage.ts'

const kinds = ['terminated', 'killed', 'cut off'] as const
type Kind = (typeof kinds)[number]

/** Where a cell happens. */
interface Place {
  readonly stage: Stage
  readonly postgres: TestPostgres
  readonly relay: Relay
  readonly network: { isDead: boolean }
  readonly canary: Canary
  readonly target: { readonly host: string; readonly port: number }
}

interface Situation {
  readonly name: string
  /** What the client that is concerned must see. */
  readonly right: 'success' | 'failure'
  readonly pooler: 'transaction' | 'slow reset' | 'slow check'
  /** Calls `kill` in the midst of things; resolves when the client has seen what it sees. */
  run(client: CanaryClient, kill: () => Promise<void>): Promise<void>
}

const slowMs = 400

const situations: readonly Situation[] = [
  {
    name: 'idle',
    right: 'success',
    pooler: 'transaction',
    run: async (client, kill) => {
      await client.ask(facts(client))
      await kill()
      await client.ask(facts(client))
    },
  },
  {
    name: 'in a query',
    right: 'failure',
    pooler: 'transaction',
    run: async (client, kill) => {
      const answer = client.ask(slowInsert(client))
      answer.catch(() => undefined)
      await sleep(slowMs / 2)
      await Promise.all([kill(), answer])
    },
  },
  {
    name: 'in a transaction',
    right: 'failure',
    pooler: 'transaction',
    run: async (client, kill) => {
      await client.ask(begin(client))
      await client.ask(facts(client))
      await kill()
      await client.ask(facts(client))
    },
  },
  {
    name: 'in COPY',
    right: 'failure',
    pooler: 'transaction',
    run: async (client, kill) => {
      await halfCopyIn(client)
      await kill()
      const replies = [commandComplete('COPY 0'), ready('I')]
      await client.ask({ bytes: copyDone, replies, lines: [], outcome: 'absent' })
    },
  },
  {
    name: 'during the reset',
    right: 'success',
    pooler: 'slow reset',
    run: async (client, kill) => {
      const before = client.canary.addClient(client.identity, client.target)
      await before.attempt(async (each) => void (await each.ask(facts(each))))
      before.finish()
      await sleep(slowMs / 2)
      const asked = client.ask(facts(client))
      asked.catch(() => undefined)
      await Promise.all([kill(), asked])
    },
  },
  {
    name: 'during the check',
    right: 'success',
    pooler: 'slow check',
    run: async (client, kill) => {
      await client.ask(facts(client))
      await sleep(50)
      const asked = client.ask(facts(client))
      asked.catch(() => undefined)
      await sleep(slowMs / 2)
      await Promise.all([kill(), asked])
    },
  },
]

const poolerSettings = {
  transaction: { default_pool_size: 1 },
  'slow reset': {
    default_pool_size: 1,
    pool_mode: 'session',
    server_reset_query: `select pg_sleep(${slowMs / 1000}); discard all`,
  },
  'slow check': {
    default_pool_size: 1,
    server_check_query: `select pg_sleep(${slowMs / 1000})`,
    server_check_delay: 0,
  },
}

export const backendKilled: Row = {
  number: 5,
  name: 'server dies',
  injected: `${situations.map(({ name }) => name).join(', ')}: each by pg_terminate_backend, kill -9 of the backend (PostgreSQL restarts all), and a reset connection; server_login_retry 1 s`,
  mustHold:
    'a request that did not finish is never reported as done nor sent again; who had nothing under way sees nothing; the next client is served',
  limitMs: 120_000,
  async run(stage, finding) {
    const postgres = await stage.postgres({ synchronous_commit: 'on', restart_after_crash: 'on' })
    await stage.sql(postgres, 'alter table public.ledger set logged', 'canary_1')
    const network = { isDead: false }
    const relay = stage.relay(postgres.port, () => (network.isDead ? deadNetwork : {}))
    let longestMs = 0
    let wrong = 0
    for (const mode of ['transaction', 'slow reset', 'slow check'] as const) {
      const settings = { ...poolerSettings[mode], server_login_retry: 1, query_wait_timeout: 10 }
      const target = await stage.pooler(relay.port, { settings })
      const canary = await stage.canary(postgres, target)
      const place = { stage, postgres, relay, network, canary, target }
      for (const situation of situations.filter(({ pooler }) => pooler === mode)) {
        for (const kind of kinds) {
          const { isRight, recoveryMs } = await cell(place, situation, kind, finding)
          longestMs = Math.max(longestMs, recoveryMs)
          if (!isRight) wrong++
        }
      }
      await stage.compareLedger(canary, postgres)
    }
    finding.figure('wrong outcomes', wrong, 'of 18', 'less')
    finding.figure('death to the next client served, longest', longestMs, 'ms', 'less')
  },
}

async function cell(place: Place, situation: Situation, kind: Kind, finding: Finding) {
  const { canary, target } = place
  const client = canary.addClient(identity, target)
  let killedMs = NaN
  let why = ''
  const kill = async (): Promise<void> => {
    killedMs = performance.now()
    await killers[kind](place)
  }
  const succeeded = await client.attempt(async function dying(each) {
    await situation.run(each, kill).catch((error: unknown) => {
      why = error instanceof Error ? error.message.replace('connection lost: ', '') : String(error)
      throw error
    })
  })
  client.finish()
  const witness = canary.addClient(identity, target)
  const startMs = performance.now()
  while (!(await witness.attempt(async (each) => void (await each.ask(facts(each)))))) {
    if (performance.now() - startMs > 15_000) break
  }
  const recoveryMs = witness.finishedScenarios > 0 ? performance.now() - killedMs : NaN
  witness.finish()
  const isRight = succeeded === (situation.right === 'success') && !Number.isNaN(recoveryMs)
  const outcome = succeeded ? 'success' : why.slice(0, 60)
  finding.figure(`${situation.name}, ${kind}`, `${isRight ? '' : 'WRONG: '}${outcome}`)
  finding.must(isRight, `${situation.name}, ${kind}: ${outcome}, must be a ${situation.right}`)
  return { isRight, recoveryMs }
}

const killers: Readonly<Record<Kind, (place: Place) => Promise<void>>> = {
  terminated: async ({ stage, postgres }) => {
    await stage.sql(postgres, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'canary_a'")
    await sleep(50)
  },
  killed: async ({ stage, postgres }) => {
    const rows = await stage.sql(postgres, "select pid from pg_stat_activity where usename = 'canary_a'")
    for (const { pid } of rows) process.kill(Number(pid), 'SIGKILL')
    await sleep(100)
    while (!(await isReady(stage, postgres))) await sleep(20)
  },
  'cut off': async ({ relay, network }) => {
    network.isDead = true
    relay.replan()
    network.isDead = false
    relay.replan()
    await sleep(50)
  },
}

async function isReady(stage: Stage, postgres: TestPostgres): Promise<boolean> {
  try {
    await stage.sql(postgres, 'select 1')
    return true
  } catch {
    return false
  }
}

function slowInsert(client: CanaryClient) {
  const token = client.token()
  const bytes = query(`insert into public.ledger select '${token}' from pg_sleep(${slowMs / 1000})`)
  const replies = [commandComplete('INSERT 0 1'), ready('I')]
  return { bytes, replies, lines: written(client, token), outcome: 'committed' as const }
}
