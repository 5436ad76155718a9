/** Where a conversation is cut: which of its four streams, at which byte, how; and which bytes are taken of all. */

import type { Faults } from '../../src/relay/faults.ts'
import type { Random } from '../../src/relay/random.ts'

/** Bytes of two connections, in both directions. */
export const streams = ['the client sends', 'the client receives', 'the pooler sends', 'PostgreSQL sends'] as const
export type Stream = (typeof streams)[number]

export const endings = ['FIN', 'RST'] as const

/** After `atByte` bytes of a stream its connection ends, on both sides. */
export interface Cut {
  readonly stream: Stream
  readonly ending: (typeof endings)[number]
  readonly atByte: number
}

/** Whether it hits the client's connection; otherwise the server's. */
export function isOfClient({ stream }: { readonly stream: Stream }): boolean {
  return stream.startsWith('the client')
}

export function faultsOf({ stream, ending, atByte }: Cut): Faults {
  const fault = ending === 'FIN' ? { cutAtByte: atByte } : { resetAtByte: atByte }
  return stream.endsWith('client sends') || stream === 'the pooler sends'
    ? { fromClient: fault }
    : { fromTarget: fault }
}

/** Every byte of a stream, and behind its last. */
export function everyByte(length: number): number[] {
  return Array.from({ length: length + 1 }, (_, at) => at)
}

/** Every byte of the first and last `edge`, and `inside` of those between; so the headers of a stream with two long bodies. */
export function edgesAndSome(length: number, edge: number, inside: number, random: Random): number[] {
  const chosen = new Set<number>()
  for (let at = 0; at <= edge; at++) chosen.add(Math.min(at, length)).add(Math.max(0, length - at))
  for (let n = 0; n < inside; n++) chosen.add(random.integer(0, length))
  return [...chosen].toSorted((a, b) => a - b)
}

/** One byte of each of `count` equal parts of a stream; all of it, if it is as short as that. */
export function someBytes(length: number, count: number, random: Random): number[] {
  if (length < count) return everyByte(length)
  const part = (length + 1) / count
  return Array.from({ length: count }, (_, n) =>
    random.integer(Math.ceil(n * part), Math.max(Math.ceil(n * part), Math.ceil((n + 1) * part) - 1)),
  )
}
