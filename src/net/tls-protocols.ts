/** `*_tls_protocols`, in PgBouncer's words, as the range of versions that the runtime wants to be told. */

import { TaxirankError } from '../errors.ts'

/** As numbers of the TLS protocol. */
export interface TlsVersions {
  readonly minVersion: number
  readonly maxVersion: number
}

const oldest = 0x0301
const names = ['tlsv1.0', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3']
const all = 0b1111
const secure = 0b1100

/** Bits: TLS 1.0 is the lowest. */
const words = new Map([
  ['all', all],
  ['legacy', all],
  ['tlsv1', all],
  ['secure', secure],
  ['default', secure],
  ...names.map((name, index) => [name, 1 << index] as const),
])

/**
 * A list of words, separated by commas or colons; `!` takes one away, at the beginning from all. Throws
 * `bad_configuration` with a sentence for an unknown word, and for a set that is empty or has a gap.
 */
export function readTlsProtocols(text: string): TlsVersions {
  const set = text.split(/[,:]/).reduce((before, word) => withWord(before, word.trim().toLowerCase()), 0)
  const chosen = names.flatMap((_, index) => (set & (1 << index) ? [index] : []))
  const [lowest, highest] = [chosen[0], chosen.at(-1)]
  if (lowest === undefined || highest === undefined) throw refused(`${text} allows no protocol version`)
  if (highest - lowest + 1 > chosen.length) {
    throw refused(`${text} leaves out a version between ${names[lowest]} and ${names[highest]}: choose adjacent ones`)
  }
  return { minVersion: oldest + lowest, maxVersion: oldest + highest }
}

function withWord(before: number, word: string): number {
  const isTaken = word.startsWith('!')
  const bits = words.get(isTaken ? word.slice(1).trim() : word)
  if (bits === undefined) {
    throw refused(`"${word}" is no TLS protocol: ${[...words.keys()].join(', ')}, each also with ! before it`)
  }
  if (!isTaken) return before | bits
  return (before === 0 ? all : before) & ~bits
}

function refused(message: string): TaxirankError {
  return new TaxirankError('bad_configuration', message)
}
