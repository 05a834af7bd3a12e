# SPDX-License-Identifier: MIT
"""The worker class gthread: several requests of one worker at once, each on a thread."""
import http.client
import re
import signal
import threading

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


def ask_at_once(server, *paths):
    """The answers, or the exceptions, in the order of the paths."""
    answers = [None] * len(paths)

    def ask(index, path):
        try:
            answers[index] = server.get(path, timeout=30)
        except OSError as error:
            answers[index] = error
    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(paths)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_requests_of_one_worker_run_at_once(box):
    server = box.gserve("--threads", "4", workers=1, chdir=PLAIN)
    server.log.wait(r"Using worker: gthread")
    for _ in range(5):
        answers = ask_at_once(server, *["/meet"] * 4)
        assert [answer.status for answer in answers] == [200] * 4
        assert {answer.text for answer in answers} == {"MainThread", "gserve-2", "gserve-3", "gserve-4"}


@pytest.mark.parametrize("options, threaded", [
    (["-k", "sync"], "False"), (["-k", "gthread"], "True"), (["--threads", "2"], "True"),
    (["-k", "gthread", "--threads", "3"], "True")])
def test_application_is_told_whether_there_are_threads(box, options, threaded):
    server = box.gserve(*options, workers=1, chdir=PLAIN)
    assert server.get("/multithread").text == threaded


@pytest.mark.parametrize("mode", ["", "--preload"])
def test_nothing_is_lost_in_reload_scale_and_stop_under_load(box, mode):
    server = box.gserve("--threads", "4", *mode.split(), workers=2, chdir=PLAIN)
    with Load(server.address, clients=16, path="/slow?s=0.01") as load:
        load.wait_answers(100)
        server.ctl("reload")
        server.ctl("scale", "3")
        load.wait_answers(100)
        server.ctl("scale", "1")
        load.wait_answers(100)
        load.stop()
    assert not load.bad(), load.summary()
    answers = []
    asking = threading.Thread(target=lambda: answers.extend(ask_at_once(server, *["/slow?s=1"] * 4)))
    asking.start()
    wait_for(lambda: server.status()["workers"][0]["in_flight"] == 4, "all threads run a request")
    assert server.stop() == 0
    asking.join()
    assert [answer.status for answer in answers] == [200] * 4


def test_quick_stop_does_not_wait_for_threads(box):
    """What the main thread runs is cut, which is answered; another thread cannot be."""
    box.expect_log(r"cut by a quick stop", r"has not drained within 1 s", r"killed by SIGKILL")
    server = box.gserve("--threads", "2", workers=1, chdir=PLAIN)
    asking = [threading.Thread(target=ask_in_vain, args=(server, "/slow?s=30")) for _ in range(2)]
    for thread in asking:
        thread.start()
    wait_for(lambda: server.status()["workers"][0]["in_flight"] == 2, "both threads run a request")
    assert server.stop(signal.SIGINT, seconds=10) == 0
    for thread in asking:
        thread.join()


def ask_in_vain(server, path):
    try:
        assert server.get(path, timeout=40).status == 500
    except (OSError, http.client.HTTPException):
        pass


def test_exit_on_any_thread_ends_the_worker_which_is_replaced(box):
    box.expect_log(r"exited with code 5", r"GET /exit", r"Traceback", r"SystemExit", r"crash loop")
    server = box.gserve("--threads", "3", workers=1, chdir=PLAIN)
    for _ in range(3):  # whichever thread takes it
        before = server.workers()
        assert server.get("/exit").status == 500
        wait_for(lambda: server.workers() and server.workers() != before, "another worker")
        server.wait_workers(1)
    assert server.log.find(r"worker exited with code 5")
    assert server.get().status == 200


def test_thread_that_hangs_is_named_and_the_others_end_what_they_do(box):
    """The worker is replaced first; then it drains, and is ended when only the overdue request is left."""
    box.expect_log(r".")
    server = box.gserve("--threads", "3", "-t", "6", "--graceful-timeout", "20", workers=1, chdir=PLAIN)
    (victim,) = server.workers()
    hung = threading.Thread(target=ask_in_vain, args=(server, "/lock"))
    hung.start()
    wait_for(lambda: server.status()["workers"][0]["request_age_s"] > 1, "the request hangs")
    released = box.path("released")
    others = []
    beside = threading.Thread(target=lambda: others.extend(ask_at_once(server, *[f"/until?file={released}"] * 2)))
    beside.start()
    server.log.wait(r"WORKER TIMEOUT \(pid:\d+\): \"GET /lock HTTP/1.1\" has run for 6.* s.*; other requests in flight: 2; "
                    r"it is replaced first, then drained", seconds=20)
    box.write("released", "")
    beside.join()
    hung.join()
    assert [answer.text for answer in others] == ["released"] * 2
    wait_for(lambda: not procfs.alive(victim), "the worker with the hanging request has gone", 30)
    assert victim not in server.wait_workers(1)
    (number, *_rest) = re.findall(r"^ *(\d+) .*timeout", server.ctl("incidents").stdout, re.MULTILINE)
    shown = server.ctl("incidents", number).stdout
    assert "in wait_for_lock" in shown and "GET /lock HTTP/1.1" in shown, shown


def test_threads_may_use_multiprocessing(box):
    server = box.gserve("--threads", "2", workers=1, chdir=APPS + "/pool")
    with Load(server.address, clients=2, pause=0.01) as load:
        load.wait_answers(10, 60)
        load.stop()
    assert not load.bad(), load.summary()
    assert {record.body for record in load.good()} == {b"squares 285\n"}


def test_refork_of_a_worker_with_threads_needs_no_warning(box):
    server = box.gserve("--preload", "--threads", "4", workers=2, chdir=PLAIN)
    assert [answer.status for answer in ask_at_once(server, *["/slow?s=0.1"] * 8)] == [200] * 8
    server.ctl("refork")
    server.wait_workers(2)
    assert [answer.status for answer in ask_at_once(server, *["/slow?s=0.1"] * 8)] == [200] * 8
    assert not server.log.find(r"has started threads")


def test_slow_clients_occupy_no_thread(box):
    server = box.gserve("--threads", "1", "-k", "gthread", workers=1, chdir=PLAIN)
    sockets = [web.raw_socket(server.address) for _ in range(50)]
    for sock in sockets:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
    assert server.get().status == 200
    for sock in sockets:
        sock.sendall(b"llo")
        assert b"200 OK" in sock.recv(4096)
        sock.close()
