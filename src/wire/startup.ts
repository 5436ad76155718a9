/**
 * The packets that open a connection. They have no type byte: a length, then a code that is a protocol version or one of
 * three requests. Bounded before anything is kept, because whoever sends them isn't known yet.
 */

import { TaxirankError } from '../errors.ts'

/** Strings of a startup packet are byte strings (latin1): what a client sent is passed on byte for byte. */
export type StartupPacket =
  | { readonly name: 'ssl-request' }
  | { readonly name: 'gss-request' }
  | { readonly name: 'cancel'; readonly processId: number; readonly secret: Buffer }
  | {
      readonly name: 'startup'
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
      /** Names of those parameters that ask for something of the protocol itself: `_pq_.…`. */
      readonly protocolOptions: readonly string[]
    }

const sslRequestCode = 80_877_103
const gssRequestCode = 80_877_104
const cancelRequestCode = 80_877_102
/** PostgreSQL's own bound. */
export const longestStartup = 10_000
/** The newest version that is spoken here, to both sides: 3.2, which has longer cancel keys. There is no 3.1. */
export const newestMinor = 2
const longestCancel = 12 + 256
const prefix = 8
const noBytes = Buffer.alloc(0)

/** Collects one packet from chunks. What follows it is left in `rest`. */
export class StartupFramer {
  #held: Buffer = noBytes

  /** Bytes kept of a packet that is not complete yet. */
  get heldBytes(): number {
    return this.#held.length
  }

  /**
   * The packet and the bytes behind it, once it is complete. Throws `protocol_violation` for a length or code that no
   * client of protocol 3 sends, and for parameters that are unterminated or named twice.
   */
  push(chunk: Buffer): { packet: StartupPacket; length: number; rest: Buffer } | undefined {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (bytes.length >= 4) checkLength(bytes.readUInt32BE(0))
    if (bytes.length < prefix || bytes.length < bytes.readUInt32BE(0)) {
      this.#held = bytes
      return undefined
    }
    this.#held = noBytes
    const length = bytes.readUInt32BE(0)
    const isAlone = bytes.length === length
    const packet = read(isAlone ? bytes : bytes.subarray(0, length))
    return { packet, length, rest: isAlone ? noBytes : bytes.subarray(length) }
  }
}

function checkLength(length: number): void {
  if (length >= prefix && length <= longestStartup) return
  throw violation(`startup packet has length ${length}; allowed: ${prefix} to ${longestStartup}`)
}

function read(packet: Buffer): StartupPacket {
  const code = packet.readUInt32BE(4)
  if (code === sslRequestCode || code === gssRequestCode) {
    if (packet.length !== prefix)
      throw violation(`encryption request has length ${packet.length}; it must be ${prefix}`)
    return code === sslRequestCode ? sslRequest : gssRequest
  }
  if (code === cancelRequestCode) return readCancel(packet)
  const major = code >>> 16
  const minor = code & 0xffff
  if (major !== 3)
    throw violation(`unsupported frontend protocol ${major}.${minor}: 3.0 to 3.${newestMinor} are spoken here`)
  return startupIn(packet, minor)
}

/** Secrets have 4 bytes in protocol 3.0, and up to 256 since 3.2. */
function readCancel(packet: Buffer): StartupPacket {
  if (packet.length < 16 || packet.length > longestCancel) {
    throw violation(`cancel request has length ${packet.length}; allowed: 16 to ${longestCancel}`)
  }
  return { name: 'cancel', processId: packet.readUInt32BE(8), secret: packet.subarray(12) }
}

/**
 * Applications log in with the same packet again and again: the same bytes give the same object, as long as it is
 * remembered.
 */
function startupIn(packet: Buffer, minor: number): StartupPacket {
  if (packet.equals(lastPacket)) return lastStartup
  if (packet.length > longestRemembered) return readStartup(packet, minor)
  const text = packet.toString('latin1')
  let startup = remembered.get(text)
  if (!startup) {
    startup = readStartup(packet, minor)
    if (remembered.size >= mostRemembered) remembered.clear()
    remembered.set(text, startup)
  }
  lastPacket = Buffer.from(packet)
  lastStartup = startup
  return startup
}

function readStartup(packet: Buffer, minor: number): StartupPacket {
  const parameters = readParameters(packet)
  const protocolOptions = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
  return { name: 'startup', minor, parameters, protocolOptions }
}

const sslRequest: StartupPacket = { name: 'ssl-request' }
const gssRequest: StartupPacket = { name: 'gss-request' }
const remembered = new Map<string, StartupPacket>()
const mostRemembered = 256
const longestRemembered = 512
let lastPacket = noBytes
let lastStartup: StartupPacket = sslRequest

function readParameters(packet: Buffer): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  let at = prefix
  for (;;) {
    const nameEnd = packet.indexOf(0, at)
    if (nameEnd < 0) throw violation('startup packet is not terminated')
    if (nameEnd === at) break
    const valueEnd = packet.indexOf(0, nameEnd + 1)
    if (valueEnd < 0) throw violation('startup packet ends inside a parameter')
    const name = packet.toString('latin1', at, nameEnd)
    if (parameters.has(name)) throw violation('startup packet names a parameter twice')
    parameters.set(name, packet.toString('latin1', nameEnd + 1, valueEnd))
    at = valueEnd + 1
  }
  if (at !== packet.length - 1) throw violation('startup packet goes on behind its terminator')
  return parameters
}

function violation(message: string): TaxirankError {
  return new TaxirankError('protocol_violation', message)
}
