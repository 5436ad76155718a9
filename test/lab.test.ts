/** `taxirank lab --quick`, whole, on the embedded PostgreSQL: what is found, in which direction; the report, in a real browser; what is left. */

import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
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

let folder = ''
let said = ''
let results: LabResults
let left: string[] = []

/** The page and the numbers of one quick run, which takes a minute: all tests look at it. */
before(
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'taxirank-test-lab-'))
    const was = labFolders()
    const child = Bun.spawn([join(root, 'bin/taxirank'), 'lab', '--quick'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    said = out
    assert.equal(await child.exited, 0, out + err)
    left = labFolders().filter((name) => !was.includes(name))
    results = JSON.parse(readFileSync(join(folder, 'lab-report/results.json'), 'utf8')) as LabResults
  },
  { timeout: quickLimitMs },
)

after(() => rmSync(folder, { recursive: true, force: true }))

function labFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('taxirank-lab-'))
}

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
    assert.deepEqual(experiment('hello').surprises, [])
    assert.deepEqual(
      [median('hello', 'SCRAM, TLS 1.3 round trips'), median('hello', 'SCRAM, TLS 1.2 round trips')],
      [7, 8],
    )
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

describe('4 × cores', () => {
  it('is enough', () => {
    const best = median('sweep', 'best throughput')
    const enough = median('sweep', `throughput at ${4 * availableParallelism()}`)
    assert.ok(enough >= 0.9 * best, `${enough} of ${best}`)
  })
})
