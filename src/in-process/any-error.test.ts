import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { asError, isError } from './any-error.ts'

describe('an error', () => {
  it('of another realm is one, and stays as it is', () => {
    const foreign: unknown = runInNewContext("Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })")
    assert.ok(!(foreign instanceof Error))
    assert.ok(isError(foreign))
    assert.equal(asError(foreign), foreign)
  })

  it('is made of what is none', () => {
    assert.equal(asError('refused').message, 'refused')
    assert.ok(!isError({ message: 'refused' }))
  })
})
