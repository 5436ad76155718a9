import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Contender, inSessionMode, pgBouncer, taxirank } from './contenders.ts'
import type { Verdict } from './judge.ts'
import type { Kind } from './kind.ts'
import { judgeAll } from './result.ts'
import type { Cell } from './run.ts'
import { situations } from './situations.ts'

const kind: Kind = { name: 'SET x', make: ['set x'], show: 'show x', fresh: 'no' }
const leak = [{ when: 'beside', saw: 'yes', server: 'the same server' }] as const
const left: Verdict = { keeping: 'server', leaks: leak }
const kept: Verdict = { keeping: 'kept', leaks: [] }
const lost: Verdict = { keeping: 'lost', leaks: [] }

/** How many leaks where none may be and how many surprises one cell makes; `peer`: what PgBouncer shows in it. */
function count(
  contender: Contender,
  verdict: Verdict | string,
  { peer, of = {}, short = 'own' }: { peer?: Verdict; of?: Partial<Kind>; short?: string } = {},
): [number, number] {
  const situation = situations.find((one) => one.short === short)
  assert.ok(situation)
  const reference = { answers: [], shows: ['yes'], fresh: 'no', untouched: 'no' }
  const cell: Cell = { kind: { ...kind, ...of }, situation, requests: [], reference }
  const columns = [
    { contender, verdicts: new Map([[cell, verdict]]) },
    ...(peer ? [{ contender: pgBouncer, verdicts: new Map([[cell, peer]]) }] : []),
  ]
  const { cells, leaks, surprises } = judgeAll(columns)
  assert.equal(cells, 1)
  return [leaks.length, surprises.length]
}

describe('under allow', () => {
  const allow = taxirank('allow')

  it('may leak what PgBouncer leaks, and nothing else', () => {
    assert.deepEqual(count(allow, left, { peer: left }), [0, 0])
    assert.deepEqual(count(allow, left, { peer: kept }), [1, 1])
  })

  it('is a surprise where it is not like PgBouncer without a reason', () => {
    assert.deepEqual(count(allow, lost, { peer: left }), [0, 1])
    assert.deepEqual(count(allow, lost, { peer: left, of: { name: 'LISTEN' } }), [0, 0])
  })

  it('may not leak where the reason is that it does not, but for where that is said', () => {
    assert.deepEqual(count(allow, left, { peer: left, of: { name: 'LISTEN' } }), [1, 0])
    assert.deepEqual(count(allow, left, { peer: left, of: { name: 'LISTEN' }, short: 'DO' }), [0, 0])
  })
})

describe('under the other policies', () => {
  it('never leaks but what can’t be seen, whatever PgBouncer does', () => {
    for (const policy of ['track', 'pin', 'reset', 'reject'] as const) {
      assert.deepEqual(count(taxirank(policy), { ...kept, leaks: leak }, { peer: left }), [1, 0])
      assert.deepEqual(count(taxirank(policy), left, { peer: left, of: { invisible: 'always' } }), [0, 0])
      assert.deepEqual(count(taxirank(policy), left, { of: { invisible: 'inside DO' }, short: 'DO' }), [0, 0])
      assert.deepEqual(count(taxirank(policy), left, { of: { invisible: 'inside DO' } }), [1, 1])
    }
  })

  it('keeps, or keeps its server, under track and pin', () => {
    for (const policy of ['track', 'pin'] as const) {
      assert.deepEqual(count(taxirank(policy), kept), [0, 0])
      assert.deepEqual(count(taxirank(policy), { keeping: 'pinned', leaks: [] }), [0, 0])
      assert.deepEqual(count(taxirank(policy), lost), [0, 1])
    }
    assert.deepEqual(count(taxirank('track'), { keeping: 'alone', leaks: [] }, { of: { isLostByTrack: true } }), [0, 0])
    assert.deepEqual(count(taxirank('pin'), { keeping: 'alone', leaks: [] }), [0, 1])
  })

  it('keeps until another comes under reset', () => {
    assert.deepEqual(count(taxirank('reset'), { keeping: 'alone', leaks: [] }), [0, 0])
    assert.deepEqual(count(taxirank('reset'), lost), [0, 1])
  })

  it('refuses by 0A000 and nothing else under reject', () => {
    assert.deepEqual(count(taxirank('reject'), { keeping: 'refused', refusal: '0A000', leaks: [] }), [0, 0])
    assert.deepEqual(count(taxirank('reject'), { keeping: 'refused', refusal: '53300', leaks: [] }), [0, 1])
    assert.deepEqual(count(taxirank('reject'), lost), [0, 1])
  })
})

describe('anywhere', () => {
  it('may leak in session mode what DISCARD ALL leaves', () => {
    const pinned: Verdict = { keeping: 'pinned', leaks: leak }
    assert.deepEqual(count(inSessionMode('taxirank'), pinned, { of: { outlivesDiscard: true } }), [0, 0])
    assert.deepEqual(count(inSessionMode('taxirank'), pinned), [1, 0])
  })

  it('is a surprise where the scene broke, the answers differ, or something is there that should not be', () => {
    assert.deepEqual(count(taxirank('track'), 'no server'), [0, 1])
    assert.deepEqual(count(taxirank('track'), { ...kept, differs: 'so' }), [0, 1])
    assert.deepEqual(count(taxirank('track'), { keeping: 'wrong', leaks: [] }), [0, 1])
  })
})
