import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { densityOf, type Point, type Project, thinnedRuns } from './thin.ts'

const asTheyAre: Project = (point) => (Number.isNaN(point[1]) ? undefined : point)

describe('thinnedRuns', () => {
  it('keeps the first, lowest, highest and last point of a column, in their order', () => {
    const column: Point[] = [
      [0, 5],
      [0.1, 6],
      [0.2, 9],
      [0.3, 5],
      [0.4, 1],
      [0.5, 2],
      [0.6, 4],
    ]
    assert.deepEqual(thinnedRuns(column, asTheyAre), [
      [
        [0, 5],
        [0.2, 9],
        [0.4, 1],
        [0.6, 4],
      ],
    ])
  })

  it('keeps every point that has a column of its own', () => {
    const points: Point[] = [
      [0, 1],
      [1, 2],
      [2, 1],
      [1, 0],
    ]
    assert.deepEqual(thinnedRuns(points, asTheyAre), [points])
  })

  it('ends a run at a gap, within a column, too', () => {
    const points: Point[] = [
      [0, NaN],
      [0, 1],
      [0.1, NaN],
      [0.2, 3],
      [1, NaN],
      [2, NaN],
      [3, 4],
    ]
    assert.deepEqual(thinnedRuns(points, asTheyAre), [[[0, 1]], [[0.2, 3]], [[3, 4]]])
  })

  it('keeps extremes of a million points', () => {
    const points = Array.from({ length: 1e6 }, (_, i): Point => [
      i / 1000,
      i === 123_456 ? 99 : i === 765_432 ? -99 : i % 7,
    ])
    const [run = []] = thinnedRuns(points, asTheyAre)
    const heights = run.map(([, y]) => y)
    assert.deepEqual([Math.min(...heights), Math.max(...heights)], [-99, 99])
    assert.ok(run.length <= 4000, `${run.length} points are left`)
  })
})

describe('densityOf', () => {
  it('joins cells of a column that are equally full', () => {
    const points: Point[] = [
      [0, 0],
      [1, 4],
      [0, 10],
      [7, 1],
      [7, NaN],
    ]
    assert.deepEqual(densityOf(points, asTheyAre, 3), [
      { x: 1.5, top: 0, bottom: 6, density: 4 },
      { x: 1.5, top: 9, bottom: 12, density: 4 },
      { x: 7.5, top: 0, bottom: 3, density: 4 },
    ])
  })

  it('tells a crowded cell from one with a single dot', () => {
    const crowd = Array.from({ length: 1000 }, (): Point => [1, 1])
    assert.deepEqual(densityOf([...crowd, [1, 4]], asTheyAre, 3), [
      { x: 1.5, top: 0, bottom: 3, density: 4 },
      { x: 1.5, top: 3, bottom: 6, density: 1 },
    ])
  })
})
