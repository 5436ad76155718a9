/** A small real service: redirects from short links over HTTP, which it looks up by whatever strategy it is given. */

import { failureOf } from '../../load.ts'

export interface RedirectService {
  /** Where its links begin: `http://127.0.0.1:1234/`. */
  readonly url: string
  stop(): Promise<void>
}

/** `find` gives the URL of a code; undefined: there is none. Who asks is told of failures by their code: SQLSTATE or the error's. */
export function startRedirectService(find: (code: string) => Promise<string | undefined>): RedirectService {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      try {
        const location = await find(new URL(request.url).pathname.slice(1))
        if (location === undefined) return new Response(null, { status: 404 })
        return new Response(null, { status: 302, headers: { location } })
      } catch (error) {
        return new Response(failureOf(error), { status: 503 })
      }
    },
  })
  return { url: `http://127.0.0.1:${server.port}/`, stop: () => server.stop(true) }
}

/** Resolves if the service sends on to `url`; rejects, with what it said as the code, if not. */
export async function follow(link: string, url: string): Promise<void> {
  const response = await fetch(link, { redirect: 'manual' })
  const said = await response.text()
  if (response.status === 503) throw new UnexpectedAnswer(said)
  if (response.status !== 302) throw new UnexpectedAnswer(`HTTP ${response.status}`)
  if (response.headers.get('location') !== url) throw new UnexpectedAnswer('wrong Location')
}

class UnexpectedAnswer extends Error {
  readonly code: string

  constructor(code: string) {
    super(`the service answers ${code}`)
    this.code = code
  }
}
