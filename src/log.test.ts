import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Log, type LogLevel, type LogOptions, type LogSubject, silentLog } from './log.ts'

const levels: LogLevel[] = ['debug', 'info', 'warning', 'error']
const wallClock = (): Date => new Date('2026-02-03T12:00:00.123Z')
const head = '2026-02-03 12:00:00.123 UTC [77]'
const ann: LogSubject = { side: 'C', id: 31, database: 'shop', user: 'ann', address: '10.0.0.1', port: 4711 }

function linesOf(options: LogOptions, write: (log: Log) => void): string[] {
  const lines: string[] = []
  write(new Log((line) => lines.push(line), { pid: 77, wallClock, ...options }))
  return lines
}

const say =
  (message: string, subject?: LogSubject) =>
  (log: Log): void =>
    log.info(message, subject)

describe('Log', () => {
  it('writes a line for each event: when, who, how bad, what', () => {
    assert.deepEqual(
      linesOf({ threshold: 'debug' }, (log) => {
        for (const level of levels) log[level](`a ${level}`)
      }),
      [`${head} DEBUG a debug\n`, `${head} LOG a info\n`, `${head} WARNING a warning\n`, `${head} ERROR a error\n`],
    )
  })

  it('names the connection that a line is about', () => {
    assert.deepEqual(linesOf({}, say('hello', ann)), [`${head} LOG C-0x1f: shop/ann@10.0.0.1:4711 hello\n`])
    const early: LogSubject = { ...ann, side: 'S', database: '', user: '', address: '::1' }
    assert.deepEqual(linesOf({}, say('hello', early)), [`${head} LOG S-0x1f: (nodb)/(nouser)@[::1]:4711 hello\n`])
  })

  it('writes JSON when told, an object a line', () => {
    const [plain = '', about = ''] = linesOf({ format: 'json' }, (log) => {
      log.warning('a "b"\n\u007f\u2028')
      log.info('hello', ann)
    })
    const common = { time: '2026-02-03T12:00:00.123Z', pid: 77 }
    assert.deepEqual(JSON.parse(plain), { ...common, level: 'warning', message: 'a "b"\n\u007f\u2028' })
    assert.deepEqual(JSON.parse(about), {
      ...common,
      level: 'log',
      message: 'hello',
      client: 31,
      database: 'shop',
      user: 'ann',
      address: '10.0.0.1',
      port: 4711,
    })
  })

  it('leaves out what is below its threshold, which is info unless told', () => {
    const counts = [...levels, undefined].map((threshold) => {
      return linesOf(threshold ? { threshold } : {}, (log) => {
        for (const level of levels) log[level]('x')
      }).length
    })
    assert.deepEqual(counts, [4, 3, 2, 1, 3])
  })

  it('changes threshold and shape while it is in use', () => {
    const lines = linesOf({}, (log) => {
      log.debug('no')
      log.configure('debug', 'json')
      log.debug('yes')
    })
    assert.equal(lines.length, 1)
    assert.equal((JSON.parse(lines[0] ?? '') as { message: string }).message, 'yes')
  })

  it('escapes control characters, so that nobody can forge a line', () => {
    assert.deepEqual(linesOf({}, say('user "x\n2026 ERROR forged\r\u001b[2J\u0000\u007f\t"')), [
      `${head} LOG user "x\\x0a2026 ERROR forged\\x0d\\x1b[2J\\x00\\x7f\\x09"\n`,
    ])
    assert.deepEqual(linesOf({}, say('x', { ...ann, user: 'a\nb' })), [
      `${head} LOG C-0x1f: shop/a\\x0ab@10.0.0.1:4711 x\n`,
    ])
  })

  it('writes other characters as they are', () => {
    assert.deepEqual(linesOf({}, say('größe 東京 \\x0a')), [`${head} LOG größe 東京 \\x0a\n`])
  })

  it('cuts a message behind 4,000 characters', () => {
    const [whole, cut] = linesOf({}, (log) => {
      log.info('x'.repeat(4_000))
      log.info(`${'x'.repeat(4_000)}yz`)
    })
    assert.equal(whole, `${head} LOG ${'x'.repeat(4_000)}\n`)
    assert.equal(cut, `${head} LOG ${'x'.repeat(4_000)}…\n`)
  })

  it('says nothing when it is silent', () => {
    assert.doesNotThrow(() => silentLog.error('x'))
  })
})
