"""asyncpg: everything is prepared by name, in one round trip, and run in the next; without its cache
(DRIVER_PREPARE=false) by the unnamed statement."""

import asyncio
import ssl

import asyncpg

from checks import *

CACHE = {} if os.environ.get("DRIVER_PREPARE") != "false" else {"statement_cache_size": 0}
loop = asyncio.new_event_loop()
do = loop.run_until_complete


def connect(**options):
    settings = {"host": HOST, "port": PORT, "database": DATABASE, "user": USER, "ssl": False, **CACHE, **options}
    link = do(asyncpg.connect(**settings))
    at_end(lambda: do(link.close(timeout=2)))
    return link


def value(link, sql, *args, **options):
    return do(asyncio.wait_for(link.fetchval(sql, *args, **options), 20))


def run(link, sql):
    return do(link.execute(sql))


def hold():
    link = connect()
    run(link, "begin")
    return value(link, "select pg_backend_pid()"), lambda: do(link.close())


def step_1():
    connects(
        lambda **options: value(connect(**options), "select current_user"),
        encrypted={"ssl": ssl.create_default_context(cafile=AUTHORITY)},
    )


def step_2():
    equal([tuple(row) for row in do(connect().fetch(SELECT_TAXIS))], TAXIS)


def step_3():
    row = do(connect().fetchrow("select $1::int + 1, $2::text, $3::text", 41, "it's", None))
    equal(tuple(row), (42, "it's", None))


def step_4():
    if CACHE:
        raise NotApplicable("switched off")
    link = connect()

    def use():
        pid, doubled = do(link.fetchrow("select pg_backend_pid(), $1::int * 2", 21))
        equal(doubled, 42)
        return pid

    on_two_servers(use, hold)
    statement = do(link.prepare("select $1::int + 1"))
    equal([do(statement.fetchval(n)) for n in range(3)], [1, 2, 3])


def step_5():
    link = connect()
    run(link, "delete from item")
    rows = [(1, "a"), (2, "b"), (1, "twice")]
    error = rejection(lambda: do(link.executemany("insert into item values ($1, $2)", rows)))
    equal(error.sqlstate, "23505")
    equal(value(link, "select count(*) from item"), 0)
    do(link.executemany("insert into item values ($1, $2)", rows[:2]))
    equal(value(link, "select count(*) from item"), 2)


def step_6():
    link = connect()
    run(link, "delete from item")

    async def insert(error):
        async with link.transaction():
            await link.execute("insert into item values ($1, $2)", 1, "a")
            if error:
                raise error

    count = "select count(*) from item"
    rolls_back(lambda error: do(insert(error)), lambda: value(link, count), lambda: value(connect(), count))


def step_7():
    link = connect()
    run(link, "delete from item")

    async def insert():
        async with link.transaction():
            await link.execute("insert into item values ($1, $2)", 1, "a")
            try:
                async with link.transaction():
                    await link.execute("insert into item values ($1, $2)", 1, "twice")
            except asyncpg.UniqueViolationError:
                await link.execute("insert into item values ($1, $2)", 2, "b")

    do(insert())
    equal(value(link, "select count(*) from item"), 2)


def step_8():
    link = connect()
    run(link, "delete from item")
    do(link.copy_records_to_table("item", records=ROWS))
    out = bytearray()

    async def keep(data):
        out.extend(data)

    do(link.copy_from_query("select * from item order by id", output=keep))
    equal(out.decode(), LINES)
    equal(value(link, "select count(*) from item"), 1000)


def step_9():
    link = connect()

    async def cancel():
        task = asyncio.ensure_future(link.fetchval("select pg_sleep(30)"))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled(), task

    do(cancel())
    equal(value(link, "select 1"), 1)
    assert_nobody_sleeps(lambda sql: value(link, sql))


def step_10():
    link = connect()
    error = rejection(lambda: value(link, "select pg_sleep(30)", timeout=0.3))
    assert isinstance(error, asyncio.TimeoutError), repr(error)
    equal(value(link, "select 1"), 1)
    assert_nobody_sleeps(lambda sql: value(link, sql))


def step_11():
    link = connect()
    assert value(link, "select $1::text", BIG) == BIG
    equal(value(link, "select 1"), 1)


def step_12():
    link = connect()
    equal(tuple(do(link.fetchrow("select $1::bytea, $2::text", BYTES, WORDS))), (BYTES, WORDS))
    equal(rejection(lambda: value(link, "select $1::text", "a\0b")).sqlstate, "22021")
    equal(value(link, "select 1"), 1)


def step_13():
    link = connect()
    heard = []
    link.add_log_listener(lambda _link, notice: heard.append(notice.message))
    run(link, "do $$ begin raise notice 'taxi %', 7; end $$")
    do(asyncio.sleep(0))
    equal(heard, ["taxi 7"])


def step_14():
    listener = connect()
    heard = loop.create_future()
    do(listener.add_listener("rides", lambda *told: heard.set_result(told[3])))
    run(connect(), "notify rides, 'seven'")
    equal(do(asyncio.wait_for(heard, 3)), "seven")


def step_15():
    link = connect()

    async def read():
        async with link.transaction():
            cursor = link.cursor("select n from generate_series(1, $1::int) n", 1000, prefetch=100)
            return [n async for (n,) in cursor]

    equal(sum(do(read())), 500500)
    equal(value(link, "select 1"), 1)


def step_16():
    old = connect()
    equal(value(old, "select 1"), 1)
    restart_postgres()
    try:
        equal(value(old, "select 2"), 2)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError):
        pass  # It may know that it is broken, but must not hang.
    equal(value(connect(), "select 3"), 3)


def step_17():
    async def ask():
        async with asyncpg.create_pool(
            host=HOST, port=PORT, database=DATABASE, user=USER, ssl=False, min_size=50, max_size=50, **CACHE
        ) as pool:
            links = [await pool.acquire() for _ in range(50)]
            answers = await asyncio.gather(*(link.fetchval("select $1::int", n) for n, link in enumerate(links)))
            for link in links:
                await pool.release(link)
            return answers

    equal(do(asyncio.wait_for(ask(), 20)), list(range(50)))


def step_18():
    link = connect()
    equal(value(link, "select 1"), 1)
    midway = connect()
    run(midway, "begin; delete from item")
    do(link.close())
    do(midway.close())
    assert_nothing_left()


def step_19():
    link = connect()
    run(link, "drop table if exists asyncpg_ride, asyncpg_version")

    async def migrate():
        async with link.transaction():
            await link.execute("select pg_advisory_xact_lock(4711)")
            await link.execute("create table if not exists asyncpg_version (number int primary key)")
            inserted = await link.execute("insert into asyncpg_version values (1) on conflict do nothing")
            is_new = inserted == "INSERT 0 1"
            if is_new:
                await link.execute("create table asyncpg_ride (id serial primary key, fare numeric not null)")
            return is_new

    migrates_once(lambda: do(migrate()))
    equal(str(value(link, "insert into asyncpg_ride (fare) values (12.5) returning fare")), "12.5")


def step_20():
    settings = {"application_name": "meter", "search_path": "tenant, public", "work_mem": "5MB", "DateStyle": "German"}
    link = connect(server_settings=settings)
    keeps_settings(lambda sql: do(link.fetchrow(sql)), hold, also={"'2026-12-31'::date::text": "31.12.2026"})


run_steps(globals())
