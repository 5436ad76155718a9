import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { textTable } from './text-table.ts'

describe('textTable', () => {
  it('is as wide as it must be, with names to the left and numbers and quantities to the right', () => {
    const rows = [
      ['web', 1234.5, '7.17 ms', '0.703%', '–'],
      ['a longer name', 2, '184 ms', '100%', '−3 ms'],
    ]
    assert.equal(
      textTable(['pool', 'served/s', 'wait', 'used', 'change'], rows),
      '  pool           served/s     wait    used  change\n' +
        '  web               1,235  7.17 ms  0.703%       –\n' +
        '  a longer name         2   184 ms    100%   −3 ms\n',
    )
  })

  it('keeps a column to the left in which anything is a word, and leaves no spaces at the end', () => {
    assert.equal(
      textTable(
        ['a', 'b'],
        [
          [1, '5 ms'],
          ['x', 'none at all'],
        ],
      ),
      '  a  b\n  1  5 ms\n  x  none at all\n',
    )
  })

  it('is its head, if there are no rows', () => {
    assert.equal(textTable(['one', 'two'], []), '  one  two\n')
  })
})
