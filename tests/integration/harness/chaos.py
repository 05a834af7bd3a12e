# SPDX-License-Identifier: MIT
"""Things that go wrong, chosen by a seed, done to one gserve under load."""
import os
import random
import resource
import signal
import threading
import time

from . import procfs
from .waiting import wait_for

BROKEN = ("raise RuntimeError('broken by the new release')\n", "def app(:\n", "import os\nos._exit(7)\n",
          "import ctypes\nctypes.string_at(0)\n", "application = None\n")
SETTLED = 60  # seconds that everything may take to be as desired again


class Chaos:
    """Does one thing after the other; `kills` has the moments when requests of a worker may have been lost."""

    def __init__(self, server, folder, full_disk, seed):
        self.server = server
        self.random = random.Random(seed)
        self.path = os.path.join(folder, "app.py")
        with open(self.path, encoding="utf-8") as file:
            self.source = file.read()
        self.full_disk = full_disk
        self.target = 4
        self.kills = []
        self.done = []

    def run(self, seconds):
        end = time.monotonic() + seconds
        pause = threading.Event()
        while time.monotonic() < end and self.server.running():
            action = self.random.choice(self.ACTIONS)
            self.done.append(action.__name__)
            action(self)
            pause.wait(self.random.uniform(0, 0.5))  # the pace, nothing is waited for

    def settle(self):
        """Everything must come to rest as desired."""
        return self.server.wait_workers(self.target, SETTLED)

    def kill_worker(self):
        workers = self.server.workers()
        if workers:
            self._kill(self.random.choice(workers), signal.SIGKILL)

    def crash_worker(self):
        workers = self.server.workers()
        if workers:
            self._kill(self.random.choice(workers), signal.SIGSEGV)

    def _kill(self, pid, number):
        self.kills.append(time.monotonic())
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        wait_for(lambda: not procfs.alive(pid), "the killed worker is gone")

    def kill_template(self):
        """Its workers serve on: nothing may be lost."""
        templates = self.server.templates()
        if templates:
            self._signal(self.random.choice(templates), signal.SIGKILL)

    def freeze_template(self):
        self._freeze(self.server.templates())

    def freeze_worker(self):
        self._freeze(self.server.workers())

    def _freeze(self, pids):
        """One of them goes on half a second later, whatever is done meanwhile."""
        if not pids:
            return
        pid = self.random.choice(pids)
        if self._signal(pid, signal.SIGSTOP):
            threading.Timer(0.5, self._signal, (pid, signal.SIGCONT)).start()

    @staticmethod
    def _signal(pid, number):
        try:
            os.kill(pid, number)
            return True
        except ProcessLookupError:
            return False

    def reload(self):
        self._write(self.source + f"\n# release {self.random.random()}\n")
        self.server.ctl("reload", expect=None)  # killed workers may make it fail; then the old ones go on

    def reload_broken(self):
        self._write(self.random.choice(BROKEN))
        done = self.server.ctl("reload", expect=None)
        self._write(self.source)
        assert done.returncode == 1, f"a broken release was taken: {done.stdout}{done.stderr}"

    def _write(self, source):
        """As a deploy should: all at once."""
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(self.path + ".new", self.path)

    def rollback(self):
        """Refused while there is nothing to go back to; killed workers may make it fail."""
        self.server.ctl("rollback", expect=None)

    def refork(self):
        """Refused without preload; killed workers may make it fail."""
        self.server.ctl("refork", expect=None)

    def scale(self):
        self.target = self.random.randint(2, 6)
        self.server.ctl("scale", self.target, expect=None)

    def scale_by_signal(self):
        up = self.target < 6
        self.server.send_signal(signal.SIGTTIN if up else signal.SIGTTOU)
        self.target += 1 if up else -1
        wait_for(lambda: self.server.status()["target"] == self.target, "the target is as asked for")

    def upgrade(self):
        """One that a crash or another job has made impossible is refused; then everything goes on."""
        pid = self.server.pid
        self.server.ctl("upgrade", expect=None)
        assert self.server.running() and self.server.pid == pid

    def reopen_logs(self):
        self.server.send_signal(signal.SIGUSR1)

    def fill_disk(self):
        """The access log's file system has no room, then some again."""
        with open(os.path.join(self.full_disk, "ballast"), "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def free_disk(self):
        for entry in os.scandir(self.full_disk):
            os.truncate(entry.path, 0)

    def exhaust_descriptors(self):
        """No new descriptor for the supervisor while a worker is to be replaced."""
        workers = self.server.workers()
        if not workers:
            return
        limits = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (procfs.fd_count(self.server.pid), limits[1]))
        try:
            self._kill(self.random.choice(workers), signal.SIGKILL)
        finally:
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, limits)

    ACTIONS = (kill_worker, crash_worker, freeze_worker, kill_template, freeze_template, reload, reload_broken, rollback, refork,
               scale, scale_by_signal, upgrade,
               reopen_logs, fill_disk, free_disk, exhaust_descriptors)
