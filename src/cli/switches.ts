/** What commands of the command line share: reading the values of switches, and refusing what is wrong. */

import { InvalidArgumentError } from 'commander'
import { TaxirankError } from '../errors.ts'

const helpHint = 'Try "taxirank --help" for more information.'

export function parsePath(text: string): string {
  if (text === '') throw new InvalidArgumentError('Allowed: a path.')
  return text
}

export function parsePort(text: string): number {
  return wholeNumber(1, 65_535)(text)
}

/** For commander: a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new InvalidArgumentError(`Allowed: ${least.toLocaleString('en')} to ${most.toLocaleString('en')}.`)
  }
}

/** Switches of `taxirank FILE.ini` mean nothing to other commands. */
export function refuseFileSwitches(switches: object, command: string): void {
  const given = Object.entries(switches).find(([, value]) => value !== 0)
  if (given) throw wrong(`--${given[0]} belongs to taxirank FILE.ini, not to taxirank ${command}`)
}

export function wrong(problem: string): TaxirankError {
  return new TaxirankError('bad_configuration', `${problem}\n${helpHint}`)
}
