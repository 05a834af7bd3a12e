# SPDX-License-Identifier: MIT
"""No request waits behind a busy worker while another one idles: it goes there, connection and all."""
import signal
import threading
import time

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
GREEN = APPS + "/green"


def kept_alive(server, count):
    """Open connections that have had an answer."""
    connections = [web.connection(server.address, timeout=60) for _ in range(count)]
    for conn in connections:
        assert web.exchange(conn).status == 200
    return connections


def ask(conn, path="/"):
    """Sends a request; conn.getresponse() is for later."""
    conn.request("GET", path)
    return conn


def answer(conn):
    response = conn.getresponse()
    body = response.read()
    assert response.status == 200, body
    return int(response.headers["X-Worker-Pid"])


def sockets(pid):
    return sum(target.startswith("socket:") for target in procfs.fds(pid).values())


def in_flight(server):
    return sum(worker["in_flight"] for worker in server.status()["workers"])


def busy_worker(server, file, requests=1):
    """A server of one worker that runs `requests` requests until the file is there."""
    clients = [ask(web.connection(server.address, timeout=60), f"/until?file={file}") for _ in range(requests)]
    wait_for(lambda: in_flight(server) == requests, "the worker is busy")
    return clients


def ask_and_wait_until_queued(server, connections):
    """Requests on kept-alive connections of the only worker, which is busy: its sockets go to the queue."""
    (pid,) = server.workers()
    before = sockets(pid)
    for conn in connections:
        ask(conn)
    wait_for(lambda: sockets(pid) <= before - len(connections), "the waiting requests are in the hand-over queue")
    return pid


@pytest.mark.parametrize("threads", [1, 2], ids=["sync", "gthread"])
def test_nobody_waits_while_a_worker_is_busy_for_seconds(box, threads):
    server = box.gserve("--threads", str(threads), "--keep-alive", "60", workers=2, chdir=PLAIN)
    connections = kept_alive(server, 12)
    # So many that one worker has no thread left, and the other has one.
    slow = [ask(web.connection(server.address, timeout=60), "/slow?s=4") for _ in range(2 * threads - 1)]
    wait_for(lambda: in_flight(server) == len(slow), "the slow requests run")
    assert_nobody_waits(server, connections)
    for conn in slow:
        answer(conn)


@pytest.mark.parametrize("path", ["/block?s=4", "/compute?s=4"])
def test_nobody_waits_while_a_request_holds_a_hub_for_seconds(box, path):
    server = box.gserve("-k", "gevent", "--keep-alive", "60", workers=2, chdir=GREEN)
    connections = kept_alive(server, 12)
    holder = ask(web.connection(server.address, timeout=60), path)
    wait_for(lambda: in_flight(server) == 1, "the request runs")
    assert_nobody_waits(server, connections)
    held = answer(holder)
    # It serves again: only it can now.
    other = ask(web.connection(server.address, timeout=60), path)
    wait_for(lambda: in_flight(server) == 1, "the second request runs")
    pids = {answer(ask(conn)) for conn in connections}
    assert len(pids) == 1 and pids != {answer(other)}
    assert held in server.workers()


def assert_nobody_waits(server, connections):
    """One of two workers is held for 4 s, half of which this takes."""
    began = time.monotonic()
    waits, pids = [], set()
    while time.monotonic() < began + 2:
        for conn in (*connections, web.connection(server.address)):
            sent = time.monotonic()
            pids.add(answer(ask(conn)))
            waits.append(time.monotonic() - sent)
    assert len(pids) == 1, "only one worker can serve"
    # A request that waited for the busy worker would take 2 s at least; the bound is for a loaded machine.
    assert max(waits) < bound(1), f"{max(waits):.3f} s, of {len(waits)} requests"


def test_queue_outlives_a_worker_that_is_killed(box):
    box.expect_log(r"killed by SIGKILL")
    server = box.gserve("--keep-alive", "60", workers=1, chdir=PLAIN)
    connections = kept_alive(server, 5)
    busy_worker(server, box.path("never"))
    victim = ask_and_wait_until_queued(server, connections)
    procfs.kill_all([victim])
    assert {answer(conn) for conn in connections}.isdisjoint({victim})


def test_queue_outlives_an_upgrade_and_the_worker(box):
    box.expect_log(r"killed by SIGKILL")
    server = box.gserve("--keep-alive", "60", workers=1, chdir=PLAIN)
    connections = kept_alive(server, 5)
    busy_worker(server, box.path("never"))
    victim = ask_and_wait_until_queued(server, connections)
    server.ctl("upgrade")
    procfs.kill_all([victim])
    assert {answer(conn) for conn in connections}.isdisjoint({victim})


@pytest.mark.parametrize("mode", ["", "--preload"])
def test_new_generation_takes_what_waits_for_the_old_one(box, mode):
    server = box.gserve("--keep-alive", "60", *mode.split(), workers=1, chdir=PLAIN)
    connections = kept_alive(server, 5)
    (slow,) = busy_worker(server, box.path("released"))
    old = ask_and_wait_until_queued(server, connections)
    reload = threading.Thread(target=lambda: server.ctl("reload"))
    reload.start()
    assert {answer(conn) for conn in connections}.isdisjoint({old})
    box.write("released", "")
    assert answer(slow) == old
    reload.join()


def test_nothing_in_the_queue_is_lost_when_the_service_stops(box):
    server = box.gserve("--keep-alive", "60", workers=1, chdir=PLAIN)
    connections = kept_alive(server, 5)
    (slow,) = busy_worker(server, box.path("released"))
    ask_and_wait_until_queued(server, connections)
    server.send_signal(signal.SIGTERM)
    wait_for(lambda: server.status()["workers"][0]["state"] == "draining", "the worker drains")
    box.write("released", "")
    for conn in (slow, *connections):
        answer(conn)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("options, app, path", [
    ((), PLAIN, "/slow"), (("--threads", "3"), PLAIN, "/slow"), (("-k", "gevent"), GREEN, "/block"),
], ids=["sync", "gthread", "gevent"])
def test_nothing_is_lost_while_workers_are_mostly_busy(box, options, app, path):
    """Requests of different length on kept-alive connections, more than there are workers: most of them move."""
    server = box.gserve("--keep-alive", "60", *options, workers=2, chdir=app)
    with Load(server.address, clients=8, path=path + "?s=0.02", keep_every=1, retry_idle=False) as slow, \
            Load(server.address, clients=8, path=path + "?s=0", keep_every=1, retry_idle=False) as quick:
        slow.wait_answers(100)
        quick.wait_answers(100)
    assert not slow.bad() and not quick.bad(), (slow.summary(), quick.summary())
