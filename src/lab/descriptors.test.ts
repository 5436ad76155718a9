import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseDescriptorLimit } from './descriptors.ts'

const limits = (files: string) =>
  ['Limit  Soft Limit  Hard Limit  Units', 'Max processes  100  200  processes', files].join('\n')

describe('parseDescriptorLimit', () => {
  it('is the soft limit of open files', () => {
    assert.equal(
      parseDescriptorLimit(limits('Max open files            1024                 524288               files')),
      1024,
    )
  })

  it('is none where there is none', () => {
    assert.equal(
      parseDescriptorLimit(limits('Max open files            unlimited            unlimited            files')),
      Infinity,
    )
    assert.equal(parseDescriptorLimit(''), Infinity)
  })
})
