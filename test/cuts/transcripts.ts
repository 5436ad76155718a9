/**
 * What is cut: conversations that together cover the protocol. Each leaves all of its rows in `item` or none, or says what
 * else it may leave; and each gives the same answers whenever it is played on an empty `item`.
 */

import * as raw from '../support/raw-messages.ts'
import { q, type Step, x } from '../support/step.ts'

export type Mode = 'transaction' | 'session'

/** How one logs in: on both sides, to the pooler and to PostgreSQL. */
export type Access = 'trust' | 'scram' | 'tls'

export interface Transcript {
  readonly name: string
  readonly access: Access
  readonly modes: readonly Mode[]
  /** None: what is cut is the login, and one query behind it. */
  readonly steps: readonly Step[]
  /** How many rows it may leave in `item`; nothing: it writes none. */
  readonly mayLeave?: readonly number[]
  /** Its long bodies are cut at a sample of their bytes. */
  readonly isLong?: boolean
}

const both: readonly Mode[] = ['transaction', 'session']
const copyIn = 'copy item from stdin'
const rows = raw.copyData('1\ta\n2\tb\n')

function conversation(name: string, steps: readonly Step[], rest: Partial<Transcript> = {}): Transcript {
  return { name, access: 'trust', modes: both, steps, ...rest }
}

function login(name: string, access: Access, rest: Partial<Transcript> = {}): Transcript {
  return { name, access, modes: ['transaction'], steps: [], ...rest }
}

export const transcripts: readonly Transcript[] = [
  conversation('a query with several rows', [q("select n, repeat('x', n) from generate_series(1, 5) n")]),
  conversation(
    'several statements in one query, the last but one failing',
    [q("insert into item values (1, 'a'); select 2; select 1/0; select 3")],
    { mayLeave: [0] },
  ),
  conversation('an extended group with parameters', [
    [
      raw.all(
        raw.parse('select $1::int + 1, $2::text, null'),
        raw.bind(['6', 'seven']),
        raw.describePortal(),
        raw.execute(),
        raw.sync,
      ),
    ],
  ]),
  conversation(
    'a group that writes twice',
    [
      [
        raw.all(
          raw.statement('insert into item values ($1)', ['1']),
          raw.statement('insert into item values ($1)', ['2']),
          raw.sync,
        ),
      ],
    ],
    { mayLeave: [0, 2] },
  ),
  conversation('a named statement used twice', [
    q('begin'),
    [raw.all(raw.parse('select $1::int * 2', 's'), raw.describeStatement('s'), raw.sync)],
    [raw.all(raw.bind(['2'], 's'), raw.execute(), raw.sync)],
    [raw.all(raw.bind(['4'], 's', 'p'), raw.execute(0, 'p'), raw.closeStatement('s'), raw.sync)],
    q('commit'),
  ]),
  conversation(
    'a pipeline of groups with an error inside',
    [
      [
        raw.all(x("insert into item values (1, 'a')"), x('select 1/0'), x('select $1::text', 'x'), x('select 4')),
        'Z',
        4,
      ],
    ],
    { mayLeave: [0, 1] },
  ),
  conversation(
    'a transaction with a savepoint and an error',
    [
      q('begin'),
      q("insert into item values (1, 'a')"),
      q('savepoint a'),
      q('select 1/0'),
      q('rollback to a'),
      q("insert into item values (2, 'b')"),
      q('commit'),
    ],
    { mayLeave: [0, 2] },
  ),
  conversation('a copy in', [[raw.query(copyIn), 'G'], [raw.all(rows, raw.copyDone)]], { mayLeave: [0, 2] }),
  conversation(
    'an extended copy in with an early Sync',
    [[raw.all(raw.statement(copyIn), raw.sync), 'G'], [raw.all(rows, raw.copyDone, raw.sync)]],
    { mayLeave: [0, 2] },
  ),
  conversation('copies out', [
    q('copy (select generate_series(1, 9)) to stdout'),
    [x('copy (select repeat($$x$$, 30)) to stdout')],
  ]),
  conversation(
    'a long row and a long parameter',
    [q("select repeat('x', 300000)"), [x('select length($1)', 'y'.repeat(60_000))]],
    { isLong: true },
  ),
  conversation('notices and changed parameters', [
    q("set time zone 'Asia/Tokyo'"),
    q("do $$ begin raise notice 'a'; raise warning 'b' using hint = 'c'; end $$"),
    q("set client_encoding = latin1; select 'ä'"),
  ]),
  conversation(
    'function calls, LISTEN and NOTIFY',
    [
      [raw.functionCall(177, ['1', '2'])],
      q('listen l'),
      q("notify l, 'x'"),
      [raw.functionCall(1, [])],
      q('unlisten l'),
    ],
    { modes: ['session'] },
  ),
  login('a login by SCRAM', 'scram'),
  login('a login by TLS and SCRAM', 'tls', { isLong: true }),
]
