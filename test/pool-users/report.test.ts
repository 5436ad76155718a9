import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '../drivers/run-driver.ts'
import { failures, renderReport, type Tried } from './report.ts'
import { steps } from './steps.ts'

const about = { date: '2026-12-01', command: 'npm run pool-users', machine: '2 cores', versions: 'all', minutes: 2 }
const held = steps.map(({ number }): Outcome => ({ step: number, result: 'ok', message: '' }))
const failing = held.with(2, { step: 3, result: 'failed', message: 'not a | row\nat all' })
const tried: Tried[] = [
  { name: 'ours', version: '1', outcomes: new Map([['Node', failing]]) },
  { name: 'theirs', version: '2', outcomes: new Map([['pg-pool on Node', failing]]) },
]

describe('the report on users of the pool', () => {
  it('counts what fails with our pool, and nothing that fails with another', () => {
    assert.deepEqual(failures(tried), ['ours, Node, rows: not a | row\nat all'])
  })

  it('has a table for each way that was tried, and each message on one line', () => {
    const lines = renderReport(tried, about).split('\n')
    const headings = lines.filter((line) => line.startsWith('## '))
    assert.deepEqual(headings, ['## Taxirank’s pool, on Node', '## pg’s own pool, on Node'])
    assert.deepEqual(
      lines.filter((line) => line.startsWith('| rows |')),
      [`| rows | ${steps[2]?.mustHold} |`, '| rows | **no** |', '| rows | **no** |'],
    )
    assert.ok(lines.includes('* ours, rows: not a | row at all'))
  })
})
