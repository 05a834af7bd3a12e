# SPDX-License-Identifier: MIT
"""Plays the supervisor of a worker that becomes a template ("Templates" in common/launch_contract.h)."""
import json
import os
import select
import signal
import socket

from harness import web
from harness.log import LogFollower
from harness.waiting import bound
from worker_process import SCOREBOARD_SIZE, memfd


class Promotion:
    """From the message "template" on. `worker` is the WorkerProcess, or a ForkedWorker."""

    def __init__(self, worker):
        self.worker = worker
        self.forked = []
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(bound(20))
        theirs.setblocking(False)
        self._mark = worker.notify.mark()
        socket.send_fds(worker.lifeline, [b"template"], [theirs.fileno()])
        theirs.close()

    def wait_ready(self):
        message = self.worker.notify.wait("READY", "1", after=self._mark)[1]
        assert message == {"READY": "1", "X_GSERVE_WORKER": self.worker.launch_id}
        return self

    def answer(self):
        """(fields, descriptors) of the next message."""
        text, fds, _, _ = socket.recv_fds(self.control, 4096, 4)
        return dict(line.split("=", 1) for line in text.decode().splitlines()), fds

    def ask(self, launch_id, names, fds):
        socket.send_fds(self.control, [f"FORK={launch_id}\nFDNAMES={':'.join(names)}".encode()], fds)

    def fork(self, launch_id="18"):
        worker = ForkedWorker(self, launch_id)
        self.forked.append(worker)
        return worker

    def close(self):
        for worker in self.forked:
            worker.close()
        self.control.close()


class ForkedWorker:
    """A worker that was forked by a promoted one: its sibling's listener, hand-over queue and settings, all else its
    own."""

    def __init__(self, promotion, launch_id):
        origin = promotion.worker
        self.launch_id, self.settings, self.address = launch_id, origin.settings, origin.address
        self.listener, self.handover, self.notify = origin.listener, origin.handover, origin.notify
        self.log = LogFollower()
        self.lifeline, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.scoreboard, self.incident = memfd(b"\0" * SCOREBOARD_SIZE), memfd(b"")
        settings = memfd(json.dumps(self.settings).encode())
        passed = {"listener": self.listener.fileno(), "handover_out": self.handover[0].fileno(),
                  "handover_in": self.handover[1].fileno(), "settings": settings, "scoreboard": self.scoreboard, "lifeline": theirs.fileno(), "errorlog": self.log.write_fd,
                  "incident": self.incident}
        self.exit_code = None
        self._mark = self.notify.mark()
        promotion.ask(launch_id, passed, list(passed.values()))
        os.close(settings)
        theirs.close()
        self.log.started()
        fields, fds = promotion.answer()
        assert fields == {"BORN": launch_id} and len(fds) == 1
        self._pidfd = fds[0]
        with open(f"/proc/self/fdinfo/{self._pidfd}", encoding="ascii") as info:
            self.pid = int(dict(line.split(":\t", 1) for line in info)["Pid"])
        assert promotion.answer() == ({"FORKED": launch_id}, [])
        message = self.notify.wait("X_GSERVE_WORKER", launch_id, after=self._mark)[1]
        assert message == {"READY": "1", "X_GSERVE_WORKER": launch_id}, self.log.text()

    def get(self, path="/", **options):
        return web.request(self.address, path, **options)

    def wait_exit(self, seconds=20):
        assert select.select([self._pidfd], [], [], bound(seconds))[0], "it still runs\n" + self.log.text()
        self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.exit_code

    def stop(self, number=signal.SIGTERM):
        signal.pidfd_send_signal(self._pidfd, number)
        return self.wait_exit()

    def close(self):
        if self.exit_code is None:
            self.stop(signal.SIGKILL)
        for fd in (self._pidfd, self.scoreboard, self.incident):
            os.close(fd)
        self.lifeline.close()
