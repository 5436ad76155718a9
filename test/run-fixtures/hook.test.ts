import { before, describe, it } from 'node:test'

describe('with a failing hook', () => {
  before(() => {
    throw new Error('the hook fails')
  })

  it('passes nevertheless', () => undefined)
})
