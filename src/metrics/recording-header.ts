/**
 * What stands before the columns of a recording (docs/recording.md): written, and read with suspicion. Nothing is allocated
 * for a length before the bytes that it promises have been seen.
 */

import { assert } from '../assert.ts'
import { TaxirankError } from '../errors.ts'
import { type RecordedPool, readRecordedPool, recordedPoolBytes, writeRecordedPool } from './recorded-pool.ts'
import { bytesPerEntry } from './recording-columns.ts'

export interface RecordingHeader {
  readonly count: number
  readonly overwritten: number
  readonly laneNames: readonly string[]
  /** Undefined: the recording is of version 01, which says nothing of it. */
  readonly about: RecordedPool | undefined
}

interface WrittenHeader extends RecordingHeader {
  readonly about: RecordedPool
}

const format = 'TXRREC'
const newest = '02'
const magicBytes = format.length + newest.length
const poolAt = 24
/** Where the names of lanes begin, by version. */
const namesAt = new Map([
  ['01', poolAt],
  [newest, poolAt + recordedPoolBytes],
])
/** Lanes are u16, and so are the lengths of their names. */
const most = 2 ** 16

/** In the newest version. */
export function writeHeader({ count, overwritten, laneNames, about }: WrittenHeader): Uint8Array {
  const names = laneNames.map((name) => new TextEncoder().encode(name))
  assert(names.length <= most, `a recording has at most ${most} lanes, not ${names.length}`)
  assert(
    names.every((name) => name.length < most),
    `the name of a lane has less than ${most} bytes`,
  )
  const fixedBytes = poolAt + recordedPoolBytes
  const bytes = new Uint8Array(fixedBytes + names.reduce((sum, name) => sum + 2 + name.length, 0))
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode(format + newest))
  view.setUint32(8, count, true)
  view.setUint32(12, names.length, true)
  view.setFloat64(16, overwritten, true)
  writeRecordedPool(view, poolAt, about)
  let at = fixedBytes
  for (const name of names) {
    view.setUint16(at, name.length, true)
    bytes.set(name, at + 2)
    at += 2 + name.length
  }
  return bytes
}

/** Reads the header of a whole recording, and checks that exactly its columns follow from `columnsAt` on. */
export function readHeader(bytes: Uint8Array): RecordingHeader & { readonly columnsAt: number } {
  const fixedBytes = readFixedBytes(bytes)
  const view = viewOf(bytes)
  const overwritten = view.getFloat64(16, true)
  if (!Number.isSafeInteger(overwritten) || overwritten < 0) {
    throw badRecording(`byte 16 says that ${overwritten} entries were overwritten, which is no count`)
  }
  const about = fixedBytes === poolAt ? undefined : readRecordedPool(view, poolAt)
  if (typeof about === 'string') throw badRecording(about)
  const { laneNames, columnsAt } = readLaneNames(bytes, fixedBytes, view.getUint32(12, true))
  const count = view.getUint32(8, true)
  const size = columnsAt + count * bytesPerEntry
  if (bytes.length !== size) {
    throw badRecording(
      `byte 8 promises ${count} entries, which end at byte ${size}, but there are ${bytes.length} bytes`,
    )
  }
  return { count, overwritten, laneNames, about, columnsAt }
}

/** How long its fixed part is: all of it is there. */
function readFixedBytes(bytes: Uint8Array): number {
  const magic = String.fromCharCode(...bytes.subarray(0, magicBytes))
  if (!magic.startsWith(format.slice(0, bytes.length))) throw badRecording(`it does not begin with ${format}`)
  const version = bytes.length < magicBytes ? newest : magic.slice(format.length)
  const fixedBytes = namesAt.get(version)
  if (fixedBytes === undefined) {
    const known = [...namesAt.keys()].map((name) => `"${name}"`).join(' and ')
    throw badRecording(`byte 6 says version ${JSON.stringify(version)}, and only ${known} are known`)
  }
  if (bytes.length >= fixedBytes) return fixedBytes
  throw badRecording(`it ends within its header, at byte ${bytes.length} of ${fixedBytes}`)
}

function readLaneNames(bytes: Uint8Array, from: number, count: number): { laneNames: string[]; columnsAt: number } {
  if (count > most) throw badRecording(`byte 12 promises ${count} lanes, and ${most} is the maximum`)
  const view = viewOf(bytes)
  const laneNames: string[] = []
  let at = from
  for (let lane = 0; lane < count; lane++) {
    const end = at + 2 > bytes.length ? Infinity : at + 2 + view.getUint16(at, true)
    if (end > bytes.length) {
      throw badRecording(`it ends at byte ${bytes.length}, within the name of lane ${lane} of ${count}, at byte ${at}`)
    }
    laneNames.push(decoded(bytes.subarray(at + 2, end), lane))
    at = end
  }
  return { laneNames, columnsAt: at }
}

function decoded(name: Uint8Array, lane: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name)
  } catch (cause) {
    throw badRecording(`the name of lane ${lane} is not UTF-8`, cause)
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

export function badRecording(what: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_recording', `this is no recording that can be read: ${what}`, { cause })
}
