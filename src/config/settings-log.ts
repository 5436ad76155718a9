/** Rows of [pgbouncer]: what is told, and where. */

import { boolean, choice, integer, secondsWhole, text } from './setting.ts'
import { anyPort } from './settings-listening.ts'

export const log = {
  logfile: text({ range: 'a file name', about: 'The file the log is appended to.' }),
  verbose: integer({ default: 0, min: 0, max: 3, about: 'How much is logged.' }),
  log_connections: boolean({ default: true, about: 'Log logins.' }),
  log_disconnections: boolean({ default: true, about: 'Log disconnects, with the reason.' }),
  log_pooler_errors: boolean({ default: true, about: 'Log the errors this pooler sends to clients.' }),
  log_stats: boolean({ default: true, about: 'Log a line of statistics every stats_period.' }),
  stats_period: secondsWhole({ default: 60, about: 'Over how long averages are taken.' }),
  login_notify_message: text({ about: 'A notice that every client gets at login.' }),
}

/** What PgBouncer doesn't have. */
export const own = {
  log_format: choice({ default: 'text', words: ['text', 'json'], about: 'The form of log lines.' }),
  http_addr: text({ range: 'an address', restartOnly: true, about: 'The address of the page and the metrics.' }),
  http_port: integer({
    default: undefined,
    ...anyPort,
    restartOnly: true,
    about: 'The port of the page and the metrics.',
  }),
  trace_file: text({ range: 'a file name', restartOnly: true, about: 'Where the trace is written; unset: nowhere.' }),
}
