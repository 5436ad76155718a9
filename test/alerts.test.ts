/**
 * The alert rules in examples/, each fired once and each not fired by what only looks like it, from pages that the real
 * exporter printed: a fake pooler lives in virtual time and is scraped 120 times, every 15 s.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Feed } from '../src/monitor/feed.ts'
import { LoopDelay } from '../src/monitor/loop-delay.ts'
import type { MonitorSource } from '../src/monitor/monitor-snapshot.ts'
import { countersOf, engineSnapshot, fakeSource, poolFigures } from './support/monitor-source.ts'
import { Scrapes, secondsOf } from './support/promql.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for: string
}

interface Moment {
  readonly isDown?: boolean
  readonly isListening?: boolean
  readonly isDraining?: boolean
  readonly waiting?: number
  readonly maxwaitS?: number
  /** The share of the pool that has been leased since the moment before. */
  readonly utilisation?: number
  /** In all, until now. */
  readonly openFailures?: number
  readonly clients?: number
  readonly certificateDays?: number
}

const file = join(import.meta.dirname, '../examples/prometheus/alerts.yml')
const { groups } = Bun.YAML.parse(readFileSync(file, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const hourS = 3_600
const target = { job: 'taxirank', instance: 'here:6433' }

/** A pooler whose life is a function of time in seconds. */
class Life {
  readonly #momentAt: (atS: number) => Moment
  readonly #feed: Feed
  #atS = 0
  #heldMs = 0

  constructor(momentAt: (atS: number) => Moment) {
    this.#momentAt = momentAt
    const clocks = { now: () => this.#atS * 1_000, wall: () => this.#atS * 1_000 }
    this.#feed = new Feed(this.#source(), clocks, new LoopDelay(100, 0))
  }

  /** What a scrape at this instant gets. */
  page(atS: number): string | undefined {
    const moment = this.#momentAt(atS)
    this.#heldMs += (atS - this.#atS) * 1_000 * 20 * (moment.utilisation ?? 0.5)
    this.#atS = atS
    return moment.isDown ? undefined : this.#feed.metrics()
  }

  #source(): MonitorSource {
    const source = fakeSource(() => ({
      pools: this.#pools(),
      isDraining: this.#now.isDraining ?? false,
      isListening: this.#now.isListening ?? true,
    }))
    return {
      ...source,
      figures: { ...source.figures, lists: () => ({ ...source.figures.lists(), clients: this.#now.clients ?? 50 }) },
      certificates: () => [
        { name: 'client_tls_cert_file', expiresAtMs: (this.#atS + (this.#now.certificateDays ?? 60) * 86_400) * 1_000 },
      ],
    }
  }

  get #now(): Moment {
    return this.#momentAt(this.#atS)
  }

  #pools() {
    const { waiting = 0, maxwaitS = 0, openFailures = 0 } = this.#now
    const snapshot = engineSnapshot({
      takenAtMs: this.#atS * 1_000,
      heldMs: this.#heldMs,
      counters: countersOf({ openFailures }),
    })
    const clients = { ...poolFigures().clients, waiting }
    return [poolFigures({ clients, longestWaitMs: maxwaitS * 1_000, snapshot }), calmPool]
  }
}

/** Beside the one that a test is about: no alert is to name it. */
const calmPool = poolFigures({
  database: 'other',
  clients: { ...poolFigures().clients, waiting: 0 },
  longestWaitMs: 0,
  snapshot: engineSnapshot({ name: 'other' }),
})

/** When each alert begins to fire, and for which database (empty: for none in particular). */
function fired(momentAt: (atS: number) => Moment, everyS = 15): Record<string, [atS: number, database: string]> {
  const life = new Life(momentAt)
  const scrapes = new Scrapes(...rules.map(({ expr }) => expr))
  const activeSince = new Map<string, number>()
  const firing: Record<string, [number, string]> = {}
  for (let atS = everyS; atS <= everyS * 120; atS += everyS) {
    scrapes.add(atS, life.page(atS), target)
    for (const rule of rules) {
      const active = scrapes.evaluate(rule.expr, atS).map(({ labels }) => labels['database'] ?? '')
      for (const database of ['', 'shop', 'other']) {
        const key = `${rule.alert} ${database}`
        if (!active.includes(database)) activeSince.delete(key)
        else if (!activeSince.has(key)) activeSince.set(key, atS)
        if (atS - (activeSince.get(key) ?? atS) >= secondsOf(rule.for)) firing[rule.alert] ??= [atS, database]
      }
    }
  }
  return firing
}

/** Something that begins after ten minutes. */
const from = (beginS: number, moment: (sinceS: number) => Moment) => (atS: number) =>
  atS < beginS ? {} : moment(atS - beginS)
const begin = 600

describe('the alert rules', () => {
  const cases: [alert: string, life: (atS: number) => Moment, atS: number, database: string, everyS?: number][] = [
    ['TaxirankDown', from(begin, () => ({ isDown: true })), begin + 60, ''],
    ['TaxirankNotReady', from(begin, () => ({ isListening: false })), begin + 60, ''],
    ['TaxirankNotReady', from(begin, () => ({ isDraining: true })), begin + 60, ''],
    [
      'TaxirankServerLoginsFailing',
      from(begin, (sinceS) => ({ openFailures: 1 + Math.floor(sinceS / 15) })),
      begin + 180,
      'shop',
    ],
    ['TaxirankClientsWaiting', from(begin, (sinceS) => ({ waiting: 1 + sinceS / 15 })), begin + 300, 'shop'],
    ['TaxirankMaxwaitGrowing', from(begin, (sinceS) => ({ maxwaitS: sinceS })), begin + 315, 'shop'],
    ['TaxirankClientsNearLimit', from(begin, () => ({ clients: 91 })), begin + 300, ''],
    ['TaxirankCertificateExpires', from(begin, () => ({ certificateDays: 13 })), begin + 3_600, '', 60],
  ]
  for (const [alert, life, atS, database, everyS] of cases) {
    it(`${alert} fires when it should, for whom it should, and alone`, () => {
      assert.deepEqual(fired(life, everyS), { [alert]: [atS, database] })
    })
  }

  it('TaxirankUtilisationHigh fires when more than 80 % has been leased for ten minutes', () => {
    const { TaxirankUtilisationHigh: high, ...others } = fired(from(begin, () => ({ utilisation: 0.9 })))
    assert.deepEqual(others, {})
    assert.equal(high?.[1], 'shop')
    assert.ok(high[0] > begin + 600 && high[0] <= begin + 600 + 300, `fired after ${high[0] - begin} s`)
  })

  it('has each fired by one of these', () => {
    const tested = [...cases.map(([alert]) => alert), 'TaxirankUtilisationHigh']
    assert.deepEqual(new Set(tested), new Set(rules.map(({ alert }) => alert)))
  })

  const healthy: [what: string, life: (atS: number) => Moment][] = [
    ['nothing happens', () => ({})],
    ['some wait now and then', (atS) => ({ waiting: atS % 60 === 0 ? 7 : 0, maxwaitS: atS % 60 === 0 ? 0.4 : 0 })],
    ['a constant number waits for a constant time', () => ({ waiting: 5, maxwaitS: 3 })],
    ['a queue is being served', from(begin, (sinceS) => ({ waiting: Math.max(0, 200 - sinceS / 3), maxwaitS: 0.9 }))],
    ['waits grow but stay short', (atS) => ({ maxwaitS: atS / hourS })],
    ['a pool is used to 79 %', () => ({ utilisation: 0.79 })],
    ['a pool is full for five minutes', (atS) => ({ utilisation: atS > begin && atS <= begin + 300 ? 1 : 0.3 })],
    ['a server refuses three logins', from(begin, () => ({ openFailures: 3 }))],
    ['the pooler is restarted', (atS) => ({ isDown: atS > begin && atS <= begin + 45 })],
    ['a certificate is good for 15 days', () => ({ certificateDays: 15 })],
    ['90 % of max_client_conn is used', () => ({ clients: 90 })],
  ]
  for (const [what, life] of healthy) {
    it(`are silent while ${what}`, () => {
      assert.deepEqual(fired(life), {})
    })
  }
})

describe('the evaluator', () => {
  const scrapes = new Scrapes('c', 'g')
  for (let count = 0; count <= 20; count++) {
    const page = `c{a="x\\"y"} ${count < 10 ? count * 3 : (count - 10) * 3}\ng ${count ** 2}\n`
    scrapes.add(count * 15, page, { job: 'j' })
  }
  const valueOf = (expression: string): number[] => scrapes.evaluate(expression, 300).map(({ value }) => value)

  it('counts on over a counter’s reset, and extrapolates', () => {
    assert.deepEqual(valueOf('increase(c[1m])'), [12])
    assert.deepEqual(valueOf('rate(c[5m])'), [(9 * 3 + 10 * 3) / 300])
  })

  it('takes slopes, least values, quotients and what both sides have', () => {
    assert.deepEqual(
      valueOf('deriv(g[1m])').map((value) => Math.round(value * 1e6) / 1e6),
      [2.4],
    )
    assert.deepEqual(valueOf('min_over_time(g[1m])'), [256])
    assert.deepEqual(valueOf('g / g'), [1])
    assert.deepEqual(
      [valueOf('g > 399 and g < 401'), valueOf('g > 1 and g > 400'), valueOf('g and c')],
      [[400], [], []],
    )
    assert.deepEqual(valueOf('up{job="j"} == 1'), [1])
  })

  it('refuses what it does not know', () => {
    for (const expression of ['sum(g)', 'g or c', 'g > c', 'irate(c[1m])', 'rate(c[1m)', 'g offset 1m', 'c{a!="x"}']) {
      assert.throws(() => valueOf(expression), expression)
    }
  })

  it('does not see what the last scrape did not bring', () => {
    const gone = new Scrapes('g')
    gone.add(0, 'g 1\n', {})
    gone.add(15, undefined, {})
    assert.deepEqual([gone.evaluate('g', 15), gone.evaluate('up', 15).map(({ value }) => value)], [[], [0]])
  })
})
