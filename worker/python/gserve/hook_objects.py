# SPDX-License-Identifier: MIT
"""What hooks are called with: stand-ins for gunicorn's Arbiter, Worker and Config, with the attributes that
configurations use. (request_hooks.py has those for Request and Response.)"""
import os
import types

from gserve.logging_setup import DEFAULTS

NOBODY = "[booting]"  # gunicorn's pid of a worker that is not there yet


class Config:
    """The settings as attributes, those that workers do not use included."""

    def __init__(self, settings):
        values = {**DEFAULTS, **(settings.get("supervisor_settings") or {}), **settings}
        for own in ("supervisor_settings", "launch"):
            values.pop(own, None)
        self.settings = {name: types.SimpleNamespace(name=name, value=value, get=lambda value=value: value)
                         for name, value in values.items()}
        vars(self).update(values)

    @property
    def address(self):
        return [address_of(text) for text in getattr(self, "bind", None) or []]

    @property
    def env(self):
        return dict(text.split("=", 1) for text in getattr(self, "raw_env", None) or [] if "=" in text)

    @property
    def is_ssl(self):
        return bool(getattr(self, "certfile", None) or getattr(self, "keyfile", None))

    @property
    def uid(self):
        return os.geteuid()

    @property
    def gid(self):
        return os.getegid()

    @property
    def worker_class_str(self):
        threaded = self.worker_class == "sync" and (getattr(self, "threads", 1) or 1) > 1
        return "gthread" if threaded else self.worker_class


def address_of(text):
    """As in gunicorn: (host, port), the path of a Unix socket, or the number of a descriptor."""
    for prefix in ("unix://", "unix:"):
        if text.startswith(prefix):
            return text[len(prefix):]
    if text.startswith("fd://"):
        return int(text[len("fd://"):])
    host, _, port = text.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


class Server:
    """The supervisor, as gunicorn's Arbiter."""

    master_name = "Master"
    master_pid = 0
    reexec_pid = 0

    def __init__(self, settings, log):
        launch = settings.get("launch") or {}
        self.cfg = Config(settings)
        self.log = log
        self.pid = launch.get("supervisor") or os.getppid()
        self.num_workers = settings.get("workers") or 1
        self.worker_age = launch.get("age") or 0
        self.timeout = settings.get("timeout")
        self.proc_name = settings.get("proc_name")
        self.address = self.cfg.address
        self.systemd = bool(os.environ.get("INVOCATION_ID"))
        self.app = None
        self.WORKERS = {}
        self.LISTENERS = []


class OtherWorker:
    """A worker, seen from outside."""

    def __init__(self, server, pid, age):
        self.pid = pid
        self.age = age
        self.ppid = server.pid
        self.cfg = server.cfg
        self.log = server.log
        self.timeout = (server.timeout or 0) / 2
        self.booted = False
        self.aborted = False
        self.alive = True
        self.nr = 0
        self.app = server.app
        self.sockets = server.LISTENERS

    def __str__(self):
        return f"<Worker {self.pid}>"


class OwnWorker(OtherWorker):
    """The worker of this process. `count()`: its requests so far; `retire()`: called when a hook sets
    `alive` to False, which in gunicorn, too, makes the worker leave."""

    def __init__(self, server, age, count, retire):
        self._count = count
        self._retire = None
        super().__init__(server, os.getpid(), age)
        self._retire = retire
        self.wsgi = None

    def has_loaded(self, app):
        self.wsgi = app
        self.app = types.SimpleNamespace(wsgi=lambda: app, callable=app, cfg=self.cfg)

    @property
    def nr(self):
        return self._count()

    @nr.setter
    def nr(self, value):
        """The count is the server's."""

    @property
    def alive(self):
        return self._alive

    @alive.setter
    def alive(self, value):
        self._alive = value
        if not value and self._retire:
            self._retire()
