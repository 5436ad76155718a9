/** Instruments pg and pg-pool. Must be the first that is imported: it sees what is loaded from then on. */
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

export const spans = new InMemorySpanExporter()
export const reader = new Reader()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
const meterProvider = new MeterProvider({ readers: [reader] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const instrumentation = new PgInstrumentation()
instrumentation.setTracerProvider(tracerProvider)
instrumentation.setMeterProvider(meterProvider)
instrumentation.enable()
export const tracer = tracerProvider.getTracer('application')
