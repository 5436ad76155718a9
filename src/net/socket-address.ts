/** Addresses as libc wants them, on Linux. */

import { isIP } from 'node:net'

const unixFamily = 1
const inetFamily = 2
const inet6Family = 10

export interface SocketAddress {
  readonly family: number
  readonly bytes: Buffer
}

/** Of a literal address; undefined of a name, or of an address that says on which link it is. */
export function inetAddress(host: string, port: number): SocketAddress | undefined {
  const version = isIP(host)
  if (version === 4) return { family: inetFamily, bytes: inet(host, port) }
  if (version === 6 && !host.includes('%')) return { family: inet6Family, bytes: inet6(host, port) }
  return undefined
}

/** Of a path, or of a name that begins with a zero byte. */
export function unixSocketAddress(path: string): SocketAddress {
  const isAbstract = path.startsWith('\0')
  return {
    family: unixFamily,
    bytes: Buffer.concat([header(unixFamily), Buffer.from(isAbstract ? path : `${path}\0`)]),
  }
}

function inet(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(16)
  header(inetFamily).copy(bytes)
  bytes.writeUInt16BE(port, 2)
  for (const [index, part] of host.split('.').entries()) bytes[4 + index] = Number(part)
  return bytes
}

function inet6(host: string, port: number): Buffer {
  const bytes = Buffer.alloc(28)
  header(inet6Family).copy(bytes)
  bytes.writeUInt16BE(port, 2)
  for (const [index, group] of groups(host).entries()) bytes.writeUInt16BE(group, 8 + 2 * index)
  return bytes
}

/** The eight of an IPv6 address that is known to be one. */
function groups(host: string): number[] {
  const [before = '', after] = host.split('::')
  const front = readGroups(before)
  if (after === undefined) return front
  const back = readGroups(after)
  return [...front, ...Array.from({ length: 8 - front.length - back.length }, () => 0), ...back]
}

function readGroups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

function header(family: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(family)
  return bytes
}
