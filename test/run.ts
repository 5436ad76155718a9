/**
 * `npm test [-- PART…]`: runs the test files under src/ and test/, or those whose path contains one of the parts, in one
 * `bun test`. Prints every skipped test with its reason and, as the last line, `N passed, N failed, N skipped`. Errors
 * outside tests (hooks, files that do not load) count as failed. Exit code 1 if anything failed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Skip } from './support/record-skips.ts'
import { type Outcome, readOutcome } from './support/test-outcome.ts'

const root = join(import.meta.dir, '..')
/** Made to fail, for run.test.ts: they run only when a part names them. */
const fixtures = 'test/run-fixtures/'
const testTimeoutMs = 60_000

const parts = process.argv.slice(2)
const files = findTestFiles(parts)
report(files.length > 0 ? await runTests(files) : nothingToRun(parts))

function findTestFiles(wanted: readonly string[]): string[] {
  const found = [...new Bun.Glob('{src,test}/**/*.test.ts').scanSync({ cwd: root })]
  const showFixtures = wanted.some((part) => part.includes('run-fixtures'))
  return found
    .filter((file) => !file.includes('node_modules/') && (showFixtures || !file.startsWith(fixtures)))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort()
}

async function runTests(testFiles: readonly string[]): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-test-'))
  try {
    const junitFile = join(folder, 'junit.xml')
    const skipsFile = join(folder, 'skips')
    const options = ['--timeout', String(testTimeoutMs), '--preload', './test/support/record-skips.ts']
    const reporter = ['--reporter=junit', '--reporter-outfile', junitFile]
    const child = Bun.spawn(
      [process.execPath, 'test', ...options, ...reporter, ...testFiles.map((file) => `./${file}`)],
      {
        cwd: root,
        env: { ...process.env, TAXIRANK_SKIPS: skipsFile },
        stdio: ['ignore', 'inherit', 'pipe'],
      },
    )
    const output = await passOn(child.stderr)
    await child.exited
    const skips = readIfThere(skipsFile).split('\n').filter(Boolean)
    return readOutcome({
      output,
      junit: readIfThere(junitFile),
      skips: skips.map((line) => JSON.parse(line) as Skip),
      exitCode: child.exitCode,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Shows what arrives at once, and returns all of it. */
async function passOn(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  for await (const chunk of stream) {
    await new Promise((written) => process.stderr.write(chunk, written))
    all += decoder.decode(chunk, { stream: true })
  }
  return all + decoder.decode()
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function nothingToRun(wanted: readonly string[]): Outcome {
  const trouble = wanted.length === 0 ? 'there is no test file' : `no test file has ${wanted.join(' or ')} in its path`
  return { passed: 0, failed: 1, skipped: [], troubles: [trouble] }
}

function report({ passed, failed, skipped, troubles }: Outcome): void {
  for (const line of skipped) console.log(`skipped: ${line}`)
  for (const line of troubles) console.log(`failed: ${line}`)
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  process.exitCode = failed > 0 ? 1 : 0
}
