import type { CanaryClient, Step } from '../../canary/client.ts'
import { percentile } from '../../../src/metrics/statistics.ts'
import { facts } from '../../canary/exchanges.ts'
import { succeeding } from '../../canary/succeeding.ts'
import { anything } from '../../canary/failures.ts'
import { manyRows } from '../../canary/large.ts'
import { begin, end } from '../../canary/transactions.ts'
import type { Finding, Row } from '../row.ts'
import { identity, type Stage } from '../stage.ts'

const cuts = 300
const largeCuts = 60

type Request = (client: CanaryClient) => Step[]

const requests: readonly Request[] = [
  (client) => [facts(client)],
  (client) => [anything(client)],
  (client) => [client.random.pick(succeeding)(client)],
  (client) => [begin(client), client.random.pick(succeeding)(client), end(client, 'commit')],
]
const largeRequests: readonly Request[] = [(client) => [manyRows(client, false)], (client) => [manyRows(client, true)]]

export const cutRequests: Row = {
  number: 3,
  name: 'client killed inside its request',
  injected: `${cuts} requests (simple, extended, function calls, transactions) cut at a random byte by FIN or RST, one server in the pool`,
  mustHold:
    'the server is lent again only when it is clean: the next client gets its own answer, half a request has no effect',
  emulated: 'a sample; test/cuts goes through every byte',
  limitMs: 60_000,
  async run(stage, finding) {
    await cutAndLook(stage, finding, requests, cuts, async (client, steps) => {
      // Of a transaction never into its COMMIT: PostgreSQL carries that out at its Execute, without a Sync.
      const cuttable = steps.length === 1 ? steps : steps.slice(0, -1)
      const length = cuttable.reduce((sum, { bytes }) => sum + bytes.length, 0)
      client.sendPart(steps, client.random.integer(1, length - 1))
    })
  },
}

export const cutReplies: Row = {
  number: 4,
  name: 'client killed inside a reply',
  injected: `${cuts} small and ${largeCuts} large replies (1 MB of rows, COPY OUT) cut by FIN or RST after a random number of bytes, one server in the pool`,
  mustHold: 'the server is free again soon, clean, and no lease leaks',
  emulated: 'a sample; test/cuts goes through every byte',
  limitMs: 90_000,
  async run(stage, finding) {
    const leave = (mostBytes: number) => async (client: CanaryClient, steps: readonly Step[]) => {
      const answer = client.ask(...steps)
      answer.catch(() => undefined)
      await Promise.race([answer, client.connection.receive(client.random.integer(1, mostBytes))])
    }
    await cutAndLook(stage, finding, requests, cuts, leave(200))
    await cutAndLook(stage, finding, largeRequests, largeCuts, leave(900_000), 'large: ')
  },
}

/** After each cut a witness asks through the same one server. */
async function cutAndLook(
  stage: Stage,
  finding: Finding,
  choices: readonly Request[],
  count: number,
  cut: (client: CanaryClient, steps: readonly Step[]) => Promise<void>,
  prefix = '',
): Promise<void> {
  const postgres = await stage.postgres()
  let servers = 0
  const relay = stage.relay(postgres.port, () => {
    servers++
    return {}
  })
  const pooler = await stage.pooler(relay.port, { settings: { default_pool_size: 1 } })
  const canary = await stage.canary(postgres, pooler)
  const [victim, witness] = [canary.addClient(identity, pooler), canary.addClient(identity, pooler)]
  const look = async (client: CanaryClient): Promise<void> => void (await client.ask(facts(client)))
  const die = async (client: CanaryClient): Promise<void> => {
    await client.ask(facts(client))
    await cut(client, stage.random.pick(choices)(client))
    client.leave(client.random.pick(['reset', 'fin']))
  }
  const took: number[] = []
  let refused = 0
  for (let n = 0; n < count; n++) {
    await victim.attempt(die)
    const startMs = performance.now()
    if (!(await witness.attempt(look))) refused++
    took.push(performance.now() - startMs)
  }
  const [pool] = await activeServers(await pooler.console())
  await stage.compareLedger(canary, postgres)
  finding.figure(`${prefix}cuts`, count)
  finding.figure(`${prefix}servers opened for them`, servers, '', 'less')
  finding.figure(`${prefix}next client served after, p99`, percentile(took, 99), 'ms', 'less')
  finding.figure(`${prefix}next client failed`, refused, '', 'less')
  finding.figure(`${prefix}leases left at the end`, pool ?? NaN, '', 'less')
  finding.must(refused === 0, `${refused} times the next client was refused`)
  finding.must(pool === 0, `${pool} leases are left`)
  witness.finish()
}

async function activeServers(console: {
  rows(sql: string): Promise<Record<string, string | null>[]>
  leave(): void
}): Promise<number[]> {
  const rows = await console.rows('SHOW POOLS')
  console.leave()
  return [
    rows.filter(({ database }) => database !== 'pgbouncer').reduce((sum, row) => sum + Number(row['sv_active']), 0),
  ]
}
