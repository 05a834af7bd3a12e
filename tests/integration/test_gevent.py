# SPDX-License-Identifier: MIT
"""The worker class gevent: many requests of one worker at once, each on a greenlet."""
import http.client
import json
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

from harness import procfs, web
from harness.box import APPS, EXAMPLES
from harness.load import Load
from harness.waiting import wait_for

GREEN = APPS + "/green"
LOST = (OSError, http.client.HTTPException)
BLOCK = 65536


def serve(box, *options, workers=1, **more):
    return box.gserve("-k", "gevent", *options, workers=workers, chdir=GREEN, **more)


def in_flight(server):
    return sum(worker["in_flight"] for worker in server.status()["workers"])


def send_requests(server, *paths):
    """Sends them, each on a socket of its own, and returns the sockets."""
    sockets = [web.raw_socket(server.address, timeout=60) for _ in paths]
    for sock, path in zip(sockets, paths):
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return sockets


def read_all(sock):
    received = b""
    try:
        while chunk := sock.recv(BLOCK):
            received += chunk
    except OSError:
        pass
    sock.close()
    return received


def incident(server, number=1):
    wait_for(lambda: len(json.loads(server.ctl("incidents", "--json").stdout)) >= number, f"{number} incidents", 30)
    return json.loads(server.ctl("incidents", str(number), "--json").stdout)


@pytest.mark.parametrize("name", ["gevent", "gevent_wsgi", "gevent_pywsgi"])
def test_many_requests_of_one_worker_wait_at_once(box, name):
    server = box.gserve("-k", name, workers=1, chdir=GREEN)
    server.log.wait(rf"Using worker: {name}$")
    begun = time.monotonic()
    sockets = send_requests(server, *["/slow?s=1"] * 200)
    answers = [read_all(sock) for sock in sockets]
    assert all(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"slept") for answer in answers)
    assert time.monotonic() - begun < 100, "200 s one after the other"
    assert server.status()["workers"][0]["requests"] == 200


@pytest.mark.parametrize("mode", [[], ["--preload"]])
def test_everything_is_patched_before_the_application_is_imported(box, mode):
    server = serve(box, *mode)
    assert server.get("/patched").text == "socket,ssl,threading,subprocess,queue,select,time"
    assert server.get("/current_thread").text != ""


def test_debians_gevent_serves_too(box):
    server = serve(box, python="/usr/bin/python3")
    assert "/usr/lib/python3/dist-packages/gevent/" in server.get("/versions").text
    sockets = send_requests(server, *["/slow?s=0.5"] * 20)
    assert [read_all(sock)[-5:] for sock in sockets] == [b"slept"] * 20


def test_without_gevent_the_boot_error_says_what_to_install(box):
    box.expect_log(r".")
    blocked = box.write("blocked/gevent.py", "raise ImportError('no gevent here')\n")
    server = box.prepare("-k", "gevent", chdir=APPS + "/plain", env={"PYTHONPATH": os.path.dirname(blocked)}).start()
    assert server.wait_exit() == 3
    server.log.wait(r"worker class gevent needs the package gevent, which \S+ cannot import \(no gevent here\): install it "
                    r"there \(pip install gevent, or Debian's python3-gevent\)")


def test_slow_uploads_and_downloads_block_nobody(box):
    server = serve(box)
    uploads = [web.raw_socket(server.address, timeout=60) for _ in range(20)]
    for sock in uploads:
        sock.sendall(b"POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 400000\r\n\r\n" + b"x" * 200000)
    downloads = send_requests(server, *["/blocks?n=100"] * 20)  # nobody reads them yet
    wait_for(lambda: in_flight(server) >= 20, "the uploads are streaming")
    for _ in range(20):
        assert server.get("/slow?s=0.01").text == "slept"
    for sock in uploads:
        sock.sendall(b"y" * 200000)
    assert [read_all(sock)[-6:] for sock in uploads] == [b"400000"] * 20
    assert [len(read_all(sock).partition(b"\r\n\r\n")[2]) for sock in downloads] == [100 * BLOCK] * 20


def test_thread_of_the_pool_may_read_the_body(box):
    server = serve(box)
    with web.raw_socket(server.address, timeout=60) as sock:
        sock.sendall(b"POST /count_in_thread HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 400000\r\n\r\n"
                     + b"x" * 200000)
        wait_for(lambda: in_flight(server) == 1, "the thread reads")
        assert server.get("/slow?s=0.01").text == "slept"
        sock.sendall(b"y" * 200000)
        assert read_all(sock).endswith(b"400000")


def test_time_spent_waiting_for_the_client_does_not_count(box):
    """The upload takes longer than --timeout allows a request."""
    server = serve(box, "-t", "1")
    with web.raw_socket(server.address, timeout=60) as sock:
        sock.sendall(b"POST /count HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100004\r\n\r\n" + b"x" * 100000)
        for _ in range(4):
            wait_for(lambda: in_flight(server) == 1, "the upload goes on")
            time.sleep(0.6)  # what a slow client does
            sock.sendall(b"y")
        assert read_all(sock).endswith(b"100004")
    assert not server.log.find("WORKER TIMEOUT")


def test_iterator_is_closed_when_the_client_leaves(box):
    server = serve(box)
    (sock,) = send_requests(server, "/blocks?n=100000")
    assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
    sock.close()
    left = wait_for(lambda: json.loads(server.get("/closed").text), "the iterator is closed", 30)
    assert left[0] > 0


def test_request_that_waits_too_long_is_shown_with_the_stack_of_its_greenlet(box):
    box.expect_log(r".")
    server = serve(box, "-t", "2")
    (sock,) = send_requests(server, "/hang?user=7")
    shown = incident(server)
    read_all(sock)
    assert shown["kind"] == "timeout" and shown["requests"][0]["line"] == "GET /hang?user=7 HTTP/1.1"
    assert re.search(r'Greenlet of "GET /hang\?user=7 HTTP/1.1", for \d+\.\d s \(most recent call last\):\n', shown["stacks"])
    assert re.search(r'File ".*/green/app.py", line \d+, in wait_in_vain', shown["stacks"])
    assert "Fatal Python error: Aborted\n\nCurrent thread 0x" in shown["stacks"], "the threads come after it"
    assert "SIGABRT" in shown["reason"]
    server.wait_workers(1)


def test_request_that_blocks_the_hub_is_shown_with_the_stack_of_its_thread(box):
    box.expect_log(r".")
    server = box.gserve("-k", "gevent", "-t", "2", workers=1, chdir=APPS + "/plain")
    (sock,) = send_requests(server, "/hold")
    shown = incident(server)
    read_all(sock)
    assert re.search(r'File ".*/plain/app.py", line \d+ in hold_interpreter', shown["stacks"])
    assert "SIGABRT" in shown["reason"]


def test_request_that_hangs_beside_others_lets_them_finish(box):
    box.expect_log(r".")
    server = serve(box, "-t", "2", "--graceful-timeout", "30")
    (victim,) = server.workers()
    (hung,) = send_requests(server, "/hang")
    wait_for(lambda: server.status()["workers"][0]["request_age_s"] > 1, "the request hangs")
    others = send_requests(server, *["/slow?s=1.5"] * 80)  # more than the scoreboard shows
    assert [read_all(sock)[-5:] for sock in others] == [b"slept"] * 80
    read_all(hung)
    wait_for(lambda: not procfs.alive(victim), "the worker with the hanging request has gone", 40)
    assert "in wait_in_vain" in incident(server)["stacks"]


def test_status_counts_more_requests_than_the_scoreboard_shows(box):
    server = serve(box)
    sockets = send_requests(server, *["/slow?s=8"] * 100)
    wait_for(lambda: in_flight(server) == 100, "all run")
    assert [read_all(sock)[-5:] for sock in sockets] == [b"slept"] * 100
    wait_for(lambda: in_flight(server) == 0, "none runs")
    assert server.status()["workers"][0]["requests"] == 100


@pytest.mark.parametrize("mode", [[], ["--preload"]])
def test_nothing_is_lost_in_reload_scale_refork_and_stop_under_load(box, mode):
    server = serve(box, *mode, workers=2)
    with Load(server.address, clients=16, path="/slow?s=0.01") as load:
        load.wait_answers(50)
        for command in (["reload"], ["scale", "3"], *([["refork"]] if mode else []), ["scale", "1"]):
            server.ctl(*command)
            load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    sockets = send_requests(server, *["/slow?s=6"] * 50)
    wait_for(lambda: in_flight(server) == 50, "all run")
    assert server.stop() == 0
    assert [read_all(sock)[-5:] for sock in sockets] == [b"slept"] * 50


def test_quick_stop_kills_greenlets_and_lets_them_clean_up(box):
    box.expect_log(r"cut by a quick stop", r"has not drained", r"SIGKILL")  # a loaded machine may take more than 1 s
    server = serve(box)
    witness = box.path("witness")
    sockets = send_requests(server, f"/tidy?file={witness}", *["/hang"] * 20)
    wait_for(lambda: in_flight(server) == 21, "all run")
    assert server.stop(signal.SIGINT, seconds=20) == 0
    assert all(b" 200 " not in read_all(sock) for sock in sockets)
    assert os.path.exists(witness)


@pytest.mark.parametrize("path", ["/stubborn", "/spin"])
def test_quick_stop_is_bounded_whatever_greenlets_do(box, path):
    box.expect_log(r"cut by a quick stop", r"greenlets were killed", r"has not drained", r"SIGKILL")
    server = serve(box)
    (sock,) = send_requests(server, path)
    wait_for(lambda: in_flight(server) == 1, "it runs")
    assert server.stop(signal.SIGINT, seconds=20) == 0
    read_all(sock)


def test_signals_are_not_lost_while_the_hub_sleeps(box):
    server = serve(box)
    (worker,) = server.workers()
    for _ in range(200):
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
            os.kill(worker, number)
    assert server.get().text == "hello" and server.workers() == [worker]
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: not procfs.alive(worker), "the worker has drained")
    server.wait_workers(1)


def test_worker_is_recycled_after_max_requests(box):
    server = serve(box, "--max-requests", "20")
    (first,) = server.workers()
    for _ in range(20):
        assert server.get().text == "hello"
    wait_for(lambda: not procfs.alive(first), "the worker is replaced", 30)
    server.wait_workers(1)


def test_exit_of_a_request_ends_the_worker_after_the_others(box):
    box.expect_log(r"exited with code 5", r"GET /leave", r"Traceback", r"SystemExit", r"crash loop")
    server = serve(box)
    (other,) = send_requests(server, "/slow?s=4")
    wait_for(lambda: in_flight(server) == 1, "it runs")
    assert server.get("/leave").status == 500
    assert read_all(other).endswith(b"slept")
    server.log.wait(r"worker exited with code 5")
    server.wait_workers(1)


def test_forks_and_subprocesses_of_requests_work(box):
    server = serve(box)
    for _ in range(3):
        assert server.get("/run").text == "child"
        assert server.get("/fork").text == "7"


def test_forked_child_does_not_answer_for_the_requests_of_its_parent(box):
    box.expect_log(r"Exception in a process forked by the application", r"Traceback")  # by the child that forked, once
    server = serve(box)
    sockets = send_requests(server, *["/slow?s=5"] * 10)
    wait_for(lambda: in_flight(server) == 10, "all run")
    assert server.get("/stray").text == "1"
    assert server.log.text().count("Exception in a process forked by the application") == 1
    answers = [read_all(sock) for sock in sockets]
    assert all(answer.count(b"HTTP/1.1 200 OK") == 1 and answer.endswith(b"slept") for answer in answers)


def test_health_check_may_wait_cooperatively(box):
    server = serve(box, "--health-check", "/slow?s=0.1")
    assert server.get().text == "hello"


def test_request_may_talk_to_its_own_worker(box):
    server = serve(box)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answers = []
        asking = threading.Thread(target=lambda: answers.append(server.get(f"/talk?port={listener.getsockname()[1]}").text))
        asking.start()
        peer, _ = listener.accept()
        assert server.get().text == "hello", "the hub goes on while a request waits for another server"
        peer.sendall(b"said")
        peer.close()
        asking.join()
    assert answers == ["said"]


def test_flask_runs_on_greenlets(box):
    server = box.gserve("-k", "gevent", workers=1, chdir=EXAMPLES + "/flask")
    assert server.get().text.startswith("Hello from gserve!")
