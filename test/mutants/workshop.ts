/** A copy of the repository's sources in which one mutant at a time is made. */

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mutant } from './mutants.ts'

const copied = ['src', 'test', 'package.json', 'tsconfig.json']

export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'taxirank-mutants-'))

  /** What others change in `root` later doesn't reach the copy. */
  constructor(root: string) {
    for (const name of copied) cpSync(join(root, name), join(this.folder, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'))
  }

  /** Why the mutant can't be made of these sources; undefined: it can. */
  whyStale({ file, find }: Mutant): string | undefined {
    return whyStale(readFileSync(join(this.folder, file), 'utf8'), file, find)
  }

  /** Makes the mutant, lets `work` look at it, and takes the bug out again. */
  async with<T>(mutant: Mutant | undefined, work: (folder: string) => Promise<T>): Promise<T> {
    if (!mutant) return work(this.folder)
    const path = join(this.folder, mutant.file)
    const sound = readFileSync(path, 'utf8')
    writeFileSync(
      path,
      sound.replace(mutant.find, () => mutant.replace),
    )
    try {
      return await work(this.folder)
    } finally {
      writeFileSync(path, sound)
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A sentence unless the text stands exactly once in the source. */
export function whyStale(source: string, file: string, find: string): string | undefined {
  const count = source.split(find).length - 1
  return count === 1
    ? undefined
    : `stale: its text stands ${count} times in ${file}, and must stand there once: ${find}`
}
