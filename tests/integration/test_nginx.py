# SPDX-License-Identifier: MIT
"""Debian's nginx in front, with the configurations of examples/nginx."""
import contextlib
import hashlib
import http.client
import json
import os

import pytest
from harness import certificates, nginx, procfs, web
from harness.box import APPS
from harness.waiting import bound

PLAIN = APPS + "/plain"
CLIENT = "127.0.0.2"  # not where nginx itself connects from
UNIX = "server unix:/run/app/gserve.sock fail_timeout=0;"


def bind_to(box, kind):
    return f"unix:{box.path('socket')}" if kind == "unix" else "127.0.0.1:0"


@contextlib.contextmanager
def front(box, server, tls=None):
    """nginx before `server`; yields its address."""
    with nginx.listener() as plain:
        listen = f"listen {nginx.address_of(plain)}" + (" ssl;" if tls else ";")
        replace = [(UNIX, f"server {server.address.removeprefix('http://')} fail_timeout=0;"), ("listen 80;", listen)]
        if tls:
            replace += [("# ssl_certificate     /etc/ssl/app.pem;", f"ssl_certificate {tls.cert};"),
                        ("# ssl_certificate_key /etc/ssl/app.key;", f"ssl_certificate_key {tls.key};")]
        proxy = nginx.Nginx(box, "gserve.conf", replace)
        with proxy.serving(plain):
            yield ("https://" if tls else "http://") + nginx.address_of(plain)
        assert proxy.errors() == []


def sockets(pid):
    return sum(target.startswith("socket:") for target in procfs.fds(pid).values())


def ask(address, headers=None):
    """The environ of a request of CLIENT."""
    conn = web.connection(address)
    conn.source_address = (CLIENT, 0)
    try:
        return json.loads(web.exchange(conn, "/path?q=1", headers=headers).body)
    finally:
        conn.close()


@pytest.mark.parametrize("example", ["gserve.conf", "gserve-stream.conf"])
def test_nginx_takes_the_examples_as_they_are(box, example):
    assert "test is successful" in nginx.Nginx(box, example).check()


@pytest.mark.parametrize("kind, peer", [("tcp", "127.0.0.1"), ("unix", "")])
def test_application_sees_what_nginx_forwards(box, kind, peer):
    server = box.gserve("--keep-alive", "75", chdir=PLAIN, app="environ:app", bind=bind_to(box, kind))
    with front(box, server) as address:
        environ = ask(address, {"Host": "shop.example", "X-Forwarded-For": "192.0.2.66"})
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (peer, "http")
    assert environ["HTTP_X_FORWARDED_FOR"] == CLIENT
    assert environ["HTTP_X_FORWARDED_PROTO"] == "http"
    assert environ["HTTP_X_FORWARDED_HOST"] == environ["HTTP_HOST"] == "shop.example"
    assert environ["RAW_URI"] == "/path?q=1"


@pytest.mark.parametrize("kind, options, scheme", [
    ("tcp", (), "https"), ("unix", (), "https"), ("tcp", ("--forwarded-allow-ips", "10.0.0.0/8"), "http"),
    ("unix", ("--forwarded-allow-ips", "10.0.0.0/8"), "https")])
def test_scheme_is_that_of_the_client_where_nginx_is_trusted(box, kind, options, scheme):
    server = box.gserve(*options, chdir=PLAIN, app="environ:app", bind=bind_to(box, kind))
    with front(box, server, certificates.make(box, "front")) as address:
        environ = ask(address)
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"
    assert environ["wsgi.url_scheme"] == scheme


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_upstream_connections_are_kept_alive(box, kind):
    server = box.gserve("--keep-alive", "75", workers=1, chdir=PLAIN, bind=bind_to(box, kind))
    (worker,) = server.workers()
    before = sockets(worker)
    with front(box, server) as address:
        for _ in range(20):
            assert web.request(address).status == 200
        assert sockets(worker) == before + 1, "the one connection that nginx has kept"


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_large_bodies_pass_both_ways(box, kind):
    server = box.gserve(chdir=PLAIN, bind=bind_to(box, kind))
    body = os.urandom(24 << 20)
    with front(box, server) as address:
        answer = web.request(address, "/echo", "POST", body, timeout=60)
    assert answer.status == 200
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()


def test_client_is_announced_by_the_proxy_protocol(box):
    server = box.gserve("--proxy-protocol", "v1", chdir=PLAIN, app="environ:app")
    with nginx.listener() as listener:
        proxy = nginx.Nginx(box, "gserve-stream.conf", [("server 127.0.0.1:8000;", f"server {server.address[7:]};"),
                                                        ("listen 80;", f"listen {nginx.address_of(listener)};")])
        with proxy.serving(listener):
            conn = http.client.HTTPConnection(*listener.getsockname(), timeout=bound(20), source_address=(CLIENT, 0))
            with contextlib.closing(conn):
                for _ in range(2):
                    environ = json.loads(web.exchange(conn).body)
                    client = conn.sock.getsockname()
                    assert (environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])) == client
                    assert environ["PROXY_PROTOCOL"] == "TCP4"
                    assert (environ["PROXY_ADDR"], int(environ["PROXY_PORT"])) == listener.getsockname()
        assert proxy.errors() == []
