/** Where PostgreSQL is, read from an address: for the driver, for a pooler's configuration, and for a socket of our own. */

import { readFileSync } from 'node:fs'
import { Client, type ClientConfig } from 'pg'
import { TaxirankError } from '../errors.ts'

export interface Target {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: SslMode
  /** Of the certificates to be trusted; undefined: the system's. */
  readonly sslRootFile: string | undefined
  /** As the driver takes it. */
  readonly ssl: ClientConfig['ssl']
  /** For people: without the password. */
  readonly address: string
}

/** What pg_stat_activity calls the lab's connections, also those of its poolers once a client of the lab has had them. */
export const applicationName = 'taxirank lab'

const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const
/** As psql understands them. */
export type SslMode = (typeof sslModes)[number]

/** What an address may say beside where, who and which; anything else would be lost on one of the ways that are measured. */
const understood = new Set(['sslmode', 'sslrootcert', 'application_name'])

/** Throws `bad_configuration`. Messages never hold the password. */
export function parseTarget(url: string): Target {
  const parameters = parametersOf(url)
  const sslMode = sslModeOf(parameters)
  const { host, port, user = '', password, database = '' } = clientFor(url, sslMode)
  // Nobody's name has one, and a configuration is made of lines.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001F]/.test([host, user, password, database].join(''))) throw malformed()
  if (host.startsWith('/')) {
    throw wrong('a unix socket has no network whose cost could be measured: give a host, 127.0.0.1 for this machine')
  }
  const address = `postgres://${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`
  return {
    host,
    port,
    user,
    password: password ?? undefined,
    database,
    sslMode,
    sslRootFile: parameters.get('sslrootcert') ?? undefined,
    ssl: sslOf(sslMode, parameters),
    address,
  }
}

/** As `parseTarget` reads it, with the password: for who must be told an address, and not for people. */
export function urlOf({ host, port, user, password, database, sslMode, sslRootFile }: Target): string {
  const login = [user, ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(':')
  const parameters = new URLSearchParams({
    sslmode: sslMode,
    ...(sslRootFile !== undefined && { sslrootcert: sslRootFile }),
  })
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `postgres://${login}@${place}/${encodeURIComponent(database)}?${parameters.toString()}`
}

function parametersOf(url: string): URLSearchParams {
  if (!/^postgres(ql)?:\/\//.test(url)) throw wrong('it does not begin with postgres://')
  const query = url.split(/\?(.*)/s, 2)[1] ?? ''
  // A ? in a password, say: what stands behind it must not be shown.
  if (query.includes('@')) throw malformed()
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (!understood.has(name))
      throw wrong(`the lab can do nothing with ${name}; it knows ${[...understood].join(', ')}`)
  }
  return parameters
}

/** As psql, which looks at the certificate where it is told whom to trust. */
function sslModeOf(parameters: URLSearchParams): SslMode {
  const text = parameters.get('sslmode') ?? 'disable'
  if (text === 'require' && parameters.has('sslrootcert')) return 'verify-ca'
  const mode = sslModes.find((one) => one === text)
  if (mode === undefined) throw wrong(`sslmode is one of ${sslModes.join(', ')}`)
  return mode
}

function clientFor(url: string, sslMode: SslMode): Client {
  try {
    // Of the parameters nothing is left to the driver, which reads some otherwise than psql does.
    return new Client({ connectionString: url.split('?', 1)[0] ?? '', ssl: sslMode !== 'disable' })
  } catch {
    // Its own message may repeat the address, with the password.
    throw malformed()
  }
}

function sslOf(mode: SslMode, parameters: URLSearchParams): ClientConfig['ssl'] {
  if (mode === 'disable') return false
  if (mode === 'require') return { rejectUnauthorized: false }
  const file = parameters.get('sslrootcert')
  const ca = file === null ? {} : { ca: readRoot(file) }
  return { rejectUnauthorized: true, ...ca, ...(mode === 'verify-ca' && { checkServerIdentity: () => undefined }) }
}

function readRoot(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw wrong(`sslrootcert: ${(cause as Error).message}`)
  }
}

function malformed(): TaxirankError {
  return wrong('something in it is malformed')
}

function wrong(why: string): TaxirankError {
  return new TaxirankError(
    'bad_configuration',
    `the address can't be used: ${why}. It looks like postgres://user:password@host:5432/database, with %40 for an @ in the password`,
  )
}
