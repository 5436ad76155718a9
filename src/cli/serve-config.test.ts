import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../config/parse-config.ts'
import { freePort } from '../embedded/free-port.ts'
import { Log } from '../log.ts'
import { serveConfig, type ServedConfig } from './serve-config.ts'

async function serve(...lines: readonly string[]): Promise<ServedConfig> {
  const port = await freePort()
  const head = [
    '[databases]',
    '* = host=127.0.0.1',
    '[pgbouncer]',
    'pool_mode = transaction',
    'auth_type = trust',
    'unix_socket_dir =',
    'max_client_conn = 100',
  ]
  const text = [...head, `listen_port = ${port}`, ...lines].join('\n')
  const readFile = (path: string): string =>
    path === '/proc/self/limits' ? 'Max open files            400                  400                  files' : text
  return serveConfig(parseConfig('main.ini', readFile), { log: new Log(() => undefined), readFile })
}

describe('serveConfig', () => {
  it('listens once on an address that is named twice', async () => {
    const served = await serve('listen_addr = 127.0.0.1, 127.0.0.1')
    await served.stop('immediate')
  })

  it('says so when the trace cannot be written', async () => {
    await assert.rejects(serve('listen_addr = 127.0.0.1', 'trace_file = /nowhere/trace'), {
      code: 'bad_configuration',
      message: /^the trace cannot be written to \/nowhere\/trace: ENOENT/,
    })
  })

  it('refuses a change for which there are not enough descriptors, and goes on as before', async () => {
    const served = await serve('listen_addr = 127.0.0.1')
    assert.throws(() => served.set('max_client_conn', '1000'), {
      code: 'bad_configuration',
      message: /the limit is 400/,
    })
    assert.equal(served.config.global.maxClientConn, 100)
    served.set('max_client_conn', '200')
    assert.equal(served.config.global.maxClientConn, 200)
    await served.stop('immediate')
  })
})
