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
  ]
  const text = [...head, `listen_port = ${port}`, ...lines].join('\n')
  const readFile = (): string => text
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
})
