/**
 * I7, the other half: a lease ends when nothing is owed in it any more. A server that is kept beyond that is idle, too,
 * though nobody can have it.
 */
import type { Client } from '../client.ts'
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'
import { kinds } from '../trace-reader.ts'
import { poolModes, type World } from '../world.ts'

const name = 'I7'
/** Milliseconds of trace time between two looks. */
const lookEveryMs = 100
/** A lease may be found like this in so many looks. More than one, since time may pass between two records of one turn. */
const mostSightings = 5

interface Rest {
  readonly holder: number
  readonly readyReceived: number
  sightings: number
}

export const leaseEnd: Rule = (world, breach) => {
  const resting = new Map<Server, Rest>()
  /** Servers that their holders keep beyond their transactions, as they may. */
  const pinned = new Set<number>()
  let nextLookMs = 0
  return {
    record({ kind, b, detail, timeMs }) {
      if (kind === kinds.pinned && detail === 1) pinned.add(b)
      else if (kind === kinds.pinned) pinned.delete(b)
      if (timeMs < nextLookMs) return
      nextLookMs = timeMs + lookEveryMs
      for (const server of world.servers.values()) look(server)
    },
    leaseGranted(_client, server) {
      resting.delete(server)
    },
    serverClosed(server) {
      resting.delete(server)
    },
  }

  function look(server: Server): void {
    const { holder } = server
    if (!holder || pinned.has(server.id) || isKept(holder, server) || !isAtRest(server, world)) {
      resting.delete(server)
      return
    }
    const { readyReceived } = server.account
    const known = resting.get(server)
    if (known?.holder !== holder.id || known.readyReceived !== readyReceived) {
      resting.set(server, { holder: holder.id, readyReceived, sightings: 1 })
    } else if (++known.sightings === mostSightings + 1) {
      const seen = `it is kept, ${mostSightings * lookEveryMs} ms later`
      breach(name, 'a release: nothing is owed in this lease', seen, { client: holder.id, server: server.id })
    }
  }
}

/** In session mode a client that has logged in keeps its server until it leaves. */
function isKept(holder: Client, { pool }: Server): boolean {
  return pool.mode === poolModes.session && holder.isAuthenticated && !holder.isClosing
}

function isAtRest(server: Server, world: World): boolean {
  return (
    server.status === 'I' &&
    server.isSentWhole &&
    server.isReceivedWhole &&
    server.received.length === 0 &&
    server.account.whyNotClean() === undefined &&
    !world.cancels.has(server.id)
  )
}
