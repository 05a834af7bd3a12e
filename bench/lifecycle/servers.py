# SPDX-License-Identifier: MIT
"""The servers that are measured, started and commanded in the same way."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import procfs, web
from harness.waiting import wait_for

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.path.join(ROOT, "build")
APP = os.path.join(ROOT, "bench/lifecycle/app")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Server:
    """A running server with its own copy of the application."""
    name = ""

    def __init__(self, workers, *options, env=None):
        self.base = tempfile.mkdtemp(prefix="gserve-bench-")
        self.folder = shutil.copytree(APP, os.path.join(self.base, "app"))
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.log = open(os.path.join(self.base, "log"), "wb")
        arguments = ["-w", str(workers), "-b", f"127.0.0.1:{port}", "--chdir", self.folder, *options, "app:app"]
        self.process = subprocess.Popen([*self.program(), *arguments], stdout=self.log, stderr=self.log,
                                        env=os.environ | (env or {}))
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.base, ignore_errors=True)

    def ask(self):
        """The pid of the worker that answered, or 0."""
        try:
            return int(web.request(self.address, timeout=5).headers.get("X-Worker-Pid", 0))
        except OSError:
            return 0

    def wait_serving(self, workers):
        """Until so many workers answer. An idle service gives one connection after the other to the same worker, so
        several come at once."""
        seen = set()

        def all_seen():
            with contextlib.suppress(OSError, http.client.HTTPException):  # not listening yet
                connections = [web.connection(self.address, 5) for _ in range(2 * workers)]
                for conn in connections:
                    conn.request("GET", "/")
                for conn in connections:
                    seen.add(int(conn.getresponse().headers["X-Worker-Pid"]))
                    conn.close()
            return len(seen) >= workers
        wait_for(all_seen, f"{workers} workers of {self.name} serve", 120)
        return self

    def lose_app(self):
        """Its directory is not where it was."""
        os.rename(self.folder, self.folder + ".gone")

    def break_app(self, text):
        with open(os.path.join(self.folder, "app.py"), "w", encoding="utf-8") as file:
            file.write(text)


class Gserve(Server):
    name = "gserve"

    def program(self):
        return [os.path.join(BUILD, "bin/gserve"), "--python", sys.executable, "--control-socket",
                os.path.join(self.base, "control")]

    def ctl(self, *arguments, check=True):
        return subprocess.run([os.path.join(BUILD, "bin/gservectl"), "--socket", os.path.join(self.base, "control"),
                               *arguments], capture_output=True, text=True, check=check)

    def workers(self):
        return [worker["pid"] for worker in json.loads(self.ctl("--json", "status").stdout)["workers"]]

    def reload(self):
        self.ctl("reload", check=False)


class Gunicorn(Server):
    name = "gunicorn"

    def program(self):
        return [sys.executable, "-m", "gunicorn"]

    def workers(self):
        return [pid for pid in procfs.children(self.pid) if "resource_tracker" not in procfs.command(pid)]

    def reload(self):
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while any(procfs.alive(pid) for pid in old) and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.01)
