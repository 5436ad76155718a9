/** I8, the other half: what a client leaves running when it vanishes is cancelled, or its server destroyed. */
import type { Rule } from '../rule.ts'
import type { Server } from '../server.ts'

const name = 'I8'
/** Milliseconds of trace time within which the cancel must be sent. */
const slackMs = 50
/** At so many records it must be found late: the process may have been held up once, between two records of one turn. */
const sightings = 3

interface Abandonment {
  readonly client: number
  sinceMs: number
  sightings: number
}

export const abandoned: Rule = (world, breach) => {
  const running = new Map<Server, Abandonment>()
  /** How many ReadyForQuery had come when the last cancel was sent: it was meant for the request behind them. */
  const cancelled = new WeakMap<Server, number>()
  return {
    record({ timeMs }) {
      if (running.size > 0) for (const [server, abandonment] of running) review(server, abandonment, timeMs)
    },
    clientClosed(client) {
      const server = client.lease
      if (!server || client.isClosing || cancelled.get(server) === server.account.readyReceived) return
      running.set(server, { client: client.id, sinceMs: world.nowMs, sightings: 0 })
    },
    cancelSent(_client, server) {
      cancelled.set(server, server.account.readyReceived)
      running.delete(server)
    },
    leaseReleased(_client, server) {
      running.delete(server)
    },
    serverDestroyed(server) {
      running.delete(server)
    },
  }

  /**
   * A request of the pooler's own is not cancelled: the client's is, as soon as that is answered. Nor is a second cancel
   * sent beside one that is under way, for the request before this one.
   */
  function review(server: Server, abandonment: Abandonment, nowMs: number): void {
    const mustWait = server.account.head?.owner !== abandonment.client || world.cancels.has(server.id)
    if (mustWait) abandonment.sinceMs = nowMs
    if (nowMs - abandonment.sinceMs <= slackMs || ++abandonment.sightings < sightings) return
    running.delete(server)
    const about = { client: abandonment.client, server: server.id }
    breach(name, 'a cancel: the client has vanished, its request runs', `none for ${slackMs} ms`, about)
  }
}
