import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reasonOf } from './known.ts'
import { renderJson, renderReport, type Tried, unexplained } from './report.ts'
import type { Outcome } from './run-driver.ts'
import { type TargetName, targetNames } from './targets.ts'

const about = { date: '2026-11-29', command: 'c', machine: 'm', versions: 'v', seed: 1, minutes: 1, steps: [2, 14, 18] }

const ok = (step: number): Outcome => ({ step, result: 'ok', message: '' })
const failed = (step: number, message = 'it broke'): Outcome => ({ step, result: 'failed', message })
const none = (step: number): Outcome => ({ step, result: 'n/a', message: 'no LISTEN' })

/** The same everywhere, but for what is said. */
function tried(
  name: string,
  usual: readonly Outcome[],
  changed: Partial<Record<TargetName, readonly Outcome[]>>,
): Tried {
  return { name, version: '1.0', outcomes: new Map(targetNames.map((target) => [target, changed[target] ?? usual])) }
}

const lineOf = (report: string, beginning: string): string | undefined =>
  report.split('\n').find((line) => line.startsWith(beginning))

describe('the report about drivers', () => {
  it('counts what held of what the driver has an API for', () => {
    const one = tried('one', [ok(2), none(14), ok(18)], { 'pgbouncer session': [ok(2), none(14), failed(18)] })
    assert.equal(
      lineOf(renderReport([one], about), '| one | 1.0'),
      '| one | 1.0 | 2 of 2 | 2 of 2 | 2 of 2 | **1 of 2** | 2 of 2 |',
    )
  })

  it('shows the targets only that were tried', () => {
    const one = { name: 'one', version: '1.0', outcomes: new Map([['direct' as const, [ok(2), failed(18)]]]) }
    const lines = renderReport([one], about).split('\n')
    assert.deepEqual(
      lines.filter((line) => line.startsWith('###') || line.startsWith('| |')),
      ['| | version | direct |', '### direct'],
    )
  })

  it('names the drivers that are not installed', () => {
    const report = renderReport([{ name: 'two', missing: 'two not installed', outcomes: new Map() }], about)
    assert.equal(lineOf(report, '* two'), '* two: two not installed')
  })

  it('keeps what a peer said in its cell', () => {
    const said = 'a | b\u0000\n| c | d'
    const report = renderReport([tried('one', [failed(18, said)], {})], about)
    assert.equal(lineOf(report, '| one | 18 close'), String.raw`| one | 18 close | a \| b \| c \| d |  |`)
  })

  it('gives known reasons', () => {
    const report = renderReport([tried('Kysely', [ok(9)], { 'taxirank session': [failed(9)] })], about)
    const reason = reasonOf('Kysely', 9, 'taxirank session')
    assert.ok(reason)
    assert.equal(lineOf(report, '| Kysely | 9'), `| Kysely | 9 cancel | it broke | ${reason} |`)
  })

  it('has every outcome in its JSON', () => {
    const { drivers } = JSON.parse(renderJson([tried('one', [ok(2)], {})], about)) as { drivers: unknown }
    const outcomes = Object.fromEntries(targetNames.map((target) => [target, [ok(2)]]))
    assert.deepEqual(drivers, [{ name: 'one', version: '1.0', outcomes }])
  })
})

describe('what is unexplained', () => {
  it('is what fails through Taxirank only, without a known reason', () => {
    const session = { 'taxirank session': [ok(2), failed(18)], 'pgbouncer session': [failed(2), ok(18)] }
    assert.deepEqual(unexplained([tried('one', [ok(2), ok(18)], session)]), [
      'one, Taxirank, session, 18 close: it broke',
    ])
    assert.deepEqual(unexplained([tried('one', [ok(2), failed(18)], session)]), [])
    assert.deepEqual(unexplained([tried('Kysely', [ok(9)], { 'taxirank session': [failed(9)] })]), [])
  })
})
