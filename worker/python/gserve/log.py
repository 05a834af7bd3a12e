# SPDX-License-Identifier: MIT
"""The error log. Lines look like gunicorn's; each record is one write, so that records of workers do not mix."""
import io
import os
import time
import traceback

STDERR = 2
LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}


class LogFile:
    """Where the error log goes. A forked child of the application lets go of the server's descriptor and uses its
    standard error."""

    def __init__(self, fd):
        self.fd = fd if fd >= 0 else STDERR

    def write(self, text):
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self.fd, data):]
        except OSError:
            pass  # a full disk or a closed pipe must not take the application down


class ErrorLog:
    def __init__(self, file, level):
        self.file = file
        self.level = LEVELS.get(level.lower(), LEVELS["info"])

    def record(self, level, message):
        if LEVELS[level] < self.level:
            return
        now = time.strftime("%Y-%m-%d %H:%M:%S %z")
        self.file.write(f"[{now}] [{os.getpid()}] [{level.upper()}] {message}\n")

    def debug(self, message):
        self.record("debug", message)

    def info(self, message):
        self.record("info", message)

    def warning(self, message):
        self.record("warning", message)

    def error(self, message):
        self.record("error", message)

    def exception(self, message, error):
        self.record("error", f"{message}\n{format_exception(error)}")


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
