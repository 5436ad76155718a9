import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { engineSnapshot } from '../../test/support/monitor-source.ts'
import { Utilisations } from './utilisation.ts'

interface Look {
  readonly atMs: number
  readonly heldMs: number
  readonly name?: string
  readonly maxSize?: number
}

/** What somebody sees who looks at these instants. */
function seen(looks: readonly Look[]) {
  const utilisations = new Utilisations()
  return looks.map(({ atMs, heldMs, name = 'a', maxSize = 10 }) => {
    utilisations.startRound()
    const { utilisation, utilisationOverMs } = utilisations.of(
      engineSnapshot({ name, takenAtMs: atMs, heldMs, maxSize }),
    )
    return [utilisation, utilisationOverMs]
  })
}

describe('Utilisations', () => {
  it('are lease time by what could have been lent, since the look before', () => {
    const looks = [
      { atMs: 1_000, heldMs: 500 },
      { atMs: 3_000, heldMs: 10_500 },
    ]
    assert.deepEqual(seen(looks), [
      [null, 0],
      [0.5, 2_000],
    ])
  })

  it('are those of the last ten seconds, if somebody looks often', () => {
    // Used to the full for a minute, then not at all.
    const looks = Array.from({ length: 41 }, (_, at) => ({ atMs: at * 2_000, heldMs: Math.min(at, 30) * 20_000 }))
    const answers = seen(looks)
    assert.deepEqual(
      [30, 31, 32, 34, 35, 40].map((at) => answers[at]),
      [
        [1, 10_000],
        [0.8, 10_000],
        [0.6, 10_000],
        [0.2, 10_000],
        [0, 10_000],
        [0, 10_000],
      ],
    )
  })

  it('are those of a scraper’s interval, if that is longer', () => {
    const answers = seen([0, 30_000, 60_000].map((atMs, index) => ({ atMs, heldMs: index ** 2 * 30_000 })))
    assert.deepEqual(answers, [
      [null, 0],
      [0.1, 30_000],
      [0.3, 30_000],
    ])
  })

  it('keep no more than one reading a second, and the window stays ten seconds', () => {
    const answers = seen(Array.from({ length: 301 }, (_, at) => ({ atMs: at * 100, heldMs: at * 500 })))
    assert.deepEqual(
      [answers[1], answers[300]],
      [
        [0.5, 100],
        [0.5, 10_000],
      ],
    )
  })

  it('are above 1 when the reserve is used, too', () => {
    assert.deepEqual(
      seen([
        { atMs: 0, heldMs: 0 },
        { atMs: 1_000, heldMs: 12_000 },
      ])[1],
      [1.2, 1_000],
    )
  })

  it('are not known after a minute without a look, of a new pool in an old name, and of a pool of no size', () => {
    const late = seen([
      { atMs: 0, heldMs: 0 },
      { atMs: 60_001, heldMs: 10 },
    ])
    const anew = seen([
      { atMs: 0, heldMs: 500 },
      { atMs: 2_000, heldMs: 10 },
    ])
    const sizeless = seen([
      { atMs: 0, heldMs: 0, maxSize: 0 },
      { atMs: 2_000, heldMs: 0, maxSize: 0 },
    ])
    const forgotten = seen([
      { atMs: 0, heldMs: 0 },
      { atMs: 2_000, heldMs: 0, name: 'b' },
      { atMs: 4_000, heldMs: 10 },
    ])
    for (const answer of [late[1], anew[1], sizeless[1], forgotten[2]]) assert.deepEqual(answer, [null, 0])
  })
})
