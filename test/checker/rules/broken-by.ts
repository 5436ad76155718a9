/** For the tests of the rules: which of them a trace breaks, and what many traces begin with. */
import assert from 'node:assert/strict'
import { TraceBuilder } from '../build-trace.ts'
import { Checker } from '../checker.ts'

/** The rules a trace breaks, in the order of their first breach, in one chunk and byte by byte. */
export function brokenBy(built: TraceBuilder): readonly string[] {
  const trace = built.bytes()
  const whole = new Checker()
  whole.push(trace)
  const byByte = new Checker()
  for (let at = 0; at < trace.length; at++) byByte.push(trace.subarray(at, at + 1))
  const report = whole.finish()
  assert.deepEqual(byByte.finish(), report)
  return [...report.byRule.keys()]
}

/** Pool 1 with servers 1 and 2, and clients 1 and 2. */
export function world(): TraceBuilder {
  return new TraceBuilder().pool(1, 2).open(1).open(2).login(1).login(2)
}

/** The same in session mode. */
export function sessions(): TraceBuilder {
  return new TraceBuilder().pool(1, 2, 1).open(1).open(2).login(1).login(2)
}
