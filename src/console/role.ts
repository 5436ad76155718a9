/** Who may do what on the console. */

/** stats: may look. admin: may do everything. */
export type Role = 'admin' | 'stats'

export interface ConsoleUsers {
  readonly admins: ReadonlySet<string>
  readonly stats: ReadonlySet<string>
}

/** Whoever runs the process is an admin under this name, on a unix socket and without a password. */
const ownersName = 'pgbouncer'

/**
 * The role of a user that has logged in; undefined: may not come in. `isOwner`: the client came by a unix socket, and its
 * process has the uid of ours.
 */
export function consoleRole(user: string, isOwner: boolean, { admins, stats }: ConsoleUsers): Role | undefined {
  if (admins.has(user) || (isOwner && user === ownersName)) return 'admin'
  return stats.has(user) ? 'stats' : undefined
}
