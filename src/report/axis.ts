/** Grid, numbers and names of the two axes. */
import type { Box } from './box.ts'
import { element, type Markup, text } from './markup.ts'
import type { AxisOptions, Scale, Tick } from './scale.ts'
import { fitText, textWidth } from './text-width.ts'
import { fontSize } from './theme.ts'

/** Below the box: a row of numbers and the axis's name. */
export const xAxisHeight = 46
const tickGap = 8

/** `wait (ms)`. */
export function axisName({ label, unit }: AxisOptions): string {
  return unit === undefined || unit === '' ? label : `${label} (${unit})`
}

export function tickLabelWidth(ticks: readonly Tick[]): number {
  return Math.max(0, ...ticks.map((tick) => textWidth(tick.text, fontSize.tick)))
}

export function yAxisWidth(ticks: readonly Tick[]): number {
  return Math.ceil(tickLabelWidth(ticks)) + tickGap
}

/** As many ticks as have room for their numbers. */
function xTicks(scale: Scale, width: number): Tick[] {
  for (let most = Math.max(1, Math.floor(width / 60)); most > 1; most--) {
    const ticks = scale.ticks(most)
    if (haveRoom(ticks, scale, width)) return ticks
  }
  return scale.ticks(1)
}

function haveRoom(ticks: readonly Tick[], scale: Scale, width: number): boolean {
  let free = -Infinity
  for (const tick of ticks) {
    const center = scale.place(tick.value) * width
    const half = textWidth(tick.text, fontSize.tick) / 2
    if (center - half < free) return false
    free = center + half + 14
  }
  return true
}

export function drawYAxis(scale: Scale, ticks: readonly Tick[], box: Box): Markup[] {
  return ticks.flatMap((tick) => {
    const y = crisp(box.bottom - scale.place(tick.value) * (box.bottom - box.top))
    const isZero = tick.value === 0 && y < crisp(box.bottom)
    return [
      element('path', { class: isZero ? 'axis' : 'grid', d: `M${box.left} ${y}H${box.right}` }),
      element('text', { class: 'tick end', x: box.left - tickGap, y: y + 4 }, text(tick.text)),
    ]
  })
}

export function drawXAxis(scale: Scale, options: AxisOptions, box: Box): Markup[] {
  const ticks = xTicks(scale, box.right - box.left)
  const marks = ticks.map((tick) => ({ x: crisp(box.left + scale.place(tick.value) * (box.right - box.left)), tick }))
  const bottom = crisp(box.bottom)
  const name = fitText(axisName(options), fontSize.tick, box.right - box.left)
  return [
    element('path', {
      class: 'axis',
      d: `M${box.left} ${bottom}H${box.right}${marks.map(({ x }) => `M${x} ${bottom}v5`).join('')}`,
    }),
    ...marks.map(({ x, tick }) => element('text', { class: 'tick middle', x, y: box.bottom + 19 }, text(tick.text))),
    element('text', { class: 'soft end', x: box.right, y: box.bottom + 38 }, text(name)),
  ]
}

/** The middle of a pixel, where a line of one pixel is sharp. */
function crisp(position: number): number {
  return Math.floor(position) + 0.5
}
