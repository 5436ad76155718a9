import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BuiltRecord, TraceBuilder } from './build-trace.ts'
import { query } from './build-trace.ts'
import { Checker } from './checker.ts'
import { goodTraces } from './good-traces.ts'
import { formatReport } from './report.ts'
import { kinds, magic } from './trace-reader.ts'

function check(trace: Buffer, chunkBytes = trace.length, isUnfinished = false): string {
  const checker = new Checker({ isUnfinished })
  for (let at = 0; at < trace.length; at += chunkBytes) checker.push(trace.subarray(at, at + chunkBytes))
  return formatReport(checker.finish())
}

function breaches(trace: Buffer): number {
  const checker = new Checker()
  checker.push(trace)
  return checker.finish().breaches
}

/** Takes about 120 places of a trace, spread over every place within a record. */
function stride(trace: Buffer): number {
  return Math.max(1, Math.floor(trace.length / 120)) | 1
}

/** Splits payloads of bytes read and written into pieces, as sockets may. */
function inPieces(built: TraceBuilder, pieceBytes: number): TraceBuilder {
  const carriers: readonly number[] = [kinds.clientBytes, kinds.clientWritten, kinds.serverBytes, kinds.serverWritten]
  built.records = built.records.flatMap((record) => {
    if (!carriers.includes(record.kind)) return [record]
    const pieces = []
    for (let at = 0; at < record.payload.length; at += pieceBytes) {
      pieces.push({ ...record, payload: record.payload.subarray(at, at + pieceBytes) })
    }
    return pieces
  })
  return built
}

describe('a trace without a breach', () => {
  for (const [name, build] of Object.entries(goodTraces)) {
    it(`${name}: passes, in chunks of any size`, () => {
      const trace = build().bytes()
      const whole = check(trace)
      assert.match(whole, /\n0 breaches\n$/)
      for (const chunkBytes of [1, 2, 3, 7, 23, 24, 25, 64]) assert.equal(check(trace, chunkBytes), whole)
    })

    it(`${name}: passes in splits into two chunks`, () => {
      const trace = build().bytes()
      for (let cut = 0; cut <= trace.length; cut += stride(trace)) {
        const checker = new Checker()
        checker.push(trace.subarray(0, cut))
        checker.push(trace.subarray(cut))
        assert.equal(checker.finish().breaches, 0)
      }
    })

    it(`${name}: passes when sockets deliver in small pieces`, () => {
      for (const pieceBytes of [1, 2, 5, 6, 11]) {
        assert.match(check(inPieces(build(), pieceBytes).bytes()), /\n0 breaches\n$/)
      }
    })

    it(`${name}: passes cut off anywhere if that is allowed, and not otherwise`, () => {
      const trace = build().bytes()
      for (let cut = 0; cut < trace.length; cut += stride(trace)) {
        assert.match(check(trace.subarray(0, cut), 4096, true), /(^|\n)0 breaches\n$/)
        assert.notEqual(breaches(trace.subarray(0, cut)), 0)
      }
    })
  }
})

describe('a corrupted trace', () => {
  /**
   * Records whose absence makes another trace without a breach, as kind/a/b/detail: what the pooler may leave out, or
   * what nobody acts on afterwards.
   */
  const mayBeMissing: Readonly<Record<string, readonly string[]>> = {
    'copy in whose end nobody can count: the server is destroyed': ['13/1/1/0', '5/1/1/0'],
    'a cancel of the running statement': ['7/2/16/1'],
    'a server that dies, and one that refuses the login': [
      '5/1/0/0',
      '13/1/1/0',
      '5/1/1/0',
      '13/3/0/0',
      '14/3/37/1',
      '17/3/0/0',
    ],
    'the console': ['5/1/0/0'],
    'an error in front of what the pooler Parses, and in it': ['13/2/0/0'],
    'a wait that times out, and a smaller limit': ['7/3/38/1', '5/3/0/0', '5/3/0/0', '7/3/7/6', '1/1/1/0', '16/1/1/0'],
  }

  /** A Terminate at a client's end, and a release of a server that is destroyed next, may always be missing. */
  function isNeverMissed({ records }: TraceBuilder, index: number): boolean {
    const record = records[index]
    if (record?.kind === kinds.clientDiscarded) return record.detail === 2
    const isUsedAgain = records.slice(index + 1).some(({ kind, b }) => kind === kinds.leaseGranted && b === record?.b)
    return record?.kind === kinds.leaseReleased && !isUsedAgain && index > records.length - 20
  }

  for (const [name, build] of Object.entries(goodTraces)) {
    it(`${name}: goes red when any record is missing`, () => {
      const unnoticed: string[] = []
      build().records.forEach(({ kind, a, b, detail }, index) => {
        const built = build()
        built.records.splice(index, 1)
        const isNoticed = breaches(built.bytes()) > 0
        if (!isNoticed && !isNeverMissed(build(), index)) unnoticed.push(`${kind}/${a}/${b}/${detail}`)
      })
      assert.deepEqual(unnoticed, mayBeMissing[name] ?? [])
    })

    it(`${name}: goes red when any forwarded byte is changed`, () => {
      const { records } = build()
      const trace = build().bytes()
      let end = magic.length
      for (const { kind, b, payload } of records) {
        end += 24 + payload.length
        if (b === 0 || (kind !== kinds.clientWritten && kind !== kinds.serverWritten)) continue
        for (let at = end - payload.length; at < end; at++) {
          trace[at] = (trace[at] ?? 0) ^ 0x10
          assert.notEqual(breaches(trace), 0, `byte ${at} of the trace`)
          trace[at] = (trace[at] ?? 0) ^ 0x10
        }
      }
    })

    it(`${name}: goes red when a record of what the pooler did is there twice`, () => {
      const heard: readonly number[] = [kinds.poolDefined, kinds.clientBytes, kinds.serverBytes, kinds.cancelReceived]
      build().records.forEach((record, index) => {
        const built = build()
        built.records.splice(index, 0, record)
        const isFree = heard.includes(record.kind) || mayBeSaidTwice(record, name)
        if (!isFree) assert.notEqual(breaches(built.bytes()), 0, `record ${index}`)
      })
    })
  }
})

/** What the pooler says on its own, where an error in it or before it skips the rest. */
const skipped = [
  'an error in front of what the pooler Parses, and in it',
  'an error in what the pooler Parses, while the Bind behind it still comes',
  'an unnamed statement that follows its client, and that of another that makes way',
]

/** Also a startup packet to a server that refuses it, and a fatal error to a client that is closed next. */
function mayBeSaidTwice({ kind, a, b }: BuiltRecord, trace: string): boolean {
  if (kind === kinds.serverWritten && b === 0) {
    return skipped.includes(trace) || (a === 3 && trace.startsWith('a server that dies'))
  }
  return kind === kinds.clientWritten && a === 3 && trace.startsWith('a wait that times out')
}

describe('the report', () => {
  it('shows the first 20 breaches with place, expectation and sight, then counts', () => {
    const built = goodTraces['two clients over two servers']?.()
    assert.ok(built)
    const grant = built.records.findIndex(({ kind }) => kind === kinds.leaseGranted)
    const record = built.records[grant]
    assert.ok(record)
    built.records.splice(grant, 0, ...Array.from({ length: 30 }, () => ({ ...record, a: 9 })))
    const lines = check(built.bytes()).split('\n')
    assert.equal(lines[0], 'T at record 22, 0.000 ms, client 9: expected a known client; seen: no record opens it')
    assert.deepEqual(lines.slice(20), [
      '… and 10 more',
      'by rule: T 30',
      '110 records, 2 clients, 2 servers, 8 leases, 8 requests, 612 bytes, 0 faults of peers',
      '30 breaches',
      '',
    ])
  })

  it('refuses what is no trace', () => {
    assert.match(check(Buffer.from('SQLite format 3 and more')), /does not begin with TAXITRC1/)
  })

  it('says of a client that writes garbage that this is its own fault', () => {
    const built = goodTraces['two clients over two servers']?.()
    assert.ok(built)
    const quit = built.records.findIndex(({ kind, detail }) => kind === kinds.clientDiscarded && detail === 2)
    const record = built.records[quit - 1]
    assert.ok(record)
    record.payload = Buffer.from([0x58, 0, 0, 0, 1, ...query('x')])
    assert.match(check(built.bytes()), /1 faults of peers\n0 breaches/)
  })
})
