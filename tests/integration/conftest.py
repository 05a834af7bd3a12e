# SPDX-License-Identifier: MIT
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../helpers"))

from harness import procfs  # noqa: E402
from harness.box import Box  # noqa: E402
from harness.process import GSERVE, SOURCE  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time, and so runs when no other test does")
    procfs.become_subreaper()


def worker_python():
    """The interpreter that runs the applications: build/venv sees Debian's packages and Django."""
    venv = os.path.join(SOURCE, "build/venv/bin/python")
    return venv if os.path.exists(venv) else "/usr/bin/python3"


@pytest.fixture
def box():
    """See harness.box.Box. What a test leaves behind (a process, a socket, an error in the log, a descriptor in the
    supervisor) fails it."""
    if not os.path.exists(GSERVE):
        pytest.fail(f"{GSERVE} is not there: run ./dev build, or set GSERVE_BUILD")
    world = Box(worker_python())
    yield world
    faults = world.close()
    if faults:
        logs = "\n".join(server.log.text() for server in world.servers)
        pytest.fail("after the test:\n" + "\n".join(faults) + "\n" + logs, pytrace=False)
