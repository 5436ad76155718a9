import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { whenAborted } from './abort-listeners.ts'

describe('whenAborted', () => {
  it('calls back all who have not been taken back, once', () => {
    const controller = new AbortController()
    const called: string[] = []
    whenAborted(controller.signal, () => called.push('a'))
    const stop = whenAborted(controller.signal, () => called.push('b'))
    whenAborted(controller.signal, () => called.push('c'))
    stop()
    controller.abort()
    controller.abort()
    assert.deepEqual(called, ['a', 'c'])
  })

  it('is one listener for all, and none when nobody is left', () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof add>) => (listeners++, add(...args)),
      removeEventListener: (...args: Parameters<typeof remove>) => (listeners--, remove(...args)),
    })
    const stops = Array.from({ length: 20 }, () => whenAborted(signal, () => undefined))
    assert.equal(listeners, 1)
    for (const stop of stops) stop()
    assert.equal(listeners, 0)
    whenAborted(signal, () => undefined)()
    assert.equal(listeners, 0)
  })
})
