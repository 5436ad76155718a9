import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { percentile } from '../../../src/metrics/statistics.ts'
import type { Row } from '../row.ts'
import type { Stage } from '../stage.ts'
import type { TestPostgres } from '../../support/postgres.ts'
import type { SecretSearch } from '../../support/secret-search.ts'

const users = ['id_a', 'id_b', 'id_c', 'id_d']
const databases = ['postgres', 'canary_1', 'canary_2']
/** Logins with each auth_type; SCRAM costs both sides 4,096 rounds each. */
const logins = { trust: 5000, md5: 4000, 'scram-sha-256': 1000 } as const
const atOnce = 16

export const identities: Row = {
  number: 16,
  name: 'identity confusion',
  injected: `${users.length} users × ${databases.length} databases × trust, md5, SCRAM: 10,000 logins in random order, ${atOnce} at once, each asks who and where it is; one in ten comes with a wrong password`,
  mustHold: 'session_user and database are always the client’s own; a wrong password never gets in',
  limitMs: 180_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const wrongPassword = stage.secrets.canaries.make('a wrong password')
    const passwords = new Map(users.map((user) => [user, stage.secrets.canaries.make(`the password of ${user}`)]))
    for (const [user, text] of passwords) await stage.sql(postgres, `create role ${user} login password '${text}'`)
    let [wrong, intruders, refused] = [0, 0, 0]
    for (const [authType, count] of Object.entries(logins)) {
      const pooler = await startFor(stage, postgres, authType, passwords)
      const hasPasswords = authType !== 'trust'
      const took: number[] = []
      let begun = 0
      const one = async (): Promise<void> => {
        const [user, database] = [stage.random.pick(users), stage.random.pick(databases)]
        const isWrong = hasPasswords && stage.random.chance(0.1)
        const startMs = performance.now()
        const password = isWrong ? wrongPassword : (passwords.get(user) ?? '')
        const got = await whoAmI(pooler.port, { user, database, password }, stage.secrets)
        took.push(performance.now() - startMs)
        if (isWrong) intruders += got === undefined ? 0 : 1
        else if (got === undefined) refused++
        else if (got !== `${user} ${database}`) wrong++
      }
      const worker = async (): Promise<void> => {
        while (begun++ < count) await one()
      }
      const startMs = performance.now()
      await Promise.all(Array.from({ length: atOnce }, worker))
      finding.figure(`${authType}: logins`, count / ((performance.now() - startMs) / 1000), 'a second', 'more')
      finding.figure(`${authType}: login and question, p99`, percentile(took, 99), 'ms', 'less')
      pooler.signal('SIGKILL')
    }
    finding.figure('somebody else', wrong, '', 'less')
    finding.figure('let in with a wrong password', intruders, '', 'less')
    finding.figure('refused with the right one', refused, '', 'less')
    finding.must(wrong + intruders + refused === 0, 'a login was not what it had to be')
    if (wrong > 0) finding.breaches.push(`${wrong} clients were somebody else`)
  },
}

function startFor(stage: Stage, postgres: TestPostgres, authType: string, passwords: ReadonlyMap<string, string>) {
  const md5 = (user: string, password: string): string => {
    const hash = createHash('md5').update(`${password}${user}`).digest('hex')
    stage.secrets.canaries.watch(`the md5 secret of ${user}`, Buffer.from(hash))
    return `md5${hash}`
  }
  return stage.pooler(postgres.port, {
    settings: { auth_type: authType, default_pool_size: 4, max_client_conn: 200 },
    users: Array.from(
      passwords,
      ([user, password]) => `"${user}" "${authType === 'md5' ? md5(user, password) : password}"`,
    ),
  })
}

interface Who {
  readonly user: string
  readonly database: string
  readonly password: string
}

/** Who the server says it is, or undefined if nobody was let in. */
async function whoAmI(port: number, who: Who, secrets: SecretSearch): Promise<string | undefined> {
  const client = new Client({ host: '127.0.0.1', port, ...who })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ who: string }>("select session_user || ' ' || current_database() as who")
    return rows[0]?.who
  } catch (error) {
    secrets.error(JSON.stringify(error, Object.getOwnPropertyNames(error)))
    await sleep(0)
    return undefined
  } finally {
    await client.end().catch(() => undefined)
  }
}
