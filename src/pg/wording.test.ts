import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { types } from 'node:util'
import { TaxirankError } from '../errors.ts'
import { Wording } from './wording.ts'

/** What two callers are told of one failed attempt to connect. */
function toldOf(failure: unknown): [Error, Error] {
  const wording = new Wording()
  const tell = (): Error =>
    wording.for(new TaxirankError('server_connect_failed', 'it has failed', { cause: failure })) as Error
  return [tell(), tell()]
}

class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code = 'EREFUSED'
}

describe('the failure that several are told of', () => {
  it('is an error of its own for each, of the same class and with the same properties', () => {
    const key = Symbol('of a tracer')
    const failure = Object.assign(new Refusal('no room'), { [key]: 7 })
    const [first, second] = toldOf(failure)
    assert.equal(first, failure)
    assert.notEqual(second, failure)
    assert.ok(second instanceof Refusal && types.isNativeError(second))
    assert.equal((second as { [key]?: number })[key], 7)
    assert.deepEqual([second.message, second.code, String(second)], ['no room', 'EREFUSED', 'Refusal: no room'])
    assert.equal(second.stack, failure.stack)
    assert.ok(structuredClone(second) instanceof Error)
  })

  it('is the cause of an error, where its class refuses what it has not made', () => {
    const failure = new DOMException('too slow', 'TimeoutError')
    const [, second] = toldOf(failure)
    assert.deepEqual([second.constructor, second.message, second.cause], [Error, 'too slow', failure])
  })

  it('can change its stack, also if the failure is frozen', () => {
    const [, second] = toldOf(Object.freeze(new Refusal('no room')))
    Error.captureStackTrace(second)
    assert.match(second.stack ?? '', /no room/)
  })

  it('is what it is, if it is no error', () => {
    assert.deepEqual(toldOf('no room'), ['no room', 'no room'])
  })
})
