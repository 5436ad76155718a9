"""psycopg2: parameters are put into the text, everything goes by the simple protocol; no pipelines, no named statements
but by SQL."""

import io
import select
import threading
import time

import psycopg2
import psycopg2.extensions

from contract import *


def connect(**options):
    settings = {"host": HOST, "port": PORT, "dbname": DATABASE, "user": USER, **options}
    link = psycopg2.connect(**settings)
    at_end(link.close)
    return link


def connect_to_ask(**options):
    link = connect(**options)
    link.autocommit = True
    return link


def value(link, sql, args=None):
    with link.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchone()[0]


def run(link, sql):
    with link.cursor() as cursor:
        cursor.execute(sql)


def hold():
    link = connect()
    return value(link, "select pg_backend_pid()"), link.close


def scram(**options):
    return connect_to_ask(**{"port": SCRAM_PORT, "user": SCRAM_USER, "password": PASSWORD, **options})


def step_1():
    equal(value(connect_to_ask(), "select current_user"), USER)
    equal(value(scram(), "select current_user"), SCRAM_USER)
    rejection(lambda: scram(password="wrong"))
    encrypted = connect_to_ask(sslmode="verify-full", sslrootcert=AUTHORITY)
    assert encrypted.info.ssl_in_use
    equal(value(encrypted, "select 1"), 1)


def step_2():
    with connect_to_ask().cursor() as cursor:
        cursor.execute("select n, 'taxi ' || n from generate_series(1, 3) n")
        equal(cursor.fetchall(), [(n, f"taxi {n}") for n in (1, 2, 3)])


def step_3():
    with connect_to_ask().cursor() as cursor:
        cursor.execute("select %s + 1, %s, %s", (41, "it's", None))
        equal(cursor.fetchone(), (42, "it's", None))


def step_4():
    link = connect_to_ask()
    run(link, "prepare fare(int) as select pg_backend_pid(), $1 * 2")

    def use():
        with link.cursor() as cursor:
            cursor.execute("execute fare(%s)", (21,))
            pid, doubled = cursor.fetchone()
            equal(doubled, 42)
            return pid

    # What SQL prepares keeps its server: there is no other to be led to.
    first = use()
    with connect_to_ask().cursor() as other:
        other.execute("select pg_backend_pid()")
        other.fetchone()
    equal(use(), first)


def step_5():
    link = connect_to_ask()
    equal(value(link, "select 1"), 1)
    equal(rejection(value, link, "select 1; select 1 / 0; select 3").pgcode, "22012")
    equal(value(link, "select 4"), 4)


def step_6():
    link = connect()
    run(link, "delete from item")
    link.commit()
    run(link, "insert into item values (1, 'a')")
    link.rollback()
    equal(value(link, "select count(*) from item"), 0)
    run(link, "insert into item values (1, 'a')")
    link.commit()
    equal(value(connect(), "select count(*) from item"), 1)


def step_7():
    link = connect()
    run(link, "delete from item")
    run(link, "insert into item values (1, 'a')")
    run(link, "savepoint s")
    equal(rejection(run, link, "insert into item values (1, 'twice')").pgcode, "23505")
    run(link, "rollback to savepoint s")
    run(link, "insert into item values (2, 'b')")
    link.commit()
    equal(value(link, "select count(*) from item"), 2)


def step_8():
    lines = "".join(f"{n}\t{name}\n" for n, name in rows_to_copy())
    link = connect()
    run(link, "delete from item")
    with link.cursor() as cursor:
        cursor.copy_expert("copy item from stdin", io.StringIO(lines))
        link.commit()
        out = io.StringIO()
        cursor.copy_expert("copy (select * from item order by id) to stdout", out)
    equal(out.getvalue(), lines)
    equal(value(link, "select count(*) from item"), 1000)


def step_9():
    link = connect_to_ask()
    timer = threading.Timer(0.3, link.cancel)
    timer.start()
    equal(within(15, lambda: value(link, "select pg_sleep(30)")).pgcode, "57014")
    timer.join()
    equal(value(link, "select 1"), 1)


def step_10():
    link = connect()
    run(link, "set local statement_timeout = '200ms'")
    equal(within(15, lambda: value(link, "select pg_sleep(30)")).pgcode, "57014")
    link.rollback()
    equal(value(link, "select 1"), 1)


def step_11():
    link = connect_to_ask()
    assert value(link, "select %s", (BIG,)) == BIG
    equal(value(link, "select 1"), 1)


def step_12():
    link = connect_to_ask()
    with link.cursor() as cursor:
        cursor.execute("select %s::bytea, %s", (BYTES, WORDS))
        got, words = cursor.fetchone()
        equal((bytes(got), words), (BYTES, WORDS))
    rejection(value, link, "select %s", ("a\0b",))
    equal(rejection(value, link, "select chr(0)").pgcode, "54000")
    equal(value(link, "select 1"), 1)


def step_13():
    link = connect_to_ask()
    run(link, "do $$ begin raise notice 'taxi %', 7; end $$")
    assert any("taxi 7" in notice for notice in link.notices), link.notices


def step_14():
    listener = connect_to_ask()
    run(listener, "listen rides")
    run(connect_to_ask(), "notify rides, 'seven'")
    end = time.monotonic() + 3
    while not listener.notifies and time.monotonic() < end:
        select.select([listener], [], [], 0.2)
        listener.poll()
    equal([notify.payload for notify in listener.notifies], ["seven"])


def step_15():
    link = connect()
    with link.cursor(name="rides") as cursor:
        cursor.execute("select n from generate_series(1, 1000) n")
        batches = [cursor.fetchmany(100) for _ in range(10)]
        equal(cursor.fetchmany(100), [])
    equal([len(batch) for batch in batches], [100] * 10)
    equal(sum(n for batch in batches for (n,) in batch), 500500)
    link.commit()


def step_16():
    old = connect_to_ask()
    equal(value(old, "select 1"), 1)
    restart_postgres()
    outcome = within(15, lambda: value(old, "select 2"))
    assert outcome == 2 or isinstance(outcome, psycopg2.Error), repr(outcome)
    equal(within(15, lambda: value(connect_to_ask(), "select 3")), 3)


def step_17():
    links = [connect_to_ask() for _ in range(50)]
    answers = [None] * 50

    def ask(n):
        answers[n] = value(links[n], "select %s", (n,))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    equal(answers, list(range(50)))


def step_18():
    link = connect()
    equal(value(link, "select 1"), 1)
    link.commit()
    midway = connect()
    run(midway, "delete from item")
    link.close()
    midway.close()
    assert_nothing_left()


def step_19():
    link = connect()
    run(link, "drop table if exists psycopg2_ride, psycopg2_version")
    link.commit()

    def migrate():
        with link, link.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(4711)")
            cursor.execute("create table if not exists psycopg2_version (number int primary key)")
            cursor.execute("insert into psycopg2_version values (1) on conflict do nothing")
            is_new = cursor.rowcount
            if is_new:
                cursor.execute("create table psycopg2_ride (id serial primary key, fare numeric not null)")
            return is_new

    equal([migrate(), migrate()], [1, 0])
    equal(str(value(link, "insert into psycopg2_ride (fare) values (12.5) returning fare")), "12.5")
    link.commit()


def step_20():
    link = connect(application_name="meter", options="-c work_mem=5MB")
    link.set_session(isolation_level="SERIALIZABLE", autocommit=False)
    run(link, "set search_path = tenant, public")
    run(link, "set datestyle = 'German'")
    link.commit()

    def use():
        with link, link.cursor() as cursor:
            cursor.execute(
                """select pg_backend_pid(), owner, current_setting('work_mem'), '2026-12-31'::date::text,
                   current_setting('application_name'), current_setting('transaction_isolation') from whose"""
            )
            pid, *settings = cursor.fetchone()
            equal(settings, [TENANT, "5MB", "31.12.2026", "meter", "serializable"])
            return pid

    on_two_servers(use, hold)


run_steps({number: globals()[f"step_{number}"] for number in wanted_steps()})
