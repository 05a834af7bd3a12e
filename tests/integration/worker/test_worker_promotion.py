# SPDX-License-Identifier: MIT
"""A worker that has served becomes a template: others are forked from it, warm."""
import json
import os
import re
import signal
import socket
import struct
import threading

import pytest

from harness import procfs, web
from harness.waiting import wait_for
from promotion import Promotion
from worker_process import APPS, memfd


@pytest.fixture
def promote():
    started = []

    def begin(worker):
        started.append(Promotion(worker))
        return started[-1]

    yield begin
    for promotion in reversed(started):
        promotion.close()


def warm(start_worker, **options):
    worker = start_worker("warm:app", **options)
    assert [worker.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    return worker


def inodes(*fds, pid="self"):
    stats = [os.stat(f"/proc/{pid}/fd/{fd}") for fd in fds]
    return {(stat.st_dev, stat.st_ino) for stat in stats}


def files(pid):
    """What the descriptors stand for, but for standard input, output and error."""
    return inodes(*set(procfs.fds(pid)) - {0, 1, 2}, pid=pid)


def counted(worker):
    """In flight, requests, errors: see common/scoreboard.h."""
    return struct.unpack_from("<12xIQQ", os.pread(worker.scoreboard, 64, 0))


def test_workers_that_it_forks_have_the_application_as_it_was(start_worker, promote):
    worker = warm(start_worker)
    promotion = promote(worker).wait_ready()
    assert worker.notify.find("STOPPING") is None
    forked = promotion.fork()
    assert procfs.parent(forked.pid) == os.getpid() and forked.pid != worker.pid
    assert forked.get("/count").text == "4"
    assert forked.get("/surroundings").status == 200
    assert forked.stop() == 0
    assert promotion.fork("19").get("/count").text == "4"
    assert worker.log.lines == [] and forked.log.lines == []


def test_what_had_begun_is_answered_first(start_worker, promote):
    worker = warm(start_worker)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(worker.get("/slow?1")))
    asking.start()
    worker.log.wait("slow request has begun")
    promotion = promote(worker).wait_ready()
    asking.join()
    assert answers[0].body == b"slow but whole" and answers[0].headers["Connection"] == "close"
    assert promotion.fork().get("/count").text == "4"


def test_nothing_of_the_worker_is_left_in_the_template(start_worker, promote):
    access = memfd(b"")
    worker = warm(start_worker, extra_fds={"accesslog": access})
    assert inodes(access) <= files(worker.pid)
    worker.get("/keeps_input")  # the server's objects, too, live on in the application
    promote(worker).wait_ready()
    links = sorted(procfs.fds(worker.pid).values())
    assert len(links) == 3 + len(("error log", "incident", "lifeline", "control", "notify", "wakeup", "wakeup")), links
    assert not [link for link in links if link.startswith("anon_inode")], links
    passed = [worker.listener.fileno(), *(end.fileno() for end in worker.handover), access, worker.scoreboard]
    assert not inodes(*passed) & files(worker.pid)
    with open(f"/proc/{worker.pid}/maps", encoding="utf-8") as maps:
        assert "gserve-test" not in maps.read(), "the scoreboard"
    assert len(os.listdir(f"/proc/{worker.pid}/task")) == 1
    os.close(access)


def test_forked_worker_has_what_a_worker_has_and_nothing_of_its_template(start_worker, promote):
    plain, worker = start_worker("warm:app").fds(), warm(start_worker)
    forked = promote(worker).wait_ready().fork()
    assert len(procfs.fds(forked.pid)) == len(plain), (procfs.fds(forked.pid), plain)
    wait_for(lambda: not files(forked.pid) & files(worker.pid), "the template has closed what the worker got")
    with open(f"/proc/{forked.pid}/maps", encoding="utf-8") as maps:
        assert maps.read().count("gserve-test") == 1, "one scoreboard"


def test_forked_worker_counts_on_a_scoreboard_of_its_own(start_worker, promote):
    worker = warm(start_worker)
    forked = promote(worker).wait_ready().fork()
    assert counted(worker) == (0, 3, 0) and counted(forked) == (0, 0, 0)
    assert forked.get("/raises").status == 500
    assert forked.get("/count").status == 200
    wait_for(lambda: counted(forked) == (0, 2, 1), "both answers are counted")
    assert counted(worker) == (0, 3, 0)


def test_stacks_of_a_forked_worker_go_to_its_own_incident_file(start_worker, promote):
    worker = warm(start_worker)
    forked = promote(worker).wait_ready().fork()
    with pytest.raises(OSError):
        forked.get("/crash")
    assert forked.wait_exit() == -signal.SIGABRT
    assert "in crash" in os.pread(forked.incident, 65536, 0).decode()
    assert os.pread(worker.incident, 10, 0) == b""


def test_forked_workers_draw_different_random_numbers(start_worker, promote):
    worker = warm(start_worker)
    promotion = promote(worker).wait_ready()
    drawn = set()
    for launch_id in ("18", "19", "20"):
        forked = promotion.fork(launch_id)
        drawn.add(forked.get("/random").text)
        assert forked.stop() == 0
    assert len(drawn) == 3


def test_forked_worker_is_a_whole_worker(start_worker, promote):
    """Signals, children of the application, and things of requests that were answered before the fork."""
    worker = warm(start_worker)
    worker.get("/keeps_input")
    forked = promote(worker).wait_ready().fork()
    kept = forked.get("/keeps_input").text.splitlines()
    assert kept[2:] == ["RuntimeError: the request is over"] * 2, kept
    assert all("function" in json.loads(forked.get("/signals").body)[name] for name in ("TERM", "INT", "HUP"))
    child = json.loads(forked.get("/fork_child").body)
    assert len([fd for fd in child["fds"] if int(fd) > 2]) == 2, child
    assert forked.get("/stray_child?exit").text == "7"
    for method in ("fork", "spawn", "forkserver"):
        assert forked.get(f"/pool?{method}").text == "285"
    forked.lifeline.close()
    assert forked.wait_exit() == 0


def test_heap_is_frozen_before_the_forks(start_worker, promote):
    """Else each worker's collector would write to, and so copy, what they share."""
    worker = warm(start_worker)
    assert worker.get("/frozen").text == "0"
    assert int(promote(worker).wait_ready().fork().get("/frozen").text) > 5000


def test_forked_workers_are_promoted_in_turn_and_nothing_piles_up(start_worker, promote):
    worker = warm(start_worker)
    stages = []
    for generation in range(6):
        worker = promote(worker).wait_ready().fork(str(100 + generation))
        fds = len(procfs.fds(worker.pid))
        assert worker.get("/count").text == str(4 + generation)
        stages.append((worker.get("/depth").text, fds))
    assert len(set(stages)) == 1, stages


def test_threads_of_the_application_are_named(start_worker, promote):
    worker = warm(start_worker)
    worker.get("/start_thread")
    assert promote(worker).wait_ready().fork().get("/count").text == "4"
    worker.log.wait(r"\[WARNING\] The application has started threads.*metrics-sender")


def test_child_that_a_thread_of_the_application_forks_keeps_nothing_of_the_template(start_worker, promote, tmp_path):
    """Else the template's end would not be the end of its sockets."""
    for name in ("tell", "report"):
        os.mkfifo(tmp_path / name)
    worker = start_worker("warm:app", str(tmp_path), pythonpath=APPS)
    worker.get("/fork_later")
    promote(worker).wait_ready()
    (tmp_path / "tell").write_text("now", encoding="ascii")
    # 0, 1, 2, the report and the directory that is being listed
    assert len((tmp_path / "report").read_text(encoding="ascii").split()) == 5


@pytest.mark.parametrize("path", ["/count", "/take_signals"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signal_ends_the_template(start_worker, promote, number, path):
    worker = warm(start_worker)
    worker.get(path)
    forked = promote(worker).wait_ready().fork()
    assert worker.stop(number, seconds=5) == 0
    assert worker.notify.find("STOPPING") is None
    assert forked.get("/count").status == 200
    assert forked.stop() == 0


def test_end_of_the_lifeline_ends_the_template(start_worker, promote):
    worker = warm(start_worker)
    promote(worker).wait_ready()
    worker.lifeline.close()
    assert worker.wait_exit(5) == 0


def test_template_takes_new_logs(start_worker, promote):
    worker = warm(start_worker)
    promote(worker).wait_ready()
    new = memfd(b"")
    socket.send_fds(worker.lifeline, [b"logs"], [new])
    wait_for(lambda: inodes(new) <= files(worker.pid), "the new log")
    os.close(new)


def test_signal_that_comes_before_it_has_drained_ends_the_worker(start_worker, promote):
    worker = warm(start_worker)
    asking = threading.Thread(target=lambda: worker.get("/slow?1"))
    asking.start()
    worker.log.wait("slow request has begun")
    mark = worker.notify.mark()
    promote(worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait_exit() == 0
    asking.join()
    assert worker.notify.find("READY", after=mark) is None


@pytest.mark.parametrize("how, reason", [("nothing", "its control socket has not arrived"), ("a file", ".*non-socket")])
def test_worker_that_cannot_become_a_template_says_why(start_worker, how, reason):
    worker = warm(start_worker)
    mark = worker.notify.mark()
    file = memfd(b"")
    socket.send_fds(worker.lifeline, [b"template"], [file] if how == "a file" else [])
    assert worker.wait_exit() == 1
    os.close(file)
    message = worker.notify.wait("X_GSERVE_BOOT_ERROR", after=mark)[1]
    assert re.match(f"Cannot become a template: {reason}", json.loads(message["X_GSERVE_BOOT_ERROR"]))
    assert worker.notify.find("READY", after=mark) is None


def test_worker_rests_and_serves_again(start_worker):
    worker = start_worker()
    kept = web.connection(worker.address)
    assert web.exchange(kept).status == 200
    worker.lifeline.send(b"rest")
    assert web.exchange(kept).headers["Connection"] == "close"
    with web.raw_socket(worker.address) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        waiting.settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting.recv(100)
        worker.lifeline.send(b"serve")
        waiting.settimeout(20)
        assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")
    worker.lifeline.send(b"rest")
    assert worker.stop(seconds=5) == 0
    assert worker.log.lines == []
