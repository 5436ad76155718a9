import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dataRow, type Format } from '../wire/build-result.ts'
import { encodeRow } from './encode.ts'
import { bytea, int4, int8, numeric, text, type Value } from './result.ts'

type Case = readonly [column: ReturnType<typeof text>, value: Value, text: string, binary: string]

/** Binary as hexadecimal digits; the numeric ones are what numeric_send of PostgreSQL 18 gives. */
const cases: readonly Case[] = [
  [int4('n'), 258, '258', '00000102'],
  [int4('n'), -1, '-1', 'ffffffff'],
  [int4('n'), 2 ** 31, '2147483647', '7fffffff'],
  [int8('n'), 258, '258', '0000000000000102'],
  [int8('n'), 2n ** 70n, '9223372036854775807', '7fffffffffffffff'],
  [numeric('n'), 0n, '0', '0000000000000000'],
  [numeric('n'), 1n, '1', '00010000000000000001'],
  [numeric('n'), 10_000n, '10000', '000200010000000000010000'],
  [numeric('n'), 123_456_789n, '123456789', '0003000200000000000109291a85'],
  [numeric('n'), -10_001n, '-10001', '000200014000000000010001'],
  [text('n'), 'é', 'é', 'c3a9'],
  [text('n'), '', '', ''],
  [bytea('n'), Buffer.from([0, 255]), '\\x00ff', '00ff'],
]

describe('a value', () => {
  for (const [column, value, asText, asBinary] of cases) {
    const name = `${String(value)} of type ${column.typeOid}`
    it(`goes out as text and as binary: ${name}`, () => {
      const row = (format: Format): Buffer => encodeRow([column], [value], [format])
      assert.deepEqual(encodeRow([column], [value], []), dataRow([Buffer.from(asText)]))
      assert.deepEqual(row(0), dataRow([Buffer.from(asText)]))
      assert.deepEqual(row(1), dataRow([Buffer.from(asBinary, 'hex')]))
    })
  }

  it('that is NULL is NULL in every type and format', () => {
    for (const [column] of cases) {
      for (const format of [0, 1] as const) assert.deepEqual(encodeRow([column], [null], [format]), dataRow([null]))
    }
  })
})
