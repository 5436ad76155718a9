/** The program: the command line, then the command. Leaves with the command's exit code; 1 when anything is wrong. */

import { TaxirankError } from '../errors.ts'
import { parseArguments } from './arguments.ts'
import type { TaxirankCommand } from './arguments.ts'
import { runAdvise } from './run-advise.ts'
import { runCheck } from './check.ts'
import { runFile } from './run-file.ts'
import { runSimulate } from './run-simulate.ts'
import { runStart } from './run-start.ts'
import { print } from './print.ts'
import { versionLine } from './version.ts'

try {
  process.exit(await run(parseArguments(process.argv.slice(2))))
} catch (error) {
  if (!(error instanceof TaxirankError)) throw error
  process.stderr.write(`taxirank: ${error.message}\n`)
  process.exit(1)
}

function run(command: TaxirankCommand): Promise<number> {
  switch (command.name) {
    case 'file':
      return runFile(command)
    case 'start':
      return runStart(command)
    case 'check':
      return runCheck(command)
    case 'advise':
      return runAdvise(command)
    case 'simulate':
      return runSimulate(command)
    // Loaded when they are wanted: a pooler that starts has no use for the experiments.
    case 'lab':
      return import('./run-lab.ts').then(({ runLab }) => runLab(command))
    case 'lab-child':
      return import('./lab-child.ts').then(({ runLabChild }) => runLabChild())
    case 'version':
      return print(`${versionLine}\nBun ${Bun.version}\n`)
    case 'help':
      return print(command.text)
  }
}
