"""What a step demands of every driver for Python, told how this one asks. A driver's script keeps what is its own."""

import threading
import time

from contract import *

BIG = "x" * (8 * 1024 * 1024)
BYTES = bytes([0, 1, 0, 255, 0])
WORDS = "Ťaxi 日本語 🚕 e\u0301"

SELECT_TAXIS = "select n, 'taxi ' || n as name from generate_series(1, 3) n"
TAXIS = [(n, f"taxi {n}") for n in (1, 2, 3)]
# A thousand rows of `item`, and what COPY makes of them.
ROWS = [(n, f"taxi {n}") for n in range(1000)]
LINES = "".join(f"{n}\t{name}\n" for n, name in ROWS)

SETTINGS = {
    "owner": "the tenant’s",
    "current_setting('work_mem')": "5MB",
    "current_setting('application_name')": "meter",
}


def connects(user_of, encrypted):
    """`user_of` connects with these options and answers current_user; with those of `encrypted` it fails without TLS."""
    scram = {"port": SCRAM_PORT, "user": SCRAM_USER}
    equal(user_of(), USER)
    equal(user_of(**scram, password=PASSWORD), SCRAM_USER)
    rejection(lambda: user_of(**scram, password="wrong"))
    equal(user_of(**encrypted), USER)


def rolls_back(insert, count, count_elsewhere):
    """`insert` puts a row into the empty `item` in a transaction, in which it raises what it is given."""
    thrown = RuntimeError("back")
    equal(rejection(insert, thrown), thrown)
    equal(count(), 0)
    insert(None)
    equal(count_elsewhere(), 1)


def cancelling(cancel, sleep):
    """`cancel` is called while `sleep` runs; what that raises is answered."""
    timer = threading.Timer(0.3, cancel)
    timer.start()
    error = within(15, sleep)
    timer.join()
    return error


def assert_nobody_sleeps(count):
    """`count` answers the first value of a SELECT."""
    asleep = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"
    end = time.monotonic() + 3
    while count(asleep) > 0:
        assert time.monotonic() < end, "pg_sleep goes on"


def reads_by_hundreds(fetch):
    """`fetch` answers the next hundred of the numbers up to a thousand."""
    batches = [[n for (n,) in fetch()] for _ in range(10)]
    equal([len(batch) for batch in batches], [100] * 10)
    equal(sum(map(sum, batches)), 500500)


def survives_restart(ask, ask_anew, errors):
    """`ask` sends `select n`, `ask_anew` too, on a new connection; the old one may be broken, with one of these errors."""
    equal(ask(1), 1)
    restart_postgres()
    outcome = within(15, lambda: ask(2))
    assert outcome == 2 or isinstance(outcome, errors), repr(outcome)
    equal(within(15, lambda: ask_anew(3)), 3)


def answers_fifty(ask):
    """`ask` sends `select n` on a connection of its own, in a thread of its own."""
    answers = [None] * 50

    def keep(n):
        answers[n] = ask(n)

    threads = [threading.Thread(target=keep, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    equal(answers, list(range(50)))


def migrates_once(migrate):
    """The first is new, the second finds nothing to do."""
    equal([migrate(), migrate()], [1, 0])


def keeps_settings(ask, hold, also):
    """`ask` answers the only row of a SELECT. `also`: more expressions, and their values."""
    wanted = {**SETTINGS, **also}
    sql = f"select pg_backend_pid(), {', '.join(wanted)} from whose"

    def use():
        pid, *got = ask(sql)
        equal(got, list(wanted.values()))
        return pid

    on_two_servers(use, hold)
