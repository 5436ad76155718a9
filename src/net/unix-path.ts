/** Where a unix socket is: a file, or with `@` in front a name that only the kernel knows. */

import { chmodSync, chownSync, lstatSync, unlinkSync } from 'node:fs'
import { TaxirankError } from '../errors.ts'
import { closeDescriptor, openStream } from './libc.ts'
import { unixSocketAddress } from './socket-address.ts'

/** What fits into an address, less the byte that ends it. */
const maxPathBytes = 107

/** As the runtime wants it. Throws `bad_configuration` if it is too long. */
export function unixAddress(path: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > maxPathBytes) {
    throw new TaxirankError(
      'bad_configuration',
      `the unix socket's path ${path} is too long: ${bytes} bytes, ${maxPathBytes} are possible`,
    )
  }
  return path.startsWith('@') ? `\0${path.slice(1)}` : path
}

/** Tries it. Where it can't be tried, somebody is. */
export function isSomebodyListening(address: string): boolean {
  const stream = openStream(unixSocketAddress(address))
  if (!stream) return true
  closeDescriptor(stream.fd)
  return stream.error !== connectionRefused
}

const connectionRefused = 111

/** Removes a socket's file; anything else in its place stays. */
export function removeSocketFile(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path)
}

/** Who may connect: the file's mode, and the group by its number. */
export function setAccess(path: string, mode: number, groupId: number | undefined): void {
  if (groupId !== undefined) chownSync(path, -1, groupId)
  chmodSync(path, mode)
}
