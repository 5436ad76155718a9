/** Plays a conversation: whatever it says, in however many writes, and every message that comes back, to the end of the connection. */

import { setImmediate as turn } from 'node:timers/promises'
import { RawClient } from '../support/raw-client.ts'
import type { Message } from '../support/raw-messages.ts'
import type { Step } from '../support/step.ts'
import type { Neighbour } from './neighbour.ts'
import { type Cutting, piecesOf } from './pieces.ts'
import type { Transcript } from './transcript.ts'

export interface Door {
  readonly port: number
  readonly database: string
}

/** Where a client vanishes: behind so many bytes of a step, and for how long it has waited then. */
export interface Departure {
  readonly step: number
  readonly bytes: number
  readonly afterMs: number
  readonly how: 'vanish' | 'reset'
}

/** For how long the neighbour may keep a conversation waiting, where it may not get the server before that goes on. */
const courtesyMs = 2
/** And where the server should be free. */
const patienceMs = 20

/** What came back: for each ReadyForQuery (or what else was waited for) one list; the last one came behind Terminate. */
export async function play(
  { port, database }: Door,
  { steps, parameters }: Pick<Transcript, 'steps' | 'parameters'>,
  cutting: Cutting,
  neighbour?: Neighbour,
): Promise<Message[][]> {
  const client = await RawClient.login(port, { ...parameters, database })
  const got: Message[][] = []
  for (const step of steps) {
    await say(client, step[0], cutting, neighbour)
    got.push(...(await hear(client, step)))
    await make(way(got), neighbour)
  }
  client.leave()
  got.push(await hearOut(client))
  await neighbour?.answered()
  return got
}

/** Plays a conversation of which the client does not hear the end. */
export async function playUntil(
  { port, database }: Door,
  { steps, parameters }: Pick<Transcript, 'steps' | 'parameters'>,
  { step: last, bytes, afterMs, how }: Departure,
  neighbour: Neighbour,
): Promise<void> {
  const client = await RawClient.login(port, { ...parameters, database })
  for (const step of steps.slice(0, last)) {
    client.send(step[0])
    await make(way(await hear(client, step)), neighbour)
  }
  client.send((steps[last] as Step)[0].subarray(0, bytes))
  neighbour.ask()
  await (afterMs > 0 ? Bun.sleep(afterMs) : turn())
  client[how]()
}

/** Each piece is a write of its own, and a turn of the loop passes behind it: whoever reads gets it alone. */
export async function say(client: RawClient, bytes: Buffer, cutting: Cutting, neighbour?: Neighbour): Promise<void> {
  const pieces = piecesOf(bytes, cutting)
  for (const [index, piece] of pieces.entries()) {
    client.send(piece)
    if (index === pieces.length - 1) return
    await turn()
    if (index > 0) continue
    // The first turn may be what is left of one in which sockets were read before.
    await turn()
    neighbour?.ask()
    await neighbour?.answered(courtesyMs)
  }
}

async function hear(client: RawClient, [, until = 'Z', count = 1]: Step): Promise<Message[][]> {
  if (until === 'end') return [await hearOut(client)]
  const got: Message[][] = []
  for (let n = 0; n < count; n++) got.push(await client.until(until))
  return got
}

async function hearOut(client: RawClient): Promise<Message[]> {
  const got: Message[] = []
  for (let next = await client.message(); next; next = await client.message()) got.push(next)
  return got
}

/** Whether the server should be free now. */
function way(got: readonly Message[][]): boolean {
  const last = got.at(-1)?.at(-1)
  return last?.type === 'Z' && last.body.toString('latin1') === 'I'
}

async function make(isFree: boolean, neighbour?: Neighbour): Promise<void> {
  neighbour?.ask()
  if (isFree) await neighbour?.answered(patienceMs)
}
