import { TaxirankError } from '../errors.ts'
import type { Command } from './command.ts'
import type { ProcessControl } from './process-control.ts'

/** Reads the files again. */
export const reload: Command = {
  name: 'RELOAD',
  role: 'admin',
  run: ({ process }) => ({ until: reloaded(process), giveUp: undefined }),
}

async function reloaded(process: ProcessControl): Promise<{ tag: string }> {
  try {
    await process.reload()
    return { tag: 'RELOAD' }
  } catch (cause) {
    if (!(cause instanceof TaxirankError)) throw cause
    const text = `RELOAD failed, and nothing has changed: ${cause.message}`
    throw new TaxirankError('console_refused', text, { cause, sqlState: 'F0000' })
  }
}
