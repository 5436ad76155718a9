/** What pgbench does in the sizing report: three loads that are limited by different things. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Load {
  readonly name: 'select' | 'write' | 'pause'
  readonly title: string
  /** In a sentence: what limits it. */
  readonly about: string
  readonly clients: number
  /** `dir`: for a script of its own. */
  pgbenchArguments(dir: string): string[]
}

/** A transaction whose client takes its time between two statements. */
const pausing = `\\set one random(1, 100000 * :scale)
\\set other random(1, 100000 * :scale)
BEGIN;
SELECT abalance FROM pgbench_accounts WHERE aid = :one;
\\sleep 5 ms
SELECT abalance FROM pgbench_accounts WHERE aid = :other;
COMMIT;
`

export const loads: readonly Load[] = [
  {
    name: 'select',
    title: 'short reads',
    about: '`pgbench -S`: one short read each, as fast as 32 clients can. The cores are the limit.',
    clients: 32,
    pgbenchArguments: () => ['-S'],
  },
  {
    name: 'write',
    title: 'writes',
    about:
      '`pgbench`, its TPC-B: seven statements each, with waits for locks and, at COMMIT, for the disk. 32 clients.',
    clients: 32,
    pgbenchArguments: () => ['-b', 'tpcb-like'],
  },
  {
    name: 'pause',
    title: 'transactions with a pause',
    about:
      'Two short reads in a transaction, and 5 ms between them in which its client does something else. 40 clients.',
    clients: 40,
    pgbenchArguments: (dir) => {
      const file = join(dir, 'pause.sql')
      writeFileSync(file, pausing)
      return ['-f', file, '-D', 'scale=10']
    },
  },
]
