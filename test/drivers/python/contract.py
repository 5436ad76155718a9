"""What every script in Python shares: where the target is, how a step is reported, how one is led to another server."""

import contextlib
import json
import os
import sys
import threading

HOST = os.environ["DRIVER_HOST"]
PORT = int(os.environ["DRIVER_PORT"])
DATABASE = os.environ["DRIVER_DATABASE"]
USER = os.environ["DRIVER_USER"]
SCRAM_PORT = int(os.environ["DRIVER_SCRAM_PORT"])
SCRAM_USER = os.environ["DRIVER_SCRAM_USER"]
PASSWORD = os.environ["DRIVER_PASSWORD"]
AUTHORITY = os.environ["DRIVER_AUTHORITY"]
IS_TRANSACTION_MODE = os.environ["DRIVER_MODE"] == "transaction"
SERVERS = int(os.environ["DRIVER_SERVERS"])


class NotApplicable(Exception):
    """Raised by a step that the driver has no API for."""


_endings = []


def at_end(close):
    """Has `close` called when the step is over, however it ended."""
    _endings.append(close)


def run_steps(script):
    """`script`: a module's globals, with functions `step_1` and so on."""
    for number in os.environ["DRIVER_STEPS"].split(","):
        outcome = _outcome_of(script[f"step_{number}"])
        while _endings:
            try:
                _endings.pop()()
            except Exception:
                pass  # It was closed already, or broken: the step has judged it.
        say(step=int(number), **outcome)
    sys.stdout.flush()
    os._exit(0)


def _outcome_of(step):
    try:
        step()
        return {"result": "ok"}
    except NotApplicable as reason:
        return {"result": "n/a", "message": str(reason)}
    except Exception as error:
        return failure(error)


def failure(error):
    text = str(error)
    if isinstance(error, AssertionError) or not text:
        trace = error.__traceback__
        while trace.tb_next:
            trace = trace.tb_next
        text = f"{text or type(error).__name__} (line {trace.tb_lineno})"
    return {"result": "failed", "message": text}


def say(**line):
    print(json.dumps(line), flush=True)


def equal(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def restart_postgres():
    equal(_ask("restart"), "done")


def assert_nothing_left():
    equal(_ask("left"), "done")


def _ask(what):
    say(ask=what)
    return sys.stdin.readline().strip()


@contextlib.contextmanager
def held(first, hold):
    """While it lasts others have the server with this pid, in transaction mode. `hold` opens another connection with an
    open transaction, `(pid, release)`, until one has it; if that took all there are, one of the others is let go.
    """
    holders = []
    try:
        while IS_TRANSACTION_MODE and len(holders) < SERVERS and all(pid != first for pid, _ in holders):
            holders.append(hold())
        if len(holders) == SERVERS:
            _, release = holders.pop(0)
            release()
        yield
    finally:
        for _, release in holders:
            release()


def on_two_servers(use, hold):
    """Calls `use`, which answers the pid of its backend, until it has run on two servers; in session mode on its own."""
    first = use()
    with held(first, hold):
        assert (use() != first) == IS_TRANSACTION_MODE, "it has run on one server only, or on two in session mode"
    use()


def rejection(call, *args):
    """What the call raises; fails if it raises nothing."""
    try:
        call(*args)
    except Exception as error:
        return error
    raise AssertionError("it should have failed")


def within(seconds, call):
    """The call's result, in a thread, so that one that hangs fails the step."""
    result = []
    thread = threading.Thread(target=lambda: result.append(_outcome(call)), daemon=True)
    thread.start()
    thread.join(seconds)
    assert result, f"no answer within {seconds} s"
    return result[0]


def _outcome(call):
    try:
        return call()
    except Exception as error:
        return error
