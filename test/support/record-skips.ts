/**
 * Loaded by test/run.ts before the tests. `bun test` drops the reasons of skipped tests, and does not count the tests of
 * a skipped suite at all. This wraps node:test's functions, which otherwise do what they did, and appends what was skipped
 * to the file that TAXIRANK_SKIPS names, one JSON line (`Skip`) each.
 */
import { mock } from 'bun:test'
import { appendFileSync } from 'node:fs'
import * as nodeTest from 'node:test'

/** A suite's tests are never declared, so it stands for them. */
export interface Skip {
  readonly kind: 'test' | 'suite'
  readonly name: string
  readonly reason: string
}

type Declare = (...args: unknown[]) => unknown
interface Context {
  skip: (reason?: string) => void
}

const file = process.env['TAXIRANK_SKIPS']
if (file) wrapNodeTest(file)

function wrapNodeTest(skipsFile: string): void {
  // A copy: mock.module replaces the functions in the namespace itself.
  const real = { ...nodeTest }
  const note = (kind: Skip['kind'], name: unknown, reason: unknown) => {
    const skip: Skip = { kind, name: String(name), reason: typeof reason === 'string' ? reason : '' }
    appendFileSync(skipsFile, `${JSON.stringify(skip)}\n`)
  }
  const it = wrap(real.it as Declare, 'test', note)
  const describe = wrap(real.describe as Declare, 'suite', note)
  const skipSuite: Declare = (...args) => {
    note('suite', args[0], '')
    return (real.describe.skip as Declare)(...args)
  }
  Object.assign(describe, { skip: skipSuite })
  Object.assign(it, { it, test: it, describe, suite: describe })
  void mock.module('node:test', () => ({ ...real, default: it, it, test: it, describe, suite: describe }))
}

function wrap(
  declare: Declare,
  kind: Skip['kind'],
  note: (...skip: [Skip['kind'], unknown, unknown]) => void,
): Declare {
  const wrapped: Declare = (...args) => {
    const [name] = args
    const reason = args.map(skipOption).find(Boolean)
    if (reason) note(kind, name, reason)
    if (kind === 'suite') return declare(...args)
    const noteSkip = (inner: unknown) => note(kind, name, inner)
    return declare(...args.map((arg) => (typeof arg === 'function' ? withNotedSkip(arg as Declare, noteSkip) : arg)))
  }
  return Object.assign(wrapped, declare)
}

function skipOption(arg: unknown): unknown {
  return typeof arg === 'object' && arg !== null && 'skip' in arg ? arg.skip : undefined
}

/** The test's body, with `t.skip(reason)` noted. node:test counts parameters: two mean that it is handed a callback. */
function withNotedSkip(body: Declare, noteSkip: (reason: unknown) => void): Declare {
  const wrapped: Declare = function (this: unknown, ...args) {
    const context = args[0] as Context
    const skip = context.skip.bind(context)
    context.skip = (reason) => {
      noteSkip(reason)
      skip(reason)
    }
    return body.apply(this, args)
  }
  return Object.defineProperty(wrapped, 'length', { value: body.length })
}
