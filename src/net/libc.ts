/**
 * What the runtime has no names for, called in libc. Linux with glibc; elsewhere there is none, and what is built on it
 * does nothing or takes another way.
 */

import { dlopen, type Pointer, ptr, read } from 'bun:ffi'

import type { SocketAddress } from './socket-address.ts'

/** Of `openStream`: not connected yet, not refused either. */
export const inProgress = 115

/** SOCK_STREAM, SOCK_NONBLOCK and SOCK_CLOEXEC: it never makes its caller wait, and no child inherits it. */
const nonBlockingStream = 1 | 0o4000 | 0o2000000

interface Libc {
  setsockopt(fd: number, level: number, option: number, value: Pointer, length: number): number
  getsockopt(fd: number, level: number, option: number, value: Pointer, length: Pointer): number
  listen(fd: number, backlog: number): number
  socket(family: number, type: number, protocol: number): number
  connect(fd: number, address: Pointer, length: number): number
  close(fd: number): number
  __errno_location(): Pointer | bigint | null
}

const opened = openLibc()

/** The queue of connections that are not accepted yet. */
export function setBacklog(fd: number, backlog: number): void {
  opened?.listen(fd, backlog)
}

/** False: the option is unknown there, or the socket is gone. */
export function setOption(fd: number, level: number, option: number, value: number): boolean {
  return opened?.setsockopt(fd, level, option, ptr(new Int32Array([value])), 4) === 0
}

/** The first `count` integers of an option's value; undefined if it can't be read. */
export function getOption(fd: number, level: number, option: number, count = 1): Int32Array | undefined {
  const value = new Int32Array(count)
  const length = new Uint32Array([value.byteLength])
  return opened?.getsockopt(fd, level, option, ptr(value), ptr(length)) === 0 ? value : undefined
}

/**
 * A new stream socket that has begun to connect, and what the system says: 0, or the number of an error; `inProgress` is
 * none. `prepare` gets the descriptor before. The caller closes it. Undefined without libc, or without a descriptor left.
 */
export function openStream(
  { family, bytes }: SocketAddress,
  prepare: (fd: number) => void = () => undefined,
): { readonly fd: number; readonly error: number } | undefined {
  const fd = opened?.socket(family, nonBlockingStream, 0) ?? -1
  if (!opened || fd < 0) return undefined
  prepare(fd)
  const error = opened.connect(fd, ptr(bytes), bytes.length) < 0 ? errno(opened) : 0
  return { fd, error }
}

export function closeDescriptor(fd: number): void {
  opened?.close(fd)
}

/** Right behind a call that failed. */
function errno(from: Libc): number {
  const at = from['__errno_location']()
  return at === null ? 0 : read.i32(Number(at), 0)
}

function openLibc(): Libc | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const { symbols } = dlopen('libc.so.6', {
      setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
      getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
      listen: { args: ['i32', 'i32'], returns: 'i32' },
      socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
      connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
      close: { args: ['i32'], returns: 'i32' },
      __errno_location: { args: [], returns: 'ptr' },
    })
    return symbols
  } catch {
    return undefined
  }
}
