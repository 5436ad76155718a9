import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TraceBuilder } from './build-trace.ts'
import { query } from './build-trace.ts'
import { Checker } from './checker.ts'
import { goodTraces } from './good-traces.ts'
import { formatReport } from './report.ts'
import { kinds } from './trace-reader.ts'

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

    it(`${name}: passes in every split into two chunks`, () => {
      const trace = build().bytes()
      for (let cut = 0; cut <= trace.length; cut++) {
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

    it(`${name}: passes cut off at any byte if that is allowed, and not otherwise`, () => {
      const trace = build().bytes()
      for (let cut = 0; cut < trace.length; cut++) {
        assert.match(check(trace.subarray(0, cut), 4096, true), /(^|\n)0 breaches\n$/)
        assert.notEqual(breaches(trace.subarray(0, cut)), 0)
      }
    })
  }
})

describe('a corrupted trace', () => {
  /** Records that tell of something which the checker needs for nothing else. */
  const spare: readonly number[] = [kinds.cancelReceived, kinds.cancelDone, kinds.serverDestroyed, kinds.clientDiscarded]

  for (const [name, build] of Object.entries(goodTraces)) {
    it(`${name}: goes red when any record is missing`, () => {
      const unnoticed: string[] = []
      build().records.forEach(({ kind, a, b, detail }, index) => {
        const built = build()
        built.records.splice(index, 1)
        if (breaches(built.bytes()) === 0 && !spare.includes(kind)) unnoticed.push(`${index}: ${kind} ${a} ${b} ${detail}`)
      })
      assert.deepEqual(unnoticed, [])
    })

    it(`${name}: goes red when any forwarded byte is changed`, () => {
      const { records } = build()
      records.forEach(({ kind, b, payload }, index) => {
        if (b === 0 || (kind !== kinds.clientWritten && kind !== kinds.serverWritten)) return
        for (let at = 0; at < payload.length; at++) {
          const built = build()
          const changed = Buffer.from(payload)
          changed[at] = (changed[at] ?? 0) ^ 0x10
          const record = built.records[index]
          assert.ok(record)
          record.payload = changed
          assert.notEqual(breaches(built.bytes()), 0, `record ${index}, byte ${at}`)
        }
      })
    })

    it(`${name}: goes red when any record is there twice`, () => {
      const idempotent: readonly number[] = [kinds.poolDefined, kinds.cancelReceived]
      build().records.forEach((record, index) => {
        const built = build()
        built.records.splice(index, 0, record)
        if (!idempotent.includes(record.kind)) assert.notEqual(breaches(built.bytes()), 0, `record ${index}`)
      })
    })
  }
})

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
      '84 records, 2 clients, 2 servers, 4 leases, 6 requests, 594 bytes, 0 faults of peers',
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
