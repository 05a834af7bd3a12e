# SPDX-License-Identifier: MIT
"""The servers that are measured, all started in the same way: one worker on the server's core, on loopback."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.environ.get("GSERVE_BUILD", os.path.join(ROOT, "build"))
APPS = os.path.join(ROOT, "bench/http/app")
VENV = os.path.join(ROOT, "build/bench-venv")
SERVER_CORE, LOAD_CORE = 0, 1


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def tree(pid):
    """`pid` and all its descendants."""
    found, open_ends = [], [pid]
    while open_ends:
        one = open_ends.pop()
        found.append(one)
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children", encoding="ascii") as file:
                    open_ends += [int(child) for child in file.read().split()]
    return found


def cpu_seconds(pids):
    """User and system time that these processes have used, all their threads included."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Server:
    """A running server. `app` is MODULE:NAME in bench/http/app."""
    name = ""

    def __init__(self, app, *options, name=None, env=None):
        self.app = app
        self.name = name or self.name
        self.base = tempfile.mkdtemp(prefix="gserve-bench-")
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log_path = os.path.join(self.base, "log")
        self.process = None
        self.command = [*self.program(), *options]
        self.env = os.environ | {"PYTHONPATH": APPS, "PYTHONDONTWRITEBYTECODE": "1"} | (env or {})

    def program(self):
        raise NotImplementedError

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *self.command], stdout=log, stderr=log,
                                            env=self.env, cwd=self.base)
        try:
            self.wait_serving()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_serving(self):
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(self.address + "/", timeout=5) as answer:
                    return answer.read()
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    with open(self.log_path, encoding="utf-8", errors="replace") as log:
                        raise RuntimeError(f"{self.name} does not serve: {error}\n{log.read()[-2000:]}") from None
                time.sleep(0.02)

    def __exit__(self, *_):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in tree(self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.base, ignore_errors=True)

    stop_signal = signal.SIGTERM

    def pids(self):
        return tree(self.process.pid)

    def cpu(self):
        return cpu_seconds(self.pids())


class Gserve(Server):
    name = "gserve"

    def program(self):
        return [os.path.join(BUILD, "bin/gserve"), "--python", sys.executable, "--control-socket",
                os.path.join(self.base, "control"), "-b", f"127.0.0.1:{self.port}", self.app]

    def memory(self):
        """Bytes of RSS of its worker, the last process it has started."""
        with open(f"/proc/{self.pids()[-1]}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Gunicorn(Server):
    name = "gunicorn sync"

    def program(self):
        return [sys.executable, "-m", "gunicorn", "--no-control-socket", "-b", f"127.0.0.1:{self.port}", self.app]


class Granian(Server):
    name = "granian"

    def program(self):
        return [os.path.join(VENV, "bin/granian"), "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1",
                "--host", "127.0.0.1", "--port", str(self.port), self.app]


class Uwsgi(Server):
    name = "uWSGI"
    stop_signal = signal.SIGINT  # SIGTERM reloads

    def program(self):
        return ["uwsgi", "--plugin", "python3", "--virtualenv", VENV, "--master", "--processes", "1",
                "--disable-logging", "--http11-socket", f"127.0.0.1:{self.port}", "--so-keepalive", "--module", self.app]


NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; keepalive_requests 1000000000; client_max_body_size 0; client_body_temp_path body;
  default_type text/plain;
  server {{
    listen 127.0.0.1:{port};
    location = / {{ return 200 "Hello, world!\\n"; }}
    location / {{ root {files}; }}
  }}
}}
"""


class Nginx(Server):
    """What does not run Python at all: how fast HTTP can be here. `app` is a directory of static files."""
    name = "nginx"

    def program(self):
        config = os.path.join(self.base, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(port=self.port, files=self.app))
        return [self.executable(), "-p", self.base, "-c", config]

    @staticmethod
    def executable():
        return os.path.join(ROOT, "build/bench-peers/usr/sbin/nginx")
