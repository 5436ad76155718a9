/** I4: a pool never has more servers, opening and closing ones included, than its limit; a server has one cancel. */
import type { Rule } from '../rule.ts'

const name = 'I4'

export const limit: Rule = (world, breach) => ({
  serverOpening(pool, server) {
    if (pool.size < pool.max) return
    breach(name, `at most ${pool.max} servers`, `one more than ${pool.size}`, { server, pool: pool.id })
  },
  cancelSent(client, server) {
    if (!world.cancels.has(server.id)) return
    breach(name, 'one cancel connection per server', 'a second one', { client, server: server.id })
  },
})
