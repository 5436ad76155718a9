/** Thousands of connections need as many file descriptors, and a process has as many as it was started with. */

import { TaxirankError } from '../src/errors.ts'

/** `limits` is the text of /proc/PID/limits. Throws, with what to do, when the process may not open so many files. */
export function assertDescriptors(who: string, limits: string, needed: number): void {
  const soft = /^Max open files +(\S+)/m.exec(limits)?.[1]
  const allowed = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
  if (allowed >= needed) return
  throw new TaxirankError(
    'bad_configuration',
    `${who} may open ${soft ?? 'an unknown number of'} files, and this row needs ${needed}: raise the limit ` +
      `(ulimit -n ${needed}, or LimitNOFILE) and run it again`,
  )
}
