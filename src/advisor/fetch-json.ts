/** GET of something that should be JSON, from whoever may be there. */

import { TaxirankError } from '../errors.ts'
import { reasonOf } from './connection.ts'

const limitMs = 5_000
const mostBytes = 64 * 1024 * 1024

export interface JsonSource {
  /** Without name and password. */
  readonly address: string
  /**
   * Rejects with `server_connect_failed` if there is no whole answer within 5 s, with `bad_configuration` if it is none of JSON,
   * and with the signal's reason.
   */
  fetch(signal?: AbortSignal): Promise<unknown>
}

/** `path` is put behind the address, unless it ends so already. Throws `bad_configuration` if the address can't be read. */
export function jsonSource(url: string, path: string): JsonSource {
  const target = parse(url)
  const headers = authorization(target)
  target.username = ''
  target.password = ''
  target.search = ''
  target.hash = ''
  if (!target.pathname.endsWith(path)) target.pathname = target.pathname.replace(/\/$/, '') + path
  const address = target.href
  return { address, fetch: (signal) => fetchFrom(address, headers, signal) }
}

function parse(url: string): URL {
  try {
    return new URL(url)
  } catch {
    // Without what is wrong: that would repeat the password.
    throw new TaxirankError(
      'bad_configuration',
      'the address of the pooler cannot be read: it looks like http://host:port',
    )
  }
}

/** In front of the monitor may stand a proxy that asks who we are. */
function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

async function fetchFrom(
  address: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const limit = AbortSignal.timeout(limitMs)
  const either = signal ? AbortSignal.any([signal, limit]) : limit
  try {
    const response = await fetch(address, { headers, signal: either })
    const text = await textOf(response)
    if (response.ok) return parseJson(text, address)
    throw new TaxirankError(
      'bad_configuration',
      `${address} answers with status ${response.status}, not with a snapshot`,
    )
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof TaxirankError) throw cause
    const why = limit.aborted ? `no answer within ${limitMs} ms` : whyOf(cause)
    throw new TaxirankError('server_connect_failed', `cannot read ${address}: ${why}`, { cause })
  }
}

/** The runtime's own texts speak to programmers. */
function whyOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  if (code === 'ConnectionRefused') return 'nobody listens there'
  return code === 'Malformed_HTTP_Response' ? 'what answers there does not speak HTTP' : reasonOf(cause)
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true })
    if (text.length > mostBytes) throw new TaxirankError('bad_configuration', `${response.url} does not end`)
  }
  return text + decoder.decode()
}

function parseJson(text: string, address: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new TaxirankError('bad_configuration', `${address} answers, but not with JSON: is that Taxirank's monitor?`)
  }
}
