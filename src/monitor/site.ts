/**
 * What is answered to whom. Everything is read-only and made from the feed, or of what a pool has recorded, so an answer
 * needs no server, no database and no lease.
 *
 * Nothing here asks for a password: whoever reaches the port may read. The Host check is for the case in which nobody
 * else can: a page in a browser on this machine whose name was made to point to a loopback address (DNS rebinding) would
 * be same-origin with us. On other addresses any name may be a right one, so there the network has to keep strangers out.
 */

import { expositionType } from '../metrics/exposition.ts'
import type { Feed } from './feed.ts'
import { findRecording } from './find-recording.ts'
import { isReady, type MonitorSource } from './monitor-snapshot.ts'
import { page, pagePolicy } from './page.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  /** What stands behind the path and its `?`; empty: nothing. */
  readonly query: string
  /** The Host header; null: there is none. */
  readonly host: string | null
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string | Uint8Array
  readonly policy?: string
  /** Under which name a browser keeps it. */
  readonly fileName?: string
}

const plain = 'text/plain; charset=utf-8'
const nothingAllowed = "default-src 'none'; frame-ancestors 'none'"

export class Site {
  readonly #source: MonitorSource
  readonly #feed: Feed
  readonly #isLoopback: boolean

  /** `address`: what it listens on. */
  constructor(source: MonitorSource, feed: Feed, address: string) {
    this.#source = source
    this.#feed = feed
    this.#isLoopback = isLoopback(address)
  }

  answer(asked: Asked): Response {
    return responseOf(this.#answer(asked))
  }

  #answer({ method, path, query, host }: Asked): Answer {
    if (this.#isLoopback && host !== null && !isLoopback(nameOf(host))) return text(421, `no site here is called that`)
    const make = this.#pages.get(path)
    if (make === undefined) return text(404, 'not found')
    return method === 'GET' || method === 'HEAD' ? make(query) : text(405, 'only GET and HEAD')
  }

  readonly #pages = new Map<string, (query: string) => Answer>([
    ['/', () => ({ status: 200, type: 'text/html; charset=utf-8', body: page, policy: pagePolicy })],
    ['/healthz', () => text(200, 'ok')],
    ['/readyz', () => (isReady(this.#source) ? text(200, 'ready') : text(503, 'not ready'))],
    ['/metrics', () => ({ status: 200, type: expositionType, body: this.#feed.metrics() })],
    ['/api/snapshot', () => ({ status: 200, type: 'application/json', body: this.#feed.json() })],
    ['/api/recording', (query) => this.#recording(new URLSearchParams(query))],
  ])

  #recording(query: URLSearchParams): Answer {
    const found = findRecording(this.#source.figures, query)
    if (typeof found === 'string') return text(404, found)
    return { status: 200, type: 'application/octet-stream', body: found.bytes, fileName: found.fileName }
  }
}

function text(status: number, body: string): Answer {
  return { status, type: plain, body: `${body}\n` }
}

/** Closed after each answer: who scrapes every 15 s needs no open connection, and each one is a descriptor less for clients. */
function responseOf({ status, type, body, fileName, policy = nothingAllowed }: Answer): Response {
  const headers = {
    'content-type': type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    connection: 'close',
    ...(fileName !== undefined && { 'content-disposition': `attachment; filename="${fileName}"` }),
    ...(status === 405 && { allow: 'GET, HEAD' }),
  }
  return new Response(body, { status, headers })
}

/** Without port, and without the brackets around an IPv6 address. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')
}

function isLoopback(name: string): boolean {
  return /^(?:localhost\.?|127(?:\.\d{1,3}){3}|::1)$/i.test(name)
}
