/**
 * OpenTelemetry, without depending on it: a meter and a tracer are handed in. Names and units are those of its semantic
 * conventions for database connection pools (`db.client.connection.*`, times in seconds).
 */

import type { PoolSnapshot } from '../metrics/snapshot.ts'

type Attributes = Readonly<Record<string, string | number | boolean>>

/** What is used of OpenTelemetry's `Span`. */
export interface Span {
  setAttribute(key: string, value: string | number | boolean): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

/** What is used of OpenTelemetry's `Tracer`. */
export interface Tracer {
  startSpan(name: string, options?: { attributes?: Attributes }): Span
}

interface InstrumentOptions {
  readonly description: string
  readonly unit: string
}

interface Observed {
  observe(value: number, attributes?: Attributes): void
}

interface Observable {
  addCallback(callback: (result: Observed) => void): void
  removeCallback(callback: (result: Observed) => void): void
}

/** What is used of OpenTelemetry's `Meter`. */
export interface Meter {
  createHistogram(name: string, options: InstrumentOptions): { record(value: number, attributes?: Attributes): void }
  createCounter(name: string, options: InstrumentOptions): { add(value: number, attributes?: Attributes): void }
  createObservableUpDownCounter(name: string, options: InstrumentOptions): Observable
}

export interface Telemetry {
  readonly meter?: Meter
  readonly tracer?: Tracer
}

/** Measures one pool from its beginning to its end. */
export interface PoolTelemetry {
  waited(ms: number): void
  used(ms: number): void
  opened(ms: number): void
  timedOut(): void
  startWait(): Span | undefined
  end(): void
}

const errorStatus = 2

const noMetrics: Omit<PoolTelemetry, 'startWait'> = {
  waited: () => undefined,
  used: () => undefined,
  opened: () => undefined,
  timedOut: () => undefined,
  end: () => undefined,
}

/** Undefined if neither is there. */
export function poolTelemetry(
  { meter, tracer }: Telemetry,
  name: string,
  snapshot: () => PoolSnapshot,
): PoolTelemetry | undefined {
  if (!meter && !tracer) return undefined
  const pool = { 'db.client.connection.pool.name': name }
  return {
    ...(meter ? measure(meter, pool, snapshot) : noMetrics),
    startWait: () => tracer?.startSpan('db.client.connection.wait', { attributes: pool }),
  }
}

/** Ends the span of a wait. */
export function endWait(span: Span, error?: { readonly code: string; readonly message: string }): void {
  if (error) {
    span.setAttribute('error.type', error.code)
    span.setStatus({ code: errorStatus, message: error.message })
  }
  span.end()
}

function measure(meter: Meter, pool: Attributes, snapshot: () => PoolSnapshot): Omit<PoolTelemetry, 'startWait'> {
  const named = (name: string): string => `db.client.connection.${name}`
  const histogram = (name: string, description: string): ((ms: number) => void) => {
    const instrument = meter.createHistogram(named(name), { description, unit: 's' })
    return (ms) => instrument.record(ms / 1_000, pool)
  }
  const timeouts = meter.createCounter(named('timeouts'), {
    description: 'Acquires that ended by their time limit.',
    unit: '{timeout}',
  })
  return {
    waited: histogram('wait_time', 'How long it took to get a connection from the pool.'),
    used: histogram('use_time', 'From getting a connection to giving it back.'),
    opened: histogram('create_time', 'How long it took to open a connection.'),
    timedOut: () => timeouts.add(1, pool),
    end: observe(meter, pool, snapshot),
  }
}

/** Returns what stops it. */
function observe(meter: Meter, pool: Attributes, snapshot: () => PoolSnapshot): () => void {
  const stops = figures.map(({ name, description, unit, observed }) => {
    const instrument = meter.createObservableUpDownCounter(`db.client.connection.${name}`, { description, unit })
    const callback = (result: Observed): void => {
      for (const [value, attributes] of observed(snapshot())) result.observe(value, { ...pool, ...attributes })
    }
    instrument.addCallback(callback)
    return () => instrument.removeCallback(callback)
  })
  return () => {
    for (const stop of stops) stop()
  }
}

interface ObservedFigure extends InstrumentOptions {
  readonly name: string
  readonly observed: (snapshot: PoolSnapshot) => readonly (readonly [number, Attributes?])[]
}

const unit = '{connection}'
const figures: readonly ObservedFigure[] = [
  {
    name: 'count',
    description: 'Connections by state.',
    unit,
    observed: ({ slots: { leased, shared, idle } }) => [
      [idle, { 'db.client.connection.state': 'idle' }],
      [leased + shared, { 'db.client.connection.state': 'used' }],
    ],
  },
  { name: 'max', description: 'Most connections.', unit, observed: ({ maxSize }) => [[maxSize]] },
  { name: 'idle.max', description: 'Most idle connections.', unit, observed: ({ maxSize }) => [[maxSize]] },
  { name: 'idle.min', description: 'Fewest idle connections.', unit, observed: ({ minSize }) => [[minSize]] },
  {
    name: 'pending_requests',
    description: 'Callers who wait for a connection.',
    unit: '{request}',
    observed: ({ waiting }) => [[waiting]],
  },
]
