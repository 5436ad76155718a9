import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, type LogLevel, silentLog } from './log.ts'

const levels: LogLevel[] = ['debug', 'info', 'warning', 'error']
const noon = (): Date => new Date('2026-02-03T12:00:00.123Z')

function linesOf(threshold: LogLevel | undefined, write: (log: Log) => void): string[] {
  const lines: string[] = []
  write(new Log((line) => lines.push(line), threshold, noon))
  return lines
}

describe('Log', () => {
  it('writes a line for each event: when, how bad, what', () => {
    assert.deepEqual(
      linesOf('debug', (log) => {
        for (const level of levels) log[level](`a ${level}`)
      }),
      [
        '2026-02-03T12:00:00.123Z DEBUG a debug\n',
        '2026-02-03T12:00:00.123Z INFO a info\n',
        '2026-02-03T12:00:00.123Z WARNING a warning\n',
        '2026-02-03T12:00:00.123Z ERROR a error\n',
      ],
    )
  })

  it('leaves out what is below its threshold, which is info unless told', () => {
    const counts = [...levels, undefined].map((threshold) => {
      return linesOf(threshold, (log) => {
        for (const level of levels) log[level]('x')
      }).length
    })
    assert.deepEqual(counts, [4, 3, 2, 1, 3])
  })

  it('escapes control characters, so that nobody can forge a line', () => {
    assert.deepEqual(
      linesOf('info', (log) => log.info('user "x\n2026 ERROR forged\r\u001b[2J\u0000\u007f\t"')),
      ['2026-02-03T12:00:00.123Z INFO user "x\\x0a2026 ERROR forged\\x0d\\x1b[2J\\x00\\x7f\\x09"\n'],
    )
  })

  it('writes other characters as they are', () => {
    assert.deepEqual(
      linesOf('info', (log) => log.info('größe 東京 \\x0a')),
      ['2026-02-03T12:00:00.123Z INFO größe 東京 \\x0a\n'],
    )
  })

  it('cuts a message behind 4,000 characters', () => {
    const [whole, cut] = linesOf('info', (log) => {
      log.info('x'.repeat(4_000))
      log.info(`${'x'.repeat(4_000)}yz`)
    })
    const head = '2026-02-03T12:00:00.123Z INFO '
    assert.equal(whole, `${head}${'x'.repeat(4_000)}\n`)
    assert.equal(cut, `${head}${'x'.repeat(4_000)}…\n`)
  })

  it('says nothing when it is silent', () => {
    assert.doesNotThrow(() => silentLog.error('x'))
  })
})
