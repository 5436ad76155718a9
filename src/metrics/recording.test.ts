import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { TaxirankError } from '../errors.ts'
import { Recording, type RecordingEntry } from './recording.ts'

const duration = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true })
const arrival = fc.double({ noNaN: true, noDefaultInfinity: true })
const laneNames = fc.array(fc.string({ unit: 'binary', maxLength: 5 }), { minLength: 1, maxLength: 4 })

/** Entries as they come back: times of 24 bits, lanes that have a name. */
function entriesFor(lanes: number): fc.Arbitrary<RecordingEntry[]> {
  const holdMs = fc.oneof(duration, fc.constant(NaN))
  const lane = fc.nat({ max: lanes - 1 })
  const entry = fc.record({ arrivalMs: arrival, waitMs: duration, holdMs, lane }, { noNullPrototype: true })
  return fc.array(entry, { maxLength: 30 })
}
const contents = laneNames.chain((names) => fc.tuple(fc.constant(names), entriesFor(names.length)))

function recordingOf(capacity: number, entries: readonly RecordingEntry[]): Recording {
  const recording = new Recording(capacity)
  for (const { arrivalMs, waitMs, holdMs, lane } of entries) recording.add(arrivalMs, waitMs, holdMs, lane)
  return recording
}

const valueOf = (recording: Recording) => ({
  entries: [...recording.entries()],
  size: recording.size,
  overwritten: recording.overwritten,
})

const three: readonly RecordingEntry[] = [
  { arrivalMs: 1000.125, waitMs: 0, holdMs: 2.5, lane: 0 },
  { arrivalMs: 1001, waitMs: 0.5, holdMs: 40, lane: 1 },
  { arrivalMs: 1002, waitMs: 5000, holdMs: NaN, lane: 1 },
]

/** Two lanes, 'web' and 'jobs': names from byte 24 to 35, then three entries. */
const bytesOfThree = (): Uint8Array => recordingOf(3, three).toBytes(['web', 'jobs'])

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => Recording.fromBytes(bytes),
    (error) => error instanceof TaxirankError && error.code === 'bad_recording' && message.test(error.message),
  )
}

function changed(change: (view: DataView) => void): Uint8Array {
  const bytes = bytesOfThree()
  change(new DataView(bytes.buffer))
  return bytes
}

describe('Recording', () => {
  it('hands out what was added, oldest first', () => {
    assert.deepEqual(valueOf(recordingOf(5, three)), { entries: three, size: 3, overwritten: 0 })
  })

  it('keeps the newest entries when it is full, and counts the lost ones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), entriesFor(3), (capacity, entries) => {
        const overwritten = Math.max(0, entries.length - capacity)
        const kept = entries.slice(overwritten)
        assert.deepEqual(valueOf(recordingOf(capacity, entries)), { entries: kept, size: kept.length, overwritten })
      }),
    )
  })

  it('counts a negative time as 0', () => {
    const [entry] = recordingOf(1, [{ arrivalMs: 1, waitMs: -1, holdMs: -2, lane: 0 }]).entries()
    assert.deepEqual(entry, { arrivalMs: 1, waitMs: 0, holdMs: 0, lane: 0 })
  })

  it('forgets everything when cleared', () => {
    const recording = recordingOf(2, three)
    recording.clear()
    assert.deepEqual(valueOf(recording), { entries: [], size: 0, overwritten: 0 })
    recording.add(1, 2, 3, 4)
    assert.deepEqual([...recording.entries()], [{ arrivalMs: 1, waitMs: 2, holdMs: 3, lane: 4 }])
  })

  it('has room for 1 to 10,000,000 entries', () => {
    for (const capacity of [0, -1, 1.5, NaN, 10_000_001]) {
      assert.throws(() => new Recording(capacity), /1 to 10000000 entries/)
    }
    assert.equal(new Recording(1).capacity, 1)
  })
})

describe('the bytes of a recording', () => {
  it('are what docs/recording.md says', () => {
    const bytes = recordingOf(1, three.slice(0, 2)).toBytes(['é', 'jobs'])
    const expected = [
      '5458525245433031', // TXRREC01
      '01000000', // entries
      '02000000', // lanes
      '000000000000f03f', // 1 overwritten
      '0200c3a9', // é
      '04006a6f6273', // jobs
      '0000000000488f40', // arrived at 1001
      '0000003f', // waited 0.5
      '00002042', // held 40
      '0100', // lane 1
    ]
    assert.equal(Buffer.from(bytes).toString('hex'), expected.join(''))
  })

  it('bring back the entries, the lost ones and the names of lanes', () => {
    fc.assert(
      fc.property(contents, fc.integer({ min: 1, max: 12 }), ([names, entries], capacity) => {
        const recording = recordingOf(capacity, entries)
        const read = Recording.fromBytes(recording.toBytes(names))
        assert.deepEqual(valueOf(read.recording), valueOf(recording))
        assert.deepEqual(read.laneNames, names)
      }),
    )
  })

  it('keep a name that begins with a byte order mark', () => {
    const names = ['\ufeffweb', '']
    assert.deepEqual(Recording.fromBytes(new Recording(1).toBytes(names)).laneNames, names)
  })

  it('may be a part of a larger buffer', () => {
    const around = Buffer.concat([Buffer.from('abc'), bytesOfThree(), Buffer.from('def')])
    assert.deepEqual([...Recording.fromBytes(around.subarray(3, -3)).recording.entries()], three)
  })

  it('are not written if a lane has no name, or a name is too long', () => {
    assert.throws(() => recordingOf(3, three).toBytes(['web']), /lane 1 was recorded, but only 1/)
    assert.throws(() => new Recording(1).toBytes(['x'.repeat(65_536)]), /less than 65536 bytes/)
  })

  it('are refused when they end early, at every byte, or late', () => {
    const bytes = bytesOfThree()
    for (let end = 0; end < bytes.length; end++) refused(bytes.subarray(0, end), /ends? (within|at byte)/)
    refused(Buffer.concat([bytes, Buffer.from([0])]), /end at byte 89, but there are 90 bytes/)
  })

  it('are refused when they are something else, or of another version', () => {
    refused(Buffer.from('PK\u0003\u0004'), /does not begin with TXRREC01/)
    refused(Buffer.from('TAXITRC1'.padEnd(100)), /does not begin with TXRREC01/)
    refused(
      changed((view) => view.setUint8(7, 0x32)),
      /byte 6 says version "02", and only "01" is known/,
    )
  })

  it('are refused when a count is absurd, before anything is allocated for it', () => {
    const refusals: [(view: DataView) => void, RegExp][] = [
      [(view) => view.setUint32(8, 4, true), /byte 8 promises 4 entries, which end at byte 107, but there are 89/],
      [(view) => view.setUint32(8, 0xffffffff, true), /byte 8 promises 4294967295 entries/],
      [(view) => view.setUint32(12, 65_537, true), /byte 12 promises 65537 lanes, and 65536 is the maximum/],
      [(view) => view.setUint32(12, 65_536, true), /within the name of lane \d+ of 65536/],
      [(view) => view.setUint16(24, 0xffff, true), /ends at byte 89, within the name of lane 0 of 2, at byte 24/],
      [(view) => view.setFloat64(16, -1, true), /byte 16 says that -1 entries were overwritten/],
      [(view) => view.setFloat64(16, 0.5, true), /byte 16/],
      [(view) => view.setFloat64(16, NaN, true), /byte 16/],
    ]
    for (const [change, message] of refusals) refused(changed(change), message)
  })

  it('are refused when an entry is impossible, or a name is not UTF-8', () => {
    const columns = 35
    const refusals: [(view: DataView) => void, RegExp][] = [
      [(view) => view.setFloat64(columns + 8, NaN, true), /entry 1 of 3 arrived at NaN ms/],
      [(view) => view.setFloat32(columns + 24 + 4, -1, true), /entry 1 of 3 waited -1 ms/],
      [(view) => view.setFloat32(columns + 24, NaN, true), /entry 0 of 3 waited NaN ms/],
      [(view) => view.setFloat32(columns + 36 + 8, Infinity, true), /entry 2 of 3 held a lease for Infinity ms/],
      [(view) => view.setUint16(columns + 48 + 4, 2, true), /entry 2 of 3 is of lane 2, but only 2 have a name/],
      [(view) => view.setUint8(26, 0xff), /the name of lane 0 is not UTF-8/],
    ]
    for (const [change, message] of refusals) refused(changed(change), message)
  })

  it('are read or refused, but break nothing, whichever bytes are wrong', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(contents, flips, ([names, entries], wrong) => {
        const bytes = recordingOf(30, entries).toBytes(names)
        for (const [at, mask] of wrong) bytes[at % bytes.length]! ^= mask
        try {
          const { recording, laneNames } = Recording.fromBytes(bytes)
          assert.ok([...recording.entries()].every(({ lane }) => lane < laneNames.length))
        } catch (error) {
          assert.ok(error instanceof TaxirankError && error.code === 'bad_recording', String(error))
        }
      }),
    )
  })
})
