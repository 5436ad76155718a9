/** What backends have in memory, in the phases of a life: each is seen by itself, by /proc. */

import type { Client } from 'pg'
import { memoryOf } from '../../../advisor/read-backend-memory.ts'
import { residentBytesOf } from '../../postgres-processes.ts'
import type { Rig } from '../../rig.ts'
import type { Statement } from '../../work.ts'

export const phases = ['fresh', 'after a lookup', 'after a join', 'idle after work'] as const
export type Phase = (typeof phases)[number]

/** Of one backend, in bytes. */
export interface BackendMemory {
  /** Its own alone. */
  readonly own: number
  /** Its own, and its part of what several have. */
  readonly proportional: number
  /** What `ps` shows. */
  readonly resident: number
}

export type MemoryInPhases = Readonly<Record<Phase, readonly BackendMemory[]>>

/** Undefined: they can't be seen. No other backends of experiments may be there. */
export async function measureMemory(rig: Rig, count: number, idleMs: number): Promise<MemoryInPhases | undefined> {
  if (!rig.processes) return undefined
  const clients: Client[] = []
  for (let index = 0; index < count; index++) clients.push(await rig.connect())
  const all = async ({ text, values }: Statement): Promise<void> => {
    for (const client of clients) await client.query(text, [...values])
  }
  const fresh = await look(rig)
  await all(rig.work.lookup(1))
  const afterLookup = await look(rig)
  await all(rig.work.join())
  const afterJoin = await look(rig)
  await rig.sleep(idleMs)
  const idle = await look(rig)
  for (const client of clients) await rig.end(client)
  await rig.untilFree()
  if (fresh.length === 0) return undefined
  return { fresh, 'after a lookup': afterLookup, 'after a join': afterJoin, 'idle after work': idle }
}

async function look(rig: Rig): Promise<BackendMemory[]> {
  const pids = await rig.backends()
  return pids.flatMap((pid) => {
    const memory = memoryOf(pid)
    const resident = residentBytesOf(pid)
    if (memory === undefined || resident === undefined) return []
    const { privateBytes, proportionalBytes, sharedBytes } = memory
    return [{ own: privateBytes, proportional: proportionalBytes + sharedBytes, resident }]
  })
}
