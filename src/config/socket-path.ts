/** Where PostgreSQL, PgBouncer and we put unix sockets: `DIRECTORY/.s.PGSQL.PORT`, `@NAME/.s.PGSQL.PORT` if abstract. */

/** What `sun_path` holds on Linux, less its closing zero. */
const longestPathBytes = 107
const longestName = '/.s.PGSQL.65535'
const longestDirectoryBytes = longestPathBytes - longestName.length

/** Whether a host is the directory of a unix socket. */
export function isSocketDirectory(host: string): boolean {
  return host.startsWith('/') || host.startsWith('@')
}

/** Undefined: it can be the directory of a unix socket. */
export function socketDirectoryProblem(directory: string): string | undefined {
  if (!isSocketDirectory(directory)) return `"${directory}" is neither an absolute path nor @NAME`
  const bytes = new TextEncoder().encode(directory).length
  return bytes <= longestDirectoryBytes
    ? undefined
    : `the path has ${bytes} bytes; allowed: up to ${longestDirectoryBytes}, since a socket's path has at most 107`
}

/** The path of a socket. One that begins with `@` is a name in the abstract namespace. */
export function socketPath(directory: string, port: number): string {
  return `${directory === '/' ? '' : directory}/.s.PGSQL.${port}`
}
