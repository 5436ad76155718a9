/** TypeScript as a user of the library compiles it: at its strictest, and looking into the library's own declarations, too. */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installInto, root } from './library.ts'
import { temporaryFolder } from './postgres.ts'

const strictest = {
  target: 'esnext',
  lib: ['esnext'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  noEmit: true,
}

/** What tsc says of files that import 'taxirank' and 'pg': nothing, if they are right. `module`: as in tsconfig.json. */
export function compile(files: Readonly<Record<string, string>>, module: 'nodenext' | 'node16' | 'preserve'): string {
  const folder = temporaryFolder()
  try {
    installInto(folder, 'pg', '@types/pg', '@types/node')
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const config = { compilerOptions: { ...strictest, module }, files: Object.keys(files) }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const tsc = Bun.spawnSync([join(root, 'node_modules/.bin/tsc'), '-p', folder], { cwd: folder })
    return (tsc.stdout.toString() + tsc.stderr.toString()).trim()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
