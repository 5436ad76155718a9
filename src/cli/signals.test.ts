import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, it } from 'node:test'
import { Log, silentLog } from '../log.ts'
import { obeySignals, type Operable, stoppedBySignal } from './signals.ts'
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

describe('obeySignals', () => {
  function hear(running: Partial<Operable>): { signals: EventEmitter; lines: string[] } {
    const lines: string[] = []
    const signals = new EventEmitter()
    const all = { reload: () => undefined, pause: () => Promise.resolve(), resume: () => undefined, ...running }
    obeySignals(signals, all, new Log((line) => lines.push(line)))
    return { signals, lines }
  }

  it('reloads at HUP, pauses at USR1 and resumes at USR2', async () => {
    const done: string[] = []
    const { signals, lines } = hear({
      reload: () => void done.push('reload'),
      pause: () => Promise.resolve(void done.push('pause')),
      resume: () => void done.push('resume'),
    })
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) signals.emit(signal)
    await Promise.resolve()
    assert.deepEqual(done, ['reload', 'pause', 'resume'])
    assert.deepEqual(
      lines.map((line) => line.slice(line.indexOf('LOG'))),
      ['re-reading config', 'pausing all activity', 'continuing from pause']
        .map((what, index) => `LOG got ${['SIGHUP', 'SIGUSR1', 'SIGUSR2'][index]}, ${what}\n`)
        .concat('LOG paused\n'),
    )
  })

  it('goes on, and says why, when something cannot be done', async () => {
    const refuse = (why: string): never => {
      throw new Error(why)
    }
    const { signals, lines } = hear({
      reload: () => refuse('bad file'),
      pause: () => Promise.reject(new Error('given up')),
      resume: () => refuse('nothing is paused'),
    })
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) signals.emit(signal)
    await Promise.resolve()
    const errors = lines.filter((line) => line.includes('ERROR'))
    assert.deepEqual(
      errors.map((line) => line.slice(line.indexOf('ERROR') + 6)),
      ['bad file\n', 'nothing is paused\n', 'given up\n'],
    )
  })
})
