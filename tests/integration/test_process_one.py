# SPDX-License-Identifier: MIT
"""gserve as process 1 of a pid namespace, as in a container."""
import os
import signal
import subprocess

import pytest

from harness import procfs, web
from harness.waiting import wait_for

APP = '''
import os, subprocess

def app(environ, start_response):
    if environ["PATH_INFO"] == "/orphan":
        # The shell ends at once; what it has started is nobody's child then.
        subprocess.run(["sh", "-c", "sleep 0.2 & sleep 300 &"], check=True)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''


def namespaces_are_allowed():
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not namespaces_are_allowed(), reason="a pid namespace needs root")


@pytest.fixture
def first(box):
    """(server, pid of gserve as seen from outside)"""
    box.write("app/app.py", APP)
    server = box.prepare("-w", 2, chdir=box.path("app"), wrapper=("unshare", "--pid", "--fork", "--mount-proc")).start()
    server.wait_ready()
    pid = procfs.children(server.pid)[0]
    yield server, pid
    if server.running():
        os.kill(pid, signal.SIGKILL)  # all of the namespace ends with it
        server.wait_exit()


def names(pid):
    return [procfs.command(child) for child in procfs.children(pid)]


def test_orphans_of_the_application_are_reaped_and_ended_with_the_service(first):
    server, pid = first
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        assert any(line.split()[0] == "NSpid:" and line.split()[-1] == "1" for line in status)
    for _ in range(3):
        assert server.get("/orphan").status == 200
    wait_for(lambda: sum("sleep 300" in name for name in names(pid)) == 3, "the long orphans are process 1's")
    wait_for(lambda: not any("sleep 0.2" in name for name in names(pid)), "the short ones have ended")
    wait_for(lambda: all(procfs.alive(child) for child in procfs.children(pid)), "no zombie is left")
    os.kill(pid, signal.SIGTERM)
    assert server.wait_exit() == 0
    assert "ended processes that workers had left behind: 3" in server.log.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signals_that_containers_are_stopped_with_stop_the_service(first, number):
    server, pid = first
    os.kill(pid, number)
    assert server.wait_exit() == 0
    assert f"stop requested by {number.name}" in server.log.text()


def test_reload_works_in_a_container(first):
    server, pid = first
    before = server.get().text
    os.kill(pid, signal.SIGHUP)
    server.log.wait(r"generation=2")
    wait_for(lambda: web.request(server.address).text != before, "new workers serve")
    os.kill(pid, signal.SIGTERM)
    assert server.wait_exit() == 0
