# SPDX-License-Identifier: MIT
"""Development (--reload): notices that a file of the application has changed, and tells the supervisor, which reloads.

What is watched: the files of all imported modules, those of `reload_extra_files` (patterns as of glob, ** included),
and, where the application could not be loaded, the files that its traceback names.

What has changed is found by comparing stamps (modification time and size); the engines differ only in when it is looked:
inotify(7) tells at once, polling looks four times a second.
"""
import contextlib
import glob
import importlib.util
import os
import sys

# The watcher is a real thread, which waits outside the hub.
from gserve.native import POLLIN, poll, sleep, start_new_thread

POLL_INTERVAL = 0.25  # seconds
DISCOVERY_INTERVAL = 1.0  # seconds; how soon a module is watched that is imported later
SETTLE_MS = 20  # editors write in several steps

IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE = 0x8, 0x40, 0x80, 0x200
CHANGES = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE
GONE = "gone"


class CodeWatch:
    """`report(path, stamp)` is called on the watcher's own thread, once for each change."""

    def __init__(self, settings, report, log, failure=None):
        """`failure`: why the application could not be loaded (an exception), if so."""
        self.patterns = [os.path.abspath(pattern) for pattern in settings.get("reload_extra_files") or []]
        self.blamed = blamed_files(failure) if failure else set()
        if failure:  # a module that is missing may be about to be written
            self.patterns += [os.path.join(glob.escape(folder), "*.py") for folder in {os.getcwd(), *map(os.path.dirname,
                                                                                                     self.blamed)}]
        self.report = report
        self.log = log
        self.stamps = {}
        self.engine = self.make_engine(settings.get("reload_engine") or "auto")

    def make_engine(self, name):
        if name == "poll":
            return Polling()
        try:
            return Inotify()
        except OSError as error:
            self.log.warning(f"Cannot watch files with inotify: {error.strerror}; looking at them every {POLL_INTERVAL} s")
            return Polling()

    def start(self):
        """From here on every change is noticed."""
        self.discover()
        start_new_thread(self.run, ())

    def run(self):
        while True:
            try:
                self.engine.wait()
                changes = self.changes()
            except OSError:
                return  # the process ends, and has closed the descriptor
            for path, stamp in changes:
                forget_bytecode(path)
                self.report(path, stamp)

    def discover(self):
        """Watches what was not watched so far. Returns those of it that a pattern fits."""
        matching = {path for pattern in self.patterns for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)}
        found = {*module_files(), *self.blamed, *matching} - self.stamps.keys()
        for path in found:
            self.stamps[path] = stamp_of(path)
        self.engine.watch({os.path.dirname(path) for path in [*found, *self.patterns]})
        return found & matching

    def changes(self):
        """(path, stamp) of each file that is not what it was. One that a pattern fits counts when it appears, too."""
        before = list(self.stamps.items())
        found = [(path, self.stamps[path]) for path in self.discover()]
        for path, old in before:
            new = stamp_of(path)
            if new != old:
                self.stamps[path] = new
                found.append((path, new))
        return found


class Polling:
    fd = -1

    def watch(self, folders):
        pass

    def wait(self):
        sleep(POLL_INTERVAL)


class Inotify:
    """Watches folders, not files: editors put a new file in the old one's place."""

    def __init__(self):
        import ctypes  # only development pays for it
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._errno = ctypes.get_errno
        self.fd = self._check(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._poll = poll()
        self._poll.register(self.fd, POLLIN)
        self._watched = set()

    def _check(self, result):
        if result < 0:
            raise OSError(self._errno(), os.strerror(self._errno()))
        return result

    def watch(self, folders):
        for folder in folders - self._watched:
            self._watched.add(folder)
            # A folder that cannot be watched is looked at with all others, once in DISCOVERY_INTERVAL.
            self._libc.inotify_add_watch(self.fd, os.fsencode(folder), CHANGES)

    def wait(self):
        """Until something has changed and nothing more does, or DISCOVERY_INTERVAL has passed."""
        timeout = DISCOVERY_INTERVAL * 1000
        while self._poll.poll(timeout):
            os.read(self.fd, 65536)
            timeout = SETTLE_MS


def module_files():
    """The source files of what is imported."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.isabs(path):
            yield path[:-1] if path.endswith(".pyc") else path


def forget_bytecode(path):
    """Python takes a file of the same size, saved in the same second, for the one that it has compiled."""
    if path.endswith(".py"):
        with contextlib.suppress(OSError, NotImplementedError):
            os.unlink(importlib.util.cache_from_source(path))


def stamp_of(path):
    """A word that tells this version of the file from others, the same in every process."""
    try:
        status = os.stat(path)
    except OSError:
        return GONE
    return f"{status.st_mtime_ns}-{status.st_size}"


def blamed_files(failure):
    """The files that the traceback of `failure`, and of what it came from, names."""
    files = set()
    while failure is not None:
        if isinstance(failure, SyntaxError) and failure.filename:
            files.add(failure.filename)
        trace = failure.__traceback__
        while trace is not None:
            files.add(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        failure = failure.__cause__ or failure.__context__
    return {path for path in files if os.path.isabs(path)}


class FailingApp:
    """The WSGI application that stands in for one that cannot be loaded: its every answer is why."""

    def __init__(self, reason, failure):
        self.reason = reason
        self.failure = failure  # the exception

    def __call__(self, environ, start_response):
        body = self.reason.encode(errors="backslashreplace")
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8"),
                                                     ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [body]
