import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { TaxirankError } from '../errors.ts'
import type { RecordedPool } from './recorded-pool.ts'
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

const size = fc.nat({ max: 2 ** 32 - 1 })
const time = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
const abouts: fc.Arbitrary<RecordedPool> = fc
  .tuple(size, size, fc.array(time, { minLength: 5, maxLength: 5 }))
  .map(([maxSize, minSize, [waitTimeoutMs = 0, idleTimeoutMs = 0, openMs = 0, one = 0, other = 0]]) => ({
    maxSize,
    minSize: maxSize === 0 ? minSize : Math.min(minSize, maxSize),
    waitTimeoutMs,
    idleTimeoutMs,
    openMs,
    takenAtMs: Math.max(one, other),
    startedAtMs: Math.min(one, other),
  }))

const about: RecordedPool = {
  maxSize: 20,
  minSize: 2,
  waitTimeoutMs: 5_000,
  idleTimeoutMs: 10_000,
  openMs: 2.5,
  takenAtMs: 1_004,
  startedAtMs: 1_000,
}

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

/** Two lanes, 'web' and 'jobs': names from byte 72 to 83, then three entries. */
const bytesOfThree = (): Uint8Array => recordingOf(3, three).toBytes(['web', 'jobs'], about)

/** The same as version 01 had it: nothing of the pool, and names from byte 24 to 35. */
function asVersion01(bytes: Uint8Array): Uint8Array {
  const old = Buffer.concat([bytes.subarray(0, 24), bytes.subarray(72)])
  old.write('TXRREC01', 'latin1')
  return new Uint8Array(old)
}

/** What a version has, where its names begin, and three entries as it has them. */
const versions = [
  { version: '01', namesAt: 24, bytesOf: () => asVersion01(bytesOfThree()) },
  { version: '02', namesAt: 72, bytesOf: bytesOfThree },
]

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => Recording.fromBytes(bytes),
    (error) => error instanceof TaxirankError && error.code === 'bad_recording' && message.test(error.message),
  )
}

function changed(bytes: Uint8Array, change: (view: DataView) => void): Uint8Array {
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
    const bytes = recordingOf(1, three.slice(0, 2)).toBytes(['é', 'jobs'], about)
    const expected = [
      '5458525245433032', // TXRREC02
      '01000000', // entries
      '02000000', // lanes
      '000000000000f03f', // 1 overwritten
      '14000000', // maxSize 20
      '02000000', // minSize 2
      '000000000088b340', // waitTimeoutMs 5000
      '000000000088c340', // idleTimeoutMs 10000
      '0000000000000440', // openMs 2.5
      '0000000000608f40', // taken at 1004
      '0000000000408f40', // started at 1000
      '0200c3a9', // é
      '04006a6f6273', // jobs
      '0000000000488f40', // arrived at 1001
      '0000003f', // waited 0.5
      '00002042', // held 40
      '0100', // lane 1
    ]
    assert.equal(Buffer.from(bytes).toString('hex'), expected.join(''))
  })

  it('bring back the entries, the lost ones, the names of lanes and what the pool was', () => {
    fc.assert(
      fc.property(contents, fc.integer({ min: 1, max: 12 }), abouts, ([names, entries], capacity, pool) => {
        const recording = recordingOf(capacity, entries)
        const read = Recording.fromBytes(recording.toBytes(names, pool))
        assert.deepEqual(valueOf(read.recording), valueOf(recording))
        assert.deepEqual([read.laneNames, read.about], [names, pool])
      }),
    )
  })

  it('are read in version 01, too, which says nothing of the pool', () => {
    fc.assert(
      fc.property(contents, ([names, entries]) => {
        const recording = recordingOf(30, entries)
        const read = Recording.fromBytes(asVersion01(recording.toBytes(names, about)))
        assert.deepEqual(valueOf(read.recording), valueOf(recording))
        assert.deepEqual([read.laneNames, read.about], [names, undefined])
      }),
    )
    const bytes = Buffer.from('5458525245433031' + '00000000'.repeat(2) + '0000000000001440', 'hex')
    const { recording, ...rest } = Recording.fromBytes(bytes)
    assert.deepEqual([recording.size, recording.overwritten, rest], [0, 5, { laneNames: [], about: undefined }])
  })

  it('keep a name that begins with a byte order mark', () => {
    const names = ['\ufeffweb', '']
    assert.deepEqual(Recording.fromBytes(new Recording(1).toBytes(names, about)).laneNames, names)
  })

  it('have the largest size they can have for one that is larger', () => {
    const pool = { ...about, maxSize: Number.MAX_SAFE_INTEGER, minSize: 2 ** 32 }
    const read = Recording.fromBytes(new Recording(1).toBytes([], pool))
    assert.deepEqual(read.about, { ...about, maxSize: 2 ** 32 - 1, minSize: 2 ** 32 - 1 })
  })

  it('are not written if a lane has no name, a name is too long, or the pool is impossible', () => {
    assert.throws(() => recordingOf(3, three).toBytes(['web'], about), /lane 1 was recorded, but only 1/)
    assert.throws(() => new Recording(1).toBytes(['x'.repeat(65_536)], about), /less than 65536 bytes/)
    for (const wrong of [{ openMs: NaN }, { waitTimeoutMs: -1 }, { minSize: 21 }, { takenAtMs: 999 }]) {
      assert.throws(() => new Recording(1).toBytes([], { ...about, ...wrong }), /^Error: taxirank bug: .* not be read/)
    }
  })

  it('are refused when they are something else, or of another version', () => {
    refused(Buffer.from('PK\u0003\u0004'), /does not begin with TXRREC/)
    refused(Buffer.from('TAXITRC1'.padEnd(100)), /does not begin with TXRREC/)
    refused(
      changed(bytesOfThree(), (view) => view.setUint8(7, 0x33)),
      /byte 6 says version "03", and only "01" and "02" are known/,
    )
  })

  it('are refused when the pool is impossible', () => {
    const refusals: [(view: DataView) => void, RegExp][] = [
      [(view) => view.setUint32(28, 21, true), /byte 28 says that minSize is 21, and maxSize is 20/],
      [(view) => view.setFloat64(32, NaN, true), /byte 32 says that waitTimeoutMs is NaN/],
      [(view) => view.setFloat64(40, -1, true), /byte 40 says that idleTimeoutMs is -1/],
      [(view) => view.setFloat64(48, Infinity, true), /byte 48 says that openMs is Infinity/],
      [(view) => view.setFloat64(56, -Infinity, true), /byte 56 says that takenAtMs is -Infinity/],
      [(view) => view.setFloat64(64, NaN, true), /byte 64 says that startedAtMs is NaN/],
      [(view) => view.setFloat64(64, 1_004.5, true), /it was taken at 1004 ms, and began at 1004.5 ms/],
    ]
    for (const [change, message] of refusals) refused(changed(bytesOfThree(), change), message)
    const unlimited = changed(bytesOfThree(), (view) => view.setUint32(24, 0, true))
    assert.deepEqual(Recording.fromBytes(unlimited).about, { ...about, maxSize: 0 })
  })

  it('are read or refused, but break nothing, whichever bytes are wrong', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(contents, fc.boolean(), flips, ([names, entries], isOld, wrong) => {
        const written = recordingOf(30, entries).toBytes(names, about)
        const bytes = isOld ? asVersion01(written) : written
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

for (const { version, namesAt, bytesOf } of versions) {
  const columns = namesAt + 11
  const size = columns + 54
  const refusedWhen = (refusals: readonly [(view: DataView) => void, RegExp][]): void => {
    for (const [change, message] of refusals) refused(changed(bytesOf(), change), message)
  }

  describe(`the bytes of version ${version}`, () => {
    it('may be a part of a larger buffer', () => {
      const around = Buffer.concat([Buffer.from('abc'), bytesOf(), Buffer.from('def')])
      assert.deepEqual([...Recording.fromBytes(around.subarray(3, -3)).recording.entries()], three)
    })

    it('are refused when they end early, at every byte, or late', () => {
      const bytes = bytesOf()
      for (let end = 0; end < bytes.length; end++) refused(bytes.subarray(0, end), /ends? (within|at byte)/)
      refused(
        Buffer.concat([bytes, Buffer.from([0])]),
        new RegExp(`end at byte ${size}, but there are ${size + 1} bytes`),
      )
    })

    it('are refused when a count is absurd, before anything is allocated for it', () => {
      refusedWhen([
        [(view) => view.setUint32(8, 4, true), new RegExp(`byte 8 promises 4 entries, which end at byte ${size + 18}`)],
        [(view) => view.setUint32(8, 0xffffffff, true), /byte 8 promises 4294967295 entries/],
        [(view) => view.setUint32(12, 65_537, true), /byte 12 promises 65537 lanes, and 65536 is the maximum/],
        [(view) => view.setUint32(12, 65_536, true), /within the name of lane \d+ of 65536/],
        [
          (view) => view.setUint16(namesAt, 0xffff, true),
          new RegExp(`ends at byte ${size}, within the name of lane 0 of 2, at byte ${namesAt}`),
        ],
        [(view) => view.setFloat64(16, -1, true), /byte 16 says that -1 entries were overwritten/],
        [(view) => view.setFloat64(16, 0.5, true), /byte 16/],
        [(view) => view.setFloat64(16, NaN, true), /byte 16/],
      ])
    })

    it('are refused when an entry is impossible, or a name is not UTF-8', () => {
      refusedWhen([
        [(view) => view.setFloat64(columns + 8, NaN, true), /entry 1 of 3 arrived at NaN ms/],
        [(view) => view.setFloat32(columns + 24 + 4, -1, true), /entry 1 of 3 waited -1 ms/],
        [(view) => view.setFloat32(columns + 24, NaN, true), /entry 0 of 3 waited NaN ms/],
        [(view) => view.setFloat32(columns + 36 + 8, Infinity, true), /entry 2 of 3 held a lease for Infinity ms/],
        [(view) => view.setUint16(columns + 48 + 4, 2, true), /entry 2 of 3 is of lane 2, but only 2 have a name/],
        [(view) => view.setUint8(namesAt + 2, 0xff), /the name of lane 0 is not UTF-8/],
      ])
    })
  })
}
