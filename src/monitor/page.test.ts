/** The page's script, run in a document that knows just what it uses: what it shows is what a browser would show. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import {
  countersOf,
  engineSnapshot,
  type Fake,
  fakeSource,
  histogramOf,
  poolFigures,
} from '../../test/support/monitor-source.ts'
import { type MonitorSnapshot, takeSnapshot } from './monitor-snapshot.ts'
import { page, pagePolicy } from './page.ts'
import { pageScript } from './page-script.ts'
import type { Utilisation } from './utilisation.ts'

/** Text is text here and never read as HTML: there is no `innerHTML`. */
class FakeElement {
  readonly tag: string
  className = ''
  hidden = false
  readonly attributes: Record<string, string> = {}
  readonly style = { setProperty: (name: string, value: string) => (this.attributes[name] = value) }
  #children: (FakeElement | string)[] = []

  constructor(tag: string) {
    this.tag = tag
    Object.preventExtensions(this)
  }

  append(...children: (FakeElement | string)[]): void {
    this.#children.push(...children)
  }

  replaceChildren(...children: (FakeElement | string)[]): void {
    this.#children = children
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value
  }

  set textContent(text: string) {
    this.#children = [text]
  }

  get textContent(): string {
    return this.#children.map((child) => (typeof child === 'string' ? child : child.textContent)).join('')
  }

  get children(): FakeElement[] {
    return this.#children.filter((child) => child instanceof FakeElement)
  }

  /** Itself and all below. */
  get all(): FakeElement[] {
    return [this, ...this.children.flatMap((child) => child.all)]
  }
}

/** A browser that has the page open; `fetch` answers what the test says. */
class Browser {
  readonly byId = new Map<string, FakeElement>()
  readonly fetched: string[] = []
  hidden = false
  #answer: MonitorSnapshot | undefined
  readonly #next: (() => Promise<void>)[] = []

  constructor() {
    for (const [, tag = '', id = ''] of page.matchAll(/<(\w+)[^>]* id="(\w+)"/g))
      this.byId.set(id, new FakeElement(tag))
  }

  /** Loads the page, or lets the two seconds pass. */
  async refresh(answer: MonitorSnapshot | undefined): Promise<void> {
    this.#answer = answer
    const step = this.#next.pop()
    if (step) await step()
    else this.#run()
    while (this.#next.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }

  #run(): void {
    const isHidden = (): boolean => this.hidden
    const document = {
      get hidden() {
        return isHidden()
      },
      getElementById: (id: string) => this.byId.get(id) ?? assert.fail(`the page has no ${id}`),
      createElement: (tag: string) => new FakeElement(tag),
    }
    const setTimeout = (next: () => Promise<void>, ms: number): void => {
      assert.equal(ms, 2_000)
      this.#next.push(next)
    }
    const fetch = async (url: string) => {
      this.fetched.push(url)
      if (this.#answer === undefined) throw new Error('connection refused')
      return { ok: true, json: async () => JSON.parse(JSON.stringify(this.#answer)) as unknown }
    }
    runInContext(pageScript, createContext({ document, setTimeout, fetch, AbortSignal }))
  }

  element(id: string): FakeElement {
    return this.byId.get(id) ?? assert.fail(`the page has no ${id}`)
  }

  /** The cells of each row, marked ones with an exclamation mark. */
  get rows(): string[][] {
    return this.element('pools').children.map((row) =>
      row.children.map((cell) => `${cell.className.includes('past') ? '! ' : ''}${cell.textContent}`),
    )
  }
}

function snapshotOf(fake: Partial<Fake>, utilisation: Utilisation, takenAtMs = 0): MonitorSnapshot {
  const process = { startedAtMs: 0, cpuUserMs: 0, cpuSystemMs: 0, residentBytes: 0, loopDelayMs: histogramOf() }
  return takeSnapshot(fakeSource(fake), { takenAtMs, process, utilisationOf: () => utilisation })
}

const unknown = { utilisation: null, utilisationOverMs: 0 }
const calm = { utilisation: 0.42, utilisationOverMs: 10_000 }
const busy = { utilisation: 0.93, utilisationOverMs: 10_000 }
const hostile = `<img src=x onerror=alert(1)>"'&</script>`

describe('the live page', () => {
  it('shows the pools with what they do now', async () => {
    const browser = new Browser()
    await browser.refresh(snapshotOf({}, unknown))
    assert.deepEqual(browser.rows, [
      ['shopapp, transaction', '–', '6 of 20', '4', '! 3', '! 12.3 ms', '6', '40', '–', '–'],
    ])
    assert.equal(browser.element('state').textContent, 'ready')
    assert.equal(browser.element('totals').textContent, 'Clients52 of 100Waiting3Servers11Pools1')
    assert.equal(browser.element('program').textContent, `Taxirank 0.1.0, Bun ${Bun.version}`)
    assert.deepEqual(browser.fetched, ['api/snapshot'])
  })

  it('refreshes, and shows rates between two snapshots', async () => {
    const browser = new Browser()
    const lent = (leases: number, ...holds: number[]) =>
      poolFigures({ snapshot: engineSnapshot({ counters: countersOf({ leases }), holdMs: histogramOf(...holds) }) })
    await browser.refresh(snapshotOf({ pools: [lent(100, 7)] }, unknown, 0))
    await browser.refresh(snapshotOf({ pools: [lent(2_600, 7, 4, 5)] }, calm, 2_000))
    assert.deepEqual(browser.rows[0]?.slice(-2), ['1,250', '4.50 ms'])
    assert.equal(browser.rows[0][1], '42 %')
    const meter = browser.element('pools').all.find(({ className }) => className === 'meter')
    assert.equal(meter?.attributes['--share'], '42.0%')
  })

  it('marks a pool past 80 %, and says why', async () => {
    const browser = new Browser()
    await browser.refresh(snapshotOf({}, { utilisation: 0.8, utilisationOverMs: 10_000 }))
    assert.equal(browser.rows.length, 1)
    await browser.refresh(snapshotOf({}, busy))
    assert.deepEqual([browser.rows[0]?.[1], browser.rows.length], ['! 93 %', 2])
    assert.match(
      browser.rows[1]?.[0] ?? '',
      /^! 93 % of this pool is leased, over the last 10\.0 s\. Past 80 % .*Kingman’s formula without bound as utilisation nears 1/,
    )
  })

  it('says why no server could be opened', async () => {
    const pool = poolFigures({ snapshot: engineSnapshot({ lastFailure: 'connection refused', state: 'paused' }) })
    const browser = new Browser()
    await browser.refresh(snapshotOf({ pools: [pool] }, calm))
    assert.equal(browser.rows[0]?.[0], 'shopapp, transaction, paused')
    assert.deepEqual(browser.rows[1], ['! No server could be opened: connection refused'])
  })

  it('marks no clients that wait where none do', async () => {
    const pool = poolFigures({ clients: { ...poolFigures().clients, waiting: 0 }, longestWaitMs: 0 })
    const browser = new Browser()
    await browser.refresh(snapshotOf({ pools: [pool] }, calm))
    assert.deepEqual(browser.rows[0]?.slice(4, 6), ['0', '0'])
  })

  it('shows hostile names as text, and builds no element from them', async () => {
    const failure = engineSnapshot({ lastFailure: hostile })
    const browser = new Browser()
    await browser.refresh(snapshotOf({ pools: [poolFigures()] }, calm))
    const tags = new Set(browser.element('pools').all.map(({ tag }) => tag))
    await browser.refresh(
      snapshotOf({ pools: [poolFigures({ database: hostile, user: hostile, snapshot: failure })] }, calm),
    )
    assert.equal(browser.rows[0]?.[0], `${hostile}${hostile}, transaction`)
    assert.equal(browser.rows[1]?.[0], `! No server could be opened: ${hostile}`)
    assert.deepEqual(new Set(browser.element('pools').all.map(({ tag }) => tag)), new Set([...tags, 'p']))
    assert.doesNotMatch(
      pageScript,
      /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|\.src\b|\.href\b/,
    )
  })

  it('says what state the pooler is in', async () => {
    const browser = new Browser()
    const states: Partial<Fake>[] = [
      { isPaused: true },
      { isListening: false },
      { isDraining: true, isListening: false },
    ]
    const words: string[] = []
    for (const state of states) {
      await browser.refresh(snapshotOf(state, calm))
      words.push(`${browser.element('state').className} ${browser.element('state').textContent}`)
    }
    assert.deepEqual(words, ['past paused', 'past not listening', 'past draining'])
  })

  it('keeps the last figures while the pooler does not answer, says so, and goes on', async () => {
    const browser = new Browser()
    await browser.refresh(snapshotOf({}, calm))
    const { rows } = browser
    const looks = () => [browser.element('lost').hidden, browser.element('figures').className]
    await browser.refresh(undefined)
    assert.deepEqual([looks(), browser.rows], [[false, 'stale'], rows])
    await browser.refresh(snapshotOf({ pools: [] }, calm))
    assert.deepEqual([looks(), browser.rows], [[true, ''], [['No pool yet: the first client makes one.']]])
  })

  it('asks for nothing while nobody sees it', async () => {
    const browser = new Browser()
    browser.hidden = true
    await browser.refresh(snapshotOf({}, calm))
    assert.deepEqual(browser.fetched, [])
  })

  it('has a policy that allows its own script and style and nothing else', () => {
    const hashes = ['script', 'style'].map((tag) => {
      const [inline = '', ...others] = [...page.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))].map(
        ([, text]) => text,
      )
      assert.deepEqual(others, [], `one ${tag}`)
      return `${tag}-src 'sha256-${createHash('sha256').update(inline).digest('base64')}'`
    })
    const allowed = ["default-src 'none'", ...hashes, "connect-src 'self'", 'img-src data:']
    const forbidden = ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    assert.deepEqual(pagePolicy.split('; '), [...allowed, ...forbidden])
    assert.doesNotMatch(page, / style="| on[a-z]+="|https?:|<script [^>]*src|url\(/)
  })
})
