/**
 * Lines and bands that say when something was so, or where a limit is. Their texts stand outside of the data: of those on the
 * x axis in rows above the box, of those on the y axis at its right.
 */
import { assert } from '../assert.ts'
import type { Box } from './box.ts'
import { element, type Markup, text } from './markup.ts'
import type { AxisOptions, Scale } from './scale.ts'
import { isDrawable } from './scale.ts'
import { fitText, textWidth } from './text-width.ts'
import { fontSize } from './theme.ts'

export interface Mark {
  readonly axis: 'x' | 'y'
  readonly at: number
  /** Makes it a band from `at` to here. */
  readonly until?: number
  readonly text: string
}

const rowHeight = 17

export function checkMark({ at, until, text: name }: Mark, { scale }: AxisOptions): void {
  for (const bound of [at, until ?? at]) assert(isDrawable(bound, scale), `the mark "${name}" can't stand at ${bound}`)
  assert(until === undefined || until > at, `the mark "${name}" ends at ${until}, not after its beginning at ${at}`)
}

/** What of a mark is within the axis, as places from 0 to 1. A line has one place, twice. */
export function visiblePart(mark: Mark, scale: Scale): readonly [number, number] | undefined {
  const start = scale.place(mark.at)
  const end = scale.place(mark.until ?? mark.at)
  if (end < 0 || start > 1) return undefined
  return [Math.max(0, start), Math.min(1, end)]
}

export function drawMark(mark: Mark, x: Scale, y: Scale, box: Box): Markup[] {
  const part = visiblePart(mark, mark.axis === 'x' ? x : y)
  if (part === undefined) return []
  const across = mark.axis === 'x'
  const width = box.right - box.left
  const height = box.bottom - box.top
  const [start, end] = across
    ? [box.left + part[0] * width, box.left + part[1] * width]
    : [box.bottom - part[1] * height, box.bottom - part[0] * height]
  if (mark.until === undefined) {
    const d = across ? `M${round(start)} ${box.top}V${box.bottom}` : `M${box.left} ${round(start)}H${box.right}`
    return [element('path', { class: 'mark', d })]
  }
  const size = Math.max(1, end - start)
  return across
    ? [element('rect', { class: 'band', x: start, y: box.top, width: size, height })]
    : [element('rect', { class: 'band', x: box.left, y: start, width, height: size })]
}

/** A text above the box, `row` rows up. */
export interface Caption {
  readonly text: string
  readonly left: number
  readonly row: number
}

/** Puts each text above its mark, in the lowest row where it doesn't touch another. `taken` is used up in the lowest one. */
export function arrangeCaptions(
  marks: readonly Mark[],
  x: Scale,
  sides: { left: number; right: number },
  taken: number,
): Caption[] {
  const ends = [taken]
  const captions: Caption[] = []
  for (const mark of marks.toSorted((a, b) => a.at - b.at)) {
    const part = visiblePart(mark, x)
    if (part === undefined) continue
    const shown = fitText(mark.text, fontSize.tick, sides.right - sides.left)
    const width = textWidth(shown, fontSize.tick)
    const center = sides.left + ((part[0] + part[1]) / 2) * (sides.right - sides.left)
    const left = Math.max(sides.left, Math.min(sides.right - width, center - width / 2))
    let row = ends.findIndex((end) => left > end + 10)
    if (row < 0) row = ends.length
    ends[row] = left + width
    captions.push({ text: shown, left, row })
  }
  return captions
}

export function captionsHeight(captions: readonly Caption[]): number {
  return rowHeight * Math.max(1, ...captions.map((caption) => caption.row + 1))
}

export function drawCaptions(captions: readonly Caption[], box: Box): Markup[] {
  return captions.map((caption) => {
    const middle = caption.left + textWidth(caption.text, fontSize.tick) / 2
    const y = box.top - 12 - caption.row * rowHeight
    return element('text', { class: 'soft middle', x: middle, y }, text(caption.text))
  })
}

function round(position: number): number {
  return Math.round(position * 100) / 100
}
