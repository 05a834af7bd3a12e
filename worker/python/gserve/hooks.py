# SPDX-License-Identifier: MIT
"""The hooks that run in a worker: post_fork, post_worker_init, worker_int, worker_abort, pre_request, post_request and
worker_exit. Those of the master run in the hook process (master_hooks.py)."""
import os
import struct

REQUESTS = struct.Struct("=12xIQ")  # running and answered, in the scoreboard (common/scoreboard.h)


class WorkerHooks:
    """`configuration` may be loaded later; without hooks in it nothing happens here."""

    def __init__(self, worker, configuration):
        self._process = worker
        self._configuration = configuration
        self._objects = None  # (server, worker), when a hook was called

    def has(self, name):
        return name in self._configuration.functions

    # --- each may raise what the hook raises ---
    def post_fork(self):
        if self.has("post_fork"):
            self._call("post_fork", *self._arguments())

    def post_worker_init(self, app):
        if not self._configuration.functions:
            return
        worker = self._arguments()[1]
        worker.has_loaded(app)
        if self.has("post_worker_init"):
            self._call("post_worker_init", worker)
        worker.booted = True

    # --- these do not ---
    def worker_int(self):
        self._try("worker_int", lambda: self._arguments()[1:])

    def worker_abort(self):
        self._try("worker_abort", lambda: self._arguments()[1:])

    def worker_exit(self):
        self._try("worker_exit", self._arguments)

    def of_requests(self):
        """(begin, end) for the extension, or (None, None)."""
        if not self.has("pre_request") and not self.has("post_request"):
            return None, None
        from gserve.request_hooks import RequestHooks  # only where it is used
        hooks = RequestHooks(self._configuration.functions, self._arguments()[1], self._process.log)
        return hooks.begin, hooks.end

    def _arguments(self):
        if self._objects is None:
            from gserve.hook_objects import OwnWorker, Server  # only where there are hooks
            settings, log = self._process.launch.settings, self._process.log
            server = Server(settings, log.logger or log)
            age = (settings.get("launch") or {}).get("age") or 0
            self._objects = server, OwnWorker(server, age, self._count, self._process.notifier.wants_to_leave)
        return self._objects

    def _count(self):
        """gunicorn's worker.nr: the requests so far, with those that run."""
        scoreboard = self._process.launch.fd("scoreboard")
        return sum(REQUESTS.unpack(os.pread(scoreboard, REQUESTS.size, 0))) if scoreboard >= 0 else 0

    def _call(self, name, *arguments):
        self._configuration.functions[name](*arguments)

    def _try(self, name, arguments):
        if not self.has(name):
            return
        try:
            self._call(name, *arguments())
        except Exception as error:
            self._process.log.exception(f"Exception in {name} hook", error)
