import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Classifier } from './classifier.ts'
import type { Effect, Effects } from './effect.ts'
import { noEffects } from './effect.ts'
import { dottedNames } from './dotted-names.ts'

const classifier = new Classifier()

function classify(text: string): Effects {
  const bytes = Buffer.from(`Q${text}\0`)
  return classifier.classify(bytes, 1, bytes.length - 1)
}

const set = (name: string, value?: null): Effect => ({ kind: 'set', name, value })
const unknown: Effect = { kind: 'set unknown' }
const deallocate = (statement: string, isAlone = true): Effect => ({ kind: 'deallocate', statement, isAlone })
const unsureOf = (...mentioned: string[]): Effect => ({ kind: 'unsure', mentioned })
const unsure = unsureOf()
const computedName: Effect = { kind: 'indelible', what: 'set_config of a name that is computed' }
const inCode: Effect = { kind: 'indelible', what: 'LOAD, setseed or the like, in code' }
const executed: readonly Effect[] = [
  unsure,
  { kind: 'indelible', what: "EXECUTE of a statement by the pooler's name" },
  { kind: 'read sequence' },
]

describe('a text does nothing to its session', () => {
  for (const text of [
    '',
    ' ; ; -- nothing',
    'SELECT abalance FROM pgbench_accounts WHERE aid = 1;',
    'select 1;  \n',
    "insert into item values ('temp; set x = 1', $$set_config('a','b',false)$$)",
    'BEGIN',
    'start transaction isolation level serializable',
    'commit and chain',
    'rollback to savepoint a',
    'release a',
    'begin; insert into item values (1); commit',
    'set transaction isolation level serializable',
    'set constraints all deferred',
    'set transaction_isolation = serializable',
    "select set_config('transaction_read_only', 'on', false)",
    "select set_config('app.tenant', 'x', true)",
    'select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)',
    'with x as (insert into t values (1) returning *) select * from x where a = lastvalue',
    "alter role x set work_mem = '1MB'",
    'create unique index on t (a)',
    'declare c cursor for select 1',
    "prepare transaction 'x'",
    "comment on table t is 'set_config'",
    'select temp, 1e10, 0x1F, 1_000, 1.5e-3, .5, 1., $1, hold from weather',
    'select temp, hold from weather /* set role x */ -- listen',
    'show work_mem',
    'explain select 1',
    'explain (analyze, buffers) select 1',
    'notify news',
    'execute p',
    'explain analyze execute p',
    'select * from pg_settings',
    '(select 1) union (select 2)',
    "select U&'a\\0062' || u&'!0062' uescape '!', u & 1 from t",
  ]) {
    it(JSON.stringify(text), () => assert.deepEqual(classify(text), []))
  }
})

describe('a text changes its session', () => {
  const cases: Record<string, Effects> = {
    "set work_mem = '5MB'": [set('work_mem')],
    'SET SESSION "Work_Mem" TO DEFAULT': [set('work_mem', null)],
    "set app.tenant = 'x'": [set('app.tenant')],
    'set App . "Tenant" to \'x\'': [set('app.tenant')],
    'set session = 1': [set('session')],
    'set search_path = a, "B", public': [set('search_path')],
    "set time zone 'UTC'": [set('timezone')],
    'set names utf8': [set('client_encoding')],
    'set role plain': [set('role')],
    'set role = plain': [set('role')],
    'set session role plain': [set('role')],
    'set session authorization plain': [set('session_authorization')],
    'set session authorization default': [set('session_authorization', null)],
    'set session characteristics as transaction read only': [
      set('default_transaction_isolation'),
      set('default_transaction_read_only'),
      set('default_transaction_deferrable'),
    ],
    'set session characteristics as transaction not deferrable': [
      set('default_transaction_isolation'),
      set('default_transaction_read_only'),
      set('default_transaction_deferrable'),
    ],
    'set default_transaction_deferrable = off': [set('default_transaction_deferrable')],
    'set local default_transaction_deferrable = on': [],
    "do $$ begin set client_encoding = 'SJIS'; end $$": [unsure, set('client_encoding')],
    'set session characteristics as transaction read only, deferrable': [
      { kind: 'indelible', what: 'a transaction that is DEFERRABLE unless told otherwise' },
    ],
    "execute taxirank_1; explain analyze execute taxirank_2('x'); execute own": [...executed, ...executed],
    "set local client_encoding = 'SJIS'": [{ kind: 'passing', isEncoding: true }],
    'set xml option document': [set('xmloption')],
    "set schema 'x'": [set('search_path')],
    'set seed = 0.5': [{ kind: 'indelible', what: 'SET seed' }],
    'set search_path to pg_temp, public': [
      set('search_path'),
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    'reset work_mem': [set('work_mem', null)],
    'reset role': [set('role', null)],
    'reset session authorization': [set('session_authorization', null)],
    'reset time zone': [set('timezone', null)],
    'reset all': [{ kind: 'reset all' }],
    "select set_config('App.tenant', 'x', false)": [set('app.tenant')],
    'select pg_catalog . "set_config" /* a */ (\'app.tenant\', $1, $2)': [set('app.tenant')],
    "select set_config('app.' || x, 'y', false)": [{ kind: 'set unnamed' }],
    'select set_config($1, $2, false)': [{ kind: 'set given', isLocal: false }],
    'select set_config( $1 , $2, true)': [{ kind: 'set given', isLocal: true }],
    "select set_config('search_path', $1, true)": [{ kind: 'passing' }, { kind: 'maybe temporary', isGiven: true }],
    "select set_config('search_path', 'pg_' || 'temp', false)": [
      set('search_path'),
      { kind: 'maybe temporary', isGiven: false },
    ],
    'set local search_path to public, pg_temp': [{ kind: 'passing' }, { kind: 'maybe temporary', isGiven: false }],
    [`set app.${'n'.repeat(64)} = 'x'`]: [{ kind: 'set unnamed' }],
    [`reset app.${'n'.repeat(64)}`]: [{ kind: 'set unnamed' }],
    [`set app.${'n'.repeat(63)} = 'x'`]: [set(`app.${'n'.repeat(63)}`)],
    "select set_config('DateStyle', $1, true)": [{ kind: 'passing' }],
    "set local time zone 'UTC'": [{ kind: 'passing' }],
    'set local DateStyle to default': [{ kind: 'passing' }],
    'SET LOCAL work_mem = 1': [{ kind: 'passing' }],
    'create temp table t (id int) on commit drop': [{ kind: 'passing' }],
    "select set_config('app.tenant', $1, true)": [],
    "select set_config($1 || '.x', $2, false)": [computedName],
    "select set_config(concat($1, '.x'), $2, true)": [computedName],
    "select set_config('a' || '.x', $2, false)": [computedName],
    "set app.path = E'C:\\\\'": [set('app.path')],
    "select set_config('seed'::text, '0.4'::text, false)": [{ kind: 'indelible', what: 'SET seed' }],
    "select set_config('app.x'::text, $1::varchar, true::boolean)": [],
    "select set_config('app.x'::char(3), 'y', false)": [computedName],
    'select set_config($1::text, $2::text, false)': [{ kind: 'set given', isLocal: false }],
    "set search_path = U&'pg_te\\006dp'": [
      set('search_path'),
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "select set_config(U&'see\\0064', '0.4', false)": [computedName],
    'select isn_weak(true)': [{ kind: 'indelible', what: 'isn_weak' }],
    "select set_config('app.' || $1, $2, false)": [{ kind: 'set unnamed' }],
    "select set_config(concat('app.', $1), $2, false)": [{ kind: 'set unnamed' }],
    "select set_config(format('app.%s', x), 'y', false) from z": [{ kind: 'set unnamed' }],
    "update pg_settings set setting = '1' where name = 'work_mem'": [unknown, unsure],
    "with x as (update pg_catalog.pg_settings set setting = 'x') select 1": [unknown, unsure],
    'import foreign schema a from server b into c': [{ kind: 'definition' }],
    'import foreign schema a from server b into pg_temp': [{ kind: 'temporary' }],
    "set search_path = 'pg_'\n --\n\t'temp'": [
      set('search_path'),
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "set search_path = E'pg_'\n'te\\mp'": [
      set('search_path'),
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "do 'begin perform setse'\n'ed(0.42); end'": [unsure, inCode],
    "do $$ begin perform set_config('app.' || k, 'x', false), set_config('a.b', 'x', true); end $$": [unsureOf('a.b')],
    "do $$ begin perform set_config('se' || 'ed', '0.4', false); end $$": [unsure, inCode],
    "do $b$ begin perform set_config($$seed$$, '0.4', false); end $b$": [unsure, inCode],
    'do $$ begin load--\n $b$auto_explain$b$; end $$': [unsure, inCode],
    'do $$ begin set/**/session/**/ seed to 1; end $$': [unsure, inCode],
    'do $$ begin perform u&"setsee\\0064"(1); end $$': [unsure, inCode, { kind: 'read sequence' }],
    'do $$ begin set /* ; */ search_path /* ; */ = pg_temp; end $$': [
      unsure,
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "do $$ begin perform set_config('app.tenant', 'x', false); end $$": [unsureOf('app.tenant')],
    'call anything()': [unsure],
    'prepare p as select 1': [{ kind: 'prepare' }],
    "prepare p as select set_config('a.b', $1, false)": [
      { kind: 'indelible', what: 'PREPARE of a statement that changes its session' },
      set('a.b'),
    ],
    'DEALLOCATE Pdo_Stmt_1': [deallocate('pdo_stmt_1')],
    'deallocate prepare "S"': [deallocate('S')],
    [`DEALLOCATE ${'n'.repeat(70)}`]: [deallocate('n'.repeat(63))],
    'INSERT INTO t VALUES (1); DEALLOCATE s1': [deallocate('s1', false)],
    'COMMIT; DEALLOCATE s1': [deallocate('s1', false)],
    'DEALLOCATE s1; DELETE FROM t': [deallocate('s1', false)],
    'deallocate s1; deallocate s2': [deallocate('s1', false), deallocate('s2', false)],
    ';DEALLOCATE s1;': [deallocate('s1')],
    ' ; -- x\n ;DEALLOCATE s1 /* ; */ ; ;': [deallocate('s1')],
    '/* x */ deallocate prepare "S 1" -- y': [deallocate('S 1')],
    'deallocate prepare': [deallocate('prepare')],
    'deallocate s1 s2': [deallocate('s1', false)],
    "deallocate 's1'": [deallocate('s1', false)],
    deallocate: [deallocate('', false)],
    'deallocate all': [{ kind: 'deallocate all' }],
    'discard all': [{ kind: 'discard', what: 'all' }],
    'discard temporary': [{ kind: 'discard', what: 'temp' }],
    'listen News': [{ kind: 'listen', channel: 'news' }],
    [`listen "${'N'.repeat(70)}"`]: [{ kind: 'listen', channel: 'N'.repeat(63) }],
    'create table t (id int)': [{ kind: 'definition' }],
    'alter table t add column a int': [{ kind: 'definition' }],
    'drop table t': [{ kind: 'drop' }, { kind: 'definition', isDrop: true }],
    'drop index i': [{ kind: 'drop' }],
    'select * into t from item': [{ kind: 'definition' }],
    'do $$ begin alter table t add a int; end $$': [unsure, { kind: 'definition' }],
    'unlisten *': [{ kind: 'unlisten', channel: undefined }],
    'unlisten News': [{ kind: 'unlisten', channel: 'news' }],
    'unlisten "News"': [{ kind: 'unlisten', channel: 'News' }],
    'create temp table t (id int)': [{ kind: 'temporary' }],
    'create or replace local temporary view v as select 1': [{ kind: 'temporary' }],
    'create function pg_temp.f() returns int language sql return 1': [{ kind: 'temporary' }],
    'select * into temp t from item': [{ kind: 'temporary' }],
    'with x as (select 1) select * into local temp table t from x': [{ kind: 'temporary' }],
    'select pg_advisory_lock(1)': [{ kind: 'lock' }],
    'select pg_try_advisory_lock_shared(1)': [{ kind: 'lock' }],
    'select pg_advisory_unlock_all()': [{ kind: 'unlock' }],
    'declare c scroll cursor with hold for select 1': [{ kind: 'hold' }],
    "load 'auto_explain'": [{ kind: 'indelible', what: 'LOAD' }],
    'select SETSEED(0.5)': [{ kind: 'indelible', what: 'setseed' }],
    "select dblink_connect('x')": [{ kind: 'indelible', what: 'dblink_connect' }],
    "insert into t values (currval('s'))": [{ kind: 'read sequence' }],
    'begin; set x.y = 1; commit; listen a': [set('x.y'), { kind: 'listen', channel: 'a' }],
    "select 'a\\'; set x.y = 1": [unsureOf('x.y')],
    "select temp, 'a\\', 'load seed'": [unsure],
    "select temp, 'a": [unsure],
    'select temp, $a$ x': [unsure],
    '/* select 1': [unsure],
    "select U&\"\\0073et_config\"('a.b', 'b', false)": [unsureOf('a.b'), inCode, { kind: 'read sequence' }],
    'select U&"setseed"(0.5)': [unsure, inCode, { kind: 'read sequence' }],
    "select n'a\\''; set x.y = 1 --'": [unsureOf('x.y')],
    'something new': [unsure],
    'set local.x = 1': [set('local.x')],
    'set session.x = 1': [set('session.x')],
    'set session session.x = 1': [set('session.x')],
    'set transaction.x = 1': [set('transaction.x')],
    'set constraints.x = 1': [set('constraints.x')],
    'set role.x to 1': [set('role.x')],
    'set names.x = 1': [set('names.x')],
    'reset schema.x': [set('schema.x', null)],
    "set sort_mem = '5MB'": [set('work_mem')],
    "select set_config('Vacuum_Mem', '5MB', false)": [set('maintenance_work_mem')],
    "set schema 'pg_temp'": [set('search_path'), { kind: 'indelible', what: 'a search_path with pg_temp' }],
    "set search_path = E'pg\\x5ftemp'": [set('search_path'), { kind: 'indelible', what: 'a search_path with pg_temp' }],
    "select set_config('search_path', 'pg_temp, a', false)": [
      set('search_path'),
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    'set local search_path = a, pg_temp': [{ kind: 'passing' }, { kind: 'temporary' }],
    "select set_config('search_path', 'pg_temp', true)": [{ kind: 'passing' }, { kind: 'temporary' }],
    'set local seed = 0.5': [{ kind: 'indelible', what: 'SET seed' }],
    "select set_config('seed', '0.5', true)": [{ kind: 'indelible', what: 'SET seed' }],
    "select set_config(E'app.\\'x', 'y', false)": [set("app.'x")],
    "select set_config(E'app\\x2ex', 'y', false)": [computedName],
    'do $$ begin set session authorization plain; end $$': [unsure, set('session_authorization')],
    "do $$ begin perform pg_create_physical_replication_slot('s', false, true); end $$": [
      unsure,
      { kind: 'indelible', what: 'LOAD, setseed or the like, in code' },
    ],
    'do $$ begin set seed = 0.5; end $$': [unsure, { kind: 'indelible', what: 'LOAD, setseed or the like, in code' }],
    "do E'begin\\nload \\'x\\'; end'": [unsure, { kind: 'indelible', what: 'LOAD, setseed or the like, in code' }],
    'do $$ begin set search_path = pg_temp; end $$': [
      unsure,
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "do $$ begin raise notice 'load seed'; drop table pg_temp.x; end $$": [
      unsureOf('pg_temp.x'),
      { kind: 'definition' },
    ],
    "select query_to_xml('select set_config(''a.b'', ''c'', false)', true, false, '')": [unsureOf('a.b')],
    "select ts_stat('select 1')": [unsure],
    "select pg_create_physical_replication_slot('s', false, true)": [
      { kind: 'indelible', what: 'pg_create_physical_replication_slot' },
    ],
    'close c': [{ kind: 'close' }],
    'with x as (insert into t values (1) returning *) select * into temp y from x': [{ kind: 'temporary' }],
    'select 1 as into, 2 into temp y': [{ kind: 'temporary' }],
    'select 1 into table pg_temp.y': [{ kind: 'temporary' }],
    'select 1 into postgres.pg_temp.y': [{ kind: 'temporary' }],
    'explain analyze (select 1 into temp y)': [{ kind: 'temporary' }],
    'explain (analyze) (select 1 into temp y)': [{ kind: 'temporary' }],
    'explain (analyze) explain verbose select 1 into temp y': [{ kind: 'temporary' }],
    'explain (': [unsure],
    'explain (analyze, explain (select temp': [unsure],
    'explain explain (': [unsure],
    'SELECT 1into temp x': [{ kind: 'temporary' }],
    'SELECT 1.5into temp x': [{ kind: 'temporary' }],
    'SELECT 1.into temp x': [{ kind: 'temporary' }],
    'SELECT 1e10into temp x': [{ kind: 'temporary' }],
    'SELECT 1e-1into pg_temp.x': [{ kind: 'temporary' }],
    'SELECT $1into temp x': [{ kind: 'temporary' }],
    "select temp, 1e'\\'', set_config('a.b', 'x', false) --'": [set('a.b')],
    "select set_config('a.b', 'x', 1_000)": [set('a.b')],
    "do $$ begin set schema 'a'; raise notice 'pg_temp'; end $$": [unsure],
    'do $$ begin drop table pg_temp.x; set search_path = a, pg_temp; end $$': [
      unsureOf('pg_temp.x'),
      { kind: 'definition' },
      { kind: 'indelible', what: 'a search_path with pg_temp' },
    ],
    "select ts_stat('a.b'), ts_stat('c.d'), setseed(1)": [
      { kind: 'indelible', what: 'setseed' },
      unsureOf('a.b', 'c.d'),
    ],
  }
  for (const [text, effects] of Object.entries(cases)) {
    it(text, () => assert.deepEqual(classify(text), effects))
  }
})

describe('Classifier', () => {
  it('gives what does nothing the one empty list', () => {
    assert.equal(classify('select 1'), noEffects)
    assert.equal(classify('select temp'), noEffects)
  })

  it('says the same of a text in whatever case, and with blanks and comments between its words', () => {
    const texts = [
      'set work_mem = 1',
      'select pg_advisory_lock(1)',
      'create temp table t (id int)',
      'listen a',
      'discard all',
    ]
    for (const text of texts) {
      const other = ` /* a */ ${text.toUpperCase().replaceAll(' ', ' -- b\n /* c /* d */ */ ')} ;`
      assert.deepEqual(classify(other), classify(text))
    }
  })

  it('reads no text that is too long, but sees of a long one that it is harmless', () => {
    const rows = 'insert into t values (1, 1.5, $1)' + ", ('what you like')".repeat(250_000)
    assert.equal(classify(rows), noEffects)
    assert.equal(classify(`${rows};\n`), noEffects)
    const some = rows.slice(0, 65_000)
    assert.deepEqual(classify(`${some}'); set app.x = 1`), [set('app.x')])
    assert.deepEqual(classify(`${rows}; set app.x = 1; load 'x'`), [
      unsureOf('app.x'),
      { kind: 'indelible', what: 'LOAD, setseed or the like, in code' },
    ])
  })

  it('is unsure of all but ASCII where a backslash may be half a character', () => {
    const several = new Classifier()
    const say = (text: string, isTransparent?: boolean) => {
      const bytes = Buffer.from(text, 'latin1')
      return several.classify(bytes, 0, bytes.length, isTransparent)
    }
    const text = "select '\x83\\'; set app.x = 1 --'"
    const plain = "select temp, '\x83\x41'"
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(say(text, false), [unsureOf('app.x')])
      assert.deepEqual(say(plain, false), [unsure])
      assert.deepEqual(say("select '\x83'", false), [unsure])
      assert.equal(say(plain), noEffects)
      assert.equal(say(plain, true), noEffects)
      assert.equal(say("select 'a'", false), noEffects)
      assert.deepEqual(say('set app.x = 1', false), [set('app.x')])
    }
  })

  it('remembers no more texts than it may, and goes on being right', () => {
    const small = new Classifier({ mostTexts: 3, longestText: 30 })
    for (let n = 0; n < 20; n++) {
      const bytes = Buffer.from(`set app.x${n} = 1${' '.repeat(n)}`)
      assert.deepEqual(small.classify(bytes, 0, bytes.length), [set(`app.x${n}`)])
    }
  })
})

describe('dottedNames', () => {
  it('finds names of several parts, each once, in lower case', () => {
    const text = 'x App.Tenant a.b.c 1d.e $f.g h.1 .i j..k l.m. a . b app.tenant n_.o$1 p.q'
    assert.deepEqual(dottedNames(text), ['app.tenant', 'a.b.c', 'd.e', 'f.g', 'l.m', 'n_.o$1', 'p.q'])
  })

  it('finds a few', () => {
    const names = Array.from({ length: 30 }, (_, n) => `a.n${n}`)
    assert.deepEqual(dottedNames(names.join(' ')), names.slice(0, 20))
  })
})
