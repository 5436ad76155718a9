import type { Config } from './config.ts'
import { propertyName, settings } from './settings.ts'
import type { Row } from './settings.ts'
import { unsupported } from './unsupported.ts'

/** One line of SHOW CONFIG. */
export interface SettingRow {
  readonly key: string
  readonly value: string
  readonly default: string
  readonly changeable: 'yes' | 'no'
}

/** An alias of job_name; SHOW CONFIG has one of them. */
const hidden = 'service_name'

/**
 * The settings of [pgbouncer] as SHOW CONFIG shows them, by name: what PgBouncer knows and this version doesn't carry
 * out stands at its default, which means off, and can't be changed.
 */
export function settingRows(config: Config): readonly SettingRow[] {
  const values: Readonly<Record<string, unknown>> = { ...config.global }
  const ours = Object.entries<Row>(settings.pgbouncer).map(([name, row]): SettingRow => {
    const shown = row.show(values[propertyName(name, row)])
    return {
      key: name,
      value: name === 'conffile' && shown === '' ? config.file : shown,
      default: row.defaultText,
      changeable: row.restartOnly || name === 'auth_file' ? 'no' : 'yes',
    }
  })
  const off = Array.from(unsupported.pgbouncer, ([name, { default: text }]): SettingRow => {
    return { key: name, value: text, default: text, changeable: 'no' }
  })
  const rows = [...ours, ...off].filter(({ key }) => key !== hidden)
  return rows.sort((one, other) => (one.key < other.key ? -1 : 1))
}
