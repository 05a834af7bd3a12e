# SPDX-License-Identifier: MIT
"""The worker class gevent: a greenlet for each request, on the hub of the main thread."""
import gc
import os
import time
import traceback

import gevent
from gevent.event import Event
from gevent.hub import Waiter
from greenlet import GreenletExit, getcurrent, greenlet

from gserve.boot import EXIT_DRAINED, StopNow, flush_stdio

READABLE = 1
KILL_LIMIT = 0.5  # seconds that killed requests have for their clean-up; after 1 s the supervisor ends the process
MOMENT = 0.001
MOST_SHOWN = 64  # greenlets in a dump


class Greenlets:
    """Runs requests as they come; run() is the main greenlet's part.

    Greenlets are raw ones: half the price of a gevent.Greenlet, and gevent's functions take them too. Their parent is
    the hub, so nothing may be raised out of them."""

    exits = (GreenletExit,)

    def __init__(self, log, graceful_timeout):
        self.log = log
        self.graceful_timeout = graceful_timeout
        self.server = None
        self.app = None
        self.hub = None
        self.main = getcurrent()
        self.watcher = None
        self.running = {}  # greenlet: request, the oldest first
        self.waiting = {}  # request: Waiters of its greenlets, until its client has done something
        self.failure = None  # the first exception that is to end the worker: SystemExit, for one
        self.stopping = False
        self.forked = None  # in a forked child of the application: the greenlet that forked
        self.ended = Event()
        self.idle = Event()

    # --- the main greenlet ---
    def start(self, server, app):
        self.server, self.app = server, app
        self.hub = gevent.get_hub()
        self.watcher = self.hub.loop.io(server.ready_fd(), READABLE)
        self.watcher.start(self.on_ready)

    def run(self):
        """Until no request will come any more."""
        self.ended.wait()
        if self.stopping:
            raise StopNow(EXIT_DRAINED)

    def join(self):
        """Until every greenlet has ended: in a quick stop they are killed, otherwise when graceful_timeout is over."""
        if not self.stopping:
            self._wait_idle(self.graceful_timeout)
        if self.running:
            self.hub.loop.run_callback(self._kill_all)
            self._wait_idle(KILL_LIMIT)
        if self.watcher:
            self.watcher.close()
        if self.running:
            self.log.error(f"{len(self.running)} requests go on although their greenlets were killed: leaving without them")
            flush_stdio()
            os._exit(EXIT_DRAINED)

    def raise_failure(self):
        if self.failure is not None:
            raise self.failure

    def _wait_idle(self, seconds):
        self.idle.clear()
        if self.running:
            self.idle.wait(seconds)

    # --- signals, whatever greenlet they interrupt ---
    def stop_now(self):
        self.stopping = True
        self.ended.set()
        if getcurrent() not in (self.hub, self.main):
            raise GreenletExit  # it may never let the others run

    @staticmethod
    def call_soon(function):
        gevent.spawn(function)

    # --- the hub ---
    def on_ready(self):
        if not self.server.run_ready(self.spawn, self.resume):
            self.ended.set()

    def spawn(self, request):
        greenlet(self._run, self.hub).switch(request)

    def resume(self, request):
        for waiter in self.waiting.pop(request, ()):
            waiter.switch(None)

    def _kill_all(self):
        for running in list(self.running):
            if not running.dead:
                running.throw(GreenletExit)

    # --- the request's greenlet ---
    def _run(self, request):
        current = getcurrent()
        self.running[current] = request
        try:
            self.server.run_request(self.app, request)
        except BaseException as failure:  # what would end a worker with one thread ends this one, too
            self.failure = self.failure or failure
            self.server.stop()
        finally:
            del self.running[current]
            if not self.running:
                self.idle.set()

    def wait(self, request):
        """Until resume(request)."""
        waiter = Waiter(self.hub)
        waiters = self.waiting.setdefault(request, [])
        waiters.append(waiter)
        try:
            waiter.get()
        finally:
            if self.waiting.get(request) is waiters:  # killed
                waiters.remove(waiter)
                if not waiters:
                    del self.waiting[request]

    def hooks(self):
        return {"wait": self.wait, "pause": lambda: gevent.sleep(MOMENT)}

    # --- forks of the application ---
    def forget(self):
        """In a forked child, where the server is gone: the hub must not watch a descriptor that is closed."""
        self.forked = getcurrent()
        if self.watcher:
            self.watcher.stop()

    def is_copy(self):
        """Whether the current greenlet runs in a forked child and is a copy of one that did not fork."""
        return self.forked is not None and getcurrent() is not self.forked

    def sleep_for_good(self):
        while True:
            self.hub.switch()

    # --- the stacks ---
    def write_stacks(self, fd):
        """Where requests wait, the oldest first, then other greenlets."""
        now = time.monotonic()
        requests = list(self.running.items())
        others = [found for found in gc.get_objects() if isinstance(found, greenlet) and found not in self.running
                  and found is not self.hub and found is not self.main]
        for running, request in requests[:MOST_SHOWN]:
            if request.line is not None:
                write_stack(fd, f"Greenlet of \"{request.line}\", for {now - request.started:.1f} s", running)
        for other in others[:max(0, MOST_SHOWN - len(requests))]:
            write_stack(fd, f"Greenlet {other!r}", other)
        left_out = len(requests) + len(others) - MOST_SHOWN
        if left_out > 0:
            os.write(fd, f"... and {left_out} more greenlets\n\n".encode())


def write_stack(fd, title, found):
    if found.gr_frame is None and found is not getcurrent():
        return  # it has ended, or has not begun
    frame = found.gr_frame
    stack = "".join(traceback.format_stack(frame)) if frame else "  runs now\n"
    os.write(fd, f"{title} (most recent call last):\n{stack}\n".encode("utf-8", "backslashreplace"))
