/** `taxirank simulate` as its users have it: the program, the examples, recordings, and what the guide shows of them. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { percentileOf } from '../src/metrics/histogram.ts'
import { Recording } from '../src/metrics/recording.ts'
import type { SimulationFigures } from '../src/simulator/figures.ts'

const root = join(import.meta.dirname, '..')
const examplesFolder = join(root, 'examples/simulate')
const examples = readdirSync(examplesFolder).filter((name) => name.endsWith('.toml'))
const guide = readFileSync(join(root, 'docs/guide/simulating.md'), 'utf8')
const limitMs = 60_000

/** Where all examples are, and the guide's first scenario, and recordings. */
let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'taxirank-simulate-'))
  for (const name of examples) copyFileSync(join(examplesFolder, name), join(folder, name))
  writeFileSync(join(folder, 'first.toml'), /```toml\n([^`]+)```/.exec(guide)?.[1] ?? '')
  writeFileSync(join(folder, 'shop.recording'), recordingOf(3_000))
})

after(() => rmSync(folder, { recursive: true }))

/** One caller every 10 ms, each of whom holds for 35 ms: 4 at a time in a pool of 4. */
function recordingOf(callers: number): Uint8Array {
  const recording = new Recording(Math.max(1, callers))
  for (let caller = 0; caller < callers; caller++) recording.add(caller * 10, 0, 35, 0)
  const times = { waitTimeoutMs: 0, idleTimeoutMs: 10_000, openMs: 5, takenAtMs: callers * 10 + 100, startedAtMs: 0 }
  return recording.toBytes(['main'], { maxSize: 4, minSize: 0, ...times })
}

function simulate(...words: string[]) {
  const options = { cwd: folder, encoding: 'utf8', timeout: limitMs, maxBuffer: 50_000_000 } as const
  const { status, stdout, stderr } = spawnSync(join(root, 'bin/taxirank'), ['simulate', ...words], options)
  return { status, stdout, stderr }
}

function said(...words: string[]): string {
  const { status, stdout, stderr } = simulate(...words)
  assert.deepEqual([status, stderr], [0, ''], words.join(' '))
  return stdout
}

function figuresOf(example: string): SimulationFigures {
  return JSON.parse(said(`${example}.toml`, '--json')) as SimulationFigures
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

/** How fast the machine is stands in the last line, and is no result. */
const withoutSpeed = (text: string): string => text.replace(/^ {2}simulated in .*\n/m, '')

describe('the examples of simulate', () => {
  for (const name of examples) {
    it(`has ${name}, which says what it shows, and runs`, { timeout: limitMs }, () => {
      const startedAtMs = performance.now()
      const text = said(name)
      assert.match(readFileSync(join(folder, name), 'utf8'), /^# .{40}/)
      assert.match(text, /^[\d,]+ s simulated, of which the first [\d,]+ s do not count; seed 1\n {2}application/)
      assert.ok(performance.now() - startedAtMs < limitMs / 2)
    })
  }

  it('say of 50 servers of 20 threads that 1,000 connections are possible, 97 there, and everybody is served', () => {
    const { applications, database } = figuresOf('fleet')
    assert.deepEqual([database.poolConnections, database.mostConnections], [1_000, 97])
    assert.ok(database.peakConnections <= 97)
    assert.deepEqual(applications[0]?.failures, {})
    assert.ok(Math.abs(applications[0].servedPerSecond / 2_000 - 1) < 0.02)
  })

  it('say that three of four connections, and 150 of 200 ms, go when they are not made for each request', () => {
    const [each, pooled] = [figuresOf('shortener'), figuresOf('shortener-pooled')]
    const served = [each, pooled].map(({ applications }) => Math.round((applications[0]?.servedPerSecond ?? 0) / 1_000))
    assert.deepEqual(served, [5, 20])
    assert.ok(percentileOf(each.applications[0]?.latencyMs as never, 50) > 150)
    assert.ok(percentileOf(pooled.applications[0]?.latencyMs as never, 50) < 2)
    assert.ok(each.database.peakConnections > 700 && pooled.database.peakConnections < 100)
    assert.deepEqual(
      [each, pooled].map(({ applications }) => applications[0]?.failures),
      [{}, {}],
    )
  })

  it('let nobody fail in 460 pods when half of them are restarted, and a fraction of 9,200 connections be enough', () => {
    const { applications, database } = figuresOf('pods')
    assert.deepEqual([applications[0]?.failures, database.poolConnections, database.refused], [{}, 9_200, 0])
    assert.ok(database.peakConnections < 1_500, `${database.peakConnections} connections`)
  })

  it(
    'let a million clients have 80 servers, and lose only what ran when the database went',
    { timeout: limitMs },
    () => {
      const { applications, database, poolers } = figuresOf('million')
      assert.deepEqual([poolers[0]?.count, database.peakConnections], [8, 80])
      const { failures, waitMs, served } = applications[0] as (typeof applications)[0]
      assert.deepEqual(Object.keys(failures), ['server_lost'])
      assert.ok((failures['server_lost'] ?? 0) <= 80 && served > 1_900_000)
      assert.ok(waitMs.maxMs > 10_000 && waitMs.maxMs < 12_000)
    },
  )

  it('fail those with a pool of their own in an outage, and let those behind a pooler wait', () => {
    const [own, behind] = figuresOf('outage').applications
    assert.ok((own?.failures['server_connect_failed'] ?? 0) > 1_000)
    assert.deepEqual(behind?.failures, {})
    assert.ok(behind.waitMs.maxMs > 9_000)
  })

  it('starve lookups behind analyses in one pool, and not in two', () => {
    const p99 = (example: string): number => {
      const lookups = figuresOf(example).applications.find(({ name }) => name === 'lookups')
      return percentileOf(lookups?.waitMs as never, 99)
    }
    assert.ok(p99('analytics') > 1_000)
    assert.ok(p99('analytics-apart') < 10)
  })
})

describe('taxirank simulate', () => {
  it('says the same for the same seed, and something else for another', () => {
    const [one, again, other] = [said('outage.toml'), said('outage.toml'), said('outage.toml', '--seed', '2')]
    assert.equal(withoutSpeed(one), withoutSpeed(again))
    assert.match(other, /seed 2\n/)
    assert.notEqual(withoutSpeed(one).replace('seed 1', 'seed 2'), withoutSpeed(other))
  })

  it('takes JSON as well as TOML, behind a byte order mark, too', () => {
    const toml = readFileSync(join(folder, 'first.toml'), 'utf8')
    file('first.json', `\uFEFF${JSON.stringify(Bun.TOML.parse(toml))}`)
    assert.equal(withoutSpeed(said('first.json')), withoutSpeed(said('first.toml')))
  })

  it('gives one JSON object, whatever it is asked', () => {
    const asked = [
      ['first.toml'],
      ['knee.toml', '--sweep', 'pool_size=2..4'],
      ['--replay', 'shop.recording', '--pool-size', '2'],
    ]
    const keys = asked.map((words) => {
      const text = said(...words, '--json')
      assert.equal(text.indexOf('\n'), text.length - 1)
      return Object.keys(JSON.parse(text) as object)
    })
    assert.deepEqual(keys, [
      ['seed', 'durationMs', 'warmUpMs', 'requests', 'acquires', 'applications', 'poolers', 'database', 'series'],
      ['sweep', 'points', 'knee'],
      ['recorded', 'pool', 'callers', 'coreUse', 'today', 'assumed', 'others'],
    ])
  })

  it('finds the knee, and says so if it may lie beyond', () => {
    assert.match(
      said('knee.toml', '--sweep', 'pool_size=2..200'),
      /\n\nThe knee is pool_size = 17: [^\n]+shortest\.\n$/,
    )
    assert.match(said('knee.toml', '--sweep', 'pool_size=2..4'), /The knee is pool_size = 4: .* It is the largest/)
  })

  it('writes a page that needs no script and fetches nothing, with plots and whatever names there are as text', () => {
    const scenario = readFileSync(join(folder, 'first.toml'), 'utf8').replace('"web"', `'<img src=x> & "web"'`)
    const reports = [
      [file('hostile.toml', scenario)],
      ['hostile.toml', '--sweep', 'pool_size=2..4'],
      ['--replay', 'shop.recording', '--pool-size', '2,8'],
    ]
    for (const words of reports) {
      assert.match(said(...words, '--report', 'page.html'), /\nThe page with the plots: page\.html\n$/)
      const page = readFileSync(join(folder, 'page.html'), 'utf8')
      assert.match(page, /^<!doctype html>\n<html lang="en">/)
      assert.match(page, /<figure><div class="wide"><svg [^]+<\/svg>\n<\/div><\/figure>[^]+<table>[^]+<\/html>\n$/)
      assert.match(page, /<footer>Taxirank \d+\.\d+\.\d+, /)
      assert.doesNotMatch(page, /<script|<link|<img|@import|url\(|src="|NaN|Infinity|undefined/)
    }
  })

  it('says what a replay of the same size has to do with what was measured, before it says anything of others', () => {
    const text = said('--replay', 'shop.recording', '--pool-size', '4,2,8', '--callers', 'open')
    const [recorded = '', replayed = '', , assumed = '', off = '', head = '', ...sizes] = text.split('\n')
    assert.match(recorded, /^Recorded: 2,9\d\d requests in \d\d\.?\d? s \(100\/s\), a pool of 4, held for 35 ms/)
    assert.equal(
      replayed,
      'Replayed with 4, as it came: wait p50 0 ms, measured 0 ms (the same), p99 0 ms, measured 0 ms (the same).',
    )
    assert.match(assumed, /^Other sizes, if callers come when they came, whatever happens to others, and each holds/)
    assert.match(off, /^So much is that off with 4: 100\/s \([+−]0\.?\d*%\), wait p50 0 ms, measured 0 ms/)
    assert.match(head, /^ +pool size +served\/s/)
    const served = sizes.filter(Boolean).map((line) =>
      line
        .trim()
        .split(/\s{2,}/)
        .slice(0, 2)
        .join(': '),
    )
    assert.deepEqual(served, ['2: 57.2', '4: 100', '8: 100'])
  })
})

describe('what taxirank simulate refuses', () => {
  const scenario = (lines: string): string => `[database]\ncores = 4\n[[applications]]\nname = "web"\n${lines}\n`
  const refused: Record<string, () => [string[], RegExp]> = {
    'nothing at all': () => [[], /needs a scenario, or --replay with a recording\nTry "taxirank --help"/],
    'a file that is not there': () => [['none.toml'], /^taxirank: none\.toml can't be read: ENOENT/],
    'a folder': () => [['.'], /^taxirank: \. can't be read: EISDIR/],
    'an empty file': () => [[file('empty.toml', '')], /^taxirank: scenario: database is missing\n$/],
    'what is no TOML, with its line': () => [
      [file('bad.toml', 'seed = 1\n\nnonsense\n')],
      /^taxirank: bad\.toml:3: TOML/,
    ],
    'what is no JSON': () => [[file('bad.json', '{')], /^taxirank: bad\.json: JSON Parse error/],
    'what is no table': () => [[file('null.json', 'null'), '--seed', '3'], /must be a table, got null\n$/],
    'a sweep of what is no table': () => [['null.json', '--sweep', 'a=1..2'], /must be a table, got null\n$/],
    'an unknown key': () => [
      [file('key.toml', scenario('callers = 1\nservice = "1ms"\npoolsize = 3'))],
      /web\.poolsize is unknown here; known: arrivals, away, .*pool_size/,
    ],
    'a date': () => [
      [file('date.toml', `duration = 2026-01-01\n${scenario('')}`)],
      /duration must be a time with its unit/,
    ],
    'what is no number': () => [
      [file('nan.toml', scenario('callers = nan\nservice = "1ms"'))],
      /web\.callers must be a whole number from 1 to 10,000,000, got NaN\n$/,
    ],
    'what would never end': () => [
      [file('zero.toml', scenario('callers = 1\nservice = "0ms"'))],
      /web: service, away and think are all 0/,
    ],
    'a sweep that is none': () => [['first.toml', '--sweep', 'pool_size'], /--sweep must be KEY=FROM\.\.TO/],
    'a sweep beyond the range of its key': () => [
      ['first.toml', '--sweep', 'pool_size=2..1000000'],
      /web\.pool_size must be a whole number from 1 to 100,000, got \d+\n$/,
    ],
    'a folder for the page that is not there': () => [
      ['first.toml', '--report', 'no/page.html'],
      /there is no folder .*no\n$/,
    ],
    'a text as a recording': () => [['--replay', 'first.toml'], /no recording that can be read: it does not begin/],
    'a recording of nobody': () => [
      [writeRecording('empty.recording', 0), '--pool-size', '4'],
      /the recording can not be replayed: nobody in it got a lease/,
    ],
    'a recording of one': () => [[writeRecording('one.recording', 1)], /nobody in it got a lease, or too few did\n$/],
    'a recording and a scenario': () => [['first.toml', '--replay', 'shop.recording'], /replayed without a scenario/],
    'switches of a replay for a scenario': () => [['first.toml', '--cores', '4'], /belong to --replay\n/],
  }

  function writeRecording(name: string, callers: number): string {
    writeFileSync(join(folder, name), recordingOf(callers))
    return `--replay=${name}`
  }

  for (const [what, ask] of Object.entries(refused)) {
    it(`${what}, with exit code 1, a sentence on stderr, and nothing on stdout`, () => {
      const [words, message] = ask()
      const { status, stdout, stderr } = simulate(...words)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, /^taxirank: [^\n]+\n(?:Try .*\n)?$/)
      assert.match(stderr, message)
    })
  }
})

/** The same on every machine of one kind; another one's mathematics may round the last bit of a logarithm otherwise. */
const isUsual = process.platform === 'linux' && process.arch === 'x64'

describe('the guide to simulating', { skip: !isUsual && 'its figures are those of Linux on x64' }, () => {
  it('shows what its commands say', { timeout: limitMs }, () => {
    const shown = [...guide.matchAll(/```\n\$ taxirank simulate ([^\n]*)\n([^`]+)```/g)]
    const repeatable = shown.filter(([, words = '']) => !words.includes('--replay'))
    assert.ok(repeatable.length >= 4)
    for (const [, words = '', text = ''] of repeatable) {
      assert.equal(withoutSpeed(text), withoutSpeed(said(...words.split(' '))), words)
    }
  })

  it('has plots that npm run docs makes', { timeout: limitMs }, () => {
    const names = [...guide.matchAll(/\]\((simulated-\w+\.svg)\)/g)].map(([, name = '']) => name)
    assert.equal(names.length, 3)
    const options = { encoding: 'utf8', timeout: limitMs } as const
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/draw-plots.ts'), folder], options)
    assert.equal(status, 0, stderr)
    for (const name of names) {
      const isNew = readFileSync(join(folder, name), 'utf8') === readFileSync(join(root, 'docs/guide', name), 'utf8')
      assert.ok(isNew, `docs/guide/${name} is not up to date: run npm run docs`)
    }
  })
})
