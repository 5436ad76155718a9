/** The tests of test/pool on Node, with the library as it is installed: they run on Bun as all tests do. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bundleForNode } from './support/node-bundle.ts'
import { findNode } from './support/node-versions.ts'
import { temporaryFolder } from './support/postgres.ts'

const root = join(import.meta.dirname, '..')
const nodes = [20, 22, 24].map((major) => [major, findNode(major)] as const)
const limitMs = 180_000
const tests = [...new Bun.Glob('test/pool/*.test.ts').scanSync({ cwd: root })].sort()
const besides = ['test/pool/support/children.ts']

/** A test that hangs fails by itself; what it leaves open does not keep its process, nor does Node when it closes that. */
const switches = ['--test', '--test-reporter=tap', '--test-concurrency=2', '--test-timeout=120000', '--test-force-exit']

const folder = temporaryFolder()
const running = new Set<ChildProcess>()
/** All versions at once: most of their time they wait. */
const runs = new Map<number, Promise<Run>>()

before(
  async () => {
    const bundles = (await bundleForNode(folder, [...tests, ...besides])).slice(0, tests.length)
    for (const [major, node] of nodes) {
      if ('path' in node)
        runs.set(
          major,
          runTests(
            node.path,
            bundles.filter((path) => isFor(major, path)),
          ),
        )
    }
  },
  { timeout: 60_000 },
)

after(async () => {
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(runs.values())
  rmSync(folder, { recursive: true, force: true })
})

/** What is drawn at random takes long, and is the same everywhere: of the versions the newest does it. */
function isFor(major: number, bundle: string): boolean {
  return major === 24 || !/(tenants|model)\.test/.test(bundle)
}

describe('the pool', () => {
  for (const [major, node] of nodes) {
    const skip = 'missing' in node ? node.missing : false
    it(`does on Node ${major} what it does on Bun`, { skip, timeout: limitMs }, async () => {
      const { code, said } = (await runs.get(major)) as Run
      assert.equal(code, 0, failuresIn(said))
      assert.match(said, /^# fail 0$/m)
      assert.ok(Number(/^# pass (\d+)$/m.exec(said)?.[1]) > tests.length, 'tests were run')
    })
  }
})

interface Run {
  readonly code: number | null
  readonly said: string
}

async function runTests(node: string, bundles: readonly string[]): Promise<Run> {
  const child = spawn(node, [...switches, ...bundles], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  running.delete(child)
  return { code, said }
}

/** What failed, with what it said, and nothing of what passed. */
function failuresIn(tap: string): string {
  const failed = tap.split(/^(?=\s*(?:not )?ok \d)/m).filter((part) => /^\s*not ok/.test(part))
  return failed.length > 0 ? failed.join('').slice(0, 8_000) : tap.slice(-4_000)
}
