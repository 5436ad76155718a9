/** One kind of session state, as data: what makes it, and what shows that it is there. */

import type { RawClient } from '../support/raw-client.ts'
import * as raw from '../support/raw-messages.ts'

/** A statement, or messages of the extended protocol that lack their Sync. */
export type Step = string | { readonly extended: Buffer }

/** What a client sees, in one word or line. `outside` is connected to PostgreSQL directly, as its superuser. */
export type Show = (client: RawClient, outside: RawClient) => Promise<string>

export interface Kind {
  readonly name: string
  readonly make: readonly Step[]
  /** A query: its rows, or the SQLSTATE it fails with. */
  readonly show: string | Show
  /** What a session shows in which it was never made; undefined: something else each time. */
  readonly fresh: string | undefined
  /** Who the clients are; `app`, who has no special rights, if nothing is said. */
  readonly user?: 'postgres'
  /** In the startup packet of the client that makes it. */
  readonly parametersOfA?: Readonly<Record<string, string>>
  /** In those of all others, for whom `fresh` is theirs. */
  readonly parametersOfB?: Readonly<Record<string, string>>
  /** No pooler can tell from the statements that it is made: by any of them, or where DO makes it. */
  readonly invisible?: 'always' | 'inside DO'
  /** DISCARD ALL leaves it. */
  readonly outlivesDiscard?: true
  /** `track` gives it up when somebody else has used the server. */
  readonly isLostByTrack?: true
  /** It takes A back to its own login, and a server has logged in for the pool. */
  readonly isOfLogin?: true
}

/** What kinds of one theme have in common beside their names. */
export function themed(common: Pick<Kind, 'show' | 'fresh'>, makes: Readonly<Record<string, readonly Step[]>>): Kind[] {
  return Object.entries(makes).map(([name, make]) => ({ name, make, ...common }))
}

/** Several kinds that pass as one function: the state is made where the text does not say so. */
export function invisible(...kinds: readonly Kind[]): Kind[] {
  return kinds.map((kind) => ({ ...kind, invisible: 'always' }))
}

/** The rows of an answer, and the SQLSTATEs of its errors. */
export function shown(answer: readonly string[]): string {
  const seen = answer.flatMap((line) => {
    if (line.startsWith('D ')) return [line.slice(2)]
    return line.startsWith('E ') ? [line.slice(2).split(':', 1).join()] : []
  })
  return seen.join('; ')
}

/** Messages of the extended protocol, and a Sync. */
export function byProtocol(...messages: readonly Buffer[]): Show {
  return async (client) => shown(await client.ask(raw.all(...messages, raw.sync)))
}

/** The SQLSTATE as `shown` tells it. */
export function fails(sqlState: string): string {
  return `ERROR ${sqlState}`
}
