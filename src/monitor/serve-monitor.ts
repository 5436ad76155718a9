/** The monitor on its port. */

import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import { Feed } from './feed.ts'
import { LoopDelay } from './loop-delay.ts'
import type { MonitorSource } from './monitor-snapshot.ts'
import { type Asked, Site } from './site.ts'

export interface MonitorOptions {
  /** `http_addr`: an address or a name; `*` for all. */
  readonly address: string
  /** `http_port`; 0: a free one. */
  readonly port: number
  readonly source: MonitorSource
  readonly log: Log
}

export interface ServedMonitor {
  readonly port: number
  /** Where a browser on this machine finds it, ending with a slash. */
  readonly url: string
  /** Answers nobody any more, from now on. */
  stop(): void
}

const delayEveryMs = 100
/** Nobody has a reason to send a body. */
const maxRequestBodySize = 1_024

/** Listens, or throws `listen_failed`. It keeps the process alive until it is stopped. */
export function serveMonitor({ address, port, source, log }: MonitorOptions): ServedMonitor {
  const now = (): number => performance.now()
  const loopDelay = new LoopDelay(delayEveryMs, now())
  const site = new Site(source, new Feed(source, { now, wall: Date.now }, loopDelay), address)
  const server = listenOn(address, port, (request) => answer(request, site, log))
  const ticker = setInterval(() => loopDelay.tick(now()), delayEveryMs)
  return {
    port: server.port ?? port,
    url: `http://${reachable(address)}:${server.port}/`,
    stop() {
      clearInterval(ticker)
      void server.stop(true)
    },
  }
}

/** An error here is a bug of ours; it must not end the pooler, nor reach whoever asked. */
function answer(request: Request, site: Site, log: Log): Response {
  try {
    const { method, url, headers } = request
    return site.answer({ method, ...targetOf(url), host: headers.get('host') })
  } catch (error) {
    log.error(`taxirank bug: the monitor cannot answer: ${error instanceof Error ? error.stack : String(error)}`)
    return new Response('the log says why\n', { status: 500 })
  }
}

/**
 * Bun's own server, and not net/ with HTTP of ours: it bounds headers (16 KiB), bodies and the time in which a request has
 * to be there (12 s, whatever its settings say).
 */
function listenOn(address: string, port: number, fetch: (request: Request) => Response): Bun.Server<undefined> {
  try {
    const hostname = address === '*' ? '::' : address
    return Bun.serve({ hostname, port, maxRequestBodySize, development: false, fetch })
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? (cause as Error).message
    const taken = code === 'EADDRINUSE' ? ' (another program has this port)' : ''
    throw new TaxirankError('listen_failed', `cannot serve HTTP on ${address}:${port}: ${code}${taken}`, { cause })
  }
}

/** Not by `new URL`, which throws for a Host header that is none. */
function targetOf(url: string): Pick<Asked, 'path' | 'query'> {
  const [, path = url, query = ''] = /^[a-z]+:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/i.exec(url) ?? []
  return { path, query }
}

/** An address to connect to, for one to listen on. */
function reachable(address: string): string {
  if (['*', '::', '0.0.0.0'].includes(address)) return '127.0.0.1'
  return address.includes(':') ? `[${address}]` : address
}
