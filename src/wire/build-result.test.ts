import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as result from './build-result.ts'

const hex = (bytes: Buffer): string => bytes.toString('hex')
const bytesOf = (text: string): string => hex(Buffer.from(text, 'latin1'))

describe('a result of our own', () => {
  it('is what the manual says, byte for byte', () => {
    const built: [Buffer, string][] = [
      [result.commandComplete('SHOW'), 'C\0\0\0\x09SHOW\0'],
      [result.emptyQueryResponse, 'I\0\0\0\x04'],
      [result.parseComplete, '1\0\0\0\x04'],
      [result.bindComplete, '2\0\0\0\x04'],
      [result.closeComplete, '3\0\0\0\x04'],
      [result.portalSuspended, 's\0\0\0\x04'],
      [result.noData, 'n\0\0\0\x04'],
      [result.noParameters, 't\0\0\0\x06\0\0'],
      [result.notice('hm\0!'), 'N\0\0\0\x21SNOTICE\0VNOTICE\0C00000\0Mhm!\0\0'],
      [result.notice('a', 'b'), 'N\0\0\0\x22SNOTICE\0VNOTICE\0C00000\0Ma\0Db\0\0'],
    ]
    for (const [bytes, text] of built) assert.equal(hex(bytes), bytesOf(text))
  })

  it('describes columns, each in its format, and rows, with NULL and characters beyond ASCII', () => {
    const columns = [
      { name: 'n', typeOid: 23, typeSize: 4 },
      { name: 'é', typeOid: 25, typeSize: -1 },
    ]
    const column = (name: string, oid: string, size: string, format: string): string =>
      `${name}\0\0\0\0\0\0\0\0\0\0${oid}${size}\xff\xff\xff\xff\0${format}`
    const described = (first: string): string =>
      `T\0\0\0\x2f\0\x02${column('n', '\x17', '\0\x04', first)}${column('\xc3\xa9', '\x19', '\xff\xff', '\0')}`
    assert.equal(hex(result.rowDescription(columns)), bytesOf(described('\0')))
    assert.equal(hex(result.rowDescription(columns, [1, 0])), bytesOf(described('\x01')))
    assert.equal(
      hex(result.dataRow([Buffer.from('1'), null, Buffer.alloc(0), Buffer.from('é')])),
      bytesOf('D\0\0\0\x19\0\x04\0\0\0\x011\xff\xff\xff\xff\0\0\0\0\0\0\0\x02\xc3\xa9'),
    )
  })
})
