/** What the load generator can do to a pooler. Each gives what it measured. */

import { setTimeout as sleep } from 'node:timers/promises'
import { LoadClient, loginMany } from './client.ts'
import { peakKb, proportionalKb } from './memory.ts'
import { cancelRequest } from './messages.ts'
import type { LoadFigures, Place } from './order.ts'

const loginsAtOnce = 100
const settleMs = 10_000
const resultRowBytes = 8000

/** Clients that have logged in and do nothing: what each of them costs the pooler 10 s later. */
export async function idle({ port, pid }: Place, clients: number): Promise<LoadFigures> {
  const before = proportionalKb(pid)
  const connected = await loginMany(port, clients, loginsAtOnce)
  await sleep(settleMs)
  const after = proportionalKb(pid)
  for (const client of connected) client.destroy()
  return { idleKb: (after - before) / clients }
}

/**
 * Everybody is connected, the pooler is killed (who started it starts it again), everybody connects again and asks
 * something: milliseconds from the kill until the last answer.
 */
export async function reconnect({ port, pid }: Place, clients: number): Promise<LoadFigures> {
  const connected = await loginMany(port, clients, loginsAtOnce)
  const served = connected.map(async ({ over }) => {
    await over
    await serveAnew(port)
  })
  const begunMs = performance.now()
  process.kill(pid, 'SIGKILL')
  await Promise.all(served)
  return { servedMs: performance.now() - begunMs }
}

/** Tries again, as applications do, after a pause that grows from 50 ms to 400 ms, half of it at random. */
async function serveAnew(port: number): Promise<void> {
  for (let pauseMs = 50; ; pauseMs = Math.min(400, pauseMs * 2)) {
    try {
      const client = await LoadClient.login(port)
      const { error } = await client.query('select 1')
      if (error === undefined) return
      client.destroy()
    } catch {
      // not there yet
    }
    await sleep(pauseMs * (0.5 + Math.random() / 2))
  }
}

/** Statements that would take long are cancelled: milliseconds from the request to their error, of each. */
export async function cancel({ port }: Place, seconds: number): Promise<LoadFigures> {
  const latenciesMs: number[] = []
  const deadlineMs = performance.now() + seconds * 1000
  const lane = async (): Promise<void> => {
    const client = await LoadClient.login(port)
    while (performance.now() < deadlineMs) latenciesMs.push(await cancelOne(client, port))
    client.destroy()
  }
  await Promise.all(Array.from({ length: 4 }, lane))
  return { latenciesMs }
}

/** Says that it runs: PostgreSQL sends a notice at once. */
const sleeper = "do $$ begin raise notice 'running'; perform pg_sleep(60); end $$"
/** Should a cancel do nothing, another is sent; the time counts from the first. */
const repeatMs = 1000

async function cancelOne(client: LoadClient, port: number): Promise<number> {
  const answer = client.query(sleeper)
  await client.noticed()
  const begunMs = performance.now()
  const cancels = [sendCancel(port, client.key)]
  const repeat = setInterval(() => cancels.push(sendCancel(port, client.key)), repeatMs)
  const { error } = await answer
  const elapsedMs = performance.now() - begunMs
  clearInterval(repeat)
  if (!error?.startsWith('57014 ')) throw new Error(`a cancelled statement ended with ${error ?? 'a result'}`)
  await Promise.all(cancels)
  return elapsedMs
}

/** Resolves when the pooler has closed the connection: that is when libpq goes on. */
function sendCancel(port: number, key: Buffer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = {
    open: (opened: Bun.Socket) => void opened.write(cancelRequest(key)),
    data: () => undefined,
    error: () => resolve(),
    close: () => resolve(),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => resolve())
  return promise
}

/** The value is made once: made for each row, it would be what takes the time. */
function largeResult(megabytes: number): string {
  const rows = Math.ceil((megabytes * 1_000_000) / resultRowBytes)
  return `with made as materialized (select repeat('x', ${resultRowBytes}) as value)
    select value from made, generate_series(1, ${rows})`
}

/** One large result: its speed, and the most memory the pooler has had since its start. */
export async function result({ port, pid }: Place, megabytes: number): Promise<LoadFigures> {
  const client = await LoadClient.login(port)
  const begunMs = performance.now()
  const { error } = await client.query(largeResult(megabytes))
  const elapsedMs = performance.now() - begunMs
  if (error !== undefined) throw new Error(error)
  client.destroy()
  return { mbPerSecond: client.receivedBytes / 1000 / elapsedMs, peakMb: peakKb(pid) / 1000 }
}

/** A client that stops reading in the middle of a large result: what the pooler grows by meanwhile. */
export async function stopped({ port, pid }: Place, megabytes: number, seconds: number): Promise<LoadFigures> {
  const client = await LoadClient.login(port)
  const answer = client.query(largeResult(megabytes))
  answer.catch(() => undefined)
  while (client.receivedBytes < 10_000_000) await sleep(1)
  client.pause()
  const before = proportionalKb(pid)
  await sleep(seconds * 1000)
  const after = proportionalKb(pid)
  client.destroy()
  return { growthMb: (after - before) / 1000 }
}
