# SPDX-License-Identifier: MIT
"""What the service manager is told, and the unit that tells it what to expect."""
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import web
from harness.box import APPS
from harness.process import GSERVE, GSERVECTL, SOURCE
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


def test_ready_comes_once_the_first_worker_can_serve(box):
    server = box.prepare("-w", 2, chdir=PLAIN).start()
    _, ready = server.notify.wait("READY", "1", alive=server.running)
    server.addresses = [server.log.wait(r"Listening at: (\S+)").group(1)]
    assert server.get().status == 200, "the answer to READY is a service"
    assert ready["MAINPID"] == str(server.pid)
    server.notify.wait("STATUS")


def test_ready_never_comes_when_the_first_boot_fails(box):
    box.expect_log(r".")
    server = box.prepare("-w", 1, chdir=APPS + "/broken").start()
    assert server.wait_exit() == 3
    assert not server.notify.find("READY")


@pytest.mark.parametrize("how", ["signal", "gservectl"])
def test_reload_is_announced_with_its_time_and_ends_with_ready(box, how):
    server = box.gserve(workers=1, chdir=PLAIN)
    mark = server.notify.mark()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    if how == "signal":
        server.send_signal(signal.SIGHUP)
    else:
        server.ctl("reload")
    at, reloading = server.notify.wait("RELOADING", "1", after=mark)
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before <= int(reloading["MONOTONIC_USEC"]) <= now
    server.notify.wait("READY", "1", after=at + 1)


def test_stop_is_announced(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    server.ctl("stop")
    server.notify.wait("STOPPING", "1")
    assert server.wait_exit() == 0


def test_long_stop_asks_for_more_time(box):
    server = box.gserve("--graceful-timeout", "20", workers=1, chdir=PLAIN)
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=2")
    wait_for(lambda: server.status()["workers"][0]["in_flight"], "the request runs")
    mark = server.notify.mark()
    server.send_signal(signal.SIGTERM)
    _, message = server.notify.wait("EXTEND_TIMEOUT_USEC", after=mark)
    assert int(message["EXTEND_TIMEOUT_USEC"]) >= 1_000_000
    assert conn.getresponse().status == 200
    conn.close()
    assert server.wait_exit() == 0


def test_workers_cannot_speak_to_the_service_manager(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    assert server.notify.path not in server.get("/environment").text


def test_watchdog_hears_from_the_supervisor_until_it_ends_over_an_upgrade_too(box):
    server = box.prepare("-w", 1, chdir=PLAIN, env={"WATCHDOG_USEC": "400000"}).start().wait_ready(1)
    for _ in range(2):
        at = server.notify.mark() - 1
        for _ in range(3):
            at, _ = server.notify.wait("WATCHDOG", "1", after=at + 1)
        server.ctl("upgrade")
    assert "WATCHDOG_USEC" not in server.get("/environment").text


def test_watchdog_of_another_process_hears_nothing(box):
    server = box.prepare("-w", 1, chdir=PLAIN, env={"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).start().wait_ready(1)
    server.ctl("reload")
    assert not server.notify.find("WATCHDOG")


def unit(box):
    """The shipped unit with the built programs in the place of the installed ones."""
    with open(os.path.join(SOURCE, "packaging/systemd/gserve@.service"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("/usr/bin/gservectl", GSERVECTL).replace("/usr/bin/gserve", GSERVE)
    return box.write("units/gserve@.service", text), text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_unit_passes_systemds_own_check(box):
    path, _ = unit(box)
    done = subprocess.run(["systemd-analyze", "--man=no", "verify", path.replace("@", "@shop")], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and "gserve" not in done.stderr, done.stderr


@pytest.mark.parametrize("line", [
    "Type=notify", "NotifyAccess=main", "KillMode=process", "Restart=on-failure", "RestartSec=100ms",
    "FileDescriptorStoreMax=64", "Environment=FDSTORE=64", "OOMPolicy=continue", "LimitNOFILE=65536", "WatchdogSec=30"])
def test_unit_says_what_was_measured_right(box, line):
    _, text = unit(box)
    assert line in text.splitlines()


def test_units_stop_limit_is_longer_than_the_drain(box):
    _, text = unit(box)
    drain = int(re.search(r"--graceful-timeout (\d+)", text).group(1))
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE).group(1)) == drain + 5
