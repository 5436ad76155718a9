/** OpenTelemetry's instrumentation of pg and pg-pool, which knows both by the names of their packages. */
import { reader, spans, tracer } from './instrumentation.mjs'
import assert from 'node:assert/strict'
import { context, SpanStatusCode, trace } from '@opentelemetry/api'
import { Pool } from 'pg'
import { notApplicable, rejection } from '../../drivers/node/outcomes.mjs'
import { commonSteps } from './checks.mjs'
import { place, runSteps, settings } from './contract.mjs'

const pool = new Pool(settings)

const ask = async (sql, client = pool) => Object.values((await client.query(sql)).rows[0])[0]

async function transaction(work) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

/** The names of all spans below one of the application's, in order; a client may be opened below anybody's. */
async function spansBelow(work) {
  const parent = tracer.startSpan('application')
  await context.with(trace.setSpan(context.active(), parent), work)
  parent.end()
  const { traceId } = parent.spanContext()
  const below = spans.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
  return below
    .map(({ name }) => name)
    .filter((name) => name !== 'application' && name !== 'pg.connect')
    .sort()
}

/** The sum of a metric's values, of those points that have these attributes. */
async function figure(name, attributes = {}) {
  const { resourceMetrics } = await reader.collect()
  const metrics = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
  const points = metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
  const isMeant = (point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
  return points.filter(isMeant).reduce((sum, { value }) => sum + (value.count ?? value), 0)
}

async function connectionFigures() {
  const count = 'db.client.connection.count'
  return {
    used: await figure(count, { 'db.client.connection.state': 'used' }),
    idle: await figure(count, { 'db.client.connection.state': 'idle' }),
    pending: await figure('db.client.connection.pending_requests'),
  }
}

const ofQuery = ['pg-pool.connect', `pg.query:SELECT ${place.database}`]
const sql = 'select 1 from pg_sleep(0.01)'
const byOthers = () => notApplicable('others say that')

await runSteps({
  ...commonSteps({ pool: () => pool, ask, transaction, end: () => pool.end() }),
  3: byOthers,
  4: byOthers,
  5: byOthers,
  6: byOthers,
  async 16() {
    assert.deepEqual(await spansBelow(() => pool.query('select 1')), ofQuery)
    const byCallback = () => new Promise((resolve) => pool.query('select 1', resolve))
    assert.deepEqual(await spansBelow(byCallback), ofQuery)
    const onClient = async () => {
      const client = await pool.connect()
      await client.query('select 1')
      client.release()
    }
    assert.deepEqual(await spansBelow(onClient), ofQuery)
    // Most of them wait for a client that somebody else gives back.
    const queries = Array.from({ length: 50 }, () => spansBelow(() => pool.query(sql)))
    for (const names of await Promise.all(queries)) assert.deepEqual(names, ofQuery)
    const failing = spansBelow(() => rejection(pool.query('select 1 / 0')))
    assert.deepEqual(await failing, ofQuery)
    const failed = spans.getFinishedSpans().filter(({ status }) => status.code === SpanStatusCode.ERROR)
    assert.match(failed.at(-1).status.message, /division by zero/)
    assert.ok(spans.getFinishedSpans().some(({ name }) => name === 'pg.connect'))
  },
  async 17() {
    const clients = await Promise.all(Array.from({ length: settings.max }, () => pool.connect()))
    const waiting = [pool.query('select 1'), pool.query('select 1')]
    // It looks when a client is lent or given back, with pg's own pool as with this one: just before that is true.
    clients.pop().release()
    const whileHeld = await connectionFigures()
    for (const client of clients) client.release()
    await Promise.all(waiting)
    assert.deepEqual(
      [whileHeld, await connectionFigures()],
      [
        { used: 5, idle: 0, pending: 1 },
        { used: 1, idle: 4, pending: 0 },
      ],
    )
    assert.equal(await figure('db.client.connection.max'), settings.max)
    assert.ok((await figure('db.client.operation.duration')) > 0)
  },
})
