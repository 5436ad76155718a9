/** Rows of [pgbouncer]: who clients are, and who may use the console. */

import { choice, integer, list, text } from './setting.ts'

/** Every name is schema-qualified, so that no search_path can change what it asks. */
const authQuery =
  'SELECT rolname, CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL ELSE rolpassword END ' +
  'FROM pg_catalog.pg_authid WHERE rolname OPERATOR(pg_catalog.=) $1 AND rolcanlogin'

export const consoleName = 'pgbouncer'

export const auth = {
  auth_type: choice({
    default: 'md5',
    words: ['any', 'trust', 'plain', 'md5', 'scram-sha-256'],
    unsupported: ['cert', 'hba', 'ldap', 'pam', 'peer'],
    about: 'How clients prove who they are.',
    narrower: 'cert, hba, ldap and pam are not supported in this version.',
  }),
  auth_file: text({ range: 'a file name', about: 'The file of user names and secrets.' }),
  auth_user: text({
    range: 'a user name',
    about: 'Who looks users up with auth_query; needs a plain secret in auth_file, unless PostgreSQL trusts it.',
  }),
  auth_query: text({
    default: authQuery,
    range: 'one SELECT of two columns, name and secret, with $1 for the name',
    about: 'How a user that is not in auth_file is looked up.',
  }),
  auth_dbname: text({
    range: `a name of [databases]; not ${consoleName}`,
    problemOf: authDbnameProblem,
    about: 'The database in which auth_query runs; unset: the one the client asks for.',
  }),
  scram_iterations: integer({
    default: 4096,
    min: 4096,
    max: 600_000,
    about: 'The iterations of SCRAM secrets that are made up from plain passwords.',
    narrower: 'PgBouncer accepts fewer than 4,096.',
  }),
  admin_users: list({ about: 'Users who may run every console command.' }),
  stats_users: list({ about: 'Users who may only look at the console.' }),
}

export function authDbnameProblem(name: string): string | undefined {
  return name === consoleName ? `${consoleName} is the console; allowed: a name of [databases]` : undefined
}
