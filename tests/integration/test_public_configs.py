# SPDX-License-Identifier: MIT
"""Configuration files as people publish them, unchanged under gunicorn from PyPI and under gserve, with the same command
line: what can be seen from outside is the same."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.request

import pytest

from harness import certificates, procfs, web
from harness.process import GSERVE, SOURCE, clean_environment
from harness.waiting import bound, wait_for

GUNICORN = os.path.join(SOURCE, "build/venv/gunicorn")  # not beside what gserve's workers import
PYTHON = os.path.join(SOURCE, "build/venv/bin/python")

APP = """\
import json, logging, os
from urllib.parse import parse_qs

def app(environ, start_response):
    logging.getLogger("shop").warning("asked for %s", environ["PATH_INFO"])
    names = ["wsgi.url_scheme", "wsgi.multithread", "wsgi.multiprocess", "REMOTE_ADDR", "HTTP_HOST",
             "HTTP_X_FORWARDED_FOR"]
    body = json.dumps({name: environ.get(name) for name in names} | {"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""


class Service:
    """One of the two programs, started in `folder` with nothing but its configuration file."""

    def __init__(self, box, kind, config, address, files):
        self.folder = box.directory(kind)
        for name, text in {"app.py": APP, "gunicorn.conf.py": config, **files}.items():
            box.write(f"{kind}/{name}", text)
        self.address = address
        self.log = os.path.join(self.folder, "output.log")
        program = {"gunicorn": [PYTHON, "-m", "gunicorn"], "gserve": [GSERVE]}[kind]
        env = clean_environment() | {box.mark_name: box.mark_value, "TMPDIR": self.folder}
        if kind == "gunicorn":
            env |= {"PYTHONPATH": GUNICORN}
            env.pop("LD_PRELOAD", None)
        else:
            env |= {"VIRTUAL_ENV": os.path.dirname(os.path.dirname(PYTHON)), "RUNTIME_DIRECTORY": self.folder}
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen([*program, "--no-control-socket", "app:app"], cwd=self.folder, env=env,
                                            stdout=output, stderr=output)

    def output(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def wait(self):
        try:
            wait_for(self.answers, "an answer", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None
        return self

    def answers(self):
        assert self.process.poll() is None, self.output()
        try:
            return self.get().status == 200
        except OSError:
            return False

    def get(self, path="/", **options):
        return web.request(self.address, path, **options)

    def facts(self, **options):
        return {name: value for name, value in json.loads(self.get(**options).text).items() if name != "pid"}

    def children(self):
        return [pid for pid in procfs.children(self.process.pid)
                if procfs.alive(pid) and "gserve: hooks" not in procfs.command(pid)]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(bound(40))

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def both(box):
    """both(config, observe, ...) -> what observe() has seen of gunicorn; gserve has shown the same."""
    services = []

    def run(config, observe, address=None, files=()):
        seen = []
        for kind in ("gunicorn", "gserve"):
            folder = box.path(kind)
            ports = [free_port(), free_port()]
            text = config.replace("@FOLDER@", folder).replace("@PORT@", str(ports[0])).replace("@METRICS@", str(ports[1]))
            where = (address or "http://127.0.0.1:@PORT@").replace("@FOLDER@", folder).replace("@PORT@", str(ports[0]))
            service = Service(box, kind, text, where, dict(files))
            services.append(service)
            service.metrics = f"http://127.0.0.1:{ports[1]}/metrics"
            seen.append(observe(service.wait()))
            assert service.stop() == 0, service.output()
            assert not os.path.exists(where.removeprefix("unix:")), "a socket is left"
        assert seen[0] == seen[1]
        return seen[0]

    yield run
    for service in services:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def test_workers_from_the_number_of_processors(both):
    config = """\
# Sample configuration: as many workers as the documentation recommends.
import multiprocessing

bind = "127.0.0.1:@PORT@"
backlog = 2048
workers = multiprocessing.cpu_count() * 2 + 1
worker_class = "gthread"
threads = 2
worker_connections = 1000
timeout = 120
keepalive = 5
max_requests = 1000
max_requests_jitter = 50
errorlog = "-"
loglevel = "info"
accesslog = "-"
proc_name = None
"""

    def observe(service):
        wanted = os.cpu_count() * 2 + 1
        wait_for(lambda: len(service.children()) == wanted, f"{wanted} workers", 60)
        service.get("/counted")
        wait_for(lambda: '"GET /counted HTTP/1.1" 200' in service.output(), "the access log")
        return len(service.children()), service.facts(headers={"Host": "shop.example"})

    workers, facts = both(config, observe)
    assert workers == os.cpu_count() * 2 + 1
    assert facts["wsgi.multithread"] and facts["wsgi.multiprocess"]


def test_hooks_that_serve_metrics(both):
    config = """\
import os
import shutil

METRICS_DIR = "@FOLDER@/metrics"
os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
os.makedirs(METRICS_DIR, exist_ok=True)

from prometheus_client import CollectorRegistry, multiprocess, start_http_server
from shop_metrics import REQUESTS

bind = "127.0.0.1:@PORT@"
workers = 2

def on_starting(server):
    shutil.rmtree(METRICS_DIR, ignore_errors=True)
    os.makedirs(METRICS_DIR)


def when_ready(server):
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    start_http_server(@METRICS@, addr="127.0.0.1", registry=registry)
    server.log.info("Metrics at port %s", @METRICS@)


def post_fork(server, worker):
    server.log.info("Worker spawned (pid: %s)", worker.pid)


def pre_request(worker, req):
    worker.log.debug("%s %s", req.method, req.path)


def post_request(worker, req, environ, resp):
    if req.path == "/counted":
        REQUESTS.labels(resp.status.split()[0]).inc()


def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
    server.log.info("Worker gone (pid: %s)", worker.pid)


def on_exit(server):
    server.log.info("Shutting metrics down")
"""
    metrics = """
from prometheus_client import Counter
REQUESTS = Counter("shop_requests", "Requests by status", ["status"])
"""
    app = APP + """
from prometheus_client import Gauge
Gauge("shop_alive", "Workers that are alive", multiprocess_mode="livesum").set(1)
"""

    def metric(service, name):
        text = urllib.request.urlopen(service.metrics, timeout=bound(10)).read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else None

    def observe(service):
        wait_for(lambda: metric(service, "shop_alive") == 2, "both workers' gauges", 60)
        for _ in range(5):
            service.get("/counted")
        wait_for(lambda: metric(service, 'shop_requests_total{status="200"}') == 5, "five requests are counted")
        seen = []
        first = service.children()[0]
        os.kill(first, signal.SIGTERM)
        wait_for(lambda: f"Worker gone (pid: {first})" in service.output(), "child_exit")
        wait_for(lambda: len(service.children()) == 2 and metric(service, "shop_alive") == 2, "the worker's successor", 60)
        seen.append(metric(service, 'shop_requests_total{status="200"}'))
        before = set(service.children())
        service.process.send_signal(signal.SIGHUP)
        try:
            wait_for(lambda: len(service.children()) == 2 and not before & set(service.children()), "new workers", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{service.output()}") from None
        seen.append(wait_for(lambda: metric(service, "shop_alive") == 2, "the metrics after a reload"))
        seen.append(len(set(re.findall(r"Worker spawned \(pid: (\d+)\)", service.output()))))
        service.stop()
        seen.append("Shutting metrics down" in service.output())
        service.process.returncode = 0
        return seen

    assert both(config, observe, files={"app.py": app, "shop_metrics.py": metrics}) == [5.0, True, 5, True]


def test_logging_by_a_dictionary(both):
    config = """\
import logging


class OneLine(logging.Formatter):
    def format(self, record):
        return f"{record.name}|{record.levelname}|{record.getMessage()}"


class NoHealthChecks(logging.Filter):
    def filter(self, record):
        return "/health" not in record.getMessage()


bind = "127.0.0.1:@PORT@"
workers = 1
accesslog = "-"
access_log_format = '%(m)s %(U)s %(s)s'
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"one_line": {"()": OneLine}},
    "filters": {"no_health_checks": {"()": NoHealthChecks}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "one_line", "stream": "ext://sys.stdout"},
        "error_console": {"class": "logging.StreamHandler", "formatter": "one_line", "stream": "ext://sys.stderr"},
        "access_file": {"class": "logging.FileHandler", "filename": "@FOLDER@/access.log", "formatter": "one_line",
                        "filters": ["no_health_checks"]},
        "app_file": {"class": "logging.FileHandler", "filename": "@FOLDER@/app.log", "formatter": "one_line"},
    },
    "root": {"level": "WARNING", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": False},
        "gunicorn.access": {"level": "INFO", "handlers": ["access_file"], "propagate": False},
        "shop": {"level": "INFO", "handlers": ["app_file"], "propagate": False},
    },
}
"""

    def observe(service):
        for path in ("/one", "/health", "/two"):
            service.get(path)
        wait_for(lambda: "/two" in service.read("access.log"), "the access log")
        return [[line for line in service.read(name).splitlines() if not line.endswith(("/", " / 200"))]
                for name in ("access.log", "app.log")]

    assert both(config, observe) == [
        ["gunicorn.access|INFO|GET /one 200", "gunicorn.access|INFO|GET /two 200"],
        [f"shop|WARNING|asked for {path}" for path in ("/one", "/health", "/two")]]


def test_a_unix_socket_for_a_proxys_group(both):
    config = """\
# Served by nginx: upstream app { server unix:/run/shop/gunicorn.sock fail_timeout=0; }
bind = "unix:@FOLDER@/gunicorn.sock"
umask = 0o007
workers = 2
timeout = 30
pidfile = "@FOLDER@/gunicorn.pidfile"
"""

    def observe(service):
        mode = stat.S_IMODE(os.stat(service.address.removeprefix("unix:")).st_mode)
        return oct(mode), service.facts(headers={"Host": "shop.example"}), service.read("gunicorn.pidfile") == (
            f"{service.process.pid}\n")

    mode, facts, has_pidfile = both(config, observe, address="unix:@FOLDER@/gunicorn.sock")
    assert mode == "0o770" and facts["HTTP_HOST"] == "shop.example" and has_pidfile


@pytest.mark.parametrize("trusted, scheme", [("127.0.0.1,10.0.0.0/8", "https"), ("10.0.0.1", "http"), ("*", "https")])
def test_trusted_proxies(both, trusted, scheme):
    config = f"""\
import os

bind = ["127.0.0.1:@PORT@"]
forwarded_allow_ips = os.environ.get("TRUSTED_PROXIES", "{trusted}")
secure_scheme_headers = {{"X-FORWARDED-PROTO": "https"}}
accesslog = "@FOLDER@/access.log"
access_log_format = '%({{x-forwarded-for}}i)s %(h)s "%(r)s" %(s)s'
"""

    def observe(service):
        seen = service.facts(headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7", "Host": "shop.example"})
        wait_for(lambda: "192.0.2.7" in service.read("access.log"), "the access log")
        return seen, [line for line in service.read("access.log").splitlines() if line.startswith("192.0.2.7")]

    facts, lines = both(config, observe)
    assert facts["wsgi.url_scheme"] == scheme and facts["HTTP_X_FORWARDED_FOR"] == "192.0.2.7"
    assert lines == ['192.0.2.7 127.0.0.1 "GET / HTTP/1.1" 200']


def test_tls(box, both):
    made = certificates.make(box, "localhost")
    config = f"""\
bind = "127.0.0.1:@PORT@"
certfile = "{made.cert}"
keyfile = "{made.key}"
ciphers = "ECDHE+AESGCM:!aNULL"
do_handshake_on_connect = False
workers = 1
"""

    def observe(service):
        context = certificates.client_context(trusted=made)
        with certificates.connect(service.address, context) as sock:  # gunicorn's only worker waits for its request
            version = sock.version()
        return service.facts(headers={"Host": "shop.example"}), version

    facts, version = both(config, observe, address="https://127.0.0.1:@PORT@")
    assert facts["wsgi.url_scheme"] == "https" and version == "TLSv1.3"
