# SPDX-License-Identifier: MIT
"""The main job: an application under load is scaled, reloaded, hurt and stopped, and answers all along."""
import datetime
import os
import re
import signal
import subprocess
import time

import pytest

from harness import procfs
from harness.box import APPS, EXAMPLES
from harness.load import Load
from harness.waiting import wait_for

SECONDS = float(os.environ.get("GSERVE_LOAD_SECONDS", "60"))

APPLICATIONS = {
    "flask": os.path.join(EXAMPLES, "flask"),
    "django": os.path.join(EXAMPLES, "django"),
    "multiprocessing": os.path.join(APPS, "pool"),
}


def change_greeting(folder, greeting):
    path = os.path.join(folder, "app.py")
    with open(path, encoding="utf-8") as file:
        source = file.read()
    changed = re.sub(r'^GREETING = ".*"$', f'GREETING = "{greeting}"', source, flags=re.MULTILINE)
    assert changed != source
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)


def scale_by_signals(server):
    server.send_signal(signal.SIGTTIN)
    server.wait_workers(5)
    server.send_signal(signal.SIGTTOU)
    server.wait_workers(4)


def reload_changed_code(server, load, folder):
    """After `gservectl reload` returned, every answer to a new request comes from the new code."""
    change_greeting(folder, "changed while it runs")
    before = set(server.workers())
    server.ctl("reload")
    assert len(server.wait_workers(6)) == 6, "the scale survives the reload"
    assert not before & set(server.workers()), "no worker of the old generation is left"
    since = time.monotonic()
    load.wait_answers(40)
    answers = [record for record in load.good() if record.sent > since]
    assert answers and all(record.body.startswith(b"changed while it runs") for record in answers)


def time_of_day(monotonic):
    """To be compared with the log."""
    moment = datetime.datetime.now() - datetime.timedelta(seconds=time.monotonic() - monotonic)
    return moment.strftime("%H:%M:%S.%f")


def kill_a_worker(server, load):
    """SIGKILL takes only what that worker had in hand. Returns the window of time in which that may show."""
    victim = server.workers()[0]
    begin = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not procfs.alive(victim), "the worker is gone")
    server.log.wait(rf"{victim}.*(killed|signal)|(killed|signal).*{victim}")
    server.wait_workers(6)
    end = time.monotonic()
    load.wait_answers(40)
    return begin, end


@pytest.mark.parametrize("name", APPLICATIONS)
def test_service_answers_through_scaling_reload_and_a_killed_worker(box, name):
    folder = box.copy_app(APPLICATIONS[name])
    pidfile = box.path("gserve.pid")
    server = box.gserve("-p", pidfile, workers=4, chdir=folder)
    box.expect_log(r"killed by SIGKILL")
    if name == "multiprocessing":
        box.expect_log(r"Traceback")  # the killed worker's own children find their pipes broken
    first = set(server.workers())
    begin = time.monotonic()
    # The pool application forks twice per request: fewer requests, as many clients.
    with Load(server.address, clients=16, seconds=SECONDS + 120) as load:
        wait_for(lambda: load.pids() >= first, "every worker serves", 30)
        scale_by_signals(server)
        server.ctl("scale", "6")
        server.wait_workers(6)
        reload_changed_code(server, load, folder)
        lost_from, lost_until = kill_a_worker(server, load)
        wait_for(lambda: time.monotonic() - begin >= SECONDS, "the load lasted", SECONDS + 5)
        wait_for(lambda: load.pids() >= set(server.workers()), "every worker serves at the end", 30)
        load.stop()

    lost = [record for record in load.bad() if lost_from <= record.ended <= lost_until]
    others = [f"{time_of_day(record.ended)} {record.error or record.status}" for record in load.bad()
              if record not in lost]
    assert not others, f"failed without a worker being killed: {others}, {load.summary()}\n{server.log.text()}"
    assert len(lost) <= 16, f"more requests failed than were in the killed worker: {load.summary()}"
    assert all(record.error for record in lost), f"an error answer: {load.summary()}"
    print(f"{name}: {load.summary()}")

    server.ctl("stop")
    assert server.wait_exit() == 0
    assert not os.path.exists(pidfile) and not os.path.exists(server.control)


def test_workers_that_come_and_go_lose_no_request(box):
    """Twenty drains while each client opens a connection per request: what a worker accepts last is answered too."""
    server = box.gserve(workers=2, chdir=APPS + "/plain")
    with Load(server.address, clients=8, keep_every=0) as load:
        for _ in range(10):
            server.ctl("scale", "4")
            server.ctl("scale", "2")
        load.wait_answers(10)
        load.stop()
    assert not load.bad(), load.summary()


def terminate_all(pids):
    """What `ps -ef | awk '/gserve/ {print $2}' | xargs kill` does, for these processes."""
    subprocess.run(["kill", *map(str, pids)], check=False)


@pytest.mark.parametrize("order", ["supervisor first", "workers first", "supervisor in the middle"])
def test_terminating_every_process_at_once_under_load_still_answers_what_was_accepted(box, order):
    server = box.gserve(workers=4, chdir=EXAMPLES + "/flask")
    workers = server.workers()
    pids = {"supervisor first": [server.pid, *workers], "workers first": [*workers, server.pid],
            "supervisor in the middle": [*workers[:2], server.pid, *workers[2:]]}[order]
    with Load(server.address, clients=16, path="/slow?s=0.3", retry_idle=False) as load:
        load.wait_answers(32)
        told = time.monotonic()
        terminate_all(pids)
        assert server.wait_exit() == 0
        load.stop()
    lost = [record for record in load.bad() if record.sent and record.sent < told]
    assert not lost, f"{len(lost)} requests sent before the stop have no answer: {load.summary()}"
    refused = [record for record in load.bad() if record.status]
    assert not refused, f"an error answer during the stop: {load.summary()}"


def test_graceful_stop_waits_for_running_requests(box):
    server = box.gserve(workers=2, chdir=APPS + "/plain")
    with Load(server.address, clients=2, path="/slow?s=1.5&bytes=3000000", seconds=3) as load:
        wait_for(lambda: any(worker["in_flight"] for worker in server.status()["workers"]), "a request runs")
        told = time.monotonic()
        assert server.stop() == 0
        load.stop()
    running = [record for record in load.records if 0 < record.sent < told]
    assert running and all(len(record.body) == 3000000 for record in running), load.summary()
