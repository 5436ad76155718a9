import type { Command } from './command.ts'
import type { ShutdownMode } from './process-control.ts'

/** Everything ends now: there is nobody left to answer. */
export const shutdown: Command = {
  name: 'SHUTDOWN',
  role: 'admin',
  run: ({ process }) => {
    process.shutdown('immediate')
    return 'hang-up'
  },
}

export const shutdownWaitForServers = waiting('wait_for_servers')
export const shutdownWaitForClients = waiting('wait_for_clients')

/** The answer goes first: the shutdown may end this very client. */
function waiting(mode: ShutdownMode): Command {
  return {
    name: `SHUTDOWN ${mode.toUpperCase()}`,
    role: 'admin',
    run: ({ process }) => ({ tag: 'SHUTDOWN', afterwards: () => process.shutdown(mode) }),
  }
}
