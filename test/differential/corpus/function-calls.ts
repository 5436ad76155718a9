/** FunctionCall, which few use. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { family, pipeline, upTo } from '../transcript.ts'

/** int4 of an OID, values as they are given, formats as they are said. */
function call(oid: number, formats: readonly number[], values: readonly (Buffer | null)[], result: number): Buffer {
  const head = Buffer.alloc(4)
  head.writeInt32BE(oid)
  const fields = values.map((value) => (value ? raw.all(int(4, value.length), value) : int(4, -1)))
  return raw.message('F', head, list(formats), int(2, values.length), ...fields, int(2, result))
}

function list(numbers: readonly number[]): Buffer {
  return raw.all(int(2, numbers.length), ...numbers.map((one) => int(2, one)))
}

function int(bytes: 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}

const plus = 177
const four = int(4, 4)

export const functionCalls = family('function calls', {
  'a call, and some that fail': [
    [raw.functionCall(plus, ['1', '2'])],
    [raw.functionCall(1, [])],
    [raw.functionCall(plus, ['x', '2'])],
  ],
  'as bytes': [
    [call(plus, [1], [four, four], 1)],
    [call(plus, [1, 0], [four, Buffer.from('5')], 0)],
    [call(plus, [1], [Buffer.from('no'), four], 1)],
  ],
  nulls: [[call(plus, [], [null, Buffer.from('2')], 0)], [call(plus, [], [null, null], 1)]],
  'too few values, and too many': [[raw.functionCall(plus, ['1'])], [raw.functionCall(plus, ['1', '2', '3'])]],
  'formats that are none': [
    [call(plus, [7], [four, four], 0)],
    [call(plus, [0, 0, 0], [four, four], 0)],
    [call(plus, [], [Buffer.from('1'), Buffer.from('2')], 9)],
  ],
  'in a transaction': [
    q('begin'),
    [raw.functionCall(plus, ['1', '2'])],
    [raw.functionCall(1, [])],
    [raw.functionCall(plus, ['1', '2'])],
    q('rollback'),
  ],
  'in a pipeline': [
    pipeline(4, raw.functionCall(plus, ['1', '2']), x('select 1'), raw.functionCall(1, []), raw.query('select 2')),
  ],
  'a long value and a long result': [
    [call(1317, [0], [Buffer.from('x'.repeat(50_000))], 0)],
    [call(870, [0], [Buffer.from('X'.repeat(50_000))], 0)],
  ],
  'what returns nothing': [[call(2626, [0], [Buffer.from('0')], 0)], [call(2626, [0], [Buffer.from('0')], 1)]],
  'behind an unnamed statement': [
    upTo('Z', raw.parse('select 1'), raw.sync),
    [raw.functionCall(plus, ['1', '2'])],
    [raw.all(raw.bind(), raw.execute(), raw.sync)],
  ],
})
