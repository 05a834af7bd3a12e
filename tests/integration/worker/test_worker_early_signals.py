# SPDX-License-Identifier: MIT
"""Signals that arrive while the server of a worker comes up, when connections may have been accepted already, while it
ends, and while a worker becomes a template."""
import sys
import types

import pytest

from worker_process import PYTHON_DIR

# The extension stays out of this process, which has none of what it may need preloaded (sanitizers).
sys.modules.setdefault("gserve._gserve", types.ModuleType("gserve._gserve"))
sys.path.insert(0, PYTHON_DIR)
from gserve import worker as worker_module  # noqa: E402
from gserve.hooks import WorkerHooks  # noqa: E402


class FakeServer:
    def __init__(self, calls):
        self.calls = calls

    def __getattr__(self, name):
        return lambda *_args: self.calls.append(name)


def starting_worker(monkeypatch, signal_name):
    """A worker whose make_server is interrupted by a signal, and what was then called."""
    calls = []
    worker = worker_module.Worker.__new__(worker_module.Worker)
    worker.server = worker.deferred = worker.access_records = worker.greenlets = None
    worker.starting = worker.ending = worker.draining = worker.stopping = worker.serving = False
    worker.signals = types.SimpleNamespace(leave_abort=lambda: False)
    worker.launch = types.SimpleNamespace(settings={"threads": 1})
    worker.hooks = WorkerHooks(worker, types.SimpleNamespace(functions={}))
    monkeypatch.setattr(worker, "limit_the_end", lambda: calls.append("limit"))  # this process goes on
    worker.notifier = types.SimpleNamespace(ready=lambda: calls.append("READY"), stopping=lambda: calls.append("STOPPING"))

    def make_server():
        getattr(worker, signal_name)()
        return FakeServer(calls)

    monkeypatch.setattr(worker, "make_server", make_server)
    return worker, calls


def test_a_drain_that_comes_while_the_server_starts_drains_it_and_serves_what_was_accepted(monkeypatch):
    worker, calls = starting_worker(monkeypatch, "drain")
    worker.serve(app=None)
    assert calls.index("drain") < calls.index("run_sync") < calls.index("join")


def test_a_stop_that_comes_while_the_server_starts_ends_it(monkeypatch):
    worker, calls = starting_worker(monkeypatch, "stop")
    with pytest.raises(SystemExit):
        worker.serve(app=None)
    assert "run_sync" not in calls and calls[-1] == "join"


def test_a_stop_that_comes_while_the_server_ends_waits_for_that(monkeypatch):
    worker, calls = starting_worker(monkeypatch, "drain")
    server = FakeServer(calls)
    server.join = lambda: (worker.stop(), calls.append("join"))
    monkeypatch.setattr(worker, "make_server", lambda: server)
    with pytest.raises(SystemExit):
        worker.serve(app=None)
    assert calls[calls.index("run_sync"):] == ["run_sync", "join", "stop"]


@pytest.mark.parametrize("moment", ["take_promotion", "close"])
@pytest.mark.parametrize("signal_name", ["drain", "stop"])
def test_a_signal_that_comes_while_a_worker_becomes_a_template_ends_it(monkeypatch, signal_name, moment):
    worker, calls = starting_worker(monkeypatch, signal_name)
    worker.launch = types.SimpleNamespace(close=calls.append, give=lambda *_args: calls.append("give"))

    def act(name, result=None):
        calls.append(name)
        if name == moment:
            getattr(worker, signal_name)()
        return result

    worker.server = types.SimpleNamespace(take_promotion=lambda: act("take_promotion", 5), close=lambda: act("close"),
                                          drain=lambda: calls.append("drain"), stop=lambda: calls.append("stop"))
    with pytest.raises(SystemExit) as leaving:
        worker.become_template()
    assert leaving.value.code == 0 and "give" not in calls
