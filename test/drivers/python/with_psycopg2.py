"""psycopg2: parameters are put into the text, everything goes by the simple protocol; no pipelines, no named statements
but by SQL."""

import io
import select
import time

import psycopg2

from checks import *


def connect(autocommit=True, **options):
    settings = {"host": HOST, "port": PORT, "dbname": DATABASE, "user": USER, **options}
    link = psycopg2.connect(**settings)
    at_end(link.close)
    link.autocommit = autocommit
    return link


def row(link, sql, args=None):
    with link.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchone()


def value(link, sql, args=None):
    return row(link, sql, args)[0]


def run(link, sql):
    with link.cursor() as cursor:
        cursor.execute(sql)


def hold():
    link = connect(autocommit=False)
    return value(link, "select pg_backend_pid()"), link.close


def step_1():
    connects(
        lambda **options: value(connect(**options), "select current_user"),
        encrypted={"sslmode": "verify-full", "sslrootcert": AUTHORITY},
    )


def step_2():
    with connect().cursor() as cursor:
        cursor.execute(SELECT_TAXIS)
        equal(cursor.fetchall(), TAXIS)


def step_3():
    equal(row(connect(), "select %s + 1, %s, %s", (41, "it's", None)), (42, "it's", None))


def step_4():
    link = connect()
    run(link, "prepare fare(int) as select pg_backend_pid(), $1 * 2")

    def use():
        pid, doubled = row(link, "execute fare(%s)", (21,))
        equal(doubled, 42)
        return pid

    # What SQL prepares keeps its server: there is no other to be led to.
    first = use()
    value(connect(), "select 1")
    equal(use(), first)


def step_5():
    link = connect()
    equal(value(link, "select 1"), 1)
    equal(rejection(value, link, "select 1; select 1 / 0; select 3").pgcode, "22012")
    equal(value(link, "select 4"), 4)


def step_6():
    link = connect(autocommit=False)

    def insert(error):
        with link:
            run(link, "insert into item values (1, 'a')")
            if error:
                raise error

    with link:
        run(link, "delete from item")
    count = "select count(*) from item"
    rolls_back(insert, lambda: value(link, count), lambda: value(connect(), count))


def step_7():
    link = connect(autocommit=False)
    run(link, "delete from item")
    run(link, "insert into item values (1, 'a')")
    run(link, "savepoint s")
    equal(rejection(run, link, "insert into item values (1, 'twice')").pgcode, "23505")
    run(link, "rollback to savepoint s")
    run(link, "insert into item values (2, 'b')")
    link.commit()
    equal(value(link, "select count(*) from item"), 2)


def step_8():
    link = connect()
    run(link, "delete from item")
    out = io.StringIO()
    with link.cursor() as cursor:
        cursor.copy_expert("copy item from stdin", io.StringIO(LINES))
        cursor.copy_expert("copy (select * from item order by id) to stdout", out)
    equal(out.getvalue(), LINES)
    equal(value(link, "select count(*) from item"), 1000)


def step_9():
    link = connect()
    equal(cancelling(link.cancel, lambda: value(link, "select pg_sleep(30)")).pgcode, "57014")
    equal(value(link, "select 1"), 1)


def step_10():
    link = connect(autocommit=False)
    run(link, "set local statement_timeout = '200ms'")
    equal(within(15, lambda: value(link, "select pg_sleep(30)")).pgcode, "57014")
    link.rollback()
    equal(value(link, "select 1"), 1)


def step_11():
    link = connect()
    assert value(link, "select %s", (BIG,)) == BIG
    equal(value(link, "select 1"), 1)


def step_12():
    link = connect()
    got, words = row(link, "select %s::bytea, %s", (BYTES, WORDS))
    equal((bytes(got), words), (BYTES, WORDS))
    rejection(value, link, "select %s", ("a\0b",))
    equal(rejection(value, link, "select chr(0)").pgcode, "54000")
    equal(value(link, "select 1"), 1)


def step_13():
    link = connect()
    run(link, "do $$ begin raise notice 'taxi %', 7; end $$")
    assert any("taxi 7" in notice for notice in link.notices), link.notices


def step_14():
    listener = connect()
    run(listener, "listen rides")
    run(connect(), "notify rides, 'seven'")
    end = time.monotonic() + 3
    while not listener.notifies and time.monotonic() < end:
        select.select([listener], [], [], 0.2)
        listener.poll()
    equal([notify.payload for notify in listener.notifies], ["seven"])


def step_15():
    link = connect(autocommit=False)
    with link.cursor(name="rides") as cursor:
        cursor.execute("select n from generate_series(1, 1000) n")
        reads_by_hundreds(lambda: cursor.fetchmany(100))
        equal(cursor.fetchmany(100), [])
    link.commit()


def step_16():
    old = connect()
    survives_restart(
        lambda n: value(old, f"select {n}"), lambda n: value(connect(), f"select {n}"), errors=psycopg2.Error
    )


def step_17():
    links = [connect() for _ in range(50)]
    answers_fifty(lambda n: value(links[n], "select %s", (n,)))


def step_18():
    link = connect(autocommit=False)
    equal(value(link, "select 1"), 1)
    link.commit()
    midway = connect(autocommit=False)
    run(midway, "delete from item")
    link.close()
    midway.close()
    assert_nothing_left()


def step_19():
    link = connect(autocommit=False)
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

    migrates_once(migrate)
    equal(str(value(link, "insert into psycopg2_ride (fare) values (12.5) returning fare")), "12.5")
    link.commit()


def step_20():
    link = connect(autocommit=False, application_name="meter", options="-c work_mem=5MB")
    link.set_session(isolation_level="SERIALIZABLE", autocommit=False)
    run(link, "set search_path = tenant, public")
    run(link, "set datestyle = 'German'")
    link.commit()

    def ask(sql):
        with link:
            return row(link, sql)

    also = {"'2026-12-31'::date::text": "31.12.2026", "current_setting('transaction_isolation')": "serializable"}
    keeps_settings(ask, hold, also)


run_steps(globals())
