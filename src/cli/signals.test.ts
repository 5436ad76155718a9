import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, it } from 'node:test'
import { Log, silentLog } from '../log.ts'
import { stoppedBySignal, watchOtherSignals } from './signals.ts'
import type { StopMode } from './signals.ts'

describe('stoppedBySignal', () => {
  let signals = new EventEmitter()
  let modes: StopMode[] = []
  let finish: (() => void)[] = []
  let ended = false
  let stopped: Promise<void> = Promise.resolve()

  beforeEach(() => {
    signals = new EventEmitter()
    modes = []
    finish = []
    ended = false
    const stop = (mode: StopMode): Promise<void> => {
      modes.push(mode)
      return new Promise((resolve) => finish.push(resolve))
    }
    stopped = stoppedBySignal(signals, { stop }, silentLog).then(() => void (ended = true))
  })

  const waits: Record<string, StopMode> = {
    SIGINT: 'wait_for_servers',
    SIGTERM: 'wait_for_clients',
    SIGQUIT: 'immediate',
  }
  for (const [signal, mode] of Object.entries(waits)) {
    it(`stops at ${signal} with ${mode}, and ends when that is done`, async () => {
      signals.emit(signal)
      assert.deepEqual(modes, [mode])
      await Promise.resolve()
      assert.equal(ended, false)
      finish[0]?.()
      await stopped
    })
  }

  for (const first of ['SIGINT', 'SIGTERM']) {
    for (const second of ['SIGINT', 'SIGTERM', 'SIGQUIT']) {
      it(`stops at once at ${second} after ${first}`, async () => {
        signals.emit(first)
        signals.emit(second)
        assert.deepEqual(modes.slice(1), ['immediate'])
        finish[1]?.()
        await stopped
      })
    }
  }

  it('does not even wait for the stop at a third signal', async () => {
    signals.emit('SIGINT')
    signals.emit('SIGINT')
    signals.emit('SIGINT')
    await stopped
    assert.equal(modes.length, 2)
  })

  it('rejects when stopping fails', async () => {
    const failing = new EventEmitter()
    const result = stoppedBySignal(failing, { stop: () => Promise.reject(new Error('stuck')) }, silentLog)
    failing.emit('SIGTERM')
    await assert.rejects(result, { message: 'stuck' })
  })
})

describe('watchOtherSignals', () => {
  it('opens the log anew at SIGHUP, and says that USR1 and USR2 do nothing', () => {
    const lines: string[] = []
    let reopened = 0
    const signals = new EventEmitter()
    watchOtherSignals(signals, () => (reopened += 1), new Log((line) => lines.push(line)))
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) signals.emit(signal)
    assert.equal(reopened, 1)
    assert.deepEqual(
      lines.map((line) => /got SIG\w+/.exec(line)?.[0]),
      ['got SIGHUP', 'got SIGUSR1', 'got SIGUSR2'],
    )
  })

  it('goes on when the log cannot be opened anew', () => {
    const lines: string[] = []
    const signals = new EventEmitter()
    const reopen = (): never => {
      throw new Error('disk is gone')
    }
    watchOtherSignals(signals, reopen, new Log((line) => lines.push(line)))
    signals.emit('SIGHUP')
    assert.match(lines.join(''), /ERROR disk is gone/)
  })
})
