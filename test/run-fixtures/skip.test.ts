import test, { describe, it } from 'node:test'
import { needs } from '../support/tools.ts'

it('passes beside skipped tests', () => {
  console.error(' 12 pass')
})

it('is skipped by its option', { skip: 'the option says so' }, () => undefined)

it('is skipped while it runs', (t) => {
  t.skip('the test found out')
})

it.skip('is skipped without a reason', () => undefined)

test('is skipped through the default export', { skip: true }, () => undefined)

describe('inside <a> "suite"', () => {
  it('is skipped for a program', needs('no-such-program'), () => undefined)
})

describe('a suite of two', { skip: 'both are unwanted' }, () => {
  it('is never declared', () => undefined)
  it('is not declared either', () => undefined)
})

describe.skip('a suite without a reason', () => {
  it('is never declared', () => undefined)
})
