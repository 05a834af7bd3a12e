# SPDX-License-Identifier: MIT
"""A template: loads the application once and forks the workers from it, or goes on with the application that a worker
has served. See "Templates" in common/launch_contract.h.

Its own calls of the system are native.py's: an event loop of the application stands still here.
"""
import errno
import faulthandler
import gc
import os
import select
import signal
import socket
import threading
import time

from gserve import forks, native
from gserve.boot import (EXIT_BOOT_FAILED, EXIT_DRAINED, EXIT_FAILED, BootFailure, StopNow, flush_stdio, load_app,
                         show_title, status_of)
from gserve.configuration import Configuration
from gserve.launch import make_launch
from gserve.log import open_error_log
from gserve.notify import Notifier
from gserve.signals import Signals

MOST_FDS = 253  # of one message
MESSAGE_SIZE = 64 * 1024
VANISHING = 0.2  # seconds
LEAVE_LIMIT = 0.8  # seconds; the supervisor kills after 1 s


class Template:
    """The template's own life. run() returns twice over: in the template None, when it is to end with `code`, and in each
    process that it forks the worker, made by `make_worker(launch, guard, app, log, configuration)`."""

    def __init__(self, launch, guard, make_worker, origin=None, problem=None):
        """`origin`: the worker that this process was. Its log, notifier, signals, application and configuration are the
        template's.
        `problem`: why it cannot serve, found before."""
        self.problem = problem
        self.launch = launch
        self.guard = guard
        self.make_worker = make_worker
        self.app = origin.app if origin else None
        self.configuration = origin.configuration if origin else Configuration()
        self.pid = os.getpid()
        self.mask = None  # of signals, as it was before a fork
        self.code = EXIT_DRAINED
        self.leaving = False
        if origin:
            self.log, self.notifier, self.signals = origin.log, origin.notifier, origin.signals
            self.signals.handle(self.leave, self.leave, self.log.reopen_files)
        else:
            self.log = open_error_log(launch)
            self.notifier = Notifier(launch.notify_socket, launch.launch_id)
            self.signals = Signals(self.leave, self.leave, self.log.reopen_files)
        self.control = socket.socket(fileno=launch.take("template"))
        self.control.setblocking(True)
        self.lifeline = socket.socket(fileno=launch.take("lifeline"))
        self.protect()

    def leave(self):
        self.leaving = True
        raise StopNow(EXIT_DRAINED)

    def protect(self):
        self.guard.protect(self, self.log.file, self.notifier, self.signals)

    def let_go(self):
        """In a forked child: nothing of the template is left open there."""
        forks.drop(self, self.log.file, self.notifier, self.signals)

    def open_fds(self):
        return [*self.launch.open_fds(), self.control.detach(), self.lifeline.detach()]

    # --- life ---
    def run(self):
        try:
            self.load()
            self.settle()
            launch = self.fork_workers()
        except BootFailure as failure:
            self.log.error(failure.reason)
            self.notifier.boot_error(failure.reason)
            self.code = failure.code
        except SystemExit as leaving:
            self.code = status_of(leaving)
        else:
            worker = self.make_worker(launch, self.guard, self.app, self.log.passed_on(launch), self.configuration)
            self.unblock_signals()  # what came meanwhile is the worker's to handle
            return worker
        faulthandler.dump_traceback_later(LEAVE_LIMIT, exit=True, file=self.log.file.fd)
        return None

    def load(self):
        show_title("template", self.launch.settings)
        self.dump_stacks_on_crash()
        if self.problem:
            raise BootFailure(EXIT_BOOT_FAILED, self.problem)
        if self.app is None:
            self.app = load_app(self.launch, self.log, self.configuration)
            self.dump_stacks_on_crash()  # the application may have set handlers of its own

    def settle(self):
        self.warn_of_threads()
        gc.collect()
        gc.freeze()  # else each worker's collector would write to, and so copy, what they share
        flush_stdio()
        self.notifier.ready()

    def dump_stacks_on_crash(self):
        incident = self.launch.fd("incident")
        if incident >= 0:
            faulthandler.enable(file=incident, all_threads=True)

    def warn_of_threads(self):
        threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        others = threads_beside(len(threads) + 1)
        if others > 0:
            threads.append(f"{others} of C libraries")
        if threads:
            self.log.warning("The application has started threads. Workers that are forked from this process do not have "
                             "them, and a lock that one of them holds stays locked there: " + ", ".join(threads))

    def fork_workers(self):
        """In a worker: its launch."""
        sources = native.poll()
        for source in (self.control, self.lifeline, self.signals.wakeup_fd):
            sources.register(source, select.POLLIN)
        while not self.leaving:
            readable = {fd for fd, _ in sources.poll()}
            if self.signals.wakeup_fd in readable:
                os.read(self.signals.wakeup_fd, 4096)  # the handlers run by themselves
            if self.lifeline.fileno() in readable:
                self.on_lifeline()
            if self.control.fileno() in readable:
                worker = self.on_request()
                if worker:
                    return worker
        raise StopNow(EXIT_DRAINED)

    def on_lifeline(self):
        text, fds, _, _ = socket.recv_fds(self.lifeline, MESSAGE_SIZE, MOST_FDS, socket.MSG_CMSG_CLOEXEC)
        if not text:
            raise StopNow(EXIT_DRAINED)  # the supervisor has gone
        if text == b"logs" and fds:
            self.log.reopened(fds[0])
        close_all(fds)

    # --- forks ---
    def on_request(self):
        text, fds, _, _ = socket.recv_fds(self.control, MESSAGE_SIZE, MOST_FDS, socket.MSG_CMSG_CLOEXEC)
        if not text:
            raise StopNow(EXIT_DRAINED)
        fields = dict(line.split("=", 1) for line in text.decode().splitlines())
        launch_id, names = fields["FORK"], fields["FDNAMES"].split(":")
        try:
            if len(names) != len(fds):
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            is_worker = self.fork(launch_id)
            answer = f"FORKED={launch_id}"
        except OSError as error:
            is_worker = False
            answer = f"FORK_FAILED={launch_id}\nREASON=the template cannot fork: {error.strerror}"
        if is_worker:
            self.let_go()
            return make_launch(names, fds, self.launch.notify_socket, launch_id)
        self.say(answer)
        close_all(fds)
        return None

    def say(self, text, fds=()):
        socket.send_fds(self.control, [text.encode()], fds)

    def fork(self, launch_id):
        """Forks twice. True in the worker, with signals blocked; in the template, False when it is there. Raises
        OSError when it is not."""
        flush_stdio()
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, self.signals.numbers())
        self.guard.release()
        try:
            middle = native.fork()
            if middle == 0:
                self.fork_again(launch_id)
                return True
        finally:
            if os.getpid() == self.pid:
                self.protect()
                self.unblock_signals()
        status = wait_for(middle)
        if status:
            raise OSError(status, os.strerror(status))
        return False

    def unblock_signals(self):
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)

    def fork_again(self, launch_id):
        """Returns in the worker only. The supervisor hears of it while this process is its parent, so that its pid
        cannot be another's."""
        worker = 0
        try:
            worker = native.fork()
            if worker == 0:
                return
            self.say(f"BORN={launch_id}", [os.pidfd_open(worker)])
            os._exit(0)
        except BaseException as error:
            if worker:
                os.kill(worker, signal.SIGKILL)
            os._exit(getattr(error, "errno", None) or EXIT_FAILED)


def threads_beside(known):
    """How many threads there are besides those that Python knows. One that has been joined is the kernel's for a moment
    longer."""
    end = time.monotonic() + VANISHING
    while True:
        others = len(os.listdir("/proc/self/task")) - known
        if others <= 0 or time.monotonic() > end:
            return others
        native.sleep(0.001)


def wait_for(pid):
    """The exit code of our child, or what stands for it."""
    try:
        return abs(os.waitstatus_to_exitcode(native.waitpid(pid, 0)[1]))
    except ChildProcessError:
        return 0  # the application ignores SIGCHLD; the supervisor sees whether there is a worker


def close_all(fds):
    for fd in fds:
        os.close(fd)
