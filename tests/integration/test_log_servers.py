# SPDX-License-Identifier: MIT
"""Syslog, statsd, JSON and the journal: what every process of a service sends and writes."""
import contextlib
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from harness import procfs
from harness.box import APPS
from harness.load import Load
from harness.waiting import bound, wait_for

LOGS = APPS + "/logs"


class Server:
    """Plays a syslog or statsd server: datagrams, or what is written to the streams that connect. Reads by itself."""

    def __init__(self, kind, path=None):
        self.kind = kind
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, kind)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.seen = []
        self._open = [self.socket]
        if kind == socket.SOCK_STREAM:
            self.socket.listen(16)
        self._run(self._accept if kind == socket.SOCK_STREAM else self._datagrams)

    @staticmethod
    def _run(function, *args):
        threading.Thread(target=function, args=args, daemon=True).start()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def _datagrams(self):
        with contextlib.suppress(OSError):
            while text := self.socket.recv(65536):
                self.seen.append(text.decode())

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                stream = self.socket.accept()[0]
                self._open.append(stream)
                self._run(self._stream, stream)

    def _stream(self, stream):
        rest = b""
        with contextlib.suppress(OSError):
            while data := stream.recv(65536):
                *whole, rest = (rest + data).split(b"\0")
                self.seen += [text.decode() + "\0" for text in whole]

    def wait(self, pattern, times=1):
        wait_for(lambda: sum(bool(re.search(pattern, text)) for text in list(self.seen)) >= times,
                 f"{times} of {pattern} in {self.seen}", 20)

    def close(self):
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def listen():
    servers = []

    def make(kind=socket.SOCK_DGRAM, path=None):
        servers.append(Server(kind, path))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.mark.parametrize("scheme", ["udp", "tcp", "unix", "unix-stream"])
@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_syslog_gets_the_lines_of_every_process(box, listen, scheme, args):
    box.expect_log("failed on purpose", "Error handling", "Traceback")
    if scheme.startswith("unix"):
        path = box.path("syslog")
        server = listen(socket.SOCK_DGRAM if scheme == "unix" else socket.SOCK_STREAM, path)
        address = f"unix://{path}" + ("#dgram" if scheme == "unix" else "#stream")
    else:
        server = listen(socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM)
        address = f"{scheme}://127.0.0.1:{server.port}"
    service = box.gserve("--log-syslog", "--log-syslog-to", address, "--log-syslog-facility", "local3",
                         "--log-syslog-prefix", "shop", *args, workers=1, chdir=LOGS)
    worker = service.workers()[0]
    service.get("/missing")
    service.get("/fail")
    service.get("/log")
    # As SysLogHandler sends it: facility local3 is 19, and a NUL byte ends the text.
    server.wait(rf"^<158>gunicorn\.shop\.error: \[{service.pid}\] worker ready worker={worker} generation=1\0$")
    server.wait(rf'^<158>gunicorn\.shop\.access: \[{worker}\] 127\.0\.0\.1 - - .*"GET /missing HTTP/1\.1" 404 .*\0$')
    server.wait(rf"^<155>gunicorn\.shop\.error: \[{worker}\] Error handling request GET /fail [\s\S]*on purpose\0$")
    server.wait(rf"^<156>gunicorn\.shop\.error: \[{worker}\] the shop says\nhello\0$")
    service.log.wait("the shop says")  # in the error log, too
    if scheme.startswith("unix"):
        os.unlink(path)


def test_syslog_without_the_access_log_is_named_after_the_application(box, listen):
    server = listen()
    service = box.gserve("--log-syslog", "--log-syslog-to", f"udp://127.0.0.1:{server.port}",
                         "--disable-redirect-access-to-syslog", workers=1, chdir=LOGS)
    service.get("/missing")
    service.get("/log")
    server.wait(r"^<12>gunicorn\.app\.app\.error: .*the shop says")
    assert not [text for text in list(server.seen) if "GET /" in text]


@pytest.mark.parametrize("address", ["udp://127.0.0.1:9", "tcp://127.0.0.1:9", "unix:///nowhere/syslog",
                                     "udp://no-such-host.invalid:514"])
def test_a_dead_syslog_server_neither_blocks_nor_kills(box, address):
    service = box.gserve("--log-syslog", "--log-syslog-to", address, workers=1, chdir=LOGS)
    begin = time.monotonic()
    for _ in range(20):
        assert service.get("/log").status == 200
    assert time.monotonic() - begin < bound(10)
    if not address.startswith("udp://127"):  # nobody tells of datagrams that nobody takes
        service.log.wait("lines that syslog did not take: [1-9]")
    assert service.stop() == 0


def metrics(server):
    return [metric for text in list(server.seen) for metric in text.split("\n")]


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_statsd_gets_the_metrics_of_gunicorn(box, listen, args):
    box.expect_log("failed on purpose", "Error handling", "Traceback")
    server = listen()
    service = box.gserve("--statsd-host", f"127.0.0.1:{server.port}", "--statsd-prefix", "shop", "--dogstatsd-tags",
                         "zone:a,x", "--enable-backlog-metric", *args, workers=2, chdir=LOGS)
    for _ in range(10):
        service.get("/")
    service.get("/missing")
    service.get("/fail")
    tags = r"\|#zone:a,x$"
    wait_for(lambda: sum(bool(re.match(r"shop\.gunicorn\.requests:1\|c\|@1\.0" + tags, metric))
                         for metric in metrics(server)) == 12, "12 requests are counted")
    seen = metrics(server)
    for status, times in (("200", 10), ("404", 1), ("500", 1)):
        assert sum(bool(re.match(rf"shop\.gunicorn\.request\.status\.{status}:1\|c\|@1\.0" + tags, metric))
                   for metric in seen) == times, seen
    assert sum(bool(re.match(r"shop\.gunicorn\.request\.duration:\d+\.\d+\|ms" + tags, metric)) for metric in seen) == 12
    server.wait(r"shop\.gunicorn\.workers:2\|g" + r"\|#zone:a,x")
    server.wait(r"shop\.gunicorn\.log\.exception:1\|c\|@1\.0\|#zone:a,x")
    server.wait(r"shop\.gunicorn\.backlog:\d+\|h\|#zone:a,x", times=2)
    service.ctl("scale", "3")
    server.wait(r"shop\.gunicorn\.workers:3\|g")
    known = re.compile(r"shop\.gunicorn\.(requests|request\.duration|request\.status\.\d+|workers|backlog"
                       r"|log\.(critical|error|warning|exception)):")
    assert all(known.match(metric) for metric in metrics(server)), metrics(server)


def test_statsd_on_a_unix_socket_may_come_and_go(box, listen):
    path = box.path("statsd")
    service = box.gserve("--statsd-host", f"unix://{path}", workers=1, chdir=LOGS)
    service.get("/")
    service.log.wait(r"datagrams that statsd did not take: \d+: No such file or directory")
    server = listen(path=path)

    def counted():
        service.get("/")
        return any("gunicorn.requests:1|c" in metric for metric in metrics(server))

    wait_for(counted, "requests are counted again")
    os.unlink(path)


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_json_lines_of_every_process(box, args):
    box.expect_log("failed on purpose")
    service = box.gserve("--log-format", "json", "--log-level", "debug", *args, workers=1, chdir=LOGS)
    mark = service.log.mark()
    worker = service.workers()[0]
    service.get("/fail")
    service.get("/log")
    service.send_signal(signal.SIGUSR1)
    service.log.wait("log files reopened", after=mark)
    service.stop()
    lines = [json.loads(line) for line in service.log.lines]
    for line in lines:
        assert list(line)[:4] == ["time", "level", "pid", "message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("debug", "info", "warning", "error", "critical")
    ready = next(line for line in lines if line["message"] == "worker ready")
    assert (ready["pid"], ready["worker"], ready["generation"]) == (service.pid, worker, 1)
    failed = next(line for line in lines if line["message"].startswith("Error handling request GET /fail"))
    assert (failed["pid"], failed["worker"], failed["generation"], failed["level"]) == (worker, worker, 1, "error")
    assert failed["message"].endswith("RuntimeError: the application failed on purpose")
    reopened = next(line for line in lines if line["message"] == "log files reopened" and line["pid"] == worker)
    assert (reopened["worker"], reopened["generation"]) == (worker, 1)
    assert next(line for line in lines if line["message"] == "the shop says\nhello")["level"] == "warning"


def test_lines_to_the_journal_carry_their_priority(box):
    service = box.prepare("-w", 1, chdir=LOGS)
    status = os.fstat(service.log.write_fd)
    service.env["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
    service.start().wait_ready(1)
    service.get("/log")
    service.send_signal(signal.SIGUSR1)
    service.log.wait(r"^<6>\[.*\] \[INFO\] Listening at")
    service.log.wait(r"^<4>\[.*\] \[WARNING\] the shop says$")
    service.log.wait("^<4>hello$")
    service.log.wait(rf"^<6>\[.*\] \[{service.workers()[0]}\] \[INFO\] log files reopened")
    assert service.stop() == 0
    assert all(re.match("<[2-7]>", line) for line in service.log.lines), service.log.text()


def text_of_all(path):
    text = ""
    for name in sorted(os.listdir(os.path.dirname(path))):
        if name.startswith(os.path.basename(path)):
            with open(os.path.join(os.path.dirname(path), name), encoding="utf-8") as file:
                text += file.read()
    return text


def test_rotation_under_load_loses_no_line(box):
    errors, access, own = (box.path(f"log/{name}.log") for name in ("errors", "access", "own"))
    box.directory("log")
    service = box.prepare("-w", 2, "--error-logfile", errors, "--access-logfile", access, chdir=LOGS,
                          env={"APP_LOG_FILE": own}).start()
    service.notify.wait("READY", "1", alive=service.running)
    service.addresses = [re.search(r"Listening at: (\S+)", text_of_all(errors)).group(1)]
    service.wait_workers(2)
    with Load(service.address, clients=4, path="/file") as load:
        for number in range(5):
            load.wait_answers(200 * (number + 1))
            for path in (errors, access, own):
                os.rename(path, f"{path}.{number}")
            service.send_signal(signal.SIGUSR1)
            wait_for(lambda: all(os.path.exists(path) for path in (errors, access, own)), "the files are there anew")
            newest = [os.stat(path).st_ino for path in (errors, access)]
            wait_for(lambda: all(set(newest) <= inodes(worker) for worker in service.workers()), "workers have them")
        load.stop()
    assert not load.bad(), load.summary()
    answers = len(load.records)
    wait_for(lambda: text_of_all(access).count("GET /file") >= answers, "every request is in a log")
    assert text_of_all(access).count("GET /file") == answers
    assert text_of_all(own).count("in the application's file\n") == answers


def inodes(pid):
    found = set()
    for fd in procfs.fds(pid):
        try:
            found.add(os.stat(f"/proc/{pid}/fd/{fd}").st_ino)
        except OSError:
            pass
    return found
