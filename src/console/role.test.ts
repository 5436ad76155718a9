import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeWorld } from '../../test/support/console-fakes.ts'
import { query } from '../../test/support/raw-messages.ts'
import { commands } from './commands.ts'
import { consoleRole } from './role.ts'

const users = { admins: new Set(['a', 'both']), stats: new Set(['s', 'both']) }

describe('the role of a console user', () => {
  it('is the larger one of its lists, and none for anybody else', () => {
    const roles = ['a', 's', 'both', 'other', 'pgbouncer', ''].map((user) => consoleRole(user, false, users))
    assert.deepEqual(roles, ['admin', 'stats', 'admin', undefined, undefined, undefined])
  })

  it('is admin for pgbouncer on a unix socket of our own uid, and for nobody else there', () => {
    assert.deepEqual(
      ['pgbouncer', 'other', 's'].map((user) => consoleRole(user, true, users)),
      ['admin', undefined, 'stats'],
    )
  })
})

describe('who is neither admin nor stats user', () => {
  it('is not let in, and leaves nothing behind', () => {
    const world = fakeWorld()
    assert.throws(() => world.enter('other'), { code: 'authentication_failed', message: /^not allowed/ })
    assert.equal(world.console.size, 0)
  })
})

describe('CVE-2026-6667: a stats user', () => {
  const looksOnly = commands.filter(({ name }) => name.startsWith('SHOW') && name !== 'SHOW FDS')
  const acts = commands.filter((command) => !looksOnly.includes(command))
  const text = ({ name, argument }: (typeof commands)[number]): string => (argument ? `${name} 7` : name)

  it('may not run one command that acts, whatever its form, and nothing is done', () => {
    const world = fakeWorld()
    const { client, visitor } = world.enter('stats')
    const forms = [...acts.map(text), 'kill_client 7', 'KILL_CLIENT "7";', 'SELECT FDS', 'SET default_pool_size = 7']
    for (const form of forms) {
      visitor.received(query(form))
      assert.deepEqual(client.said(), ['E ERROR 08P01: admin access needed', 'Z I'], form)
    }
    assert.deepEqual([world.verbs.calls, world.asked], [[], []])
  })

  it('may run every command that shows, but for SHOW FDS', () => {
    const { client, visitor } = fakeWorld().enter('stats')
    for (const command of looksOnly) {
      visitor.received(query(text(command)))
      assert.deepEqual(client.said().slice(-2), ['C SHOW', 'Z I'], command.name)
    }
  })

  it('is told so of as many commands as there are', () => {
    const names = acts.map(({ name }) => name)
    assert.deepEqual(names, [
      'SHOW FDS',
      'RELOAD',
      'PAUSE',
      'RESUME',
      'DISABLE',
      'ENABLE',
      'RECONNECT',
      'KILL',
      'KILL_CLIENT',
      'SUSPEND',
      'SHUTDOWN',
      'SHUTDOWN WAIT_FOR_SERVERS',
      'SHUTDOWN WAIT_FOR_CLIENTS',
      'WAIT_CLOSE',
    ])
  })
})
