/**
 * Leaves out of a long series what no screen could show. A column is one pixel wide; of the points that follow each other in one
 * column the first, the lowest, the highest and the last stay, so every peak is still there, and the line enters and leaves the
 * column where it did.
 */

export type Point = readonly [x: number, y: number]

/** A point on the paper, or undefined for a gap. */
export type Project = (point: Point) => Point | undefined

/** Runs of points that belong together: a gap ends one. Points need no order, but what goes to and fro is thinned less. */
export function thinnedRuns(points: readonly Point[], project: Project): Point[][] {
  const runs: Point[][] = []
  let run: Point[] = []
  let column: Column | undefined
  const endRun = (): void => {
    if (column !== undefined) run.push(...column.kept())
    if (run.length > 0) runs.push(run)
    run = []
    column = undefined
  }
  for (const point of points) {
    const at = project(point)
    if (at === undefined) {
      endRun()
    } else if (column?.x === Math.floor(at[0])) {
      column.add(at)
    } else {
      if (column !== undefined) run.push(...column.kept())
      column = new Column(at)
    }
  }
  endRun()
  return runs
}

/** A piece of a column of cells that are about equally full. `density` goes from 1 to `densities`. */
export interface Stroke {
  readonly x: number
  readonly top: number
  bottom: number
  readonly density: number
}

export const densities = 4

/** What a cloud of very many dots looks like: how many are in each cell of `cell` pixels, on a logarithmic scale. */
export function densityOf(points: readonly Point[], project: Project, cell: number): Stroke[] {
  const counts = new Map<number, Map<number, number>>()
  let most = 0
  for (const point of points) {
    const at = project(point)
    if (at === undefined) continue
    const column = Math.floor(at[0] / cell)
    const row = Math.floor(at[1] / cell)
    const rows = counts.get(column) ?? new Map<number, number>()
    const count = (rows.get(row) ?? 0) + 1
    counts.set(column, rows.set(row, count))
    most = Math.max(most, count)
  }
  const densityFor = (count: number): number => Math.ceil((Math.log1p(count) / Math.log1p(most)) * densities - 1e-9)
  const columns = [...counts].sort((a, b) => a[0] - b[0])
  return columns.flatMap(([column, rows]) => strokesOf(rows, (column + 0.5) * cell, cell, densityFor))
}

function strokesOf(
  rows: Map<number, number>,
  x: number,
  cell: number,
  densityFor: (count: number) => number,
): Stroke[] {
  const strokes: Stroke[] = []
  for (const [row, count] of [...rows].sort((a, b) => a[0] - b[0])) {
    const density = densityFor(count)
    const above = strokes.at(-1)
    if (above?.bottom === row * cell && above.density === density) above.bottom += cell
    else strokes.push({ x, top: row * cell, bottom: (row + 1) * cell, density })
  }
  return strokes
}

/** What stays of the points in one column, in the order in which they came. */
class Column {
  readonly x: number
  private readonly first: Point
  private lowest: Point
  private highest: Point
  private last: Point
  private lowestIsLater = false

  constructor(point: Point) {
    this.x = Math.floor(point[0])
    this.first = point
    this.lowest = point
    this.highest = point
    this.last = point
  }

  add(point: Point): void {
    if (point[1] < this.lowest[1]) {
      this.lowest = point
      this.lowestIsLater = true
    } else if (point[1] > this.highest[1]) {
      this.highest = point
      this.lowestIsLater = false
    }
    this.last = point
  }

  kept(): Set<Point> {
    const extremes = this.lowestIsLater ? [this.highest, this.lowest] : [this.lowest, this.highest]
    return new Set([this.first, ...extremes, this.last])
  }
}
