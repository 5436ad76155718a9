/**
 * As much of PromQL as the alert rules in examples/ use, so that each can be fired without a Prometheus: selectors,
 * `rate`, `increase`, `deriv` and `min_over_time`, `/`, comparisons with a number, `and`. Vectors match on all labels.
 * Anything else throws. Extrapolation and resets as in Prometheus' functions.go (2.42).
 */

import { strict as assert } from 'node:assert'

interface Point {
  readonly atS: number
  readonly value: number
}

/** One series, its name among the labels as `__name__`. */
interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly points: Point[]
}

interface Element {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** How long ago the scrape before may have been. */
const lookbackS = 300
const functions = { rate, increase, deriv, min_over_time: minimum }
const isFunction = (name: string): name is keyof typeof functions => Object.hasOwn(functions, name)

export class Scrapes {
  /** By name, then by all labels. */
  readonly #series = new Map<string, Map<string, Series>>()
  readonly #scrapedAtS: number[] = []
  readonly #expressions: string

  /** What none of the expressions names isn't kept. */
  constructor(...expressions: readonly string[]) {
    this.#expressions = expressions.join(' ')
  }

  /** What Prometheus keeps of a page: its samples with the target's labels, and `up`. Undefined: nobody answered. */
  add(atS: number, page: string | undefined, target: Readonly<Record<string, string>>): void {
    this.#scrapedAtS.push(atS)
    this.#append(atS, 'up', target, page === undefined ? 0 : 1)
    for (const line of page?.split('\n') ?? []) {
      if (line === '' || line.startsWith('#')) continue
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(line)
      if (this.#expressions.includes(name)) this.#append(atS, name, { ...readLabels(labels), ...target }, Number(value))
    }
  }

  #append(atS: number, name: string, others: Series['labels'], value: number): void {
    const labels = { __name__: name, ...others }
    const key = keyOf(labels)
    const named = this.#series.get(name) ?? new Map<string, Series>()
    this.#series.set(name, named)
    const series: Series = named.get(key) ?? { labels, points: [] }
    named.set(key, series)
    series.points.push({ atS, value })
  }

  /** The value of an expression at an instant: a vector. */
  evaluate(expression: string, atS: number): Element[] {
    return new Evaluation(
      expression,
      (matchers, rangeS) => this.#select(matchers, rangeS ?? lookbackS, atS),
      atS,
    ).result()
  }

  /** A series that the last scrape did not bring is stale, and gone. */
  #select(matchers: Series['labels'], rangeS: number, atS: number): Series[] {
    const lastS = this.#scrapedAtS.findLast((scrapedAtS) => scrapedAtS <= atS) ?? -Infinity
    return [...(this.#series.get(matchers['__name__'] ?? '')?.values() ?? [])]
      .filter(({ labels }) => Object.entries(matchers).every(([name, value]) => labels[name] === value))
      .map(({ labels, points }) => ({ labels, points: points.filter((at) => at.atS <= atS && at.atS >= atS - rangeS) }))
      .filter(({ points }) => points.at(-1)?.atS === lastS)
  }
}

class Evaluation {
  readonly #tokens: string[]
  readonly #select: (matchers: Series['labels'], rangeS?: number) => Series[]
  readonly #atS: number

  constructor(expression: string, select: (matchers: Series['labels'], rangeS?: number) => Series[], atS: number) {
    this.#tokens = expression.match(/"[^"]*"|[\w.]+|==|\S/g) ?? []
    this.#select = select
    this.#atS = atS
  }

  result(): Element[] {
    let left = this.#comparison()
    while (this.#take('and')) {
      const right = new Set(this.#comparison().map(({ labels }) => matchKey(labels)))
      left = left.filter(({ labels }) => right.has(matchKey(labels)))
    }
    assert.deepEqual(this.#tokens, [], 'more than this evaluator knows')
    return left
  }

  #comparison(): Element[] {
    const left = this.#quotient()
    if (this.#take('>')) return this.#filter(left, (value, bound) => value > bound)
    if (this.#take('<')) return this.#filter(left, (value, bound) => value < bound)
    if (this.#take('==')) return this.#filter(left, (value, bound) => value === bound)
    return left
  }

  #filter(vector: Element[], holds: (value: number, bound: number) => boolean): Element[] {
    const bound = Number(this.#next())
    assert.ok(Number.isFinite(bound), 'compared with something that is no number')
    return vector.filter(({ value }) => holds(value, bound))
  }

  #quotient(): Element[] {
    const left = this.#vector()
    if (!this.#take('/')) return left
    const right = new Map(this.#vector().map(({ labels, value }) => [matchKey(labels), value]))
    return left.flatMap(({ labels, value }) => {
      const divisor = right.get(matchKey(labels))
      return divisor === undefined ? [] : [{ labels: withoutName(labels), value: value / divisor }]
    })
  }

  #vector(): Element[] {
    const name = this.#next()
    if (!this.#take('(')) {
      return this.#select(this.#matchers(name)).map(({ labels, points }) => ({
        labels,
        value: points.at(-1)?.value ?? NaN,
      }))
    }
    assert.ok(isFunction(name), `this evaluator knows no ${name}`)
    const matchers = this.#matchers(this.#next())
    this.#expect('[')
    const rangeS = secondsOf(this.#next())
    this.#expect(']')
    this.#expect(')')
    return this.#select(matchers, rangeS)
      .filter(({ points }) => points.length >= (name === 'min_over_time' ? 1 : 2))
      .map(({ labels, points }) => ({ labels: withoutName(labels), value: functions[name](points, rangeS, this.#atS) }))
  }

  #matchers(name: string): Record<string, string> {
    const matchers: Record<string, string> = { __name__: name }
    if (!this.#take('{')) return matchers
    while (!this.#take('}')) {
      const label = this.#next()
      this.#expect('=')
      matchers[label] = JSON.parse(this.#next()) as string
      this.#take(',')
    }
    return matchers
  }

  #next(): string {
    return this.#tokens.shift() ?? assert.fail('the expression ends too early')
  }

  #take(token: string): boolean {
    const is = this.#tokens[0] === token
    if (is) this.#tokens.shift()
    return is
  }

  #expect(token: string): void {
    assert.equal(this.#next(), token)
  }
}

export function secondsOf(duration: string): number {
  const [, count, unit = ''] = /^(\d+)([smh])$/.exec(duration) ?? assert.fail(`no duration: ${duration}`)
  return Number(count) * ({ s: 1, m: 60, h: 3600 }[unit] ?? NaN)
}

function rate(points: readonly Point[], rangeS: number, atS: number): number {
  return increase(points, rangeS, atS) / rangeS
}

/** Extrapolated to the ends of the range, but for no more than about a scrape's interval, and not below 0. */
function increase(points: readonly Point[], rangeS: number, atS: number): number {
  const first = points[0] ?? assert.fail()
  const last = points.at(-1) ?? assert.fail()
  const sum = points.reduce((total, { value }, at) => {
    const before = points[at - 1]?.value ?? value
    return total + (value < before ? value : value - before)
  }, 0)
  const sampledS = last.atS - first.atS
  const intervalS = sampledS / (points.length - 1)
  const zeroS = sum > 0 && first.value >= 0 ? sampledS * (first.value / sum) : Infinity
  const toStartS = Math.min(first.atS - (atS - rangeS), zeroS)
  const reach = (gapS: number): number => (gapS < intervalS * 1.1 ? gapS : intervalS / 2)
  return (sum * (sampledS + reach(toStartS) + reach(atS - last.atS))) / sampledS
}

/** The slope of the least squares. */
function deriv(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const atS = mean((point) => point.atS)
  const value = mean((point) => point.value)
  return mean((point) => (point.atS - atS) * (point.value - value)) / mean((point) => (point.atS - atS) ** 2)
}

function minimum(points: readonly Point[]): number {
  return Math.min(...points.map(({ value }) => value))
}

function readLabels(text: string): Record<string, string> {
  const labels = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
  const unescape = (value: string): string => value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
  return Object.fromEntries(labels.map(([, name = '', value = '']) => [name, unescape(value)]))
}

function withoutName(labels: Series['labels']): Series['labels'] {
  const { __name__: _, ...others } = labels
  return others
}

function matchKey(labels: Series['labels']): string {
  return keyOf(withoutName(labels))
}

function keyOf(labels: Series['labels']): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)))
}
