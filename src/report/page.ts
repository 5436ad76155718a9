/**
 * A report as one HTML file: no script, nothing fetched, and a policy that allows neither. Every text is escaped; `code` in
 * backticks is the only thing that is read in it.
 */
import { assert } from '../assert.ts'
import { element, join, type Markup, text } from './markup.ts'
import { numberText } from './number-text.ts'
import { pageStyle } from './page-style.ts'

export interface Page {
  readonly title: string
  readonly lead?: string
  readonly sections: readonly Section[]
  readonly footer?: string
}

export interface Section {
  readonly heading: string
  readonly paragraphs?: readonly string[]
  /** SVG of this folder, put in as it is. */
  readonly figures?: readonly string[]
  readonly table?: Table
}

export interface Table {
  readonly head: readonly string[]
  /** Numbers get separators and three significant digits; who wants others gives a text. */
  readonly rows: readonly (readonly (string | number)[])[]
  /** By default columns of nothing but numbers go to the right. */
  readonly align?: readonly Align[]
}

type Align = 'left' | 'right'

const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

/** A page that loads nothing. Texts are escaped, but that backticks make code; throws for a row that does not fit its table. */
export function htmlPage(page: Page): string {
  const head = [
    element('meta', { charset: 'utf-8' }),
    element('meta', { 'http-equiv': 'Content-Security-Policy', content: policy }),
    element('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
    element('title', {}, text(page.title)),
    pageStyle,
  ]
  const body = [
    element('h1', {}, inline(page.title)),
    ...(page.lead === undefined ? [] : [element('p', { class: 'lead' }, inline(page.lead))]),
    ...page.sections.map(drawSection),
  ]
  const footer = page.footer === undefined ? [] : [element('footer', {}, inline(page.footer))]
  const parts = [block('head', head), block('body', [block('main', body), ...footer])]
  return `<!doctype html>\n${element('html', { lang: 'en' }, join(parts, '\n'))}\n`
}

function drawSection({ heading, paragraphs = [], figures = [], table }: Section): Markup {
  return block('section', [
    element('h2', {}, inline(heading)),
    ...paragraphs.map((paragraph) => element('p', {}, inline(paragraph))),
    ...figures.map((svg) => element('figure', {}, figure(svg))),
    ...(table === undefined ? [] : [drawTable(table, heading)]),
  ])
}

function figure(svg: string): Markup {
  assert(svg.startsWith('<svg ') && svg.endsWith('</svg>\n'), `a figure is not an SVG of svgPlot or svgBars`)
  return svg as Markup
}

/** The region can be reached by keyboard: where the table is wider than the screen, it scrolls. */
function drawTable(table: Table, heading: string): Markup {
  const { head, rows } = table
  for (const row of rows) {
    assert(row.length === head.length, `a row of ${row.length} cells in a table of ${head.length} columns`)
  }
  const columns = head.map((_, index) => table.align?.[index] ?? usualAlign(rows.map((row) => row[index] ?? '')))
  const classOf = (index: number): string | undefined => (columns[index] === 'right' ? 'right' : undefined)
  const headCells = head.map((cell, index) => element('th', { scope: 'col', class: classOf(index) }, inline(cell)))
  const bodyRows = rows.map((row) => {
    return element('tr', {}, ...row.map((cell, index) => element('td', { class: classOf(index) }, cellText(cell))))
  })
  const parts = [block('thead', [element('tr', {}, ...headCells)]), block('tbody', bodyRows)]
  const region = { class: 'table', role: 'region', 'aria-label': heading, tabindex: '0' }
  return element('div', region, block('table', parts))
}

function usualAlign(cells: readonly (string | number)[]): Align {
  return cells.length > 0 && cells.every((cell) => typeof cell === 'number') ? 'right' : 'left'
}

function cellText(cell: string | number): Markup {
  return typeof cell === 'number' ? text(numberText(cell)) : inline(cell)
}

/** Backticks in pairs are code; one that is left over is a backtick. */
function inline(content: string): Markup {
  const parts = content.split(/`([^`]+)`/)
  return join(parts.map((part, index) => (index % 2 === 1 ? element('code', {}, text(part)) : text(part))))
}

function block(name: string, children: readonly Markup[]): Markup {
  return element(name, {}, join(['' as Markup, ...children, '' as Markup], '\n'))
}
