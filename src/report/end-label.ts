/** Names at the right end of lines: nearer to what they name than a legend. They move apart where lines end close together. */
import type { Box } from './box.ts'
import { coordinate, element, type Markup, text } from './markup.ts'
import { fitText, textWidth } from './text-width.ts'
import { colorClass, fontSize } from './theme.ts'

export interface EndLabel {
  readonly text: string
  /** Where its line ends, from 0 at the bottom to 1 at the top. */
  readonly place: number
  /** Of its series; a mark has none. */
  readonly color?: number
}

export const labelGap = 17
const leader = 24

/** The room that labels need at the right of the box, at most `most`. */
export function labelsWidth(labels: readonly EndLabel[], most: number): number {
  if (labels.length === 0) return 0
  const widest = Math.max(...labels.map((label) => textWidth(label.text, sizeOf(label))))
  return Math.ceil(Math.min(most, leader + widest))
}

export function drawEndLabels(labels: readonly EndLabel[], box: Box, width: number): Markup[] {
  const sorted = labels.toSorted((a, b) => b.place - a.place)
  const ends = sorted.map(({ place }) => box.bottom - Math.max(0, Math.min(1, place)) * (box.bottom - box.top))
  const places = spread(ends, labelGap, box.top, box.bottom)
  return sorted.flatMap((label, index) => {
    const y = places[index] ?? 0
    const from = ends[index] ?? 0
    const name = fitText(label.text, sizeOf(label), width - leader)
    const words = { class: label.color === undefined ? 'soft' : undefined, x: box.right + leader, y: y + 4.5 }
    const path = `M${coordinate(box.right + 4)} ${coordinate(from)}L${coordinate(box.right + 13)} ${coordinate(y)}h6`
    const line = label.color === undefined ? 'axis key' : `key ${colorClass(label.color)}`
    return [element('path', { class: line, d: path }), element('text', words, text(name))]
  })
}

/**
 * Places at least `gap` apart, as near to the wanted ones as a group allows. `wanted` goes from the top down. What has no room
 * between `top` and `bottom` goes beyond the bottom.
 */
export function spread(wanted: readonly number[], gap: number, top: number, bottom: number): number[] {
  const groups: Group[] = []
  for (const place of wanted) {
    let group: Group = { size: 1, start: place, sum: place }
    for (let above = groups.at(-1); above !== undefined; above = groups.at(-1)) {
      if (above.start + above.size * gap <= group.start) break
      groups.pop()
      group = merged(above, group, gap, top, bottom)
    }
    group.start = within(group.start, group.size, gap, top, bottom)
    groups.push(group)
  }
  return groups.flatMap(({ size, start }) => Array.from({ length: size }, (_, index) => start + index * gap))
}

interface Group {
  size: number
  start: number
  /** Of the starts that its members would like for the group. */
  sum: number
}

function merged(above: Group, below: Group, gap: number, top: number, bottom: number): Group {
  const size = above.size + below.size
  const sum = above.sum + below.sum - below.size * above.size * gap
  return { size, sum, start: within(sum / size, size, gap, top, bottom) }
}

function within(start: number, size: number, gap: number, top: number, bottom: number): number {
  return Math.max(top, Math.min(bottom - (size - 1) * gap, start))
}

function sizeOf(label: EndLabel): number {
  return label.color === undefined ? fontSize.tick : fontSize.label
}
