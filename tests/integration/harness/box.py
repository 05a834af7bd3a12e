# SPDX-License-Identifier: MIT
import os
import re
import shutil
import stat
import tempfile
import uuid

from . import procfs
from .process import SOURCE, Gserve
from .waiting import wait_for

APPS = os.path.join(SOURCE, "tests/integration/apps")
EXAMPLES = os.path.join(SOURCE, "examples")

ALARMING = re.compile(r"\[(ERROR|CRITICAL)\]|Traceback|AddressSanitizer|LeakSanitizer|runtime error:"
                      r"|terminate called|Segmentation|Fatal Python error")


class Box:
    """The world of one test: its directories, its gserves, and the proof at the end that nothing is left of them."""

    def __init__(self, python):
        self.python = python
        # Not pytest's tmp_path: a Unix socket's path has 107 bytes.
        self.base = tempfile.mkdtemp(prefix="gserve-test-")
        os.chmod(self.base, 0o755)
        self.mark_name, self.mark_value = "GSERVE_TEST_MARK", uuid.uuid4().hex
        self.servers = []
        self.expected = []

    # --- files ---
    def path(self, name):
        return os.path.join(self.base, name)

    def directory(self, name):
        os.makedirs(self.path(name), exist_ok=True)
        return self.path(name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def copy_app(self, source, name="app"):
        """A copy of an application's folder that the test may change."""
        return shutil.copytree(source, self.path(name))

    # --- gserve ---
    def prepare(self, *args, app="app:app", chdir=None, bind="127.0.0.1:0", env=None, name=None, cwd=None,
                python=None, pass_fds=(), wrapper=()):
        """A gserve with these options, not started. bind, chdir, app: None leaves them out."""
        argv = ["--python", python or self.python]
        argv += ["-b", bind] if bind else []
        argv += ["--chdir", chdir] if chdir else []
        argv += [*map(str, args), *([app] if app else [])]
        server = Gserve(self, name or f"g{len(self.servers)}", argv, env, cwd or self.base, pass_fds, wrapper)
        self.servers.append(server)
        return server

    def gserve(self, *args, workers=None, **options):
        """A running gserve whose workers (all, if `workers` is given; else the first) can serve."""
        server = self.prepare(*(("-w", workers) if workers else ()), *args, **options).start()
        return server.wait_ready(workers)

    def expect_log(self, *patterns):
        """Declares alarming log lines that belong to the test."""
        self.expected += [re.compile(pattern) for pattern in patterns]

    # --- the end ---
    def close(self):
        """Ends everything and returns what was wrong, a list of lines."""
        faults = []
        for server in self.servers:
            faults += self._end(server)
        faults += self._leftover_processes()
        for server in self.servers:
            if not server.log.ended.wait(5):
                faults.append(f"{server.name}: the log is still open: some process holds it")
            faults += self._alarms(server)
            server.notify.close()
        faults += self._leftover_files()
        shutil.rmtree(self.base, ignore_errors=True)
        return faults

    @staticmethod
    def _end(server):
        if server.process is None:
            server.log.started()
            return []
        if not server.running():
            return []
        faults = []
        try:
            wait_for(lambda: server.fds_leaked() <= 0, "no leaked descriptor", 5)
        except AssertionError:
            faults.append(f"{server.name}: {server.fds_leaked()} descriptors leaked: {procfs.fds(server.pid)}")
        except FileNotFoundError:
            pass  # it ended by itself just now
        try:
            code = server.stop()
            if code != 0:
                faults.append(f"{server.name}: exit code {code} after SIGTERM")
        except (AssertionError, ProcessLookupError) as error:
            faults.append(f"{server.name}: {error}")
            server.process.kill()
            server.process.wait()
        return faults

    def _marked(self):
        procfs.reap_orphans()
        return procfs.with_environment(f"{self.mark_name}={self.mark_value}")

    def _leftover_processes(self):
        try:
            wait_for(lambda: not self._marked(), "no process is left", 5)
            return []
        except AssertionError:
            left = self._marked()
            faults = [f"process {pid} is left: {procfs.command(pid)}" for pid in left]
            procfs.kill_all(left)
            wait_for(lambda: not self._marked(), "killed processes are gone")
            return faults

    def _alarms(self, server):
        return [f"{server.name}: unexpected in the log: {line}" for line in server.log.lines
                if ALARMING.search(line) and not any(pattern.search(line) for pattern in self.expected)]

    def _leftover_files(self):
        """Sockets anywhere, and anything in the runtime and temporary directories."""
        faults = []
        for folder, _, files in os.walk(self.base):
            for file in files:
                path = os.path.join(folder, file)
                top = os.path.relpath(path, self.base).split(os.sep)[0]
                own_socket = top.startswith("notify-")
                is_socket = stat.S_ISSOCK(os.lstat(path).st_mode)
                if (is_socket and not own_socket) or top.startswith("run-") or top == "tmp" or file.endswith(".pid"):
                    faults.append(f"file left behind: {path}")
        return faults


