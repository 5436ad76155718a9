/** Taxirank's own snapshot, every second: all figures, with histograms. */

import { TaxirankError } from '../errors.ts'
import { jsonSource, type JsonSource } from './fetch-json.ts'
import { MissingParts } from './missing.ts'
import { PoolWatch } from './pool-watch.ts'
import type { PoolerReading } from './pooler-reading.ts'
import type { PoolerOptions } from './read-pooler.ts'
import { type PoolerSample, readSample } from './snapshot-shape.ts'
import { watch } from './watch.ts'

const everyMs = 1_000

export async function readPoolerByHttp(url: string, options: PoolerOptions): Promise<PoolerReading> {
  const source = jsonSource(url, '/api/snapshot')
  const first = await takeSample(source, options.signal)
  return new HttpWatch(source, options, first).run()
}

async function takeSample(source: JsonSource, signal: AbortSignal | undefined): Promise<PoolerSample> {
  const answer = await source.fetch(signal)
  try {
    return readSample(answer)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new TaxirankError(
      'bad_configuration',
      `${source.address} answers, but not with a snapshot of Taxirank's: ${why}`,
    )
  }
}

/** One reading while it is made. */
class HttpWatch {
  readonly #source: JsonSource
  readonly #options: PoolerOptions
  readonly #missing = new MissingParts()
  readonly #takenAtMs = Date.now()
  readonly #beganAtMs = performance.now()
  readonly #pools = new Map<string, PoolWatch>()
  #lastAtMs = this.#beganAtMs
  #last: PoolerSample
  #samples = 0
  #connectedPeak = 0

  constructor(source: JsonSource, options: PoolerOptions, first: PoolerSample) {
    this.#source = source
    this.#options = options
    this.#last = first
  }

  async run(): Promise<PoolerReading> {
    const { watchMs, signal } = this.#options
    await watch({ watchMs, everyMs, signal }, async () =>
      this.#note(this.#samples === 0 ? this.#last : await this.#next()),
    )
    return this.#reading()
  }

  /** Undefined when the pooler is gone. */
  async #next(): Promise<PoolerSample | undefined> {
    try {
      return await takeSample(this.#source, this.#options.signal)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#missing.add('the rest of the watch of the pooler', error.message, 'run this again')
      return undefined
    }
  }

  #note(sample: PoolerSample | undefined): boolean {
    if (!sample) return false
    this.#samples++
    this.#last = sample
    this.#lastAtMs = performance.now()
    this.#connectedPeak = Math.max(this.#connectedPeak, sample.clients.connected)
    for (const pool of sample.pools) this.#notePool(JSON.stringify([pool.database, pool.user]), pool)
    return true
  }

  #notePool(key: string, pool: PoolerSample['pools'][number]): void {
    const watched = this.#pools.get(key)
    if (watched) watched.add(pool)
    else this.#pools.set(key, new PoolWatch(pool))
  }

  #reading(): PoolerReading {
    const { version, clients, databases } = this.#last
    return {
      kind: 'taxirank',
      version,
      by: 'http',
      address: this.#source.address,
      takenAtMs: this.#takenAtMs,
      watchedMs: this.#lastAtMs - this.#beganAtMs,
      samples: this.#samples,
      clients: { connectedPeak: this.#connectedPeak, max: clients.max },
      pools: [...this.#pools.values()].map((pool) => pool.reading()),
      databases: databases.map(({ name, servers, maxServers }) => {
        return { name, servers, ...(maxServers > 0 && { maxServers }) }
      }),
      missing: this.#missing.list(),
    }
  }
}
