import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Recorded, recordedOf } from './recorded.ts'
import { type ReplayedSize, type ReplayFindings, replayText } from './replay-text.ts'

/** A hundred callers, one every 10 ms, each of whom waits for 2 ms and holds for 20. */
const entries = Array.from({ length: 100 }, (_, caller) => ({ arrivalMs: caller * 10, waitMs: 2, holdMs: 20, lane: 0 }))
const recorded: Recorded = recordedOf(entries, false)
const about = {
  maxSize: 4,
  minSize: 0,
  waitTimeoutMs: 0,
  idleTimeoutMs: 0,
  openMs: 1,
  takenAtMs: 2_000,
  startedAtMs: 0,
}

function replayed(poolSize: number, waitMs: number): ReplayedSize {
  const times = { waitP50Ms: waitMs, waitP99Ms: waitMs, latencyP50Ms: waitMs + 20, latencyP99Ms: waitMs + 20 }
  return { poolSize, servedPerSecond: 100, failedShare: 0, ...times, peakConnections: poolSize, utilisation: 0.5 }
}

const findings: ReplayFindings = {
  recorded,
  about,
  callers: 'open',
  coreUse: undefined,
  today: replayed(4, 2),
  assumed: undefined,
  others: [],
}
const lines = (changes: Partial<ReplayFindings>): string[] => replayText({ ...findings, ...changes }).split('\n')

describe('replayText', () => {
  it('says what was recorded, and how far off a replay of it is, and no more if nothing else is asked', () => {
    const [first = '', ...rest] = lines({})
    assert.match(
      first,
      /^Recorded: 97 requests in 0\.98 s \(99\/s\), a pool of 4, held for 20 ms on average, 2 at once at most; 0 failed\.$/,
    )
    assert.deepEqual(rest, [
      'Replayed with 4, as it came: wait p50 2 ms, measured 2 ms (+0%), p99 2 ms, measured 2 ms (+0%).',
      '',
    ])
  })

  it('says by how much it is off, and in which direction', () => {
    const error = (waitMs: number): string => lines({ today: replayed(4, waitMs) })[1] ?? ''
    assert.match(error(3), /wait p50 3 ms, measured 2 ms \(\+50%\)/)
    assert.match(error(1.5), /p99 1\.5 ms, measured 2 ms \(−25%\)/)
    assert.match(error(Number.NaN), /wait p50 –, measured 2 ms \(nobody was served\)/)
  })

  it('says so if the size is not known, or was not kept to', () => {
    assert.match(lines({ about: undefined })[0] ?? '', / a pool of unknown size, at least 2, held/)
    assert.match(lines({ about: { ...about, maxSize: 0 } })[0] ?? '', / a pool of unknown size, at least 2, held/)
    assert.match(
      lines({ about: { ...about, maxSize: 1 } })[0] ?? '',
      / a pool of 1 \(and more at times: by a reserve, or/,
    )
  })

  it('says what it takes for granted of other sizes, by how much that is off, and all of them in their order', () => {
    const others = [replayed(8, 0), replayed(2, 1_200)]
    const assumed = replayed(4, 3)
    assert.deepEqual(lines({ others, assumed }).slice(2), [
      '',
      'Other sizes, if callers come when they came, whatever happens to others, and each holds for as long as it did ' +
        '(--cores N lets them share N cores):',
      'So much is that off with 4: 100/s (+1.02%), wait p50 3 ms, measured 2 ms (+50%), p99 3 ms, measured 2 ms (+50%).',
      '  pool size  served/s  failed  wait p50  wait p99  latency p50  latency p99  used',
      '          2       100      0%     1.2 s     1.2 s       1.22 s       1.22 s   50%',
      '          4       100      0%      3 ms      3 ms        23 ms        23 ms   50%',
      '          8       100      0%      0 ms      0 ms        20 ms        20 ms   50%',
      '',
    ])
    const closed = lines({ others, assumed, callers: 'closed', coreUse: { cores: 2, onCore: 0.5 } })[3]
    assert.match(
      closed ?? '',
      /^Other sizes, if \d+ callers, each of whom comes again after its answer, and each works for 50% of its hold, on 2 cores that all share:$/,
    )
  })
})
