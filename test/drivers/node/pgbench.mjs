/**
 * pgbench -M prepared: each of its clients prepares every command once. It gives up at an error, with exit code 2, so what
 * must hold is asked of the server, which divides by zero where it does not.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { big, words } from './checks.mjs'
import {
  assertNothingLeft,
  atEnd,
  authorityFile,
  isTransactionMode,
  notApplicable,
  restartPostgres,
  runSteps,
  scramTarget,
  target,
  within,
} from './contract.mjs'

const { host, port, user, database } = target
const here = { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database, PGSSLMODE: 'disable' }
const scram = { PGPORT: scramTarget.port, PGUSER: scramTarget.user }

/** Runs to its end: what it complained of, and with which exit code. */
async function pgbench(args, { script = '', environment = {} } = {}) {
  const child = spawn('pgbench', args, { env: { ...process.env, ...here, ...environment } })
  atEnd(() => child.kill())
  child.stdin.on('error', () => undefined).end(script)
  const code = new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
  child.stdout.resume()
  return { said: await text(child.stderr), code: await code }
}

/**
 * Clients that each have a thread: pgbench waits for the answer when it prepares a command, and where one has to wait for a
 * server, those that have one would stand still with it.
 */
const crowd = (clients, times) => [`--client=${clients}`, `--jobs=${clients}`, `--transactions=${times}`]

/** Runs a script so many times in each of its clients. */
function bench(script, { mode = 'prepared', clients = 1, times = 1, values = {}, environment } = {}) {
  const defined = Object.entries(values).map(([name, value]) => `--define=${name}=${value}`)
  const args = ['--no-vacuum', `--protocol=${mode}`, ...crowd(clients, times), ...defined, '--file=-']
  return pgbench(args, { script, environment })
}

async function succeeds(run) {
  const { code, said } = await run
  assert.equal(code, 0, said)
  assert.doesNotMatch(said, /ERROR|aborted/)
}

async function fails(run, reason) {
  const { code, said } = await within(15_000, run, 'neither ended nor refused')
  assert.notEqual(code, 0, 'it should have failed')
  assert.match(said, reason)
}

const wanted = (condition) => `select 1 / (${condition})::int;\n`
const isServing = (name) => wanted(`current_user = '${name}'`)
const clear = 'delete from item;\n'
const countIs = (n) => wanted(`(select count(*) from item) = ${n}`)
const isEncrypted = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authorityFile }

/** Each of twelve clients notes its servers: in transaction mode, where they have to share, some have several. */
async function onSeveralServers(script, environment) {
  await succeeds(
    bench('drop table if exists public.pgbench_seen;\ncreate table public.pgbench_seen (client int, pid int);\n'),
  )
  const note = 'insert into public.pgbench_seen select :client_id, pg_backend_pid() from pg_sleep(0.01);\n'
  await succeeds(bench(`${script}${note}`, { clients: 12, times: 20, environment }))
  const most = '(select max(n) from (select count(distinct pid) n from public.pgbench_seen group by client) each)'
  await succeeds(bench(wanted(isTransactionMode ? `${most} > 1` : `${most} = 1`)))
}

await runSteps({
  async 1() {
    await succeeds(bench(isServing(user)))
    const askedFor = { ...scram, PGPASSWORD: scramTarget.password }
    await succeeds(bench(isServing(scramTarget.user), { environment: askedFor }))
    await fails(bench('select 1;', { environment: { ...scram, PGPASSWORD: 'wrong' } }), /connection/)
    await succeeds(bench(isServing(user), { environment: isEncrypted }))
  },
  async 2() {
    const script = `select count(*) as n, max('taxi ' || n) as name from generate_series(1, 3) n \\gset\n`
    await succeeds(bench(`${script}${wanted("':n :name' = '3 taxi 3'")}`, { mode: 'simple' }))
  },
  async 3() {
    const script = `\\set n 41\nselect :n::int + 1 as more, :quoted::text as quoted \\gset\n`
    const right = wanted(`:more::int = 42 and :quoted::text = 'it''s'`)
    await succeeds(bench(`${script}${right}`, { mode: 'extended', values: { quoted: "it's" } }))
  },
  async 4() {
    const script = `\\set n random(1, 100)\nselect :n::int * 2 as doubled \\gset\n${wanted(':doubled::int = 2 * :n::int')}`
    await onSeveralServers(script)
    // TPC-B, whose sums agree in the end.
    await succeeds(pgbench(['--initialize', '--quiet', '--scale=1']))
    await succeeds(pgbench(['--no-vacuum', '--protocol=prepared', ...crowd(10, 20)]))
    const sums = ['accounts', 'branches', 'tellers'].map(
      (name) => `(select sum(${name[0]}balance) from pgbench_${name})`,
    )
    const all = '(select sum(delta) from pgbench_history)'
    await succeeds(bench(wanted(sums.map((sum) => `${sum} = ${all}`).join(' and '))))
    await succeeds(bench(wanted('(select count(*) from pgbench_history) = 200')))
  },
  async 5() {
    const pipeline = (n) =>
      `\\startpipeline\ninsert into item values (${n}, 'a');\nselect 4 / ${n}::int;\ninsert into item values (10 + ${n}, 'b');\n\\endpipeline\n`
    await succeeds(bench(`${clear}${pipeline(2)}`))
    await fails(bench(pipeline(0)), /division by zero/)
    await succeeds(bench(countIs(2)))
  },
  async 6() {
    const insert = "insert into item values (1, 'a');\n"
    await succeeds(bench(`${clear}begin;\n${insert}rollback;\n${countIs(0)}begin;\n${insert}commit;\n${countIs(1)}`))
    await succeeds(bench(countIs(1)))
  },
  7: () => notApplicable('gives up at an error'),
  async 8() {
    await succeeds(pgbench(['--initialize', '--init-steps=dtg', '--quiet', '--scale=1']))
    await succeeds(bench(wanted('(select count(*) from pgbench_accounts) = 100000')))
  },
  9: () => notApplicable('no cancel'),
  async 10() {
    const script = "begin;\nset local statement_timeout = '200ms';\nselect pg_sleep(30);\n"
    await fails(bench(script), /statement timeout/)
    await succeeds(bench('select 1;'))
  },
  async 11() {
    const script = `select repeat('x', ${big.length}) as big \\gset\n`
    await succeeds(bench(`${script}${wanted(`:big::text = repeat('x', ${big.length})`)}`))
  },
  async 12() {
    const bytes = String.raw`'\x000100ff00'::bytea`
    const script = `select ${bytes} as bytes, :words::text as words \\gset\n`
    const right = wanted(`:bytes::bytea = ${bytes} and :words::text = '${words}'`)
    await succeeds(bench(`${script}${right}`, { values: { words } }))
    await fails(bench('select chr(0);'), /null character not permitted/)
  },
  async 13() {
    const { said } = await bench("do $$ begin raise notice 'taxi %', 7; end $$;\n")
    assert.match(said, /taxi 7/)
  },
  14: () => notApplicable('no LISTEN'),
  async 15() {
    const declare = 'begin;\ndeclare rides cursor for select n from generate_series(1, 1000) n;\n'
    const hundred = `fetch 99 from rides;\nfetch 1 from rides \\gset\n${wanted(':n::int % 100 = 0')}`
    await succeeds(bench(`${declare}${hundred.repeat(10)}${wanted(':n::int = 1000')}commit;\n`))
  },
  async 16() {
    const old = bench('select 1;\n\\sleep 20 ms\n', { times: 100 })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await restartPostgres()
    await within(15_000, old, 'no answer')
    await succeeds(within(15_000, bench('select 3;'), 'no answer'))
  },
  async 17() {
    const script = `select :client_id::int as got from pg_sleep(0.1) \\gset\n${wanted(':got::int = :client_id::int')}`
    await succeeds(bench(script, { clients: 50 }))
  },
  async 18() {
    await succeeds(bench('begin;\nselect 1;\ncommit;\n', { clients: 5 }))
    await bench('begin;\ndelete from item;\n')
    await assertNothingLeft()
  },
  async 19() {
    await succeeds(bench('drop table if exists pgbench_ride, pgbench_version;\n'))
    const migration = `begin;
      select pg_advisory_xact_lock(4711);
      create table if not exists pgbench_version (number int primary key);
      with new as (insert into pgbench_version values (1) on conflict do nothing returning 1)
        select count(*) as inserted from new \\gset
      \\if :inserted = 1
      create table pgbench_ride (id serial primary key, fare numeric not null);
      \\endif
      commit;\n`
    await succeeds(bench(migration))
    await succeeds(bench(migration))
    await succeeds(bench('insert into pgbench_ride (fare) values (12.5);\n'))
  },
  async 20() {
    const environment = { PGAPPNAME: 'meter', PGOPTIONS: '-c search_path=tenant,public -c work_mem=5MB' }
    const settings = `owner = 'the tenant’s' and current_setting('work_mem') = '5MB' and current_setting('application_name') = 'meter'`
    await onSeveralServers(`select 1 / (${settings})::int from whose;\n`, environment)
  },
})
