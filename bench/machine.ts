/** Where and with what a benchmark ran: a number without it means nothing. */

import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Processes } from './processes.ts'

export const projectRoot = fileURLToPath(new URL('..', import.meta.url))

const gitLimitMs = 10_000

export function describeMachine(): string {
  const model = cpus()[0]?.model ?? 'unknown CPU'
  const memoryGB = (totalmem() / 2 ** 30).toFixed(1)
  const load = loadavg()[0]?.toFixed(2) ?? 'unknown'
  const hardware = `${availableParallelism()} cores, ${model}, ${memoryGB} GiB memory`
  return `${hardware}, Linux ${release()}; load average at the start ${load}`
}

/** Version, commit and runtime: `Taxirank 0.1.0 (1a2b3c4), Bun 1.4.5`. */
export async function describeTaxirank(processes: Processes): Promise<string> {
  const { version } = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')) as { version: string }
  return `Taxirank ${version} (${await describeCommit(processes)}), Bun ${process.versions.bun}`
}

async function describeCommit(processes: Processes): Promise<string> {
  try {
    const git = (...args: string[]) => processes.run('git', 'git', ['-C', projectRoot, ...args], gitLimitMs)
    const commit = (await git('rev-parse', '--short', 'HEAD')).stdout.trim()
    const changed = (await git('status', '--porcelain', '--', 'src', 'package-lock.json')).stdout !== ''
    return changed ? `${commit} with uncommitted changes` : commit
  } catch {
    return 'no commit known'
  }
}
