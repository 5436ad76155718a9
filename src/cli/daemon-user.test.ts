import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { becomeUser } from './daemon-user.ts'
import type { SystemUser, UserSystem } from './daemon-user.ts'

const bob: SystemUser = { uid: 1000, gid: 1001, groups: [1001, 27] }

/** A system with root and bob. */
class FakeSystem implements UserSystem {
  uid: number
  became: SystemUser | undefined

  constructor(uid: number) {
    this.uid = uid
  }

  currentUid(): number {
    return this.uid
  }

  find(name: string): SystemUser | undefined {
    if (name === 'root') return { uid: 0, gid: 0, groups: [0] }
    return name === 'bob' ? bob : undefined
  }

  become(user: SystemUser): void {
    this.became = user
    this.uid = user.uid
  }
}

describe('becomeUser', () => {
  it('becomes the named user, with the groups', () => {
    const system = new FakeSystem(0)
    becomeUser('bob', system)
    assert.equal(system.became, bob)
  })

  it('leaves a process alone that is no root and is to become nobody, or itself', () => {
    for (const name of [undefined, 'bob']) {
      const system = new FakeSystem(1000)
      becomeUser(name, system)
      assert.equal(system.became, undefined)
    }
  })

  it('refuses root without a name, and with the name root', () => {
    for (const name of [undefined, 'root']) {
      assert.throws(() => becomeUser(name, new FakeSystem(0)), {
        code: 'bad_configuration',
        message: 'does not run as root: name the user to become with user = NAME in [pgbouncer], or with -u NAME',
      })
    }
  })

  it('refuses a user that does not exist, and a switch without root', () => {
    assert.throws(() => becomeUser('carl', new FakeSystem(0)), {
      message: 'cannot become user carl: there is no such user',
    })
    assert.throws(() => becomeUser('bob', new FakeSystem(5)), {
      message: 'cannot become user bob: only root can, and this is uid 5',
    })
  })

  it('asks the real system', () => {
    assert.throws(() => becomeUser('no-such-user-here'), {
      message: 'cannot become user no-such-user-here: there is no such user',
    })
  })
})
