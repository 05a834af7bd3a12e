# SPDX-License-Identifier: MIT
"""Workers that are due for replacement: a fresh one serves before the old one drains."""
import re

from harness import procfs
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


class Roll:
    """Who was ready when: from the log, the number of ready workers after each line that changes it."""

    def __init__(self, server):
        self.server = server

    def least_ready(self, target):
        """The fewest ready workers between the moment when all were ready and the end of the log."""
        ready, least, full = set(), target, False
        for line in self.server.log.lines:
            match = re.search(r"worker=(\d+)", line)
            if not match:
                continue
            if "worker ready" in line:
                ready.add(match.group(1))
            elif "told to drain" in line or "exited" in line:
                ready.discard(match.group(1))
            full = full or len(ready) >= target
            least = min(least, len(ready)) if full else least
        return least


def test_workers_are_replaced_after_max_requests_and_no_request_is_lost(box):
    server = box.gserve("--max-requests", 200, "--max-requests-jitter", 50, workers=2, chdir=PLAIN)
    before = set(server.workers())
    with Load(server.address, clients=8) as load:
        server.log.wait(r"worker replaced \(max_requests\); told to drain", seconds=60, times=4)
        load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    assert not before & set(server.wait_workers(2))
    assert Roll(server).least_ready(2) == 2
    assert server.log.count(r"worker exited: drained") >= 3
    counts = {pid: sum(record.pid == pid for record in load.good()) for pid in load.pids()}
    assert all(counts[pid] >= 200 for pid in before), counts


def test_jitter_spreads_the_replacements(box):
    """Without it, a worker that gets every request would be due after exactly so many."""
    limits = set()
    for n in range(3):
        server = box.gserve("--max-requests", 5, "--max-requests-jitter", 1000, workers=1, chdir=PLAIN, name=f"j{n}")
        requests = 0
        while not server.log.find(r"is due for replacement") and requests < 60:
            server.get()
            requests += 1
        limits.add(requests)
        server.stop()
    assert max(limits) > 30, limits


def test_replacement_that_cannot_boot_keeps_the_old_worker_serving(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve("--max-requests", 5, workers=1, chdir=folder)
    old = server.workers()
    with open(PLAIN + "/app.py", encoding="utf-8") as file:
        good = file.read()
    box.write("app/app.py", "raise RuntimeError('broken')\n")
    with Load(server.address, clients=2, pause=0.01) as load:
        server.log.wait(r"worker that is due for replacement goes on", seconds=30, times=3)
        worker = next(worker for worker in server.status()["workers"] if worker["pid"] == old[0])
        assert worker["state"] == "ready" and worker["due"] == "max_requests"
        assert "ready, due: max_requests" in server.ctl("status").stdout
        box.write("app/app.py", good)
        server.log.wait(r"worker replaced \(max_requests\)", seconds=60)
        load.wait_answers(5)
        load.stop()
    assert not load.bad(), load.summary()
    assert Roll(server).least_ready(1) == 1


def test_worker_that_has_grown_too_large_is_replaced(box):
    server = box.gserve("--max-worker-memory", "96M", "-t", 1, workers=1, chdir=PLAIN)
    old = server.workers()
    assert server.get("/grow?mib=128").text == "grown"
    server.log.wait(r"worker is due for replacement: memory \(\d+ MiB are resident, the limit is 96 MiB\)", seconds=30)
    server.log.wait(r"worker replaced \(memory\)", seconds=30)
    new = server.wait_workers(1)
    assert new != old
    assert procfs.rss_bytes(new[0]) < 96 << 20


def test_worker_is_replaced_at_the_end_of_its_lifetime(box):
    server = box.gserve("--max-worker-lifetime", 1, workers=2, chdir=PLAIN)
    before = set(server.workers())
    with Load(server.address, clients=4, pause=0.005) as load:
        server.log.wait(r"worker replaced \(lifetime\)", seconds=60, times=3)
        load.stop()
    assert not load.bad(), load.summary()
    assert not before & set(server.workers())
    assert Roll(server).least_ready(2) == 2


def test_reload_replaces_those_that_are_due(box):
    server = box.gserve("--max-worker-lifetime", 1, workers=2, chdir=PLAIN)
    for _ in range(3):
        server.ctl("reload")
    assert Roll(server).least_ready(2) == 2


def test_worker_that_asks_for_it_while_it_is_told_to_leave_is_no_trouble(box):
    server = box.gserve("--max-requests", 1, workers=2, chdir=PLAIN)
    with Load(server.address, clients=4) as load:
        for count in (3, 1, 2):
            server.ctl("scale", count)
            load.wait_answers(10)
        load.stop()
    assert not load.bad(), load.summary()
    wait_for(lambda: len(server.status()["workers"]) == 2, "nobody is due any more", 30)
