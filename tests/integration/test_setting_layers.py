# SPDX-License-Identifier: MIT
"""Each setting, given by each layer that can carry it, takes effect: not only parsed, but seen from outside."""
import contextlib
import grp
import json
import os
import pwd
import shlex
import socket
import ssl
import stat
import subprocess
from dataclasses import dataclass
from typing import Callable

import pytest

from harness import certificates, procfs, web
from harness.box import APPS
from harness.process import SOURCE
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
LAYERS = APPS + "/layers"
FILE_LAYERS = ("gunicorn.conf.py", "gserve.toml")


@dataclass
class Case:
    """`value` as Python and TOML write it, the words of a command line (None: only files can hold it), and what shows it."""
    name: str
    value: object
    words: list | None
    seen: Callable  # server -> bool


def environment(server):
    return json.loads(server.get("/environment").text)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def saw(path, words):
    return wait_for(lambda: words in text(path), f"{words!r} in {path}")


def status_of(server, *fields):
    head = "".join(f"{field}\r\n" for field in fields)
    return int(web.raw_exchange(server.address, f"GET / HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()).split()[1])


def basics(box):
    path = box.path
    unix = path("layer.sock")
    pair = ["127.0.0.1:0", f"unix:{unix}"]
    return [
        Case("bind", pair, ["-b", pair[0], "-b", pair[1]], lambda s: web.request(f"unix:{unix}").status == 200),
        Case("umask", 0o77, ["-m", "077"], lambda s: stat.S_IMODE(os.stat(unix).st_mode) == 0o700),
        Case("workers", 2, ["--workers=2"], lambda s: len(s.status()["workers"]) == 2),
        Case("threads", 2, ["--threads", "2"], lambda s: s.get("/multithread").text == "True"),
        Case("chdir", PLAIN, ["--chdir", PLAIN], lambda s: environment(s)["cwd"] == PLAIN),
        Case("pythonpath", path("extra"), ["--pythonpath", path("extra")],
             lambda s: path("extra") in environment(s)["path"]),
        Case("raw_env", ["COLOUR=blue"], ["-e", "COLOUR=blue"], lambda s: environment(s)["os"]["COLOUR"] == "blue"),
        Case("proc_name", "layered", ["-n", "layered"], lambda s: s.status()["name"] == "layered"),
        Case("pidfile", path("layer.pidfile"), ["-p", path("layer.pidfile")],
             lambda s: text(path("layer.pidfile")) == f"{s.pid}\n"),
        Case("limit_request_line", 50, ["--limit-request-line", "50"], lambda s: s.get("/" + "x" * 60).status in (400, 414)),
        Case("limit_request_fields", 9, ["--limit-request-fields", "9"],
             lambda s: status_of(s, *(f"A{n}: 1" for n in range(9))) in (400, 431)),
        Case("limit_request_field_size", 99, ["--limit-request-field_size", "99"],
             lambda s: status_of(s, "A: " + "x" * 120) in (400, 431)),
        Case("accesslog", path("access.log"), ["--access-logfile", path("access.log")],
             lambda s: saw(path("access.log"), "seen ")),
        Case("access_log_format", "seen %(m)s", ["--access-logformat", "seen %(m)s"],
             lambda s: saw(path("access.log"), "seen GET")),
        Case("loglevel", "debug", ["--log-level", "debug"], lambda s: bool(s.log.find(r"\[DEBUG\]"))),
        Case("preload_app", True, ["--preload"], lambda s: len(s.status()["templates"]) == 1),
        Case("keepalive", 0, ["--keep-alive", "0"], lambda s: s.get().headers["Connection"] == "close"),
        Case("control_socket_mode", 0o640, ["--control-socket-mode", "0640"],
             lambda s: stat.S_IMODE(os.stat(s.control).st_mode) == 0o640),
        Case("wsgi_app", "app:app", ["app:app"], lambda s: s.get().status == 200),
    ]


def served(box):
    """What a server of facts.py needs beside the cases of a group; nothing to be seen of these."""
    def nothing(server):
        return True

    return [Case("wsgi_app", "facts:app", ["facts:app"], nothing), Case("chdir", LAYERS, ["--chdir", LAYERS], nothing),
            Case("bind", ["127.0.0.1:0"], ["-b", "127.0.0.1:0"], nothing)]


def facts(server, *args, **options):
    return json.loads(server.get(*args, **options).text)


def raw(server, head):
    """The facts of a request that is sent as it stands, or the status of its refusal."""
    head, _, rest = web.raw_exchange(server.address, head.encode()).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return json.loads(rest) if status == 200 else status


def request_case(name, request, accepted):
    """A switch that lets a request through that is refused without it."""
    flag = "--" + name.replace("_", "-")
    def seen(server):
        answer = raw(server, request)
        return isinstance(answer, dict) and accepted(answer["environ"])
    return Case(name, True, [flag], seen)


def requests(box):
    spool = box.directory("spool")

    def spooled(server):
        (worker,) = server.workers()
        with web.raw_socket(server.address) as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 4_000_000)
            return wait_for(lambda: any(target.startswith(spool + "/") for target in procfs.fds(worker).values()),
                            "the body is spooled there")

    def timed_out(text):
        def seen(server):
            with web.raw_socket(server.address) as sock:
                sock.sendall(text)
                return sock.recv(100).startswith(b"HTTP/1.1 408")
        return seen

    def shares_port(server):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(("127.0.0.1", int(server.address.rpartition(":")[2])))
            return True

    def is_https(server):
        answer = web.exchange(web.connection(server.address), headers={"X-Mine": "yes"})
        return json.loads(answer.body)["environ"]["wsgi.url_scheme"] == "https"

    return served(box) + [
        request_case("permit_obsolete_folding", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\nConnection: close\r\n\r\n",
                     lambda e: e["HTTP_A"] == "b c"),
        request_case("strip_header_spaces", "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\nConnection: close\r\n\r\n",
                     lambda e: e["HTTP_A"] == "b"),
        request_case("permit_unconventional_http_method", "get / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     lambda e: True),
        request_case("casefold_http_method", "get / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     lambda e: e["REQUEST_METHOD"] == "GET"),
        request_case("permit_unconventional_http_version", "GET / HTTP/1.9\r\nHost: x\r\nConnection: close\r\n\r\n",
                     lambda e: True),
        Case("header_map", "refuse", ["--header-map", "refuse"],
             lambda s: raw(s, "GET / HTTP/1.1\r\nHost: x\r\nA_B: c\r\nConnection: close\r\n\r\n") == 400),
        Case("forwarder_headers", "REMOTE_USER", ["--forwarder-headers", "REMOTE_USER"],
             lambda s: raw(s, "GET / HTTP/1.1\r\nHost: x\r\nREMOTE_USER: me\r\nConnection: close\r\n\r\n")
             ["environ"]["HTTP_REMOTE_USER"] == "me"),
        Case("secure_scheme_headers", {"X-MINE": "yes"}, None, is_https),
        Case("limit_request_body", 8_000_000, ["--limit-request-body", "8000000"],
             lambda s: s.get("/", method="POST", body=b"x" * 8_000_001).status == 413),
        Case("tmp_upload_dir", spool, None, spooled),
        Case("sendfile", False, ["--no-sendfile"], lambda s: s.get("/file").text == "by read"),
        Case("header_timeout", 1.5, ["--header-timeout", "1.5"], timed_out(b"GET / HT")),
        Case("body_timeout", 1.5, ["--body-timeout", "1.5"],
             timed_out(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")),
        Case("reuse_port", True, ["--reuse-port"], shares_port),
        Case("health_check", "/probe", ["--health-check", "/probe"], lambda s: "/probe" in facts(s)["hits"]),
        Case("default_proc_name", "by-default", None, lambda s: s.status()["name"] == "by-default"),
        Case("errorlog", box.path("error.log"), ["--error-logfile", box.path("error.log")],
             lambda s: saw(box.path("error.log"), "worker ready")),
        Case("capture_output", True, ["--capture-output"],
             lambda s: facts(s, "/print") and saw(box.path("error.log"), "printed by the application")),
        Case("log_format", "json", ["--log-format", "json"], lambda s: saw(box.path("error.log"), '"message"')),
    ]


def recycling(box):
    def replaced(server):
        (before,) = server.workers()
        for _ in range(4):
            server.get()
        return wait_for(lambda: not procfs.alive(before), "the worker is recycled", 30)

    return served(box) + [Case("max_requests", 4, ["--max-requests", "4"], replaced)]


def gevent(box):
    def one_waits(server):
        with web.raw_socket(server.address) as first, web.raw_socket(server.address) as second:
            for sock in (first, second):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200")
            with web.raw_socket(server.address) as third:
                third.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                third.settimeout(0.3)
                with contextlib.suppress(TimeoutError):
                    return third.recv(100) is None
                first.close()
                third.settimeout(bound(20))
                return third.recv(100).startswith(b"HTTP/1.1 200")

    return served(box) + [
        Case("worker_class", "gevent", ["-k", "gevent"], lambda s: facts(s)["patched"]),
        Case("worker_connections", 2, ["--worker-connections", "2"], one_waits),
        Case("keepalive", 60, ["--keep-alive", "60"], lambda s: True),
    ]


def proxy(box):
    def from_client(server, address):
        with socket.socket() as sock:
            sock.bind((address, 0))
            sock.settimeout(bound(20))
            sock.connect(("127.0.0.1", int(server.address.rpartition(":")[2])))
            sock.sendall(b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"X-Forwarded-Proto: https\r\n\r\n")
            received = b""
            while data := sock.recv(65536):
                received += data
        return json.loads(received.partition(b"\r\n\r\n")[2])["environ"] if b" 200 " in received[:20] else None

    return served(box) + [
        Case("proxy_protocol", "v1", ["--proxy-protocol", "v1"],
             lambda s: from_client(s, "127.0.0.9")["REMOTE_ADDR"] == "192.0.2.7"),
        Case("proxy_allow_ips", "127.0.0.9", ["--proxy-allow-from", "127.0.0.9"], lambda s: from_client(s, "127.0.0.1") is None),
        Case("forwarded_allow_ips", "127.0.0.9", ["--forwarded-allow-ips", "127.0.0.9"],
             lambda s: from_client(s, "127.0.0.9")["wsgi.url_scheme"] == "https"),
    ]


def encryption(box):
    own, other, authority = (certificates.make(box, name) for name in ("own", "other", "authority"))
    client = certificates.make(box, "client", issuer=authority)
    context = certificates.client_context(shown=client)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def cipher(server):
        with certificates.connect(server.address, context) as sock:
            return sock.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"

    def demands_certificate(server):
        try:
            with certificates.connect(server.address) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return not sock.recv(100)
        except OSError:
            return True

    def takes_certificate(server):
        with certificates.connect(server.address, context) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return sock.recv(100).startswith(b"HTTP/1.1 200")

    def shows(name, host):
        def seen(server):
            with certificates.connect(server.address, context, host) as sock:
                words = sock.getpeercert(binary_form=True)
            return f"CN={name}".encode() in words or name.encode() in words
        return seen

    return served(box) + [
        Case("certfile", own.cert, ["--certfile", own.cert], shows("own", "localhost")),
        Case("keyfile", own.key, ["--keyfile", own.key], shows("own", "localhost")),
        Case("ca_certs", authority.cert, ["--ca-certs", authority.cert], takes_certificate),
        Case("cert_reqs", 2, ["--cert-reqs", "2"], demands_certificate),
        Case("ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256", ["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"], cipher),
        Case("sni_certs", [f"other.test={other.cert}:{other.key}"], ["--sni-cert", f"other.test={other.cert}:{other.key}"],
             shows("other", "other.test")),
    ]


def identity(box):
    """As root another user; else the only one that may be asked for."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    group = grp.getgrnam("daemon") if os.geteuid() == 0 else grp.getgrgid(os.getegid())
    return served(box) + [
        Case("user", user.pw_name, ["-u", user.pw_name], lambda s: facts(s)["ids"][0] == user.pw_uid),
        Case("group", group.gr_name, ["-g", group.gr_name], lambda s: facts(s)["ids"][1] == group.gr_gid),
    ]


GROUPS = (basics, requests, recycling, gevent, proxy, encryption, identity)


def as_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {json.dumps(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)  # the same for what else stands here


def given(box, layer, cases):
    """The options of box.prepare() that give all cases by this layer."""
    words = [word for case in cases for word in case.words or []]
    if layer == "command line":
        return {"args": words}
    if layer in ("GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS"):
        return {"env": {layer: shlex.join(words)}}
    write = repr if layer == "gunicorn.conf.py" else as_toml
    box.write(layer, "".join(f"{case.name} = {write(case.value)}\n" for case in cases))
    return {}


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
@pytest.mark.parametrize("layer", [*FILE_LAYERS, "GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS", "command line"])
def test_settings_of_a_layer_take_effect(box, layer, group):
    box.expect_log(r"unsafe|UNSAFE|permit_|casefold|failed: ")
    box.directory("extra")
    cases = [case for case in group(box) if layer in FILE_LAYERS or case.words is not None]
    options = given(box, layer, cases)
    server = box.prepare(*options.get("args", []), bind=None, app=None, env=options.get("env"))
    quiet = any(case.name == "errorlog" for case in cases)
    start(server, box.path("error.log") if quiet else None)
    server.wait_workers(2 if group is basics else 1)
    failed = [case.name for case in cases if not case.seen(server)]
    assert not failed, f"given by {layer}, without effect: {failed}"


def start(server, log):
    """`log`: where it says what it listens on, if that is a file of JSON."""
    server.start()
    if log is None:
        return server.wait_ready()
    server.notify.wait("READY", "1", seconds=30, alive=server.running)
    with open(log, encoding="utf-8") as file:
        lines = [json.loads(line)["message"] for line in file]
    server.addresses = [line.split()[2] for line in lines if line.startswith("Listening at: ")]
    return server


# Settings that are seen elsewhere to take effect (their own service, process or privileges), by the test that does it.
ELSEWHERE = {
    "test_mechanics.py": "daemon enable_stdio_inheritance initgroups spew",
    "test_configuration.py": "check_config config print_config print_config_json",
    "test_reload_engine.py": "reload reload_engine reload_extra_files",
    "test_logging.py": "logconfig logconfig_dict logconfig_json logger_class",
    "test_log_servers.py": "syslog syslog_addr syslog_prefix syslog_facility disable_redirect_access_to_syslog statsd_host "
                           "statsd_prefix dogstatsd_tags enable_backlog_metric",
    "test_paste.py": "paste raw_paste_global_conf",
    "test_recycling.py": "max_requests_jitter max_worker_lifetime max_worker_memory",
    "test_resilience.py": "timeout",
    "test_gservectl.py": "control_socket control_socket_disable graceful_timeout",
    "test_rollback.py": "bake bake_factor",
    "test_startup.py": "boot_timeout pre_stop_delay python reload_surge",
    "test_hooks.py": "post_fork post_worker_init worker_int worker_abort pre_request post_request worker_exit on_starting on_reload "
                     "when_ready pre_fork pre_exec child_exit nworkers_changed on_exit",
}
# Only the kernel knows what it does with it.
UNSEEN = {"backlog"}


def test_every_setting_of_gunicorn_is_seen_somewhere(box):
    server = box.prepare("--print-config-json", chdir=PLAIN)
    done = subprocess.run(server.argv, env=server.env, capture_output=True, text=True, timeout=bound(20), check=False)
    assert done.returncode == 0, done.stderr
    with open(os.path.join(SOURCE, "docs/compatibility.md"), encoding="utf-8") as file:
        rows = [[cell.strip(" `") for cell in line.split("|")[1:3]] for line in file if line.startswith("| `")]
    without = {name for name, verdict in rows if verdict in ("refused", "no effect")}
    here = {case.name for group in GROUPS for case in group(box)}
    elsewhere = {name for names in ELSEWHERE.values() for name in names.split()}
    of_gunicorn = {name for name, _ in rows}
    assert set(json.loads(done.stdout)) & of_gunicorn - without - here - elsewhere == UNSEEN
    assert not here & elsewhere


def test_environment_changes_defaults(box):
    server = box.gserve(chdir=PLAIN, env={"WEB_CONCURRENCY": "2", "FORWARDED_ALLOW_IPS": "127.0.0.1", "SENDFILE": "no"})
    server.wait_workers(2)
    assert server.get("/scheme", headers={"X-Forwarded-Proto": "https"}).text == "https"
