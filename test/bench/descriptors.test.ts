import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertDescriptors } from '../../bench/descriptors.ts'

const limits = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units
Max processes             95849                95849                processes
Max open files            ${soft.padEnd(20)} 1048576              files
`

describe('assertDescriptors', () => {
  it('lets a process pass that may open enough files', () => {
    assertDescriptors('PgBouncer', limits('10100'), 10_100)
    assertDescriptors('PgBouncer', limits('unlimited'), 10_100)
  })

  it('names the process, both numbers and what to do', () => {
    assert.throws(() => assertDescriptors('PgBouncer', limits('1024'), 10_100), {
      name: 'TaxirankError',
      message: /^PgBouncer may open 1024 files, and this row needs 10100: raise the limit \(ulimit -n 10100/,
    })
  })

  it('takes a missing limit for too little', () => {
    assert.throws(() => assertDescriptors('PgBouncer', '', 1), { message: /an unknown number of files/ })
  })
})
