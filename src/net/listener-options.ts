/**
 * Options of a listening socket that the runtime has no names for, set through libc. Linux with glibc; elsewhere nothing
 * happens, and the listener works with the system's defaults.
 */

import { dlopen, type Pointer, ptr } from 'bun:ffi'

const tcp = 6
const tcpDeferAccept = 9

interface Libc {
  setsockopt(fd: number, level: number, option: number, value: Pointer, length: number): number
  listen(fd: number, backlog: number): number
}

/**
 * `backlog`: how many connections the kernel queues before they are accepted (the runtime always asks for 512).
 * `deferAccept`: a connection is accepted when its first bytes are there, which saves a wake-up each.
 */
export function setListenerOptions(fd: number, options: { backlog: number; deferAccept: boolean }): void {
  libc ??= openLibc()
  if (!libc || fd < 0) return
  if (options.deferAccept) libc.setsockopt(fd, tcp, tcpDeferAccept, ptr(new Int32Array([1])), 4)
  libc.listen(fd, options.backlog)
}

let libc: Libc | undefined

function openLibc(): Libc | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const { symbols } = dlopen('libc.so.6', {
      setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
      listen: { args: ['i32', 'i32'], returns: 'i32' },
    })
    return symbols
  } catch {
    return undefined
  }
}
