/**
 * I11 in session mode: a client's Bind or Describe never finds a statement that another client Parsed on that server. Where
 * it finds none, PostgreSQL says so. A Query drops the unnamed statement. Where the pooler can't know whether it is there still, it may Parse the holder's
 * anew, as that was.
 */
import type { Client } from '../client.ts'
import { dropsStatements, frontend, statementName } from '../messages.ts'
import type { Rule, Span } from '../rule.ts'
import type { Server } from '../server.ts'
import { poolModes } from '../world.ts'

const name = 'I11'

export const sessionStatements: Rule = (_world, breach) => {
  /** Who Parsed what: server, then the statement's name. */
  const parsed = new WeakMap<Server, Map<string, number>>()
  /** Each client's newest unnamed one. */
  const unnamed = new WeakMap<Client, string>()
  return {
    requestSent(server, source, type, body) {
      if (server.pool.mode !== poolModes.session) return
      if (type === frontend.parse) remember(server, parser(server, source, body), nameIn(type, body) ?? '')
      else if (type === frontend.query && !source && drops(body)) parsed.delete(server)
      else if (type === frontend.query) forget(server, '')
      else if (!source) return
      else if (type === frontend.close) forget(server, nameIn(type, body))
      else if (type === frontend.bind || type === frontend.describe) check(server, source, nameIn(type, body))
    },
  }

  /** Whose Parse it is; 0: the pooler's. */
  function parser({ holder }: Server, source: Client | undefined, { bytes, start, end }: Span): number {
    const isUnnamed = bytes[start] === 0
    const text = isUnnamed ? bytes.toString('latin1', start, end) : ''
    if (source && isUnnamed) unnamed.set(source, text)
    if (source) return source.id
    return holder && isUnnamed && unnamed.get(holder) === text ? holder.id : 0
  }

  function remember(server: Server, owner: number, statement: string): void {
    const here = parsed.get(server)
    if (here) here.set(statement, owner)
    else parsed.set(server, new Map([[statement, owner]]))
  }

  function forget(server: Server, statement: string | undefined): void {
    if (statement !== undefined) parsed.get(server)?.delete(statement)
  }

  function check(server: Server, source: Client, statement: string | undefined): void {
    if (statement === undefined) return
    const owner = parsed.get(server)?.get(statement)
    const about = { client: source.id, server: server.id }
    if (owner === undefined || owner === source.id) return
    const whose = owner === 0 ? 'the pooler' : `client ${owner}`
    breach(name, `statement "${statement}" of this client`, `that of ${whose}`, about)
  }
}

/** If it fails, they are still there: but then the server may not be lent again, says I3. */
function drops({ bytes, start, end }: Span): boolean {
  return dropsStatements(bytes, start, end)
}

function nameIn(type: number, body: Span): string | undefined {
  return statementName(type, body.bytes, body.start, body.end)
}
