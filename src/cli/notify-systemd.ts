/**
 * Tells systemd how the service is (sd_notify(3), units of Type=notify): a datagram to the unix socket that NOTIFY_SOCKET
 * names. The runtime has no such sockets, so libc's are used. Nothing happens where there is no NOTIFY_SOCKET.
 */

import { dlopen, ptr } from 'bun:ffi'

const unix = 1
const datagram = 2
const longestPath = 107

/** `state`: lines of assignments, such as `READY=1`. True if it was sent. Never throws. */
export function notifySystemd(state: string, address: string | undefined = process.env['NOTIFY_SOCKET']): boolean {
  if (address === undefined || process.platform !== 'linux') return false
  const path = Buffer.from(address.replace(/^@/, '\0'))
  if (path.length === 0 || path.length > longestPath) return false
  try {
    return send(path, Buffer.from(state))
  } catch {
    return false
  }
}

function send(path: Buffer, message: Buffer): boolean {
  const library = dlopen('libc.so.6', {
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
  })
  const family = Buffer.alloc(2)
  family.writeUInt16LE(unix)
  // An abstract name counts every byte; a path ends with a NUL.
  const name = Buffer.concat([family, path, Buffer.alloc(path[0] === 0 ? 0 : 1)])
  const { symbols } = library
  const descriptor = symbols.socket(unix, datagram, 0)
  if (descriptor < 0) return false
  const sent = symbols.sendto(descriptor, ptr(message), message.length, 0, ptr(name), name.length)
  symbols.close(descriptor)
  library.close()
  return sent === message.length
}
