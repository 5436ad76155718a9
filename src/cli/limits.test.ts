import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../config/parse-config.ts'
import { checkDescriptors, descriptorLimit, descriptorNeed } from './limits.ts'

function needOf(text: string, userlist = ''): unknown {
  const ini = `[pgbouncer]\nlisten_addr = *\npool_mode = transaction\nauth_type = trust\nauth_file = users\n${text}`
  return descriptorNeed(parseConfig('main.ini', (path) => (path === 'users' ? userlist : ini)))
}

describe('descriptorNeed', () => {
  it('counts one pool for a database with a user of its own', () => {
    assert.deepEqual(needOf('[databases]\na = host=x user=u\nb = host=x user=u pool_size=7'), {
      clients: 100,
      servers: 27,
    })
  })

  it('counts a pool for every known user otherwise, each name once, and * as one database', () => {
    const text = 'max_client_conn=50\n[users]\nann =\n[databases]\na = host=x pool_size=3\n* = host=x pool_size=10'
    assert.deepEqual(needOf(text, '"ann" ""\n"bob" ""'), { clients: 50, servers: 26 })
  })

  it('counts for a pool no more than its user may have, or than there may be clients', () => {
    const text = 'max_client_conn=15\n[users]\nann = max_user_connections=2\n[databases]\n* = host=x pool_size=20'
    assert.deepEqual(needOf(text, '"bob" ""'), { clients: 15, servers: 17 })
  })
})

describe('checkDescriptors', () => {
  it('accepts what just fits', () => {
    checkDescriptors({ clients: 1000, servers: 20 }, 1088)
    checkDescriptors({ clients: 1000, servers: 20 }, Infinity)
  })

  it('refuses what does not, with the arithmetic', () => {
    assert.throws(() => checkDescriptors({ clients: 1000, servers: 20 }, 256), {
      code: 'bad_configuration',
      message:
        'needs 1,000 clients + 20 servers + 20 cancels + 48 others = 1,088 file descriptors, the limit is 256: ' +
        'raise it (ulimit -n) or lower max_client_conn or the pool sizes',
    })
    assert.throws(() => checkDescriptors({ clients: 1, servers: 1 }, 34), {
      message: /^needs 1 client \+ 1 server \+ 1 cancel \+ 48 others = 51 /,
    })
  })
})

describe('descriptorLimit', () => {
  it('reads the soft limit', () => {
    const limits =
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      'Max processes             1                    2                    processes \n' +
      'Max open files            256                  524288               files     \n'
    assert.equal(
      descriptorLimit(() => limits),
      256,
    )
  })

  it('takes no answer for no limit', () => {
    assert.equal(
      descriptorLimit(() => 'Max open files            unlimited            unlimited            files'),
      Infinity,
    )
    assert.equal(
      descriptorLimit(() => {
        throw new Error('no /proc')
      }),
      Infinity,
    )
  })
})
