# SPDX-License-Identifier: MIT
"""The threads that run requests beside the main one (gthread)."""
import threading


class Executors:
    """`count` threads. The main thread runs requests too, so a worker with N threads has N - 1 of these."""

    exits = ()  # exceptions that end a request when the worker is stopped, beside the main thread's

    def __init__(self, count):
        self.server = None
        self.app = None
        self.failure = None  # the first exception that ended a thread: SystemExit, for one
        self.threads = [threading.Thread(target=self._run, name=f"gserve-{number}", daemon=True)
                        for number in range(2, count + 2)]

    def start(self, server, app):
        self.server, self.app = server, app
        for thread in self.threads:
            thread.start()

    def run(self):
        """The main thread's part: until no request will come any more."""
        self.server.run_sync(self.app)

    def hooks(self):
        return {"wait": None, "pause": None}

    def join(self):
        """Until every thread has ended what it runs: the server must not end before."""
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()

    def raise_failure(self):
        if self.failure is not None:
            raise self.failure

    def _run(self):
        try:
            self.server.run_thread(self.app)
        except BaseException as failure:  # what would end a worker with one thread ends this one, too
            self.failure = self.failure or failure
            self.server.stop()
