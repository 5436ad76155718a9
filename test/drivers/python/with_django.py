"""Django on psycopg2: its ORM, transactions and migrations. Server-side cursors as they come."""

import sys
import threading
import types

import django
from django.conf import settings

from contract import *

RIDES = "rides_of_drivers"


def database(user=USER, password="", port=PORT, **options):
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": user,
        "PASSWORD": password,
        "HOST": HOST,
        "PORT": port,
        "CONN_MAX_AGE": None,
        "OPTIONS": options,
        # A transaction pooler's rule of Django's manual would be True here.
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }


settings.configure(
    DATABASES={
        "default": database(),
        "held": database(),
        "scram": database(SCRAM_USER, PASSWORD, SCRAM_PORT),
        "wrong": database(SCRAM_USER, "wrong", SCRAM_PORT),
        "encrypted": database(sslmode="verify-full", sslrootcert=AUTHORITY),
        "set": database(application_name="meter", options="-c search_path=tenant,public -c work_mem=5MB"),
    },
    INSTALLED_APPS=[RIDES],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    TIME_ZONE="Asia/Tokyo",
    USE_TZ=True,
)


# An application is a module; this one has no files of its own.
application = types.ModuleType(RIDES)
application.__path__ = [os.path.dirname(os.path.abspath(__file__))]
sys.modules[RIDES] = application
django.setup()

from django.db import DatabaseError, connection, connections, migrations, models, transaction  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402
from django.db.migrations.state import ProjectState  # noqa: E402


class Item(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField(null=True)

    class Meta:
        app_label = RIDES
        db_table = "item"


class First(migrations.Migration):
    operations = [
        migrations.CreateModel(
            "Ride",
            [
                ("id", models.AutoField(primary_key=True)),
                ("fare", models.DecimalField(max_digits=8, decimal_places=2)),
            ],
            options={"db_table": "django_ride"},
        ),
        migrations.AddField("ride", "tip", models.DecimalField(max_digits=8, decimal_places=2, default=0)),
    ]


def value(sql, parameters=None, using="default"):
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def close_all():
    connections.close_all()


def hold():
    link = connections["default"].copy()
    link.set_autocommit(False)
    with link.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        pid = cursor.fetchone()[0]

    def release():
        link.rollback()
        link.close()

    return pid, release


def step_1():
    equal(value("select current_user"), USER)
    equal(value("select current_user", using="scram"), SCRAM_USER)
    rejection(lambda: value("select 1", using="wrong"))
    equal(value("select 1", using="encrypted"), 1)


def step_2():
    with connection.cursor() as cursor:
        cursor.execute("select n, 'taxi ' || n from generate_series(1, 3) n")
        equal(cursor.fetchall(), [(n, f"taxi {n}") for n in (1, 2, 3)])


def step_3():
    with connection.cursor() as cursor:
        cursor.execute("select %s + 1, %s, %s", [41, "it's", None])
        equal(cursor.fetchone(), (42, "it's", None))


def step_4():
    raise NotApplicable("names no statements")


def step_5():
    Item.objects.all().delete()
    rejection(Item.objects.bulk_create, [Item(id=1), Item(id=2), Item(id=1)])
    equal(Item.objects.count(), 0)
    Item.objects.bulk_create([Item(id=1), Item(id=2)])
    equal(Item.objects.count(), 2)


def step_6():
    Item.objects.all().delete()
    thrown = RuntimeError("back")

    def insert(error):
        with transaction.atomic():
            Item.objects.create(id=1, name="a")
            if error:
                raise error

    equal(rejection(insert, thrown), thrown)
    equal(Item.objects.count(), 0)
    insert(None)
    equal(value("select count(*) from item", using="held"), 1)


def step_7():
    Item.objects.all().delete()

    def twice():
        with transaction.atomic():
            Item.objects.create(id=1, name="twice")

    with transaction.atomic():
        Item.objects.create(id=1, name="a")
        rejection(twice)
        Item.objects.create(id=2, name="b")
    equal(Item.objects.count(), 2)


def step_8():
    raise NotApplicable("no COPY")


def step_9():
    raise NotApplicable("no cancel")


def step_10():
    def sleep():
        with transaction.atomic():
            value("select set_config('statement_timeout', '200ms', true)")
            value("select pg_sleep(30)")

    error = rejection(sleep)
    equal(error.__cause__.pgcode, "57014")
    equal(value("select 1"), 1)


def step_11():
    assert value("select %s", [BIG]) == BIG


def step_12():
    with connection.cursor() as cursor:
        cursor.execute("select %s::bytea, %s", [BYTES, WORDS])
        got, words = cursor.fetchone()
        equal((bytes(got), words), (BYTES, WORDS))
    rejection(value, "select %s", ["a\0b"])
    equal(value("select 1"), 1)


def step_13():
    raise NotApplicable("no notices")


def step_14():
    raise NotApplicable("no LISTEN")


def step_15():
    Item.objects.all().delete()
    Item.objects.bulk_create([Item(id=n) for n in range(1, 1001)])
    with transaction.atomic():
        equal(sum(item.id for item in Item.objects.iterator(chunk_size=100)), 500500)
    # Outside a transaction Django declares the cursor WITH HOLD.
    pid = value("select pg_backend_pid()")
    items = Item.objects.iterator(chunk_size=100)
    total = next(items).id
    with held(pid, hold):
        total += sum(item.id for item in items)
    equal(total, 500500)


def step_16():
    equal(value("select 1"), 1)
    restart_postgres()
    try:
        equal(value("select 2"), 2)
    except DatabaseError:
        connection.close_if_unusable_or_obsolete()
    equal(value("select 3"), 3)


def step_17():
    links = [connection.copy() for _ in range(50)]
    answers = [None] * 50

    def ask(n):
        links[n].inc_thread_sharing()
        with links[n].cursor() as cursor:
            cursor.execute("select %s", [n])
            answers[n] = cursor.fetchone()[0]

    for link in links:
        link.inc_thread_sharing()
        link.connect()
        at_end(link.close)
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    equal(answers, list(range(50)))


def step_18():
    with transaction.atomic():
        equal(value("select 1"), 1)
    close_all()
    assert_nothing_left()


def step_19():
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists django_ride, django_migrations")

    def migrate():
        executor = MigrationExecutor(connection)
        first = First("0001_first", RIDES)
        if (RIDES, "0001_first") in executor.recorder.applied_migrations():
            return 0
        executor.recorder.ensure_schema()
        executor.apply_migration(ProjectState(), first)
        return 1

    equal([migrate(), migrate()], [1, 0])
    equal(str(value("insert into django_ride (fare, tip) values (12.5, 0) returning fare")), "12.50")


def step_20():
    def use():
        with connections["set"].cursor() as cursor:
            cursor.execute(
                """select pg_backend_pid(), owner, current_setting('work_mem'), current_setting('application_name'),
                   current_setting('TimeZone') from whose"""
            )
            pid, *got = cursor.fetchone()
            equal(got, [TENANT, "5MB", "meter", "UTC"])
            return pid

    on_two_servers(use, hold)


def then_closing(step):
    def run():
        at_end(close_all)
        step()

    return run


run_steps({number: then_closing(globals()[f"step_{number}"]) for number in wanted_steps()})
