"""SQLAlchemy on psycopg2: its engine, connections, sessions and metadata."""

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Numeric, Table, Text, bindparam, create_engine, event
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, registry
from sqlalchemy.pool import QueuePool

from checks import *

mapper = registry()


@mapper.mapped
class Item:
    __tablename__ = "item"
    id = Column(Integer, primary_key=True, autoincrement=False)
    name = Column(Text)


def engine(user=USER, password="", port=PORT, connect_args=None, **options):
    url = f"postgresql+psycopg2://{user}:{password.replace(' ', '%20')}@{HOST}:{port}/{DATABASE}"
    settings = {"pool_size": 1, "max_overflow": 0, "connect_args": connect_args or {}, **options}
    made = create_engine(url, future=True, poolclass=QueuePool, **settings)
    at_end(made.dispose)
    return made


def value(made, statement, **parameters):
    with made.connect() as link:
        return link.execute(text(statement), parameters).scalar_one()


def count(made):
    with Session(made) as session:
        return session.execute(select(func.count()).select_from(Item)).scalar_one()


def clear(made):
    with made.begin() as link:
        link.execute(Item.__table__.delete())


def hold():
    link = engine().connect()
    return link.execute(text("select pg_backend_pid()")).scalar_one(), link.close


def step_1():
    connects(
        lambda **options: value(engine(**options), "select current_user"),
        encrypted={"connect_args": {"sslmode": "verify-full", "sslrootcert": AUTHORITY}},
    )


def step_2():
    with engine().connect() as link:
        equal([tuple(row) for row in link.execute(text(SELECT_TAXIS))], TAXIS)


def step_3():
    with engine().connect() as link:
        row = link.execute(text("select :n + 1, :t, :nothing"), {"n": 41, "t": "it's", "nothing": None}).one()
    equal(tuple(row), (42, "it's", None))


def step_4():
    raise NotApplicable("names no statements on psycopg2")


def step_5():
    made = engine()
    clear(made)
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 1, "name": "twice"}]

    def insert(some):
        with made.begin() as link:
            link.execute(Item.__table__.insert(), some)

    equal(rejection(insert, rows).orig.pgcode, "23505")
    equal(count(made), 0)
    insert(rows[:2])
    equal(count(made), 2)


def step_6():
    made = engine()
    clear(made)

    def insert(error):
        with Session(made) as session, session.begin():
            session.add(Item(id=1, name="a"))
            session.flush()
            if error:
                raise error

    rolls_back(insert, lambda: count(made), lambda: count(engine()))


def step_7():
    made = engine()
    clear(made)

    def twice(session):
        with session.begin_nested():
            session.execute(Item.__table__.insert(), {"id": 1, "name": "twice"})

    with Session(made) as session, session.begin():
        session.execute(Item.__table__.insert(), {"id": 1, "name": "a"})
        equal(rejection(twice, session).orig.pgcode, "23505")
        session.execute(Item.__table__.insert(), {"id": 2, "name": "b"})
    equal(count(made), 2)


def step_8():
    raise NotApplicable("no COPY")


def step_9():
    raise NotApplicable("no cancel")


def step_10():
    made = engine()

    def sleep():
        with made.begin() as link:
            link.execute(text("set local statement_timeout = '200ms'"))
            link.execute(text("select pg_sleep(30)"))

    equal(within(15, sleep).orig.pgcode, "57014")
    equal(value(made, "select 1"), 1)


def step_11():
    assert value(engine(), "select :big", big=BIG) == BIG


def step_12():
    made = engine()
    with made.connect() as link:
        statement = text("select :b, :t").bindparams(bindparam("b", type_=LargeBinary))
        got, words = link.execute(statement, {"b": BYTES, "t": WORDS}).one()
        equal((bytes(got), words), (BYTES, WORDS))
    rejection(lambda: value(made, "select :t", t="a\0b"))
    equal(value(made, "select 1"), 1)


def step_13():
    raise NotApplicable("no notices")


def step_14():
    raise NotApplicable("no LISTEN")


def step_15():
    made = engine()
    with made.connect() as link:
        streaming = link.execution_options(stream_results=True, max_row_buffer=100)
        batches = streaming.execute(text("select n from generate_series(1, 1000) n")).partitions(100)
        reads_by_hundreds(lambda: next(batches))
    equal(value(made, "select 1"), 1)


def step_16():
    made = engine(pool_pre_ping=True)

    def ask(n):
        return value(made, f"select {n}")

    survives_restart(ask, ask, errors=DBAPIError)


def step_17():
    made = engine(pool_size=50)
    links = [made.connect().execution_options(isolation_level="AUTOCOMMIT") for _ in range(50)]
    answers_fifty(lambda n: links[n].execute(text("select :n"), {"n": n}).scalar_one())
    for link in links:
        link.close()


def step_18():
    made = engine()
    equal(value(made, "select 1"), 1)
    made.dispose()
    assert_nothing_left()


def step_19():
    made = engine()
    metadata = MetaData()
    Table("sqlalchemy_ride", metadata, Column("id", Integer, primary_key=True), Column("fare", Numeric, nullable=False))
    metadata.drop_all(made)

    def migrate():
        with made.begin() as link:
            link.execute(text("select pg_advisory_xact_lock(4711)"))
            is_new = not inspect(link).has_table("sqlalchemy_ride")
            metadata.create_all(link)
            return is_new

    migrates_once(migrate)
    with made.begin() as link:
        rides = metadata.tables["sqlalchemy_ride"]
        fare = link.execute(rides.insert().returning(rides.c.fare), {"fare": 12.5})
        equal(str(fare.scalar_one()), "12.5")


def step_20():
    made = engine(connect_args={"application_name": "meter"}, isolation_level="REPEATABLE READ")

    @event.listens_for(made, "connect")
    def set_up(dbapi_connection, _record):
        with dbapi_connection.cursor() as cursor:
            cursor.execute("set search_path = tenant, public")
            cursor.execute("set work_mem = '5MB'")
        dbapi_connection.commit()

    def ask(sql):
        with made.connect() as link:
            return link.execute(text(sql)).one()

    keeps_settings(ask, hold, also={"current_setting('transaction_isolation')": "repeatable read"})


run_steps(globals())
