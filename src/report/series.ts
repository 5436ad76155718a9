/** The data of a plot and how they become ink. */
import { assert } from '../assert.ts'
import type { Box } from './box.ts'
import { coordinate, element, join, type Markup } from './markup.ts'
import { type AxisOptions, isDrawable, type Scale } from './scale.ts'
import { colorClass, dashOf } from './theme.ts'
import { densities, densityOf, type Point, type Project, type Stroke, thinnedRuns } from './thin.ts'

export interface Series {
  /** An empty name is not shown. */
  readonly name: string
  /** In the order in which they are joined. A point with NaN or an infinite number is a gap. */
  readonly points: readonly Point[]
  /** `line` by default. A `step` keeps its value until the next point; an `area` is filled down to zero. */
  readonly shape?: 'line' | 'step' | 'dots' | 'area'
  /** Into the palette. By default the place among the series. */
  readonly color?: number
}

/** A series with nothing left open. */
export type DrawnSeries = Required<Series>

/** Far outside the paper, where a coordinate's exact value doesn't matter any more. */
const farAway = 20_000
/** More dots than that are drawn as a cloud: how dense they are, in cells of so many pixels. */
const manyDots = 2000
const cloudCell = 3

export function withDefaults(series: Series, index: number): DrawnSeries {
  const { name, points, shape = 'line', color = index } = series
  assert(Number.isInteger(color) && color >= 0, `the series "${name}" has the colour ${color}, which is no index`)
  return { name, points, shape, color }
}

/** Least and greatest x and y of the points that can be seen; undefined if there are none. */
export interface Extent {
  readonly x: readonly [number, number]
  readonly y: readonly [number, number]
}

export function extentOf(all: readonly Series[], x: AxisOptions, y: AxisOptions): Extent | undefined {
  const xs: [number, number] = [Infinity, -Infinity]
  const ys: [number, number] = [Infinity, -Infinity]
  for (const series of all) {
    for (const [px, py] of series.points) {
      if (!isDrawable(px, x.scale) || !isDrawable(py, y.scale)) continue
      if (px < (x.from ?? px) || px > (x.to ?? px)) continue
      widen(xs, px)
      widen(ys, py)
    }
  }
  return xs[0] > xs[1] ? undefined : { x: xs, y: ys }
}

function widen(bounds: [number, number], value: number): void {
  if (value < bounds[0]) bounds[0] = value
  if (value > bounds[1]) bounds[1] = value
}

/** From data to paper. */
export function projection(x: Scale, y: Scale, box: Box): Project {
  return ([px, py]) => {
    if (!x.accepts(px) || !y.accepts(py)) return undefined
    return [
      near(box.left + x.place(px) * (box.right - box.left)),
      near(box.bottom - y.place(py) * (box.bottom - box.top)),
    ]
  }
}

function near(position: number): number {
  return Math.max(-farAway, Math.min(farAway, position))
}

/** `base` is where zero is on the paper, or the end of the axis that is nearest to it. */
export function drawSeries(series: DrawnSeries, project: Project, base: number): Markup {
  const className = colorClass(series.color)
  if (series.shape === 'dots') return element('g', { class: className }, ...drawDots(series.points, project))
  const runs = thinnedRuns(series.points, project)
  const joined = runs.filter((run) => run.length > 1)
  const path = series.shape === 'step' ? stepPath : linePath
  const parts: Markup[] = []
  if (series.shape === 'area') {
    const filled = joined.map((run) => `${linePath(run)}V${coordinate(base)}H${coordinate(run[0]?.[0] ?? 0)}Z`)
    if (filled.length > 0) parts.push(element('path', { class: 'area', d: filled.join('') }))
  }
  if (joined.length > 0) {
    parts.push(
      element('path', { class: 'line', 'stroke-dasharray': dashOf(series.color), d: joined.map(path).join('') }),
    )
  }
  const alone = runs.filter((run) => run.length === 1).flat()
  if (alone.length > 0) parts.push(element('path', { class: 'dots', d: alone.map(dotPath).join('') }))
  return element('g', { class: className }, ...parts)
}

/** For the legend: 20 pixels wide, around y = 0. */
export function drawSample(series: DrawnSeries): Markup {
  if (series.shape === 'dots') return element('path', { class: 'dots', d: 'M10 0h0' })
  const dash = dashOf(series.color)
  if (series.shape !== 'area') return element('path', { class: 'line', 'stroke-dasharray': dash, d: 'M1 0H19' })
  const parts = [
    element('path', { class: 'area', d: 'M0 -4H20V6H0Z' }),
    element('path', { class: 'line', 'stroke-dasharray': dash, d: 'M1 -4H19' }),
  ]
  return join(parts)
}

function drawDots(points: readonly Point[], project: Project): Markup[] {
  if (points.length > manyDots) return drawCloud(densityOf(points, project, cloudCell))
  const placed = points.map(project).filter((point) => point !== undefined)
  return placed.length === 0 ? [] : [element('path', { class: 'dots', d: placed.map(dotPath).join('') })]
}

function drawCloud(strokes: readonly Stroke[]): Markup[] {
  return Array.from({ length: densities }, (_, index) => {
    const d = strokes.filter(({ density }) => density === index + 1).map(strokePath)
    const attributes = {
      class: 'cloud',
      'stroke-width': cloudCell,
      'stroke-opacity': 0.3 + (0.7 * index) / (densities - 1),
    }
    return element('path', { ...attributes, d: d.join('') })
  })
}

/** A line of no length with round ends is a dot. */
function dotPath([x, y]: Point): string {
  return `M${coordinate(x)} ${coordinate(y)}h0`
}

function strokePath({ x, top, bottom }: Stroke): string {
  return `M${coordinate(x)} ${coordinate(top)}V${coordinate(bottom)}`
}

function linePath(run: readonly Point[]): string {
  const places = run.map(([x, y]) => `${coordinate(x)} ${coordinate(y)}`)
  return `M${places.filter((place, index) => place !== places[index - 1] || index === 1).join(' ')}`
}

function stepPath(run: readonly Point[]): string {
  let path = ''
  let height = ''
  for (const [x, y] of run) {
    const level = coordinate(y)
    if (path === '') path = `M${coordinate(x)} ${level}`
    else path += level === height ? '' : `H${coordinate(x)}V${level}`
    height = level
  }
  return `${path}H${coordinate(run.at(-1)?.[0] ?? 0)}`
}
