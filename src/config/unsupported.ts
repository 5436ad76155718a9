/**
 * Names that PgBouncer knows and this version doesn't carry out. They are refused by name, so that nobody believes a
 * setting works that doesn't, and "unknown" is said only of what PgBouncer wouldn't know either. But a file may spell
 * out PgBouncer's default: where that means "off", it is accepted.
 */

import { parseCInteger } from './setting.ts'
import type { Section } from './settings.ts'

export interface Unsupported {
  /** PgBouncer's default, which means that the thing is off. */
  readonly default: string
  readonly isOff: (text: string) => boolean
}

const zero: Unsupported = { default: '0', isOff: (text) => parseCInteger(text) === 0 || /^0*\.?0+$/.test(text) }
const empty = only('')

function only(word: string): Unsupported {
  return { default: word, isOff: (text) => text.toLowerCase() === word }
}

/** By section. A name that has a row in settings.ts does not stand here. */
export const unsupported: Readonly<Record<Section, ReadonlyMap<string, Unsupported>>> = {
  pgbouncer: new Map([
    ['auth_hba_file', empty],
    ['auth_ident_file', empty],
    ['auth_ldap_options', empty],
    ['dns_zone_check_period', zero],
    ['job_name', only('pgbouncer')],
    ['peer_id', zero],
    ['service_name', only('pgbouncer')],
    ['so_reuseport', zero],
    ['syslog', zero],
    ['syslog_facility', only('daemon')],
    ['syslog_ident', only('pgbouncer')],
  ]),
  databases: new Map(),
  users: new Map(),
}
