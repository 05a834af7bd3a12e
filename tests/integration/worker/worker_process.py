# SPDX-License-Identifier: MIT
"""Plays the supervisor: starts one worker by the launch contract (common/launch_contract.h), with nothing between."""
import fcntl
import json
import os
import select
import signal
import socket

from harness import procfs, web
from harness.log import LogFollower
from harness.notify import NotifySocket
from harness.process import BUILD, clean_environment
from harness.waiting import bound

APPS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "apps")
PYTHON_DIR = os.path.join(BUILD, "lib/gserve/python")
SYSTEM_PYTHON = "/usr/bin/python3"
# The layout of common/scoreboard.h: a header of 64 bytes and 64 slots of 256.
SCOREBOARD_SIZE = 64 + 64 * 256
LAUNCH_ID = "17"


class WorkerProcess:
    """One worker. `options` are settings of the snapshot; env is added to its environment."""

    launch_id = LAUNCH_ID

    def __init__(self, base, app, directory, python=SYSTEM_PYTHON, env=None, unix=False, wait=True, **options):
        os.mkdir(base)
        self.base = base
        self.log = LogFollower()
        self.notify = NotifySocket(os.path.join(base, "notify"))
        self.settings = {"wsgi_app": app, "chdir": directory, "loglevel": "info", "workers": 1, "keepalive": 2.0,
                         "graceful_timeout": 30.0, **options}
        self.listener = self._listen(unix)
        name = self.listener.getsockname()
        self.address = f"unix:{name}" if unix else f"http://127.0.0.1:{name[1]}"
        self.lifeline, self._their_lifeline = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.handover = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (*self.handover, self._their_lifeline):
            end.setblocking(False)
        self.scoreboard = memfd(b"\0" * SCOREBOARD_SIZE)
        self.incident = memfd(b"")
        self.exit_code = None
        self.pid = self._spawn(python, env or {})
        self._pidfd = os.pidfd_open(self.pid)
        if wait:
            self.wait_ready()

    def _listen(self, unix):
        if unix:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.path.join(self.base, "socket"))
        else:
            listener = socket.create_server(("127.0.0.1", 0))
        listener.listen(128)
        listener.setblocking(False)
        return listener

    def _spawn(self, python, env):
        settings = memfd(json.dumps(self.settings).encode())
        passed = {"listener": self.listener.fileno(), "handover_out": self.handover[0].fileno(),
                  "handover_in": self.handover[1].fileno(), "settings": settings, "scoreboard": self.scoreboard, "lifeline": self._their_lifeline.fileno(),
                  "errorlog": self.log.write_fd, "incident": self.incident}
        passed.update(self.settings.get("extra_fds", {}))
        environ = clean_environment() | {
            "PYTHONPATH": PYTHON_DIR, "GSERVE_PYTHON_DIR": PYTHON_DIR, "GSERVE_LAUNCH_ID": LAUNCH_ID,
            "NOTIFY_SOCKET": self.notify.path, "LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(passed)} | env
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200) for fd in passed.values()]
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(high, 3)]
        actions += [(os.POSIX_SPAWN_DUP2, self.log.write_fd, 1), (os.POSIX_SPAWN_DUP2, self.log.write_fd, 2)]
        # What the test runner itself was started with is not the worker's.
        mine = [int(fd) for fd in os.listdir("/proc/self/fd")]
        mine = [fd for fd in mine if fd > 2 and fd != self.log.write_fd and _inheritable(fd)]
        actions = [(os.POSIX_SPAWN_CLOSE, fd) for fd in mine] + actions
        if self.log.write_fd >= 3 + len(passed):
            actions.append((os.POSIX_SPAWN_CLOSE, self.log.write_fd))
        # Only the process itself can know its pid in time; the shell passes all descriptors on.
        argv = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", python, "-P", "-m", "gserve", "worker"]
        pid = os.posix_spawn(argv[0], argv, environ, file_actions=actions)
        for fd in (*high, settings):
            os.close(fd)
        self._their_lifeline.close()
        self.log.started()
        return pid

    # --- what it does ---
    def wait_ready(self, seconds=20):
        try:
            return self.notify.wait("READY", "1", seconds=seconds, alive=lambda: procfs.alive(self.pid))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.text()}") from None

    def get(self, path="/", **options):
        return web.request(self.address, path, **options)

    def raw(self, data):
        return web.raw_exchange(self.address, data)

    def fds(self):
        return procfs.fds(self.pid)

    # --- its end ---
    def send_signal(self, number):
        signal.pidfd_send_signal(self._pidfd, number)

    def wait_exit(self, seconds=20):
        """The exit code; negative: the signal."""
        if self.exit_code is None:
            if not select.select([self._pidfd], [], [], bound(seconds))[0]:
                raise AssertionError(f"the worker still runs after {bound(seconds)} s\n{self.log.text()}")
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.exit_code

    def stop(self, number=signal.SIGTERM, seconds=20):
        self.send_signal(number)
        return self.wait_exit(seconds)

    def close(self):
        if self.exit_code is None:
            self.send_signal(signal.SIGKILL)
            self.wait_exit()
        os.close(self._pidfd)
        os.close(self.scoreboard)
        os.close(self.incident)
        for sock in (self.listener, self.lifeline, *self.handover):
            sock.close()
        self.notify.close()


def _inheritable(fd):
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def memfd(content):
    fd = os.memfd_create("gserve-test", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
