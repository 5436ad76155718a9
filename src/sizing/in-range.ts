/** What is handed in is checked where it comes in: no NaN travels through the arithmetic and comes out as advice. */

import { TaxirankError } from '../errors.ts'

/** As many servers as any function here counts through: a million take some milliseconds. */
export const mostServers = 1_000_000

/** Throws `out_of_range`: "<name> must be <range>, got <value>". What is no finite number is in no range: null, a text. */
export function check(isInRange: boolean, name: string, range: string, value: number): void {
  if (!isInRange || !Number.isFinite(value))
    throw new TaxirankError('out_of_range', `${name} must be ${range}, got ${value}`)
}

export function zeroOrMore(name: string, value: number): void {
  check(value >= 0, name, 'finite, 0 or more', value)
}

export function aboveZero(name: string, value: number): void {
  check(value > 0, name, 'finite, above 0', value)
}

export function whole(name: string, value: number, least: number): void {
  check(Number.isSafeInteger(value) && value >= least, name, `a whole number, ${least} or more`, value)
}

export function wholeUpTo(name: string, value: number, least: number, most: number): void {
  const isInRange = Number.isInteger(value) && value >= least && value <= most
  check(isInRange, name, `a whole number from ${least} to ${most}`, value)
}
