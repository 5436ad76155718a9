/** A port on loopback whose queue of connections is full: a further one is neither taken nor refused. Linux. */

import { dlopen } from 'bun:ffi'
import { once } from 'node:events'
import { connect } from 'node:net'

const { symbols: libc } = dlopen('libc.so.6', {
  socket: { args: ['int', 'int', 'int'], returns: 'int' },
  bind: { args: ['int', 'buffer', 'int'], returns: 'int' },
  listen: { args: ['int', 'int'], returns: 'int' },
  getsockname: { args: ['int', 'buffer', 'buffer'], returns: 'int' },
  close: { args: ['int'], returns: 'int' },
})

const inet = 2
const stream = 1

export interface DeafPort {
  readonly port: number
  close(): void
}

export async function openDeafPort(): Promise<DeafPort> {
  const fd = libc.socket(inet, stream, 0)
  const address = Buffer.from([inet, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  const size = Buffer.from([address.length, 0, 0, 0])
  const failures = libc.bind(fd, address, address.length) + libc.listen(fd, 0) + libc.getsockname(fd, address, size)
  if (fd < 0 || failures !== 0) throw new Error('no port could be opened')
  const port = address.readUInt16BE(2)
  const only = connect(port, '127.0.0.1')
  only.on('error', () => undefined)
  await once(only, 'connect')
  return {
    port,
    close: () => {
      only.destroy()
      libc.close(fd)
    },
  }
}
