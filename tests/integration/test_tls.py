# SPDX-License-Identifier: MIT
"""TLS as clients and operators see it. Every certificate is made by the test that needs it."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
from urllib.parse import urlsplit

import pytest

from harness import certificates, procfs, web
from harness.box import APPS, EXAMPLES
from harness.load import Load
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
TELLING = """
import json

def app(environ, start_response):
    told = {name: str(value) for name, value in environ.items()
            if name.startswith(("SSL_", "HTTPS", "wsgi.url_scheme", "gunicorn.socket", "SERVER_"))}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
"""


@pytest.fixture
def site(box):
    """A certificate for localhost."""
    return certificates.make(box, "site")


def telling_app(box):
    box.write("telling/app.py", TELLING)
    return box.path("telling")


def tls(certificate):
    return "--certfile", certificate.cert, "--keyfile", certificate.key


def secure_connection(server, certificate):
    """Verifies who answers."""
    port = urlsplit(server.address).port
    return web.connection(f"https://localhost:{port}", context=certificates.client_context(certificate))


def test_supervisor_has_openssl_in_memory_only_for_a_service_with_a_certificate(box, site):
    plain = box.gserve(workers=1, chdir=PLAIN, name="plain")
    secure = box.gserve(*tls(site), workers=1, chdir=PLAIN, name="secure")
    assert not any("libcrypto" in line for line in procfs.maps(plain.pid))
    assert any("libcrypto" in line for line in procfs.maps(secure.pid))


@pytest.mark.parametrize("threads", [1, 4])
def test_flask_answers_over_tls_on_connections_that_stay(box, site, threads):
    server = box.gserve(*tls(site), "--threads", threads, workers=2, chdir=EXAMPLES + "/flask")
    assert server.address.startswith("https://127.0.0.1:")
    assert server.status()["listeners"] == [server.address]
    conn = secure_connection(server, site)
    assert web.exchange(conn).text.startswith("Hello from gserve!")
    first = conn.sock
    for size in (0, 1, 100_000, 3_000_000):
        body = os.urandom(size)
        assert web.exchange(conn, "/echo", method="POST", body=body).body == body
    assert conn.sock is first
    conn.close()


def test_application_learns_that_the_connection_is_encrypted(box, site):
    server = box.gserve(*tls(site), workers=1, chdir=telling_app(box))
    told = json.loads(server.get().text)
    assert (told["wsgi.url_scheme"], told["HTTPS"]) == ("https", "on")
    assert not [name for name in told if name.startswith("SSL_") or name == "gunicorn.socket"]


def test_key_may_stand_in_the_certificates_file(box, site):
    both = box.write("both.pem", open(site.key, encoding="ascii").read() + open(site.cert, encoding="ascii").read())
    server = box.gserve("--certfile", "../both.pem", workers=1, chdir=telling_app(box))  # relative to --chdir
    assert server.get().status == 200
    assert os.path.exists(both)


def test_certificate_is_chosen_by_the_host_that_is_asked_for(box, site):
    shop = certificates.make(box, "shop", ["shop.test"])
    wild = certificates.make(box, "wild", ["*.example.test"])
    server = box.gserve(*tls(site), "--sni-cert", f"shop.test={shop.cert}:{shop.key}",
                        "--sni-cert", f"*.example.test={wild.cert}:{wild.key}", workers=1, chdir=PLAIN)
    shown = {host: certificates.shown_name(server.address, host)
             for host in ("shop.test", "www.example.test", "example.test", "localhost")}
    assert shown == {"shop.test": "shop", "www.example.test": "wild", "example.test": "site", "localhost": "site"}


def test_clients_have_to_show_a_certificate(box, site):
    authority = certificates.make(box, "authority", hosts=())
    alice = certificates.make(box, "alice", hosts=(), issuer=authority)
    mallory = certificates.make(box, "mallory", hosts=())
    server = box.gserve(*tls(site), "--ca-certs", authority.cert, "--cert-reqs", "2", workers=1, chdir=telling_app(box))
    known = web.connection(server.address, context=certificates.client_context(shown=alice))
    told = json.loads(web.exchange(known).text)
    known.close()
    assert told["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert told["SSL_CLIENT_S_DN"] == "CN=alice" and told["SSL_CLIENT_I_DN"] == "CN=authority"
    assert told["SSL_CLIENT_CERT"].startswith("-----BEGIN CERTIFICATE-----\n") and told["SSL_CLIENT_M_SERIAL"]
    for shown in (None, mallory):
        with pytest.raises(ssl.SSLError):
            web.exchange(web.connection(server.address, context=certificates.client_context(shown=shown)))
    server.log.wait("TLS handshake with 127.0.0.1 failed: peer did not return a certificate")
    server.log.wait("TLS handshake with 127.0.0.1 failed: self-signed certificate")


def test_old_protocols_and_plain_http_are_refused(box, site):
    server = box.gserve(*tls(site), workers=1, chdir=PLAIN)
    old = certificates.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        certificates.connect(server.address, old)
    server.log.wait("TLS handshake with 127.0.0.1 failed: unsupported protocol")
    answer = web.request(server.address.replace("https:", "http:"))
    assert answer.status == 400
    server.log.wait("refused a request from 127.0.0.1: 400, plain HTTP was sent to a TLS port")


def test_clients_that_are_silent_in_the_handshake_hold_nobody_up(box, site):
    server = box.gserve(*tls(site), "--header-timeout", "2", workers=1, chdir=PLAIN)
    where = urlsplit(server.address)
    silent = [socket.create_connection((where.hostname, where.port), timeout=bound(15)) for _ in range(50)]
    for sock in silent[::2]:
        sock.sendall(b"\x16\x03\x01\x02\x00")
    for _ in range(20):
        assert server.get().status == 200
    for sock in silent:
        assert sock.recv(1) == b"", "closed at --header-timeout"
        sock.close()


@pytest.mark.parametrize("preload", [False, True])
def test_reload_takes_a_renewed_certificate_without_losing_a_request(box, site, preload):
    cert, key = box.path("live.pem"), box.path("live.key")
    site.copy_to(cert, key)
    options = ["--preload"] if preload else []
    server = box.gserve("--certfile", cert, "--keyfile", key, *options, workers=2, chdir=PLAIN)
    with Load(server.address, clients=6) as load:
        load.wait_answers(30)
        certificates.make(box, "renewed").copy_to(cert, key)
        assert certificates.shown_name(server.address) == "site"
        server.ctl("reload")
        assert certificates.shown_name(server.address) == "renewed"
        load.wait_answers(30)
        load.stop()
    assert not load.bad(), load.summary()


def test_reload_with_a_broken_certificate_changes_nothing(box, site):
    cert, key = box.path("live.pem"), box.path("live.key")
    site.copy_to(cert, key)
    server = box.gserve("--certfile", cert, "--keyfile", key, workers=2, chdir=PLAIN)
    workers = server.workers()
    box.expect_log("reload failed")
    for damage, reason in ((lambda: certificates.make(box, "other").copy_to(cert, box.path("unused")),
                            "the key in .*live.key does not belong to the first certificate in .*live.pem"),
                           (lambda: os.truncate(cert, 0), "there is no certificate in .*live.pem"),
                           (lambda: os.unlink(key), "--keyfile: cannot read .*live.key: No such file or directory")):
        damage()
        done = server.ctl("reload", expect=1)
        assert re.search(reason, done.stderr), done.stderr
        assert certificates.shown_name(server.address) == "site"
    assert server.workers() == workers


def test_worker_that_is_replaced_later_has_the_certificate_of_its_generation(box, site):
    cert, key = box.path("live.pem"), box.path("live.key")
    site.copy_to(cert, key)
    server = box.gserve("--certfile", cert, "--keyfile", key, workers=1, chdir=PLAIN)
    os.unlink(cert)
    os.unlink(key)
    server.ctl("upgrade")
    box.expect_log("killed by SIGKILL")
    [worker] = server.workers()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: server.workers() and server.workers() != [worker], "another worker")
    server.wait_workers(1)
    assert certificates.shown_name(server.address) == "site"


def refusals(box, site):
    other = certificates.make(box, "other")
    locked = box.path("locked.key")
    subprocess.run(["openssl", "pkey", "-in", site.key, "-aes128", "-passout", "pass:secret", "-out", locked], check=True,
                   timeout=bound(30))
    empty = box.write("empty.pem", "")
    return [
        (["--certfile", "/nowhere.pem"], "--certfile: cannot read /nowhere.pem: No such file or directory"),
        (["--certfile", site.cert, "--keyfile", box.base],
         f"--keyfile: cannot read {box.base}: it is not a regular file"),
        (["--certfile", empty], f"there is no certificate in {empty}; it must be in PEM format"),
        (["--certfile", site.cert], f"there is no private key in {site.cert} that can be used; it must be in PEM format"),
        (["--certfile", site.cert, "--keyfile", other.key],
         f"the key in {other.key} does not belong to the first certificate in {site.cert}"),
        (["--certfile", site.cert, "--keyfile", locked], f"the key in {locked} is protected by a passphrase, which nobody "
         f"is there to enter; write it without one: openssl pkey -in {locked} -out NEWFILE"),
        (["--keyfile", site.key], "--keyfile needs --certfile, the certificate that the key is for"),
        (["--sni-cert", f"a.test={site.cert}"],
         "--sni-cert needs --certfile, the certificate for clients that ask for no host"),
        (["--cert-reqs", "2"], "--cert-reqs needs --certfile: only with TLS do clients show certificates"),
        ([*tls(site), "--cert-reqs", "2"],
         "--cert-reqs needs --ca-certs, the authorities that sign clients' certificates"),
        ([*tls(site), "--sni-cert", "a.test=/nowhere"],
         "--sni-cert a.test: cannot read /nowhere: No such file or directory"),
        ([*tls(site), "--ciphers", "NONSENSE"],
         "--ciphers: 'NONSENSE' names no cipher that can be used; openssl ciphers -v shows what a list means"),
    ]


def test_start_with_unusable_certificates_is_one_line_and_exit_code_1(box, site):
    for options, line in refusals(box, site):
        server = box.prepare(*options, chdir=PLAIN).start()
        assert server.wait_exit() == 1
        assert server.log.ended.wait(bound(15))
        assert [text.rstrip() for text in server.log.lines] == ["gserve: " + line]


def test_stop_lets_encrypted_answers_end(box, site):
    server = box.gserve(*tls(site), workers=1, chdir=PLAIN)
    conn = secure_connection(server, site)
    conn.request("GET", "/slow?s=2")
    wait_for(lambda: server.status()["workers"][0]["in_flight"], "the request runs")
    server.send_signal(signal.SIGTERM)
    assert conn.getresponse().status == 200
    conn.close()
    assert server.wait_exit() == 0


def test_idle_connection_costs_little_memory(box, site):
    count = 200
    server = box.gserve(*tls(site), "--keep-alive", "60", workers=1, chdir=PLAIN)
    [worker] = server.workers()
    assert server.get().status == 200
    before = procfs.rss_bytes(worker)
    context = certificates.client_context()
    idle = []
    for _ in range(count):
        conn = web.connection(server.address, context=context)
        assert web.exchange(conn).status == 200
        idle.append(conn)
    each = (procfs.rss_bytes(worker) - before) / count
    print(f"{each / 1024:.1f} KiB for each idle TLS connection")
    for conn in idle:
        conn.close()
    limit = 40 if not os.environ.get("GSERVE_PRELOAD") else 160  # the sanitizer keeps what is freed
    assert each < limit * 1024
