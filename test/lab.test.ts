/** `taxirank lab --quick`, whole, on the embedded PostgreSQL: what is found, in which direction; the report, in a real browser; what is left. */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ExperimentResult, LabResults, Measurement } from '../src/lab/results.ts'
import { Browser } from './support/browser.ts'
import { needs } from './support/tools.ts'

const root = join(import.meta.dirname, '..')
const quickLimitMs = 240_000
const names = [
  'hello',
  'per-request',
  'waves',
  'sweep',
  'utilisation',
  'little',
  'thousand',
  'backend',
  'starvation',
  'serverless',
  'saturation',
  'shortener',
]

const folder = mkdtempSync(join(tmpdir(), 'taxirank-test-lab-'))
// Also for the OS user that PostgreSQL runs as.
chmodSync(folder, 0o711)
let said = ''
let results = { experiments: [] } as unknown as LabResults
let left: string[] = []

after(() => rmSync(folder, { recursive: true, force: true }))

function experiment(name: string): ExperimentResult {
  const found = results.experiments.find((one) => one.name === name)
  assert.ok(found, `there is no experiment ${name}`)
  return found
}

function measured(of: string, name: string): Measurement {
  const { measurements } = experiment(of)
  const found = measurements.find((one) => one.name === name)
  assert.ok(found, `${of} has no "${name}", but ${measurements.map((one) => one.name).join(', ')}`)
  return found
}

function median(of: string, name: string): number {
  const { median: value } = measured(of, name)
  assert.ok(value !== null, `${of}: nothing was measured of "${name}"`)
  return value
}

describe('a quick run of the lab', () => {
  /** It takes a minute, and all other tests look at what it gave; a hook would have no time for it. */
  it('ends well', { timeout: quickLimitMs }, async () => {
    const command = [join(root, 'bin/taxirank'), 'lab', '--quick']
    const env = { ...process.env, TMPDIR: folder }
    const child = Bun.spawn(command, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    said = out
    assert.equal(await child.exited, 0, out + err)
    left = readdirSync(folder).filter((name) => name !== 'lab-report')
    results = JSON.parse(readFileSync(join(folder, 'lab-report/results.json'), 'utf8')) as LabResults
  })

  it('measures all that there is, in its order, and leaves nothing', () => {
    assert.deepEqual(
      results.experiments.map(({ name, state, problem }) => [name, state, problem]),
      names.map((name) => [name, 'measured', null]),
    )
    assert.deepEqual([results.isQuick, results.isComplete, results.database.kind, left], [true, true, 'embedded', []])
  })

  it('writes results as their schema says, without a name twice in an experiment', () => {
    const schema = JSON.parse(readFileSync(join(root, 'docs/lab-results.schema.json'), 'utf8')) as object
    const validate = new Ajv2020({ allErrors: true, strict: false }).compile(schema)
    assert.ok(validate(results), JSON.stringify(validate.errors?.slice(0, 5), undefined, 1))
    for (const { name, measurements } of results.experiments) {
      assert.deepEqual([name, measurements.length], [name, new Set(measurements.map((one) => one.name)).size])
    }
  })

  it('says of each what it expected and what it found, on the terminal, too', () => {
    for (const { name, prediction, answer, title } of results.experiments) {
      assert.ok(prediction !== null && prediction.text.length > 20, `${name} predicts nothing`)
      assert.ok(answer.length > 20, `${name} finds nothing`)
      assert.ok(said.includes(`\n${title}\n`), `${name} isn't told`)
      assert.doesNotMatch(JSON.stringify([answer, prediction.text]), /NaN|undefined|Infinity/)
    }
    assert.match(said, /The report: lab-report\/index\.html, and its numbers: lab-report\/results\.json\n$/)
  })
})

describe('what the lab finds', () => {
  it('hello: as many round trips as the protocol says', () => {
    assert.deepEqual(
      [median('hello', 'SCRAM, TLS 1.3 round trips'), median('hello', 'SCRAM, TLS 1.2 round trips')],
      [7, 8],
    )
  })

  it('per-request: a connection that is kept beats one for each request, for both queries', () => {
    for (const query of ['lookup', '1 ms']) {
      const [kept, fresh] = [`pooled ${query}`, `per request ${query}`]
      assert.ok(median('per-request', `${kept} p50`) < median('per-request', `${fresh} p50`))
      assert.ok(median('per-request', `${kept} throughput`) > median('per-request', `${fresh} throughput`))
      assert.ok(median('per-request', `${fresh} opening`) > 0.1)
    }
  })

  it('waves: with a limit nobody fails and the steps are there; without one those past it fail', () => {
    assert.deepEqual(measured('waves', 'capped failures').highest, 0)
    assert.deepEqual(measured('waves', 'lookup, at most 5 failures').highest, 0)
    assert.ok(median('waves', 'past the limit failures') > 0)
    const [steps, size] = [median('waves', 'steps of the capped wave'), median('waves', 'size of a step')]
    assert.ok(steps >= 8 && steps <= 12, `${steps} steps`)
    assert.equal(size, 20)
  })

  it('sweep: four connections for each core reach nine tenths of the best, and beyond the limit the server refuses', () => {
    const share = median('sweep', 'share of the best throughput at 4 × cores')
    assert.ok(share >= 0.9, `${share}`)
    assert.ok(
      experiment('sweep').measurements.some(
        ({ name, median: refused }) => name.startsWith('attempts refused') && (refused ?? 0) > 0,
      ),
    )
    assert.equal(measured('sweep', 'throughput at 1').rounds.length, 3)
  })

  it('utilisation: the wait rises past 80 %', () => {
    for (const pool of ['1 connection', '4 connections']) {
      const wait = (percent: number): number => median('utilisation', `mean wait at ${percent}%, ${pool}`)
      const full = (wait(90) + wait(95) + wait(98)) / 3
      assert.ok(full > wait(80) && wait(80) > wait(30), `${pool}: ${[30, 50, 70, 80, 90, 95, 98].map(wait).join(', ')}`)
    }
  })

  it('little: what is counted is what the law says', () => {
    for (const { name, median: counted } of experiment('little').measurements) {
      if (!name.startsWith('counted')) continue
      const reckoned = median('little', name.replace('counted', 'reckoned'))
      assert.ok(Math.abs((counted ?? NaN) / reckoned - 1) < 0.25, `${name}: ${counted} and ${reckoned}`)
    }
  })

  it('thousand: straight most are refused; in transaction mode all are answered, with less memory', () => {
    assert.ok(median('thousand', 'clients refused with 53300, direct') > 800)
    assert.equal(
      median('thousand', 'clients answered, transaction'),
      median('thousand', 'clients connected, transaction'),
    )
    assert.ok(median('thousand', 'clients answered, session') <= 20)
    assert.ok(
      median('thousand', 'memory of all backends, transaction') < median('thousand', 'memory of all backends, direct'),
    )
  })

  it('backend: it has more memory after work than before', () => {
    assert.ok(median('backend', 'own memory idle after work') > median('backend', 'own memory fresh'))
    assert.ok(median('backend', 'start of a process') > 0)
  })

  it('starvation: a pool of their own lets lookups pass analytics, in the application and in the pooler', () => {
    for (const place of ['', ' of a pooler']) {
      const lookups = (pools: string): number => {
        return median('starvation', `lookups p50, ${pools}${place}, analytics that wait`)
      }
      assert.ok(lookups('two pools') < lookups('one pool') / 2, `${lookups('two pools')} and ${lookups('one pool')}`)
    }
  })

  it('serverless: through the pooler all are served by 20 servers; straight they are not', () => {
    assert.equal(median('serverless', 'through the pooler success'), 1)
    assert.ok(median('serverless', 'direct success') < 1)
    assert.ok((measured('serverless', 'through the pooler peak connections').highest ?? NaN) <= 20)
  })

  it('saturation: as many clients are active as servers, and the others wait', () => {
    const row = (when: string): number[] =>
      ['cl_active', 'cl_waiting', 'sv_active'].map((name) => median('saturation', `${name} ${when}`))
    const [clients = NaN, waiting = NaN, servers = NaN] = row('saturated')
    assert.ok(Math.abs(clients - 20) <= 1 && Math.abs(waiting - 3) <= 1 && servers === 20, row('saturated').join(', '))
    assert.deepEqual(row('before'), [10, 0, 10])
  })

  it('shortener: a service with a pool answers sooner, and never with another address', () => {
    assert.ok(median('shortener', 'pooled p50') < median('shortener', 'per request p50'))
    assert.ok(median('shortener', 'per request opening') > 0.1)
    for (const way of ['per request', 'pooled', 'through the pooler']) {
      assert.equal(measured('shortener', `${way} failures`).highest, 0)
    }
  })
})

describe('the report in Chromium', needs('chromium'), () => {
  let browser: Browser
  const url = (): string => pathToFileURL(join(folder, 'lab-report/index.html')).href
  before(async () => {
    browser = await Browser.start()
  })
  after(() => browser.stop())

  /** Of what can be seen: how many drawings, whether each has data in it, the smallest letters, how wide all of it is. */
  interface Seen {
    readonly figures: number
    readonly empty: readonly string[]
    readonly smallestLetters: number
    readonly width: number
  }
  const look = `(() => {
    const seen = [...document.querySelectorAll('figure svg.tx')].filter((svg) => svg.getBoundingClientRect().width > 0)
    const data = (svg) => svg.querySelectorAll('path.line, path.dots, path.cloud, path.area, rect.bar').length
    const letters = [...document.querySelectorAll('figure svg.tx text')]
      .filter((text) => text.getBoundingClientRect().width > 0)
      .map((text) => {
        const svg = text.closest('svg.tx')
        return parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
      })
    return {
      figures: seen.length,
      empty: seen.filter((svg) => data(svg) === 0).map((svg) => svg.querySelector('title').textContent),
      smallestLetters: Math.min(...letters),
      width: document.documentElement.scrollWidth,
    }
  })()`

  for (const width of [1_200, 400]) {
    it(`draws every plot, and can be read, ${width} pixels wide`, async () => {
      await browser.open(url(), width)
      const seen = await browser.evaluate<Seen>(look)
      const plots = results.experiments.flatMap((one) => one.plots)
      assert.deepEqual([seen.figures, seen.empty, seen.width <= width], [plots.length, [], true], JSON.stringify(seen))
      assert.ok(seen.smallestLetters >= 11, `letters of ${seen.smallestLetters} pixels`)
      assert.deepEqual(browser.complaints, [])
    })
  }

  it('is printed in ink on white, with all of its plots', async () => {
    await browser.open(url(), 1_200)
    await browser.emulate('print')
    const seen = await browser.evaluate<Seen>(look)
    assert.equal(seen.figures, results.experiments.flatMap((one) => one.plots).length)
    const papers = await browser.evaluate<string[]>(
      `[...new Set([...document.querySelectorAll('svg .paper')].map((one) => getComputedStyle(one).fill))]`,
    )
    assert.deepEqual(papers, ['rgb(255, 255, 255)'])
    assert.equal((await browser.print()).subarray(0, 5).toString(), '%PDF-')
  })
})
