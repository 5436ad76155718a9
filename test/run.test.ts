import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { readOutcome } from './support/test-outcome.ts'

const skipFile = 'test/run-fixtures/skip.test.ts'
const skips = [
  `skipped: ${skipFile} > is skipped by its option: the option says so`,
  `skipped: ${skipFile} > is skipped while it runs: the test found out`,
  `skipped: ${skipFile} > is skipped without a reason: no reason given`,
  `skipped: ${skipFile} > is skipped through the default export: no reason given`,
  `skipped: ${skipFile} > inside <a> "suite" > is skipped for a program: no-such-program is not installed`,
  'skipped: the suite a suite of two: both are unwanted',
  'skipped: the suite a suite without a reason: no reason given',
]

/** The runner's own lines and exit code; what tests print on stdout comes before them. */
function run(names: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'run.ts'), ...names.map((name) => `run-fixtures/${name}.test`)],
    { encoding: 'utf8', env: { ...process.env, CI: '', ...env } },
  )
  return { lines: stdout.trimEnd().split('\n').slice(1), stderr, status }
}

describe('npm test', () => {
  const cases: [what: string, fixtures: string[], lines: string[], status: number][] = [
    ['passing tests', ['pass'], ['1 passed, 0 failed, 0 skipped'], 0],
    ['a failing test', ['pass', 'fail'], ['1 passed, 1 failed, 0 skipped'], 1],
    ['skipped tests and suites, each with its reason', ['skip'], [...skips, '1 passed, 0 failed, 7 skipped'], 0],
    ['a failing hook as failed', ['hook'], ['1 passed, 1 failed, 0 skipped'], 1],
    ['a file that does not load as one failed', ['load'], ['0 passed, 1 failed, 0 skipped'], 1],
    ['all of them', ['pass', 'fail', 'skip', 'hook', 'load'], [...skips, '3 passed, 3 failed, 7 skipped'], 1],
    [
      'an exit code that no test explains as failed',
      ['exit-code'],
      ['failed: bun test ended with exit code 3 although no test failed', '1 passed, 1 failed, 0 skipped'],
      1,
    ],
    [
      'a run that ends too soon as failed',
      ['pass', 'exit'],
      ['failed: bun test ended with exit code 0 and printed no summary', '0 passed, 1 failed, 0 skipped'],
      1,
    ],
  ]
  for (const [what, fixtures, lines, status] of cases) {
    it(`counts ${what}`, () => {
      const result = run(fixtures)
      assert.deepEqual({ lines: result.lines, status: result.status }, { lines, status }, result.stderr)
    })
  }

  it('fails where no file is chosen', () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(import.meta.dirname, 'run.ts'), 'no/such', 'no/file'],
      {
        encoding: 'utf8',
      },
    )
    const lines = 'failed: no test file has no/such or no/file in its path\n0 passed, 1 failed, 0 skipped\n'
    assert.deepEqual({ stdout, status }, { stdout: lines, status: 1 })
  })

  it('fails by name for a missing program where CI is set', () => {
    const { lines, stderr, status } = run(['skip'], { CI: 'true' })
    assert.match(stderr, /no-such-program is not installed, and with CI set/)
    assert.deepEqual(
      {
        last: lines
          .at(-1)
          ?.replace(/^\d+ passed/, 'N passed')
          .replace(/\d+ skipped/, 'N skipped'),
        status,
      },
      {
        last: 'N passed, 1 failed, N skipped',
        status: 1,
      },
    )
  })
})

describe('the outcome of a run', () => {
  const nothing = { junit: '', skips: [], exitCode: 0 }
  const summary = (...lines: string[]) => [...lines, 'Ran 9 tests across 2 files. [1.00ms]', ''].join('\n')

  it('reads the last summary only, in colours too', () => {
    const output = `${summary(' 7 pass', ' 7 fail')} 9 pass\n\n\u001b[32m 3 pass\u001b[0m\n${summary(' 0 fail')}`
    assert.deepEqual(readOutcome({ ...nothing, output }), { passed: 3, failed: 0, skipped: [], troubles: [] })
  })

  it('takes a signal for a failure', () => {
    assert.deepEqual(readOutcome({ ...nothing, output: ' 3 pass', exitCode: null }), {
      passed: 0,
      failed: 1,
      skipped: [],
      troubles: ['bun test was killed and printed no summary'],
    })
  })

  it('counts errors besides failures', () => {
    const junit = '<testcase name="a" file="f"><failure type="x" message="&lt;skipped"/></testcase>'
    const output = summary(' 1 pass', ' 2 fail', ' 3 errors')
    assert.equal(readOutcome({ ...nothing, output, junit, exitCode: 1 }).failed, 4)
  })

  it('gives tests of one name their reasons in the order of the run', () => {
    const skipped = (file: string) =>
      `<testcase name="a &amp; &#98;" classname="s" file="${file}"><skipped /></testcase>`
    const reason = (text: string) => ({ kind: 'test' as const, name: 'a & b', reason: text })
    const outcome = readOutcome({
      ...nothing,
      output: summary(' 2 skip', ' 1 todo'),
      junit: `${skipped('f')}${skipped('g')}<testcase name="c" file="g"><skipped message="TODO" /></testcase>`,
      skips: [reason('first'), reason('second')],
    })
    assert.deepEqual(outcome.skipped, ['f > s > a & b: first', 'g > s > a & b: second', 'g > c: todo'])
  })
})
