# SPDX-License-Identifier: MIT
import json
import os
import re
import shutil
import signal
import subprocess

from . import procfs, web
from .log import LogFollower
from .notify import NotifySocket
from .waiting import bound, wait_for

BUILD = os.environ.get("GSERVE_BUILD") or os.path.join(os.path.dirname(__file__), "../../../build")
BUILD = os.path.realpath(BUILD)
GSERVE = os.path.join(BUILD, "bin/gserve")
GSERVECTL = os.path.join(BUILD, "bin/gservectl")
SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))

# Settings of the person who runs the tests must not decide their outcome.
FOREIGN = re.compile(r"^(WEB_CONCURRENCY|PORT|FORWARDED_ALLOW_IPS|SCRIPT_NAME|VIRTUAL_ENV|NOTIFY_SOCKET|WATCHDOG_.*"
                     r"|LISTEN_.*|GUNICORN_.*|GSERVE_.*|PYTHON.*|XDG_RUNTIME_DIR|RUNTIME_DIRECTORY|TMPDIR|LD_PRELOAD"
                     r"|ASAN_OPTIONS|UBSAN_OPTIONS)$")
LISTENING = re.compile(r"Listening at: (\S+)")


def clean_environment():
    env = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    if os.environ.get("GSERVE_PRELOAD"):
        env["LD_PRELOAD"] = os.environ["GSERVE_PRELOAD"]
        env["ASAN_OPTIONS"] = os.environ["GSERVE_SANITIZERS"]
        env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    return env


class Gserve:
    """One real gserve, started by start(). Its standard error is followed in `log`, its sd_notify messages in
    `notify`; `address` is where it listens first, as logged."""

    def __init__(self, box, name, args, env, cwd, pass_fds=(), wrapper=()):
        self.box = box
        self.name = name
        self.run = box.directory(f"run-{name}")
        self.control = os.path.join(self.run, "control")
        self.log = LogFollower()
        self.notify = NotifySocket(box.path(f"notify-{name}"))
        self.env = clean_environment() | {
            "RUNTIME_DIRECTORY": self.run, "NOTIFY_SOCKET": self.notify.path, "TMPDIR": box.directory("tmp"),
            box.mark_name: box.mark_value} | (env or {})
        self.env = {key: value for key, value in self.env.items() if value is not None}
        self.argv = [*wrapper, GSERVE, *args]
        self.cwd = cwd
        self.pass_fds = pass_fds
        self.process = None
        self.addresses = []
        self._fds_at_ready = None

    # --- life ---
    def start(self):
        self.process = subprocess.Popen(
            self.argv, env=self.env, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=self.log.write_fd,
            stderr=self.log.write_fd, pass_fds=self.pass_fds)
        self.log.started()
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def wait_ready(self, workers=None, seconds=30):
        """Waits for READY=1 and, with `workers`, until so many can serve."""
        try:
            self.notify.wait("READY", "1", seconds=seconds, alive=self.running)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.text()}") from None
        self.log.wait(LISTENING)
        self.addresses = [match.group(1) for match in map(LISTENING.search, self.log.lines) if match]
        if workers is not None:
            self.wait_workers(workers, seconds)
            self._fds_at_ready = (len(self.workers()), procfs.fd_count(self.pid))
        return self

    @property
    def address(self):
        return self.addresses[0]

    def wait_exit(self, seconds=40):
        """Waits for the end and returns the exit code (negative: the signal)."""
        try:
            return self.process.wait(bound(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"gserve still runs after {bound(seconds)} s\n{self.log.text()}") from None

    def send_signal(self, number):
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=40):
        self.send_signal(number)
        return self.wait_exit(seconds)

    def kill(self):
        """SIGKILL, and the traces that nobody can remove any more are removed for it."""
        self.process.kill()
        self.process.wait()
        for entry in os.scandir(self.run):
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                os.unlink(entry)

    # --- what it does ---
    def workers(self):
        """Pids of the live workers, in order of age."""
        others = self.templates() if "--preload" in self.argv else []
        others += self.hook_processes()
        return [pid for pid in procfs.children(self.pid) if procfs.alive(pid) and pid not in others]

    def hook_processes(self):
        return [pid for pid in procfs.children(self.pid) if "gserve: hooks" in procfs.command(pid)
                or procfs.command(pid).endswith(" hooks")]

    def templates(self):
        return [template["pid"] for template in self.status()["templates"]]

    def listening_fds(self):
        """The supervisor's descriptors of its listening sockets."""
        with open(f"/proc/{self.pid}/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
        return [fd for fd, target in procfs.fds(self.pid).items() if target in listening]

    def wait_workers(self, count, seconds=30):
        """Waits until exactly `count` workers are ready, and no other lives."""
        def settled():
            status = self.status()
            ready = [worker for worker in status["workers"] if worker["state"] == "ready"]
            return len(ready) == count == len(status["workers"]) == status["target"] and status["state"] == "running"
        wait_for(settled, f"{count} workers ready", seconds)
        return self.workers()

    def fds_leaked(self):
        """How many descriptors the supervisor has more than when it became ready, if it has as many workers."""
        if self._fds_at_ready is None or len(self.workers()) != self._fds_at_ready[0]:
            return 0
        return procfs.fd_count(self.pid) - self._fds_at_ready[1]

    def get(self, path="/", **options):
        return web.request(self.address, path, **options)

    # --- gservectl ---
    def ctl_command(self, *args):
        return [GSERVECTL, "--socket", self.control, *map(str, args)]

    def ctl(self, *args, expect=0, seconds=60):
        """Runs gservectl on this instance; returns the finished process, its exit code being `expect`."""
        done = subprocess.run(self.ctl_command(*args), env=ctl_environment(), capture_output=True, text=True,
                              timeout=bound(seconds))
        assert expect is None or done.returncode == expect, (
            f"gservectl {args}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}\n{self.log.text()}")
        return done

    def status(self):
        return json.loads(self.ctl("--json", "status").stdout)


def ctl_environment(**extra):
    env = clean_environment()
    env.pop("LD_PRELOAD", None)  # C++ only: its leaks are ours
    env.pop("ASAN_OPTIONS", None)
    return env | extra
