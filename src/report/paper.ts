/** The sheet that plots and bars are drawn on: background, title, subtitle, legend, and the words for those who can't see it. */
import { assert } from '../assert.ts'
import { element, join, type Markup, text } from './markup.ts'
import { fitText, textWidth, wrapText } from './text-width.ts'
import { colorClass, fontSize, plotStyle } from './theme.ts'

export const margin = 20

/** What a name in a legend stands for. */
export interface Key {
  readonly name: string
  readonly color: number
  /** Draws the sample, 20 pixels wide, with its middle on y = 0. */
  readonly sample: () => Markup
}

/** Something drawn from the top down: where it ends is where the next thing begins. */
export interface Block {
  readonly markup: readonly Markup[]
  readonly bottom: number
}

interface Sheet {
  readonly width: number
  readonly height: number
  readonly title: string
  readonly description: string
}

export function drawSheet(sheet: Sheet, content: readonly Markup[]): string {
  const { width, height } = sheet
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    class: 'tx',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
  }
  const parts = [
    element('title', {}, text(sheet.title)),
    element('desc', {}, text(sheet.description)),
    plotStyle,
    element('rect', { class: 'paper', width, height, rx: 8 }),
    ...content,
  ]
  return `${element('svg', attributes, join(['' as Markup, ...parts, '' as Markup], '\n'))}\n`
}

export function assertWidth(width: number): void {
  assert(width >= 240 && width <= 4000, `a figure of ${width} pixels can't be drawn: 240 to 4000 are possible`)
}

export function drawHeader(title: string, subtitle: string | undefined, width: number): Block {
  const room = width - 2 * margin
  const markup: Markup[] = []
  let bottom = margin - 6
  for (const line of wrapText(title, fontSize.title * 1.08, room)) {
    bottom += 23
    markup.push(element('text', { class: 'title', x: margin, y: bottom - 4 }, text(line)))
  }
  for (const line of wrapText(subtitle ?? '', fontSize.tick, room)) {
    bottom += 18
    markup.push(element('text', { class: 'soft', x: margin, y: bottom - 3 }, text(line)))
  }
  return { markup, bottom: bottom + 8 }
}

/** Rows of names with a sample of each. Without keys it takes no room. */
export function drawLegend(keys: readonly Key[], width: number, top: number): Block {
  const markup: Markup[] = []
  const sampleWidth = 27
  let x = margin
  let y = top + 10
  for (const key of keys) {
    const name = fitText(key.name, fontSize.label, width - 2 * margin - sampleWidth)
    const room = sampleWidth + textWidth(name, fontSize.label)
    if (x > margin && x + room > width - margin) {
      x = margin
      y += 20
    }
    const sample = element('g', { class: colorClass(key.color), transform: `translate(${x} ${y})` }, key.sample())
    markup.push(sample, element('text', { x: x + sampleWidth, y: y + 4.5 }, text(name)))
    x = Math.round(x + room + 18)
  }
  return { markup, bottom: keys.length === 0 ? top : y + 16 }
}
