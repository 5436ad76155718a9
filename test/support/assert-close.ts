import assert from 'node:assert/strict'

/** Smaller numbers have fewer digits, down to none. */
const smallest = 1e-300

/** Numbers, or values made of numbers, that differ by no more than rounding: `relative` to what is expected. */
export function assertClose<T extends number | object>(actual: T, expected: T, relative = 1e-12): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    const isClose = actual === expected || Math.abs(actual - expected) <= relative * Math.abs(expected) + smallest
    return assert.ok(isClose, `${actual} is not within ${relative} of ${expected}`)
  }
  assert.deepEqual(Object.keys(actual), Object.keys(expected))
  const others = Object.values(expected) as number[]
  Object.values(actual).forEach((each: number, at) => assertClose(each, others[at] as number, relative))
}
