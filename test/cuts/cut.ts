/** Where a conversation is cut: which of its four streams, at which byte, how; and which bytes are taken of all. */

import type { Faults } from '../../src/relay/faults.ts'
import type { Random } from '../../src/random.ts'

/** Of a message: its type and its length. */
export const headerLength = 5

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

/** One stream of a conversation that was not cut. */
export interface StreamMeasure {
  readonly length: number
  /** Of the messages in it, as far as they are known: what the pooler adds is not. */
  readonly messages: readonly number[]
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

/** `count` bytes anywhere, and as many of those within messages' headers, where any are known. */
export function someBytes({ length, messages }: StreamMeasure, count: number, random: Random): number[] {
  const headers = headersOf(messages)
  const chosen = new Set<number>()
  for (let n = 0; n < count; n++) {
    chosen.add(random.integer(0, length))
    if (headers.length > 0) chosen.add(random.pick(headers))
  }
  return [...chosen].toSorted((a, b) => a - b)
}

function headersOf(messages: readonly number[]): number[] {
  let start = 0
  return messages.flatMap((length) => {
    start += length
    return Array.from({ length: headerLength }, (_, n) => start - length + n)
  })
}

/** Lengths of the messages in these bytes. */
export function messagesIn(bytes: Buffer): number[] {
  const lengths: number[] = []
  for (let at = 0; at < bytes.length; at += lengths.at(-1) ?? 0) lengths.push(1 + bytes.readUInt32BE(at + 1))
  return lengths
}
