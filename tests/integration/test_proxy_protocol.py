# SPDX-License-Identifier: MIT
"""The PROXY protocol, spoken by HAProxy and by hand."""
import http.client
import json
import socket
import subprocess
from contextlib import contextmanager

import pytest
from harness.box import APPS
from harness.waiting import bound
from harness.web import raw_exchange

PLAIN = APPS + "/plain"
CLIENT = "127.0.0.2"  # not where HAProxy itself connects from
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@contextmanager
def haproxy(box, server, options, mode="tcp", more=""):
    """A HAProxy before `server`; yields the address that it listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        config = box.write("haproxy.cfg", f"""
global
  stats timeout 1s
defaults
  mode {mode}
  timeout connect 10s
  timeout client 30s
  timeout server 30s
  {more}
frontend front
  bind fd@{listener.fileno()}
  default_backend back
backend back
  server gserve {server.address.removeprefix("http://")} {options}
""")
        process = subprocess.Popen(["/usr/sbin/haproxy", "-q", "-db", "-f", config], pass_fds=[listener.fileno()])
        try:
            yield listener.getsockname()
        finally:
            process.terminate()
            process.wait(bound(20))


def ask(address, times=1):
    """The environs of requests on one connection, and that connection's port."""
    conn = http.client.HTTPConnection(*address, timeout=bound(20), source_address=(CLIENT, 0))
    environs = []
    try:
        for _ in range(times):
            conn.request("GET", "/")
            port = conn.sock.getsockname()[1]
            environs.append(json.loads(conn.getresponse().read()))
    finally:
        conn.close()
    return environs, port


@pytest.mark.parametrize("mode, options", [
    ("v1", "send-proxy"), ("v2", "send-proxy-v2"), ("auto", "send-proxy"),
    ("auto", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority")])
def test_haproxy_announces_its_client(box, mode, options):
    server = box.gserve("--proxy-protocol", mode, "--access-logfile", "-", chdir=PLAIN, app="environ:app")
    with haproxy(box, server, options) as address:
        environs, port = ask(address, times=2)
    for environ in environs:
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (CLIENT, str(port))
        assert environ["PROXY_PROTOCOL"] == "TCP4"
        assert (environ["PROXY_ADDR"], int(environ["PROXY_PORT"])) == address
    server.log.wait(rf'^{CLIENT} - - .* "GET / HTTP/1.1" 200')


def test_health_check_of_haproxy_is_its_own(box):
    server = box.gserve("--proxy-protocol", "--access-logfile", "-", chdir=PLAIN, app="environ:app")
    with haproxy(box, server, "send-proxy-v2 check inter 50ms", "http", "option httpchk GET /health"):
        server.log.wait(r'^127\.0\.0\.1 - - .* "GET /health HTTP/1\.\d" 200', seconds=20)


def test_only_the_allowed_may_announce(box):
    server = box.gserve("--proxy-protocol", "v1", "--proxy-allow-from", "127.0.0.9, 192.0.2.0/24", chdir=PLAIN,
                        app="environ:app")
    line = b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n"
    assert raw_exchange(server.address, line + REQUEST).startswith(b"HTTP/1.1 403 ")
    server.log.wait(r"refused a request from 127\.0\.0\.1: 403, a PROXY header")
    assert raw_exchange(server.address, REQUEST).startswith(b"HTTP/1.1 200 ")


def test_unix_sockets_need_no_permission(box):
    server = box.gserve("--proxy-protocol", "--proxy-allow-from", "", bind=f"unix:{box.path('socket')}", chdir=PLAIN,
                        app="environ:app")
    answer = raw_exchange(server.address, b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n" + REQUEST)
    environ = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("2001:db8::7", "4711")
    assert (environ["PROXY_PROTOCOL"], environ["PROXY_ADDR"], environ["PROXY_PORT"]) == ("TCP6", "::1", "443")


@pytest.mark.parametrize("connected, scheme", [("127.0.0.1", "https"), ("127.0.0.2", "http")])
def test_the_proxy_is_trusted_with_the_scheme_not_its_client(box, connected, scheme):
    server = box.gserve("--proxy-protocol", "--forwarded-allow-ips", connected, chdir=PLAIN, app="environ:app")
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Proto: https\r\n\r\n")
    answer = raw_exchange(server.address, b"PROXY TCP4 127.0.0.2 127.0.0.1 1 2\r\n" + request)
    environ = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.2", scheme)


def test_what_is_not_known_is_left_out_of_the_environ(box):
    server = box.gserve("--proxy-protocol", "auto", chdir=PLAIN, app="environ:app")
    answer = raw_exchange(server.address, b"PROXY UNKNOWN\r\n" + REQUEST)
    environ = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (environ["REMOTE_ADDR"], environ["PROXY_PROTOCOL"]) == ("127.0.0.1", "UNKNOWN")
    assert "PROXY_ADDR" not in environ
