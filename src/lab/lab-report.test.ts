/** The page and the summary of one and the same results. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { labPage } from './lab-page.ts'
import { labText } from './lab-text.ts'
import type { ExperimentResult, LabResults } from './results.ts'
import { tookText } from './run-words.ts'

const waited: ExperimentResult = {
  name: 'waiting',
  title: 'Who waits',
  question: 'Who waits?',
  articles: 'Everybody.',
  state: 'measured',
  problem: null,
  tookMs: 1_234,
  prediction: { text: 'Nobody, by `sizing`.', figures: { waiting: 0 } },
  headline: 'Two wait.',
  answer: 'Two of <three> wait for 12 ms.',
  surprises: ['One was <quick>.'],
  remarks: ['Only on Tuesdays.'],
  setup: { clients: 1_000, 'warm-up': '100 ms' },
  measurements: [],
  tables: [{ caption: 'Waits', head: ['who', 'wait'], rows: [['a', '12 ms']] }],
  plots: [{ kind: 'bars', title: 'Waits by who', series: [{ name: 'wait' }], groups: [{ label: 'a', values: [NaN] }] }],
}
const failed: ExperimentResult = {
  ...waited,
  name: 'failing',
  title: 'Who fails',
  state: 'failed',
  problem: 'the server is gone',
  prediction: null,
  headline: '',
  answer: '',
  surprises: [],
  plots: [],
  tables: [],
}
const results: LabResults = {
  format: 1,
  taxirank: '1.2.3',
  startedAt: '2026-02-03T04:05:06.789Z',
  tookMs: 252_000,
  isQuick: false,
  isComplete: false,
  machine: {
    cores: 2,
    processor: 'P',
    memoryBytes: 2 ** 33,
    system: 'Linux 6',
    loadAverage: 0.1,
    runtime: 'Bun 1',
    driver: 'pg 8',
  },
  database: {
    kind: 'given',
    address: 'postgres://a@h:5432/d',
    version: '18.4',
    isLocal: false,
    cores: null,
    maxConnections: 100,
    reservedConnections: 3,
    connectionLimit: null,
    otherConnections: 0,
    settings: { work_mem: '4MB' },
  },
  experiments: [waited, failed],
}

describe('the page', () => {
  const page = labPage(results)

  it('lists the experiments with what was found, or why nothing was', () => {
    assert.deepEqual(page.match(/<li>.*<\/li>/g), [
      '<li><a href="#waiting">Who waits</a><span>Two wait.</span></li>',
      '<li><a href="#failing">Who fails</a><span>Not measured: the server is gone</span></li>',
    ])
    assert.match(
      page,
      /<p class="lead">2 experiments on PostgreSQL 18\.4 \(the one at postgres:\/\/a@h:5432\/d\), on 2 cores, in 4 min 12 s; a whole run\..* Not all of it came to its end\.<\/p>/,
    )
  })

  it('says of each question, articles, prediction, finding and surprise, in this order', () => {
    const facts = [...page.matchAll(/<dt>(.*?)<\/dt>\n<dd>(.*?)<\/dd>/g)].map(([, term, text]) => `${term}: ${text}`)
    assert.deepEqual(facts, [
      'Question: Who waits?',
      'The articles: Everybody.',
      'Predicted: Nobody, by <code>sizing</code>.',
      'Measured: Two of &lt;three&gt; wait for 12 ms.',
      'Surprising: One was &lt;quick&gt;.',
      'Question: Who waits?',
      'The articles: Everybody.',
      'Not measured: the server is gone',
    ])
    assert.match(page, /<p class="note">How it was measured: clients: 1,000; warm-up: 100 ms\.<\/p>/)
  })

  it('tells the circumstances', () => {
    assert.match(page, /<td>work_mem<\/td><td>4MB<\/td>/)
    assert.match(page, /runs on another machine than the database/)
  })
})

describe('the summary', () => {
  it('is the same in a few lines', () => {
    assert.equal(
      labText(results),
      '\nPostgreSQL 18.4 at postgres://a@h:5432/d, 2 experiments in 4 min 12 s, not all to their end.\n' +
        '\nWho waits\n  Two of <three> wait for 12 ms.\n  Surprising: One was <quick>.\n' +
        '\nWho fails\n  Not measured: the server is gone\n',
    )
  })
})

describe('how long it took', () => {
  it('is in minutes from one on', () => {
    assert.deepEqual([400, 59_499, 60_000, 252_000].map(tookText), ['0 s', '59 s', '1 min 0 s', '4 min 12 s'])
  })
})
