/** Locks, notifications, sequences, libraries, and what else a backend remembers. */

import { fails, type Kind, type Show, themed } from '../kind.ts'

/** On this very backend. Where two clients share one, both have the lock. */
const locks = {
  show: `select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
  fresh: '0',
}

export const advisory: readonly Kind[] = themed(locks, {
  pg_advisory_lock: ['select pg_advisory_lock(7)'],
  'pg_advisory_lock of two keys': ['select pg_advisory_lock(7, 8)'],
  pg_try_advisory_lock: ['select pg_try_advisory_lock(7)'],
  pg_advisory_lock_shared: ['select pg_advisory_lock_shared(7)'],
  pg_try_advisory_lock_shared: ['select pg_try_advisory_lock_shared(7)'],
  'pg_advisory_lock, then unlock': ['select pg_advisory_lock(7)', 'select pg_advisory_unlock(7)'],
  'pg_advisory_lock twice, then unlock once': [
    'select pg_advisory_lock(7), pg_advisory_lock(7)',
    'select pg_advisory_unlock(7)',
  ],
  'pg_advisory_lock, then unlock_all': ['select pg_advisory_lock(7)', 'select pg_advisory_unlock_all()'],
  pg_advisory_xact_lock: ['select pg_advisory_xact_lock(7)'],
})

export const advisoryInside: readonly Kind[] = themed(locks, {
  'pg_advisory_lock in a function': ['select matrix_lock()'],
})

const channel = 'matrix'
const deliveryMs = 50

/** Whether a notification reaches it that is sent while it has a server: during its transaction or a moment after it. */
const hears: Show = async (client, outside) => {
  const answers = await client.query('begin')
  await outside.query(`notify ${channel}`)
  await Bun.sleep(deliveryMs)
  answers.push(...(await client.query('commit')))
  await Bun.sleep(deliveryMs)
  answers.push(...(await client.query('select 1')))
  return answers.some((line) => line.startsWith('A ')) ? 'notified' : 'nothing'
}

export const listening: readonly Kind[] = themed(
  { show: hears, fresh: 'nothing' },
  {
    LISTEN: [`listen ${channel}`],
    'LISTEN, then UNLISTEN': [`listen ${channel}`, `unlisten ${channel}`],
    'LISTEN, then UNLISTEN *': [`listen ${channel}`, 'unlisten *'],
  },
)

export const listeningInside: readonly Kind[] = themed(
  { show: hears, fresh: 'nothing' },
  { 'LISTEN in a function': ['select matrix_listen()'] },
)

export const sequences: readonly Kind[] = [
  { name: 'currval', make: [`select nextval('matrix_seq')`], show: `select currval('matrix_seq')` },
  { name: 'lastval', make: [`select nextval('matrix_seq')`], show: 'select lastval()' },
  { name: 'lastval of an INSERT', make: ['insert into matrix_numbered default values'], show: 'select lastval()' },
  {
    name: 'nextval, then DISCARD SEQUENCES',
    make: [`select nextval('matrix_seq')`, 'discard sequences'],
    show: `select currval('matrix_seq')`,
  },
].map((kind): Kind => ({ ...kind, fresh: fails('55000'), isLostByTrack: true }))

const outlasting = { outlivesDiscard: true, invisible: 'inside DO' } as const

const connectByDblink = `select dblink_connect('matrix',
  format('host=127.0.0.1 port=%s dbname=postgres user=postgres', current_setting('port')))`

export const seedInside: readonly Kind[] = [
  {
    name: 'setseed in a function',
    make: ['select matrix_seed()'],
    show: 'select random()',
    fresh: undefined,
    outlivesDiscard: true,
  },
]

/** What DISCARD ALL leaves. */
export const lasting: readonly Kind[] = [
  {
    name: 'LOAD',
    user: 'postgres',
    make: [`load 'auto_explain'`],
    show: `select coalesce(current_setting('auto_explain.log_min_duration', true), '')`,
    fresh: '',
    ...outlasting,
  },
  { name: 'setseed', make: ['select setseed(0.25)'], show: 'select random()', fresh: undefined, ...outlasting },
  {
    name: 'dblink_connect',
    user: 'postgres',
    make: [connectByDblink],
    show: `select coalesce('matrix' = any (dblink_get_connections()), false)`,
    fresh: 'f',
    ...outlasting,
  },
]

export const largeObjects: readonly Kind[] = [
  {
    name: 'large-object descriptor',
    make: ['select lo_open(424242, 262144)'],
    show: 'select loread(0, 3)',
    fresh: fails('42704'),
  },
]
