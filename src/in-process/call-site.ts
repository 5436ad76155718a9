/** Where in an application somebody called: for reports about who holds what. */

/** The calls that led to a public function, kept as they are until somebody reads them. */
export interface CallStack {
  /** As in an error: a line of its own for each call, the nearest first. */
  readonly stack: string
}

/** Whoever called `publicFunction`. Taking it costs about a microsecond, reading its text some ten. */
export function takeCallStack(publicFunction: (...args: never[]) => unknown): CallStack {
  const taken = { stack: '' }
  Error.captureStackTrace(taken, publicFunction)
  return taken
}

/** `src/orders.ts:42`: the nearest call that is the application's own, not a package's. */
export function siteOf({ stack }: CallStack): string {
  const sites = stack.split('\n').flatMap((line) => readFrame(line) ?? [])
  return sites.find((site) => !site.includes('node_modules')) ?? sites[0] ?? ''
}

/** The calls alone, a line each. */
export function framesOf({ stack }: CallStack): string {
  return stack
    .split('\n')
    .filter((line) => line.trim().startsWith('at '))
    .join('\n')
}

function readFrame(line: string): string | undefined {
  const place = /^\s*at (?:.*\()?(.+?):(\d+)(?::\d+)?\)?$/.exec(line)
  const [, file = '', number = ''] = place ?? []
  if (file === '' || file.startsWith('node:')) return undefined
  return `${shortened(file)}:${number}`
}

function shortened(file: string): string {
  const path = file.replace(/^file:\/\//, '')
  const here = `${process.cwd()}/`
  return path.startsWith(here) ? path.slice(here.length) : path
}
