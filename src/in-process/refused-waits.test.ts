import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { it } from 'node:test'
import { rejection, Supply } from '../../test/support/supply.ts'
import type { Tracer } from './telemetry.ts'

it('a nested acquire that is refused is an error to tracer and channel, too', async () => {
  const heard: unknown[] = []
  const tracer: Tracer = {
    startSpan: () => ({
      setAttribute: (_key, value) => heard.push(value),
      setStatus: () => undefined,
      end: () => undefined,
    }),
  }
  const listen = (message: unknown): void => {
    const { pool, error } = message as { pool: string; error?: { code: string } }
    if (pool === 'nested') heard.push(error?.code)
  }
  subscribe('taxirank:pool:refuse', listen)
  try {
    const pool = new Supply().pool({ name: 'nested', max: 1, deadlockDetectionMillis: 10, telemetry: { tracer } })
    await rejection(pool.use(() => pool.use(() => undefined)))
  } finally {
    unsubscribe('taxirank:pool:refuse', listen)
  }
  assert.deepEqual(heard, ['nested_acquire', 'nested_acquire'])
})
