"""psycopg 3: pipelines, and statements that it names `_pg3_N` after a few runs."""

import psycopg

from checks import *


def connect(autocommit=True, **options):
    settings = {"host": HOST, "port": PORT, "dbname": DATABASE, "user": USER, **options}
    link = psycopg.connect(**settings, autocommit=autocommit)
    at_end(link.close)
    return link


def value(link, sql, args=None, **options):
    return link.execute(sql, args, **options).fetchone()[0]


def hold():
    link = connect(autocommit=False)
    return value(link, "select pg_backend_pid()"), link.close


def step_1():
    connects(
        lambda **options: value(connect(**options), "select current_user"),
        encrypted={"sslmode": "verify-full", "sslrootcert": AUTHORITY},
    )


def step_2():
    equal(connect().execute(SELECT_TAXIS).fetchall(), TAXIS)


def step_3():
    equal(connect().execute("select %s + 1, %s::text, %s::text", (41, "it's", None)).fetchone(), (42, "it's", None))


def step_4():
    link = connect()

    def use():
        pid, doubled = link.execute("select pg_backend_pid(), %s * 2", (21,), prepare=True).fetchone()
        equal(doubled, 42)
        return pid

    on_two_servers(use, hold)
    # By itself it prepares from the fifth run on, and deallocates what it has not used lately.
    link.prepared_max = 3
    for round in range(8):
        for n in range(5):
            equal(value(link, f"select %s + {n}", (round,)), round + n)


def step_5():
    link = connect()
    with link.pipeline() as pipeline:
        before = link.execute("select %s::int", (1,))
        pipeline.sync()
        failed = link.execute("select 1 / %s::int", (0,))
        error = rejection(pipeline.sync)
        equal(error.sqlstate, "22012")
        behind = link.execute("select %s::int", (3,))
        pipeline.sync()
        equal((before.fetchone(), behind.fetchone()), ((1,), (3,)))
    rejection(failed.fetchone)
    equal(value(link, "select %s::int", (4,)), 4)


def step_6():
    link = connect()
    link.execute("delete from item")

    def insert(error):
        with link.transaction():
            link.execute("insert into item values (1, 'a')")
            if error:
                raise error

    count = "select count(*) from item"
    rolls_back(insert, lambda: value(link, count), lambda: value(connect(), count))


def step_7():
    link = connect()
    link.execute("delete from item")

    def twice():
        with link.transaction():
            link.execute("insert into item values (1, 'twice')")

    with link.transaction():
        link.execute("insert into item values (1, 'a')")
        equal(rejection(twice).sqlstate, "23505")
        link.execute("insert into item values (2, 'b')")
    equal(value(link, "select count(*) from item"), 2)


def step_8():
    link = connect()
    link.execute("delete from item")
    cursor = link.cursor()
    with cursor.copy("copy item from stdin (format binary)") as copy:
        copy.set_types(["int4", "text"])
        for row in ROWS:
            copy.write_row(row)
    with cursor.copy("copy (select * from item order by id) to stdout (format binary)") as copy:
        copy.set_types(["int4", "text"])
        equal(list(copy.rows()), ROWS)
    equal(value(link, "select count(*) from item"), 1000)


def step_9():
    link = connect()
    equal(cancelling(link.cancel, lambda: value(link, "select pg_sleep(30)")).sqlstate, "57014")
    equal(value(link, "select 1"), 1)


def step_10():
    link = connect()

    def sleep():
        with link.transaction():
            link.execute("set local statement_timeout = '200ms'")
            link.execute("select pg_sleep(30)")

    equal(within(15, sleep).sqlstate, "57014")
    equal(value(link, "select 1"), 1)


def step_11():
    link = connect()
    assert value(link, "select %s::text", (BIG,)) == BIG
    equal(value(link, "select 1"), 1)


def step_12():
    link = connect()
    equal(link.execute("select %s::bytea, %s::text", (BYTES, WORDS)).fetchone(), (BYTES, WORDS))
    rejection(value, link, "select %s::text", ("a\0b",))
    equal(rejection(value, link, "select chr(%s)", (0,)).sqlstate, "54000")
    equal(value(link, "select 1"), 1)


def step_13():
    link = connect()
    heard = []
    link.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    link.execute("do $$ begin raise notice 'taxi %', 7; end $$")
    equal(heard, ["taxi 7"])


def step_14():
    listener = connect()
    listener.execute("listen rides")
    connect().execute("notify rides, 'seven'")
    equal(within(3, lambda: next(listener.notifies()).payload), "seven")


def step_15():
    link = connect(autocommit=False)
    with link.cursor(name="rides") as cursor:
        cursor.execute("select n from generate_series(1, %s) n", (1000,))
        reads_by_hundreds(lambda: cursor.fetchmany(100))
        equal(cursor.fetchmany(100), [])
    link.commit()


def step_16():
    old = connect()
    survives_restart(
        lambda n: value(old, f"select {n}"), lambda n: value(connect(), f"select {n}"), errors=psycopg.Error
    )


def step_17():
    links = [connect() for _ in range(50)]
    answers_fifty(lambda n: value(links[n], "select %s::int", (n,)))


def step_18():
    link = connect(autocommit=False)
    equal(value(link, "select 1"), 1)
    link.commit()
    midway = connect(autocommit=False)
    midway.execute("delete from item")
    link.close()
    midway.close()
    assert_nothing_left()


def step_19():
    link = connect()
    link.execute("drop table if exists psycopg_ride, psycopg_version")

    def migrate():
        with link.transaction():
            link.execute("select pg_advisory_xact_lock(4711)")
            link.execute("create table if not exists psycopg_version (number int primary key)")
            is_new = link.execute("insert into psycopg_version values (1) on conflict do nothing").rowcount
            if is_new:
                link.execute("create table psycopg_ride (id serial primary key, fare numeric not null)")
            return is_new

    migrates_once(migrate)
    equal(str(value(link, "insert into psycopg_ride (fare) values (12.5) returning fare")), "12.5")


def step_20():
    link = connect(application_name="meter", options="-c work_mem=5MB")
    link.execute("set search_path = tenant, public")
    link.execute("set datestyle = 'German'")
    keeps_settings(
        lambda sql: link.execute(sql).fetchone(), hold, also={"'2026-12-31'::date::text": "31.12.2026"}
    )


run_steps(globals())
