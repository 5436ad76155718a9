import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeSource, recordingFigures } from '../../test/support/monitor-source.ts'
import { findRecording } from './find-recording.ts'

type Pool = readonly [database: string, user: string]

/** What is found for a query where these pools are recorded: what it says and how the file is called, or the sentence. */
function found(pools: readonly Pool[], query: string): readonly [string, string] | string {
  const recordings = pools.map(([database, user]) => recordingFigures({ database, user }))
  const recording = findRecording(fakeSource({ recordings }).figures, new URLSearchParams(query))
  if (typeof recording === 'string') return recording
  return [new TextDecoder().decode(recording.bytes), recording.fileName]
}

const three: readonly Pool[] = [
  ['shop', 'app'],
  ['shop', 'report'],
  ['log', 'app'],
]

describe('findRecording', () => {
  it('finds a pool by its database and user, and by as little as tells it from the others', () => {
    const report = ['of report in shop', 'taxirank-shop-report.recording']
    assert.deepEqual(found(three, 'database=shop&user=report'), report)
    assert.deepEqual(found(three, 'user=report&at=all'), report)
    assert.deepEqual(found(three, 'database=log'), ['of app in log', 'taxirank-log-app.recording'])
    assert.deepEqual(found(three.slice(1, 2), ''), report)
  })

  it('asks which one, if it may be several', () => {
    const which = 'several pools are recorded, say which one: ?database=shop&user=app, ?database=shop&user=report'
    assert.equal(found(three, 'database=shop'), which)
    assert.equal(found(three, ''), `${which}, ?database=log&user=app`)
  })

  it('says which there are, if there is none of that name, and not what was asked for', () => {
    const those = 'no such pool is recorded; those that are: ?database=shop&user=app'
    for (const query of ['database=shop&user=nobody', 'database=&user=app', 'user=App', 'database=log']) {
      assert.equal(found(three.slice(0, 1), query), those)
    }
  })

  it('names no more than 20', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => ['shop', `u${index}`] as const)
    const said = found(many, '')
    assert.match(String(said), /user=u18, \?database=shop&user=u19 and 980 more \(SHOW RECORDINGS on the console\)$/)
  })

  it('says how to begin, if nothing is recorded', () => {
    for (const query of ['', 'database=shop&user=app']) {
      assert.match(String(found([], query)), /^no pool is recorded: SET recording_entries = 100000 on the console/)
    }
  })

  it('writes names in a way in which they may be asked for, and in which a file may be called so', () => {
    const odd: readonly Pool[] = [
      ['../a b', 'x"\r\n;é'],
      ['', '-'],
    ]
    assert.equal(
      found(odd, ''),
      'several pools are recorded, say which one: ?database=..%2Fa+b&user=x%22%0D%0A%3B%C3%A9, ?database=&user=-',
    )
    const [, name] = found(odd, 'database=..%2Fa+b&user=x%22%0D%0A%3B%C3%A9')
    assert.equal(name, 'taxirank-.._a_b-x_____.recording')
    assert.equal(found(odd, 'user=-')[1], 'taxirank---.recording')
    const [, long] = found([['d'.repeat(200), 'u'.repeat(200)]], '')
    assert.equal(long?.length, 9 + 63 + 1 + 63 + 10)
  })
})
