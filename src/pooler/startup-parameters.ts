/** What a startup packet asks for, sorted into what the pooler needs, what it carries along and what it refuses. */

import { TaxirankError } from '../errors.ts'
import { isSettingName, type TrackedParameters, tracksDefaults } from './parameters.ts'

export interface StartupRequest {
  readonly user: string
  readonly database: string
  /** Tracked parameters by PostgreSQL's spelling of their names; values are byte strings. */
  readonly parameters: ReadonlyMap<string, string>
  /** Everything else it wants to be set, by lower-case name: that is possible in session mode only. */
  readonly settings: ReadonlyMap<string, string>
}

/** Throws `unsupported_startup_parameter`, `feature_not_supported` or `authentication_failed`. */
export function readStartup(
  packet: ReadonlyMap<string, string>,
  ignored: ReadonlySet<string>,
  tracked = tracksDefaults,
): StartupRequest {
  const user = packet.get('user')
  if (!user) throw new TaxirankError('authentication_failed', 'the startup packet names no user')
  refuseReplication(packet.get('replication'))
  const wishes = new Wishes(ignored, tracked)
  for (const [name, value] of packet) {
    if (name === 'user' || name === 'database' || name === 'replication' || name.startsWith('_pq_.')) continue
    if (ignored.has(name.toLowerCase())) continue
    if (name === 'options') for (const [key, setting] of readOptions(value)) wishes.add(key, setting)
    else wishes.add(name, value)
  }
  const { parameters, settings } = wishes
  return { user, database: packet.get('database') || user, parameters, settings }
}

function refuseReplication(value: string | undefined): void {
  if (value === undefined || /^(false|off|no|0)$/i.test(value)) return
  throw new TaxirankError('feature_not_supported', 'replication connections are not supported: connect directly')
}

/** What a packet wants to be set, sorted. */
class Wishes {
  readonly parameters = new Map<string, string>()
  readonly settings = new Map<string, string>()
  readonly #ignored: ReadonlySet<string>
  readonly #tracked: TrackedParameters

  constructor(ignored: ReadonlySet<string>, tracked: TrackedParameters) {
    this.#ignored = ignored
    this.#tracked = tracked
  }

  add(name: string, value: string): void {
    if (this.#ignored.has(name.toLowerCase())) return
    const known = this.#tracked.nameOf(name)
    if (known !== undefined) this.parameters.set(known, known === 'application_name' ? printable(value) : value)
    else if (notCarried.has(name.toLowerCase())) throw unsupported(name)
    else if (isSettingName(name)) this.settings.set(name.toLowerCase(), value)
    else throw unsupported(name)
  }
}

/** What nothing takes out of a session again; or PostgreSQL refuses where others have had something temporary; or makes the next client wait. */
const notCarried = new Set([
  'session_authorization',
  'is_superuser',
  'seed',
  'temp_buffers',
  'default_transaction_deferrable',
])

/** As PostgreSQL keeps an application's name: it is shown in logs, whatever their encoding. */
function printable(value: string): string {
  return value.replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

export function unsupported(name: string): TaxirankError {
  const shown = Buffer.from(name, 'latin1').toString('utf8')
  const text = `unsupported startup parameter: ${shown} (ignore_startup_parameters lets it pass without effect)`
  return new TaxirankError('unsupported_startup_parameter', text)
}

/** The `options` parameter: `-c name=value`, `-cname=value` or `--name=value`, with backslash escapes. */
function* readOptions(text: string): Generator<readonly [string, string]> {
  const words = splitWords(text)
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    const setting = word === '-c' ? words[++index] : switchSetting(word)
    const equals = setting?.indexOf('=') ?? -1
    if (setting === undefined || equals < 1) throw unsupported(`options "${text}"`)
    yield [setting.slice(0, equals).replaceAll('-', '_'), setting.slice(equals + 1)]
  }
}

function switchSetting(word: string): string | undefined {
  if (word.startsWith('--')) return word.slice(2)
  return word.startsWith('-c') ? word.slice(2) : undefined
}

function splitWords(text: string): string[] {
  const words = text.match(/(?:\\[\s\S]|[^\s\\])+/g) ?? []
  return words.map((word) => word.replace(/\\([\s\S])/g, '$1'))
}
