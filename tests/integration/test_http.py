# SPDX-License-Identifier: MIT
"""HTTP as clients of the real server see it, good and hostile."""
import os
import re
import socket

from harness import procfs, web
from harness.box import APPS, EXAMPLES
from harness.web import raw_exchange, raw_socket
from harness.waiting import wait_for
from malformed_requests import malformed_requests

PLAIN = APPS + "/plain"


def statuses(answer):
    return [int(code) for code in re.findall(rb"^HTTP/1\.[01] (\d{3}) ", answer, re.MULTILINE)]


def test_flask_example_reads_and_writes_bodies(box):
    server = box.gserve(workers=2, chdir=EXAMPLES + "/flask")
    for size in (0, 1, 100_000, 3_000_000):
        body = os.urandom(size)
        answer = server.get("/echo", method="POST", body=body)
        assert (answer.status, answer.body) == (200, body)
        chunks = (body[at:at + 50_000] for at in range(0, size, 50_000))
        answer = server.get("/echo", method="POST", body=chunks)  # of unknown length: sent in chunks
        assert (answer.status, answer.body) == (200, body)
    assert server.get("/nowhere").status == 404
    head = server.get("/", method="HEAD")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 0


def test_kept_alive_connection_serves_many_requests_and_is_closed_when_idle(box):
    server = box.gserve("--keep-alive", "1", workers=1, chdir=PLAIN)
    conn = web.connection(server.address)
    for _ in range(50):
        assert web.exchange(conn).status == 200
    sock = conn.sock
    assert sock is not None
    assert sock.recv(1) == b"", "closed by the server after an idle second"
    conn.close()


def test_pipelined_requests_are_answered_in_order(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    requests = b"".join(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(9))
    answer = raw_exchange(server.address, requests)
    assert re.findall(rb"\r\n\r\n(\d)", answer) == [b"%d" % n for n in range(9)]


def test_client_is_told_to_continue_before_it_sends_a_body(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    with raw_socket(server.address) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
                     b"Connection: close\r\n\r\n")
        interim = sock.recv(1024)
        assert interim.startswith(b"HTTP/1.1 100 "), interim
        sock.sendall(b"hello")
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    assert statuses(answer) == [200] and answer.endswith(b"hello")


def test_http_1_0_is_answered_and_closed(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    answer = raw_exchange(server.address, b"GET / HTTP/1.0\r\n\r\n")
    assert statuses(answer) == [200] and b"chunked" not in answer.lower()


def test_slow_clients_do_not_occupy_the_application(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    slow = [raw_socket(server.address) for _ in range(20)]
    for sock in slow:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf ")
    assert server.get(timeout=3).status == 200
    for sock in slow:
        sock.sendall(b"done.")
        assert statuses(sock.recv(4096)) == [200]
        sock.close()


def test_thousand_malformed_requests_get_their_error_and_leave_no_trace(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    worker = server.workers()[0]

    def send(seed, count):
        for case in malformed_requests(seed, count):
            answer = raw_exchange(server.address, case.data)
            assert statuses(answer) == [case.status], (case, answer)

    send(1, 100)
    wait_for(lambda: server.status()["workers"][0]["in_flight"] == 0, "idle")
    fds, rss = procfs.fd_count(worker), procfs.rss_bytes(worker)
    send(2, 1000)
    wait_for(lambda: procfs.fd_count(worker) <= fds, "every connection is closed")
    assert procfs.rss_bytes(worker) - rss < procfs.growth(1)
    assert server.workers() == [worker] and server.get().status == 200


def test_every_refusal_has_its_own_status(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    cases = {
        b"GET / HTTP/1.1\r\n\r\n": 400,
        b"GET /\r\n\r\n": 400,
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n": 400,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n": 501,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n": 400,
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\na": 417,
        b"GET / HTTP/1.1\r\nHost: a\r\nBig: " + b"a" * 9000 + b"\r\n\r\n": 431,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 150 + b"\r\n": 431,
    }
    for data, status in cases.items():
        assert statuses(raw_exchange(server.address, data)) == [status], data[:80]
    assert statuses(raw_exchange(server.address, b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"))[0] in (400, 414)


def test_client_that_resets_in_the_middle_does_no_harm(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    for _ in range(20):
        sock = raw_socket(server.address)
        sock.sendall(b"GET /slow?s=0.01&bytes=2000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.close()
    worker = server.workers()
    assert server.get().status == 200
    assert server.workers() == worker


def test_clients_that_are_too_slow_are_ended_each_by_its_own_timeout(box):
    server = box.gserve("--header-timeout", "0.5", "--body-timeout", "0.5", "--write-timeout", "0.5", workers=1, chdir=PLAIN)
    with raw_socket(server.address) as sock:
        sock.sendall(b"GET / HTT")
        assert statuses(sock.recv(4096)) == [408]
    with raw_socket(server.address) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
        assert statuses(sock.recv(4096)) == [408]
    with raw_socket(server.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"GET /slow?s=0&bytes=30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: server.status()["workers"][0]["requests"] >= 1, "the application has answered")
        wait_for(lambda: not connected_to(server, sock), "the connection is given up", 20)
    assert server.get().status == 200


def connected_to(server, sock):
    """Whether the worker still has its end of this connection."""
    ours = sock.getsockname()[1]
    with open(f"/proc/{server.pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    inodes = {row[9] for row in rows if int(row[2].split(":")[1], 16) == ours}
    held = {target for pid in server.workers() for target in procfs.fds(pid).values()}
    return any(f"socket:[{inode}]" in held for inode in inodes)


def test_worker_takes_no_more_connections_than_it_may(box):
    server = box.gserve("--worker-connections", "2", workers=1, chdir=PLAIN)
    held = [raw_socket(server.address) for _ in range(2)]
    for sock in held:
        sock.sendall(b"GET / HT")
    wait_for(lambda: all(connected_to(server, sock) for sock in held), "both connections are accepted")
    waiting = raw_socket(server.address)
    waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert not connected_to(server, waiting)
    held[0].close()
    assert statuses(waiting.recv(4096)) == [200]
    for sock in (held[1], waiting):
        sock.close()


def test_compatibility_switches_work_and_are_warned_of(box):
    request = (b"get / HTTP/1.9\r\nHost : a\r\nX-Folded: b\r\n c\r\nConnection: close\r\n\r\n")
    switches = ["--permit-obsolete-folding", "--strip-header-spaces", "--permit-unconventional-http-method",
                "--permit-unconventional-http-version", "--casefold-http-method"]
    server = box.gserve(*switches, workers=1, chdir=PLAIN)
    assert statuses(raw_exchange(server.address, request)) == [200]
    for switch in switches:
        assert server.log.count(rf"\[WARNING\] {switch} is unsafe: ") == 1
    server = box.gserve(*switches[:-2], switches[-1], workers=1, chdir=PLAIN)
    assert statuses(raw_exchange(server.address, request)) == [505]


def test_bodies_are_limited(box):
    server = box.gserve("--limit-request-body", "1K", workers=1, chdir=PLAIN)
    assert server.get("/echo", method="POST", body=b"x" * 1024).body == b"x" * 1024
    announced = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n"
    chunked = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n"
    for request in (announced, chunked):
        assert statuses(raw_exchange(server.address, request)) == [413]
    server.log.wait(r"\[INFO\] refused a request from 127.0.0.1: 413, request body too large", times=2)


def test_trusted_proxies_are_a_setting(box):
    for trusted, scheme in (("10.0.0.0/8", b"http"), ("10.0.0.0/8,127.0.0.0/8", b"https")):
        server = box.gserve("--forwarded-allow-ips", trusted, workers=1, chdir=PLAIN)
        assert server.get("/scheme", headers={"X-Forwarded-Proto": "https"}).body == scheme
        assert server.stop() == 0
