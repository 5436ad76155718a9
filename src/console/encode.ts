/**
 * A row as DataRow sends it, column by column as text or as binary: pgx, asyncpg and others ask for binary and believe
 * the column's type. So an integer that is too large for its column is sent as the largest there is.
 */

import { type Column, dataRow, type Format } from '../wire/build-result.ts'
import { type Row, Type, type Value } from './result.ts'

const largestInt4 = 0x7fff_ffff
const largestInt8 = 0x7fff_ffff_ffff_ffffn

/** `formats`: one a column; absent: all are text. */
export function encodeRow(columns: readonly Column[], row: Row, formats: readonly Format[]): Buffer {
  return dataRow(columns.map((column, index) => encode(column.typeOid, row[index] ?? null, formats[index] ?? 0)))
}

function encode(type: number, value: Value, format: Format): Buffer | null {
  if (value === null) return null
  if (Buffer.isBuffer(value)) return format === 1 ? value : Buffer.from(`\\x${value.toString('hex')}`)
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  switch (type) {
    case Type.int4:
      return format === 1 ? int4(inInt4(Number(value))) : Buffer.from(String(inInt4(Number(value))))
    case Type.int8:
      return format === 1 ? int8(inInt8(BigInt(value))) : Buffer.from(String(inInt8(BigInt(value))))
    case Type.numeric:
      return format === 1 ? numeric(BigInt(value)) : Buffer.from(String(BigInt(value)))
    default:
      return Buffer.from(String(value))
  }
}

function inInt4(value: number): number {
  return Math.max(-largestInt4, Math.min(largestInt4, value))
}

function inInt8(value: bigint): bigint {
  if (value > largestInt8) return largestInt8
  return value < -largestInt8 ? -largestInt8 : value
}

function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int8(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** numeric_send: digits of base 10,000, the first one's weight, sign, and no decimals. */
function numeric(value: bigint): Buffer {
  const digits: number[] = []
  for (let rest = value < 0n ? -value : value; rest > 0n; rest /= 10_000n) digits.unshift(Number(rest % 10_000n))
  const bytes = Buffer.alloc(8 + 2 * digits.length)
  bytes.writeUInt16BE(digits.length, 0)
  bytes.writeInt16BE(Math.max(0, digits.length - 1), 2)
  bytes.writeUInt16BE(value < 0n ? 0x4000 : 0, 4)
  for (const [index, digit] of digits.entries()) bytes.writeUInt16BE(digit, 8 + 2 * index)
  return bytes
}
