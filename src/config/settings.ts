/**
 * The table of settings. The parser, the types of Config, SHOW CONFIG, the help and the documents all come from here: to
 * add a setting, add a row to the file of its theme. Names, defaults and units in files are PgBouncer's; inside,
 * `query_wait_timeout` is `queryWaitTimeoutMs`.
 */

import type { Setting } from './setting.ts'
import { auth } from './settings-auth.ts'
import { databases, users } from './settings-entries.ts'
import { listening } from './settings-listening.ts'
import { log, own } from './settings-log.ts'
import { network } from './settings-network.ts'
import { pools } from './settings-pools.ts'
import { servers, timeouts } from './settings-timeouts.ts'
import { tls } from './settings-tls.ts'

/** The rows, by section. */
export const settings = {
  pgbouncer: { ...listening, ...pools, ...auth, ...servers, ...timeouts, ...tls, ...network, ...log, ...own },
  databases,
  users,
}

/** The rows of [pgbouncer] in the order of the documents. */
export const themes: readonly { readonly title: string; readonly rows: Readonly<Record<string, Row>> }[] = [
  { title: 'Listening, and the process', rows: listening },
  { title: 'Pools', rows: pools },
  { title: 'Authentication and console', rows: auth },
  { title: 'Servers', rows: servers },
  { title: 'Time-outs', rows: timeouts },
  { title: 'TLS', rows: tls },
  { title: 'Network', rows: network },
  { title: 'Log', rows: log },
  { title: 'Not in PgBouncer', rows: own },
]

export type Section = keyof typeof settings

/** A row whose type of value is not known. */
export type Row = Setting<unknown, string>

/** Other names of options. */
export const aliases: Readonly<Record<Section, ReadonlyMap<string, string>>> = {
  pgbouncer: new Map(),
  databases: new Map([['reserve_pool', 'reserve_pool_size']]),
  users: new Map(),
}

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name
type SuffixOf<Kind> = Kind extends Setting<infer _, infer Suffix> ? Suffix : never
type ValueOf<Kind> = Kind extends Setting<infer Value, string> ? Value : never

/** The values of one section: one property a row. */
export type Values<Name extends Section> = {
  readonly [
    Key in keyof (typeof settings)[Name] & string as `${Camel<Key>}${SuffixOf<(typeof settings)[Name][Key]>}`
  ]: ValueOf<(typeof settings)[Name][Key]>
}

/** `query_wait_timeout`, in milliseconds, is the property `queryWaitTimeoutMs`. */
export function propertyName(name: string, setting: Row): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) + setting.suffix
}
