/** Configuration files for reloads, drawn at random: good ones, and ones with something wrong. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../src/random.ts'
import { canaryDatabases } from '../canary/database.ts'
import type { Issued } from '../support/certificates.ts'
import type { Canaries } from '../support/canaries.ts'

export interface Place {
  readonly folder: string
  readonly port: number
  readonly postgresPort: number
  readonly traceFile: string
  readonly httpPort: number
  /** What `password=` may be. */
  readonly passwords: readonly string[]
}

/** What a file says. */
export interface Variant {
  /** Undefined: nothing is. */
  readonly wrong: string | undefined
  readonly text: string
  /** What SHOW CONFIG must show of it, once it holds. */
  readonly shown: Readonly<Record<string, string>>
  /** What SHOW DATABASES must show. */
  readonly databases: readonly string[]
}

type Settings = Record<string, string | number>
type Drawn = { readonly settings: Settings; readonly databases: Map<string, string>; readonly lines: string[] }

const users = ['canary_a', 'canary_b', 'postgres']

/** Files that the configurations name. */
export function writeFiles({ folder }: Place, certificate: Issued, canaries: Canaries): void {
  const secret = (user: string): string => canaries.make(`the password of ${user}`)
  const list = users.map((name) => `"${name}" "${secret(name)}"\n`).join('')
  canaries.watchKey('the key file', certificate.key)
  const files = {
    'users.txt': list,
    'more-users.txt': `${list}"other" "${secret('other')}"\n`,
    'bad-users.txt': `${list}"other" "${secret('other, without its end')}\n`,
    'key.pem': certificate.key,
    'certificate.pem': certificate.certificate,
    'bad.pem': certificate.certificate.slice(0, 200),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
}

/** Good, and the same for whoever stays: sizes, times, modes, databases beside the canary's, users, TLS, the log. */
export function drawGood(random: Random, place: Place): Variant {
  const drawn = draw(random, place)
  return { wrong: undefined, ...written(drawn) }
}

/** As good as another, but for one thing. */
export function drawBad(random: Random, place: Place): Variant {
  const drawn = draw(random, place)
  const [wrong, spoil] = random.pick(mistakes)
  spoil(drawn, place)
  return { wrong, ...written(drawn) }
}

const mistakes: readonly (readonly [name: string, spoil: (drawn: Drawn, place: Place) => void])[] = [
  ['a line that is nothing', ({ lines }) => lines.push('nothing')],
  ['an unknown setting', ({ settings }) => (settings['unknown'] = 1)],
  ['a value out of range', ({ settings }) => (settings['default_pool_size'] = -1)],
  ['no client allowed', ({ settings }) => (settings['max_client_conn'] = -5)],
  ['a missing userlist', ({ settings }, { folder }) => (settings['auth_file'] = join(folder, 'none.txt'))],
  [
    'a userlist with a wrong line',
    ({ settings }, { folder }) => (settings['auth_file'] = join(folder, 'bad-users.txt')),
  ],
  [
    'no certificate',
    ({ settings }) => ((settings['client_tls_sslmode'] = 'require'), delete settings['client_tls_cert_file']),
  ],
  [
    'a broken certificate',
    ({ settings }, { folder }) =>
      Object.assign(settings, { client_tls_sslmode: 'require', client_tls_cert_file: join(folder, 'bad.pem') }),
  ],
  ['a database of the name of the console', ({ databases }) => databases.set('pgbouncer', 'host=127.0.0.1')],
  [
    'a wrong connection string',
    ({ databases }, { passwords }) => databases.set('canary_1', `host=127.0.0.1 password='${passwords[0]}`),
  ],
  ['a port that is none', ({ databases }) => databases.set('other', 'port=70000')],
  ['a missing include', ({ lines }) => lines.push('%include /nowhere/none.ini')],
]

function draw(random: Random, { folder, port, postgresPort, traceFile, httpPort, passwords }: Place): Drawn {
  const poolSize = random.integer(2, 6)
  const at = `host=127.0.0.1 port=${postgresPort}`
  const canary = (): string => `${at}${random.chance(0.3) ? ` pool_size=${random.integer(2, 5)}` : ''}${nameOf(random)}`
  const databases = new Map(canaryDatabases.map((name) => [name as string, canary()]))
  databases.set(
    'kept',
    `${at} dbname=postgres user=postgres password=${random.pick(passwords)} pool_mode=${random.pick(['session', 'transaction'])}`,
  )
  if (random.chance(0.5))
    databases.set('other', `${at} dbname=postgres user=postgres password=${random.pick(passwords)}`)
  for (let n = random.integer(0, 5); n > 0; n--) databases.set(`extra${n}`, `${at} min_pool_size=0`)
  const settings: Settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    http_addr: '127.0.0.1',
    http_port: httpPort,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, random.pick(['users.txt', 'more-users.txt'])),
    admin_users: random.pick(['postgres', 'postgres, canary_a']),
    pool_mode: 'transaction',
    trace_file: traceFile,
    client_tls_sslmode: random.pick(['disable', 'allow', 'prefer']),
    client_tls_key_file: join(folder, 'key.pem'),
    client_tls_cert_file: join(folder, 'certificate.pem'),
    default_pool_size: poolSize,
    min_pool_size: random.integer(0, 2),
    reserve_pool_size: random.integer(0, 2),
    max_db_connections: random.pick([0, 4, 8]),
    max_user_connections: random.pick([0, 20]),
    max_client_conn: random.integer(100, 200),
    query_wait_notify: 0,
    query_wait_timeout: random.integer(20, 60),
    server_lifetime: random.pick([1, 3_600]),
    server_idle_timeout: random.pick([1, 600]),
    server_round_robin: random.integer(0, 1),
    log_connections: 0,
    log_disconnections: 0,
    log_format: random.pick(['text', 'json']),
    verbose: random.integer(0, 2),
  }
  return { settings, databases, lines: [] }
}

/** What a server is opened with: where it changes, servers are opened anew. */
function nameOf(random: Random): string {
  return random.chance(0.3) ? ` connect_query='select ${random.integer(1, 3)}'` : ''
}

function written({ settings, databases, lines }: Drawn): Omit<Variant, 'wrong'> {
  const { default_pool_size, query_wait_timeout, max_client_conn, min_pool_size } = settings
  const shown = { default_pool_size, query_wait_timeout, max_client_conn, min_pool_size }
  const text = [
    '[databases]',
    ...Array.from(databases, ([name, options]) => `${name} = ${options}`),
    '[pgbouncer]',
    ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    ...lines,
    '',
  ].join('\n')
  const shownTexts = Object.fromEntries(Object.entries(shown).map(([name, value]) => [name, String(value)]))
  return { text, shown: shownTexts, databases: [...databases.keys(), 'pgbouncer'].sort() }
}
