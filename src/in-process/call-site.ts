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
  return isV8 || hasCalls(taken) ? taken : takeWithoutOwn()
}

/** JavaScriptCore keeps no frame of a function that ends with a call, and so can't tell what is above it. */
const isV8 = (process.versions as { bun?: string }).bun === undefined
/** Of all these calls some are the pool's own. */
const mostCalls = 30

function takeWithoutOwn(): CallStack {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = mostCalls
  const taken = { stack: '' }
  Error.captureStackTrace(taken)
  Error.stackTraceLimit = stackTraceLimit
  return { stack: taken.stack.split('\n').filter(isForeign).join('\n') }
}

function isForeign(line: string): boolean {
  return line.includes('.test.') || !ownPlaces.some((place) => line.includes(place))
}

/** This file, if it is all in one; otherwise the folders of the sources. */
const ownPlaces = findOwnPlaces(/\(?([^\s(]+):\d+:\d+\)?$/m.exec(new Error('here').stack ?? '')?.[1] ?? '')

function findOwnPlaces(file: string): string[] {
  const source = '/in-process/call-site.ts'
  if (!file.endsWith(source)) return [file]
  return ['in-process', 'pg', 'engine'].map((folder) => `${file.slice(0, -source.length)}/${folder}/`)
}

const hasCalls = ({ stack }: CallStack): boolean => /^\s*at /m.test(stack)

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
