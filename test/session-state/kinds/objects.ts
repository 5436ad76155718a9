/** What a session makes for itself: temporary objects, cursors, prepared statements. */

import { byProtocol, fails, type Kind, shown, themed } from '../kind.ts'
import * as raw from '../../support/raw-messages.ts'

const table = { show: 'select note from pg_temp.matrix_t', fresh: fails('42P01') }

export const temporary: readonly Kind[] = [
  ...themed(table, {
    'CREATE TEMP TABLE': [`create temp table matrix_t as select 'A' as note`],
    'SELECT INTO TEMP': [`select 'A' as note into temp matrix_t`],
    'CREATE TABLE pg_temp.x': ['create table pg_temp.matrix_t (note text)', `insert into matrix_t values ('A')`],
    'CREATE TEMP TABLE … ON COMMIT DROP': [`create temp table matrix_t on commit drop as select 'A' as note`],
    'CREATE TEMP TABLE, then DROP': [`create temp table matrix_t as select 'A' as note`, 'drop table matrix_t'],
    'CREATE TEMP TABLE, then DISCARD TEMP': [`create temp table matrix_t as select 'A' as note`, 'discard temp'],
    'CREATE TEMP VIEW': [`create temp view matrix_t as select 'A' as note`],
  }),
  {
    name: 'a temp table in the place of another',
    make: [`create temp table matrix_shadow as select 'A' as who`],
    show: 'select who from matrix_shadow',
    fresh: 'everybody',
  },
  {
    name: 'CREATE TEMP SEQUENCE',
    make: ['create temp sequence matrix_s start 42'],
    show: 'select start_value from pg_sequences where sequencename = $$matrix_s$$ and pg_is_other_temp_schema(schemaname::regnamespace) is false',
    fresh: '',
  },
  {
    name: 'CREATE FUNCTION pg_temp.f',
    make: ['create function pg_temp.matrix_f() returns int language sql return 42'],
    show: `select to_regprocedure('pg_temp.matrix_f()') is not null`,
    fresh: 'f',
  },
]

export const temporaryInside: readonly Kind[] = themed(table, {
  'CREATE TEMP TABLE in a function': ['select matrix_temporary()'],
})

const cursor = { show: 'fetch first from matrix_c', fresh: fails('34000') }

export const cursors: readonly Kind[] = themed(cursor, {
  'WITH HOLD cursor': ['declare matrix_c scroll cursor with hold for select 42'],
  'WITH HOLD cursor, then CLOSE': ['declare matrix_c scroll cursor with hold for select 42', 'close matrix_c'],
  'cursor without HOLD': ['declare matrix_c scroll cursor for select 42'],
})

export const cursorInside: readonly Kind[] = themed(cursor, {
  'WITH HOLD cursor in a function': ['select matrix_hold()'],
})

const prepared = { extended: raw.parse(`select 'A'`, 'matrix') }
const named = { show: byProtocol(raw.bind([], 'matrix'), raw.execute()), fresh: fails('26000') }

const bySql = { show: 'execute matrix', fresh: fails('26000') }

export const statementInside: readonly Kind[] = themed(bySql, {
  'SQL PREPARE in a function': ['select matrix_prepare()'],
})

export const statements: readonly Kind[] = [
  ...themed(bySql, {
    'SQL PREPARE': [`prepare matrix as select 'A'`],
    'SQL PREPARE, then DEALLOCATE': [`prepare matrix as select 'A'`, 'deallocate matrix'],
    'SQL PREPARE, then DISCARD ALL': [`prepare matrix as select 'A'`, 'discard all'],
    'Parse with a name, for EXECUTE': [prepared],
  }),
  ...themed(named, {
    'Parse with a name': [prepared],
    'Parse with a name, then Close': [prepared, { extended: raw.closeStatement('matrix') }],
    'Parse with a name, then DEALLOCATE ALL': [prepared, 'deallocate all'],
    'SQL PREPARE, for Bind': [`prepare matrix as select 'A'`],
  }),
  { name: 'Parse of a name that another uses', make: [prepared], show: parseAgain, fresh: 'B' },
  {
    name: 'the unnamed statement',
    make: [{ extended: raw.parse(`select 'A'`) }],
    show: byProtocol(raw.bind(), raw.execute()),
    fresh: fails('26000'),
  },
]

/** Another statement under the same name, which is closed behind it if it could be made. */
async function parseAgain(client: Parameters<Exclude<Kind['show'], string>>[0]): Promise<string> {
  const group = raw.all(raw.parse(`select 'B'`, 'matrix'), raw.bind([], 'matrix'), raw.execute())
  return shown(await client.ask(raw.all(group, raw.closeStatement('matrix'), raw.sync)))
}
