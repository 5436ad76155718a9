/** The tests of test/pool on Node, with the library as it is installed: they run on Bun as all tests do. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { bundleForNode } from './support/node-bundle.ts'
import { findNode, type FoundNode } from './support/node-versions.ts'
import { temporaryFolder } from './support/postgres.ts'

const root = join(import.meta.dirname, '..')
const majors = [20, 22, 24]
const limitMs = 100_000
const tests = [...new Bun.Glob('test/pool/*.test.ts').scanSync({ cwd: root })].sort()
const besides = ['test/pool/support/children.ts']

const folder = temporaryFolder()
let bundles: string[]

before(
  async () => {
    bundles = (await bundleForNode(folder, [...tests, ...besides])).slice(0, tests.length)
  },
  { timeout: 60_000 },
)

after(() => rmSync(folder, { recursive: true, force: true }))

describe('the pool', () => {
  for (const major of majors) {
    const node = findNode(major)
    it(`does on Node ${major} what it does on Bun`, { ...skipUnless(node), timeout: limitMs }, async () => {
      const { code, said } = await runTests((node as { path: string }).path)
      assert.equal(code, 0, failuresIn(said))
      assert.match(said, /^# fail 0$/m)
      assert.ok(Number(/^# pass (\d+)$/m.exec(said)?.[1]) > tests.length, 'tests were run')
    })
  }
})

function skipUnless(node: FoundNode): { readonly skip: string | false } {
  return { skip: 'missing' in node ? node.missing : false }
}

async function runTests(node: string): Promise<{ code: number | null; said: string }> {
  const child = spawn(node, ['--test', '--test-reporter=tap', '--test-concurrency=3', ...bundles], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

/** What failed, with what it said, and nothing of what passed. */
function failuresIn(tap: string): string {
  const failed = tap.split(/^(?=\s*(?:not )?ok \d)/m).filter((part) => /^\s*not ok/.test(part))
  return failed.length > 0 ? failed.join('').slice(0, 8_000) : tap.slice(-4_000)
}
