import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'

const root = join(import.meta.dir, '..')

async function runSoak(...args: readonly string[]): Promise<{ exitCode: number; output: string; lastLine: string }> {
  const child = Bun.spawn([process.execPath, 'test/soak/main.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  const exitCode = await child.exited
  return { exitCode, output: output + errors, lastLine: output.trimEnd().split('\n').at(-1) ?? '' }
}

describe('npm run soak', () => {
  it('finds no breach while every kind of fault happens', { timeout: 60_000 }, async () => {
    const { exitCode, output, lastLine } = await runSoak('--statements', '3000', '--clients', '32', '--pool', '3')
    assert.match(lastLine, /^\d+ statements, \d+ faults, 0 breaches, seed \d+$/, output.slice(-20_000))
    assert.equal(exitCode, 0, output.slice(-20_000))
  })

  it('refuses wrong options with exit code 2 and the allowed range', async () => {
    const { exitCode, output } = await runSoak('--statements', '0')
    assert.equal(exitCode, 2)
    assert.match(output, /--statements must be a whole number from 1 to 1000000000, got 0\n/)
  })
})
