# SPDX-License-Identifier: MIT
"""The error log. Lines look like gunicorn's; each record is one write, so that records of workers do not mix."""
import io
import json
import os
import threading
import time
import traceback

STDERR = 2
STANDARD_STREAMS = (1, 2)
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # syslog(3)
LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}


class ConfigurationError(Exception):
    """A logging configuration that cannot be used; the text says which and why."""


class LogFile:
    """Where a log goes. A forked child of the application lets go of the server's descriptor and uses its standard
    error."""

    def __init__(self, fd=-1):
        self.companions = []  # what else a forked child has to let go of: functions, which may be called twice
        self.point(fd)

    def point(self, fd):
        self.fd = fd if fd >= 0 else STDERR

    def write(self, text):
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self.fd, data):]
        except OSError:
            pass  # a full disk or a closed pipe must not take the application down

    def let_go(self):
        self.fd = STDERR
        for close in self.companions:
            close()


class LineForm:
    """How a line of the error log looks. `json`: an object each (docs/logging.md). `priority`: with `<N>` in front, which
    the journal takes for its priority (sd-daemon(3))."""

    def __init__(self, json=False, priority=False, generation=0):
        self.json = json
        self.priority = priority
        self.generation = generation

    def text(self, level, message, seconds):
        """What stands for `message`, which was said at `seconds` since the epoch, without a newline at the end."""
        pid = os.getpid()
        if self.json:
            return self.marked(level, self.object(level, message, seconds, pid))
        stamp = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))
        return self.marked(level, f"[{stamp}] [{pid}] [{level.upper()}] {message}")

    def object(self, level, message, seconds, pid):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03}Z"
        return json.dumps({"time": stamp, "level": level, "pid": pid, "message": message, "worker": pid,
                           "generation": self.generation}, ensure_ascii=False, separators=(",", ":"))

    def marked(self, level, text):
        """The journal cuts what it reads into lines, each of which has its own priority."""
        if not self.priority:
            return text
        mark = f"<{PRIORITIES.get(level, 6)}>"
        return mark + text.replace("\n", "\n" + mark)


def is_journal(fd):
    """Whether `fd` is the stream that systemd has given the service (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        status = os.fstat(fd)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def generation(launch):
    return (launch.settings.get("launch") or {}).get("generation", 0)


def open_error_log(launch):
    """The ErrorLog of a process that was started with `launch`."""
    get = launch.settings.get
    file = LogFile(launch.fd("errorlog"))
    form = LineForm(get("log_format") == "json", is_journal(file.fd), generation(launch))
    captures = bool(get("capture_output")) and get("errorlog") not in (None, "-")
    return ErrorLog(file, get("loglevel") or "info", form, captures)


class ErrorLog:
    """What the process itself has to say. It goes straight to `file` until the logging package is set up; from then on
    through `logger`, which has the interface of gunicorn's Logger (glogging.py) and is what hooks see."""

    def __init__(self, file, level, form=LineForm(), captures_output=False):
        """`captures_output`: the standard streams are the error log, too."""
        self.file = file
        self.form = form
        self.access_file = None  # of those who log to gunicorn.access by themselves
        self.captures_output = captures_output
        self.level = LEVELS.get(level.lower(), LEVELS["info"])
        self.logger = None

    def passed_on(self, launch):
        """In a worker that a template has forked: the same log, loggers and handlers that the application may have
        kept included, with this launch's descriptor."""
        self.file.point(launch.fd("errorlog"))
        self.form.generation = generation(launch)
        if self.access_file:
            self.access_file.point(launch.fd("accesslog"))
        return self

    def debug(self, message):
        self._say("debug", message)

    def info(self, message):
        self._say("info", message)

    def warning(self, message):
        self._say("warning", message)

    def error(self, message):
        self._say("error", message)

    def exception(self, message, error):
        if not self._hand_on("exception", message, exc_info=error):
            self.write("error", f"{message}\n{format_exception(error)}")

    def reopened(self, fd):
        """The log goes to `fd` from now on, after log rotation; borrowed. Numbers of descriptors stay."""
        os.dup2(fd, self.file.fd, inheritable=self.file.fd <= STDERR)
        for stream in STANDARD_STREAMS if self.captures_output else ():
            os.dup2(fd, stream)
        self.reopen_files()

    def reopen_files(self):
        """After log rotation: the files that loggers of this process have opened by themselves. On a thread, for it
        waits for their locks, and this is called in a signal's handler."""
        if self.logger is not None:
            threading.Thread(target=self._reopen_files, name="gserve-reopen", daemon=True).start()

    def _reopen_files(self):
        try:
            self.logger.reopen_files()
        except Exception as error:
            self.exception("Cannot reopen the files of the loggers", error)

    def _say(self, level, message):
        if not self._hand_on(level, message):
            self.write(level, message)

    def _hand_on(self, method, message, **kwargs):
        """False when there is no logger that takes it. An application that configures logging may have disabled the one
        there was; that must not cost the server's lines."""
        logger = self.logger
        if logger is None or getattr(getattr(logger, "error_log", None), "disabled", False):
            return False
        try:
            getattr(logger, method)(message, **kwargs)
            return True
        except Exception as failure:
            self.write("error", f"The logger has failed\n{format_exception(failure)}")
            return False

    def write(self, level, message):
        """Straight to the file."""
        if LEVELS[level] < self.level:
            return
        self.file.write(self.form.text(level, message, time.time()) + "\n")


def format_exception(error):
    return "".join(traceback.format_exception(error)).rstrip("\n")


class ErrorStream(io.TextIOBase):
    """wsgi.errors: what the application writes, unbuffered."""

    def __init__(self, file):
        self._file = file

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        self._file.write(text)
        return len(text)
