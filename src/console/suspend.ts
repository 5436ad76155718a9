import { abandonment } from './database-verbs.ts'
import type { Command } from './command.ts'

/** Answered when everything that was read is answered. When the last admin has gone, everything goes on. */
export const suspend: Command = {
  name: 'SUSPEND',
  role: 'admin',
  run: ({ verbs }) => {
    const [signal, left] = abandonment()
    return {
      until: verbs.suspend(signal).then(() => ({ tag: 'SUSPEND' })),
      giveUp: () => verbs.resume(),
      left,
    }
  },
}
