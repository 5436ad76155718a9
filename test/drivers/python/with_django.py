"""Django on psycopg2: its ORM, transactions and migrations. Server-side cursors as they come."""

import sys
import types

import django
from django.conf import settings

from checks import *

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


def row(sql, parameters=None, link=connection):
    with link.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


def value(sql, parameters=None, link=connection):
    return row(sql, parameters, link)[0]


def close_all():
    connections.close_all()


def hold():
    link = connections["default"].copy()
    link.set_autocommit(False)
    pid = value("select pg_backend_pid()", link=link)

    def release():
        link.rollback()
        link.close()

    return pid, release


def step_1():
    equal(value("select current_user"), USER)
    equal(value("select current_user", link=connections["scram"]), SCRAM_USER)
    rejection(lambda: value("select 1", link=connections["wrong"]))
    equal(value("select 1", link=connections["encrypted"]), 1)


def step_2():
    with connection.cursor() as cursor:
        cursor.execute(SELECT_TAXIS)
        equal(cursor.fetchall(), TAXIS)


def step_3():
    equal(row("select %s + 1, %s, %s", [41, "it's", None]), (42, "it's", None))


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

    def insert(error):
        with transaction.atomic():
            Item.objects.create(id=1, name="a")
            if error:
                raise error

    rolls_back(insert, Item.objects.count, lambda: value("select count(*) from item", link=connections["held"]))


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
    got, words = row("select %s::bytea, %s", [BYTES, WORDS])
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
    # Outside a transaction Django declares the cursor WITH HOLD. It keeps its server, or else another has that meanwhile.
    items = Item.objects.iterator(chunk_size=100)
    total = next(items).id
    _, release = hold()
    equal(total + sum(item.id for item in items), 500500)
    release()


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
    for link in links:
        link.inc_thread_sharing()
        link.connect()
        at_end(link.close)
    answers_fifty(lambda n: value("select %s", [n], links[n]))


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

    migrates_once(migrate)
    equal(str(value("insert into django_ride (fare, tip) values (12.5, 0) returning fare")), "12.50")


def step_20():
    link = connections["set"]
    keeps_settings(lambda sql: row(sql, link=link), hold, also={"current_setting('TimeZone')": "UTC"})


def then_closing(step):
    def run():
        at_end(close_all)
        step()

    return run


run_steps({name: then_closing(step) for name, step in globals().items() if name.startswith("step_")})
