/**
 * A report as one HTML file: no script, nothing fetched, and a policy that allows neither. Every text is escaped; `code` in
 * backticks is the only thing that is read in it. Figures are drawn twice, for wide and for narrow screens: scaled down, their
 * texts could not be read.
 */
import { assert } from '../assert.ts'
import { drawFigure, type Figure } from './figure.ts'
import { element, join, type Markup, text } from './markup.ts'
import { isQuantity, numberText } from './number-text.ts'
import { pageStyle } from './page-style.ts'

export interface Page {
  readonly title: string
  readonly lead?: string
  readonly sections: readonly Section[]
  readonly footer?: string
}

export interface Section {
  readonly heading: string
  /** A word, unique in the page, for links. Sections that have one are listed at the top of the page. */
  readonly id?: string
  /** In that list, behind the heading. */
  readonly summary?: string
  /** A word or two, and what is to be said of it. */
  readonly facts?: readonly Fact[]
  readonly paragraphs?: readonly string[]
  readonly figures?: readonly Figure[]
  readonly tables?: readonly Table[]
  /** Under what is above. */
  readonly notes?: readonly string[]
  /** Last, and closed until somebody opens it. Its caption is what can be seen. */
  readonly details?: Table & { readonly caption: string }
}

export interface Fact {
  readonly term: string
  readonly texts: readonly string[]
}

export interface Table {
  readonly caption?: string
  readonly head: readonly string[]
  /** Numbers get separators and three significant digits; who wants others gives a text. */
  readonly rows: readonly (readonly (string | number)[])[]
  /** By default columns of nothing but numbers and quantities go to the right. */
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
    ...drawContents(page.sections),
    ...page.sections.map(drawSection),
  ]
  const footer = page.footer === undefined ? [] : [element('footer', {}, inline(page.footer))]
  const parts = [block('head', head), block('body', [block('main', body), ...footer])]
  return `<!doctype html>\n${element('html', { lang: 'en' }, join(parts, '\n'))}\n`
}

function drawContents(sections: readonly Section[]): Markup[] {
  const items = sections.flatMap(({ id, heading, summary }) => {
    if (id === undefined) return []
    const link = element('a', { href: `#${id}` }, inline(heading))
    const said = summary === undefined || summary === '' ? [] : [element('span', {}, inline(summary))]
    return [element('li', {}, link, ...said)]
  })
  return items.length === 0 ? [] : [element('nav', { 'aria-label': 'Contents' }, block('ol', items))]
}

function drawSection(section: Section): Markup {
  const { heading, id, facts = [], paragraphs = [], figures = [], tables = [], notes = [], details } = section
  return element(
    'section',
    { id },
    join(
      [
        '' as Markup,
        element('h2', {}, inline(heading)),
        ...(facts.length === 0 ? [] : [block('dl', facts.flatMap(drawFact))]),
        ...paragraphs.map((paragraph) => element('p', {}, inline(paragraph))),
        ...figures.map(drawBothWays),
        ...tables.map((table) => drawTable(table, table.caption ?? heading)),
        ...notes.map((note) => element('p', { class: 'note' }, inline(note))),
        ...(details === undefined ? [] : [drawDetails(details)]),
        '' as Markup,
      ],
      '\n',
    ),
  )
}

function drawDetails({ caption, ...table }: Table & { readonly caption: string }): Markup {
  return element('details', {}, element('summary', {}, inline(caption)), drawTable(table, caption))
}

function drawFact({ term, texts }: Fact): Markup[] {
  return [element('dt', {}, inline(term)), ...texts.map((one) => element('dd', {}, inline(one)))]
}

const wideFigure = 720
const narrowFigure = 400

function drawBothWays(figure: Figure): Markup {
  const wide = element('div', { class: 'wide' }, drawFigure(figure, wideFigure) as Markup)
  const narrow = element('div', { class: 'narrow' }, drawFigure(figure, narrowFigure) as Markup)
  return element('figure', {}, wide, narrow)
}

/** The region can be reached by keyboard: where the table is wider than the screen, it scrolls. */
function drawTable(table: Table, name: string): Markup {
  const { caption, head, rows } = table
  for (const row of rows) {
    assert(row.length === head.length, `a row of ${row.length} cells in a table of ${head.length} columns`)
  }
  const columns = head.map((_, index) => table.align?.[index] ?? usualAlign(rows.map((row) => row[index] ?? '')))
  const classOf = (index: number): string | undefined => (columns[index] === 'right' ? 'right' : undefined)
  const headCells = head.map((cell, index) => element('th', { scope: 'col', class: classOf(index) }, inline(cell)))
  const bodyRows = rows.map((row) => {
    return element('tr', {}, ...row.map((cell, index) => element('td', { class: classOf(index) }, cellText(cell))))
  })
  const title = caption === undefined ? [] : [element('p', { class: 'caption' }, inline(caption))]
  const parts = [block('thead', [element('tr', {}, ...headCells)]), block('tbody', bodyRows)]
  const region = { class: 'table', role: 'region', 'aria-label': name, tabindex: '0' }
  return join([...title, element('div', region, block('table', parts))], '\n')
}

function usualAlign(cells: readonly (string | number)[]): Align {
  const areQuantities = cells.every((cell) => typeof cell === 'number' || isQuantity(cell))
  return cells.length > 0 && areQuantities ? 'right' : 'left'
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
