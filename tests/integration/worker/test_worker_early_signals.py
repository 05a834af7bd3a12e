# SPDX-License-Identifier: MIT
"""Signals that arrive while the server of a worker comes up, when connections may have been accepted already."""
import sys
import types

import pytest

from worker_process import PYTHON_DIR

# The extension stays out of this process, which has none of what it may need preloaded (sanitizers).
sys.modules.setdefault("gserve._gserve", types.ModuleType("gserve._gserve"))
sys.path.insert(0, PYTHON_DIR)
from gserve import worker as worker_module  # noqa: E402


class FakeServer:
    def __init__(self, calls):
        self.calls = calls

    def __getattr__(self, name):
        return lambda *_args: self.calls.append(name)


def starting_worker(monkeypatch, signal_name):
    """A worker whose make_server is interrupted by a signal, and what was then called."""
    calls = []
    worker = worker_module.Worker.__new__(worker_module.Worker)
    worker.server, worker.starting, worker.deferred, worker.stopping = None, False, None, False
    worker.notifier = types.SimpleNamespace(ready=lambda: calls.append("READY"), stopping=lambda: calls.append("STOPPING"))

    def make_server():
        getattr(worker, signal_name)()
        return FakeServer(calls)

    monkeypatch.setattr(worker, "make_server", make_server)
    return worker, calls


def test_a_drain_that_comes_while_the_server_starts_drains_it_and_serves_what_was_accepted(monkeypatch):
    worker, calls = starting_worker(monkeypatch, "drain")
    assert worker.serve(app=None) == 0
    assert calls.index("drain") < calls.index("run_sync") < calls.index("join")


def test_a_stop_that_comes_while_the_server_starts_ends_it(monkeypatch):
    worker, calls = starting_worker(monkeypatch, "stop")
    with pytest.raises(SystemExit):
        worker.serve(app=None)
    assert "run_sync" not in calls and calls[-1] == "join"
