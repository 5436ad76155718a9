/** What a report says of the run that it is about. */

import { describeMachine, describeTaxirank } from '../../bench/machine.ts'
import { Processes } from '../../bench/processes.ts'

export interface Circumstances {
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly versions: string
  readonly minutes: number
}

/** At the beginning of a run of `npm run script -- args`, which could be repeated with `--seed`. */
export async function circumstancesOf(
  script: string,
  args: readonly string[],
  seed: number,
): Promise<Omit<Circumstances, 'minutes'>> {
  return {
    date: new Date().toISOString().slice(0, 10),
    command: [`npm run ${script} --`, ...args, ...(args.includes('--seed') ? [] : ['--seed', seed])].join(' '),
    machine: describeMachine(),
    versions: await describeTaxirank(new Processes()),
  }
}

/** As a list. */
export function formatCircumstances({ date, command, machine, versions, minutes }: Circumstances): string {
  return `* date: ${date}; it took ${minutes.toFixed(minutes < 10 ? 1 : 0)} minutes
* command: \`${command}\`
* machine: ${machine}
* versions: ${versions}`
}
