# SPDX-License-Identifier: MIT
"""The loggers gunicorn.error and gunicorn.access in the application's process, and the Logger class with the interface of
gunicorn's own, from which classes for the setting logger_class derive.

Imported as late as possible and before the application: whoever patches the standard library (gevent) comes first.
"""
import base64
import binascii
import json
import logging
import os
import threading
import time

from gserve.log import ConfigurationError

ERROR_LOGGER = "gunicorn.error"
ACCESS_LOGGER = "gunicorn.access"

# What a configuration of the user's is laid over, key by key, as gunicorn does it.
CONFIG_DEFAULTS = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {name: {"level": "INFO", "handlers": [handler], "propagate": True, "qualname": name}
                for name, handler in ((ERROR_LOGGER, "error_console"), (ACCESS_LOGGER, "console"))},
    "handlers": {name: {"class": "logging.StreamHandler", "formatter": "generic", "stream": f"ext://sys.{stream}"}
                 for name, stream in (("console", "stdout"), ("error_console", "stderr"))},
    "formatters": {"generic": {"class": "logging.Formatter", "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
                               "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"}},
}


class LineFormatter(logging.Formatter):
    """A Formatter whose lines have `form`, a LineForm, and otherwise look as `fmt` says."""

    def __init__(self, fmt, datefmt, form):
        super().__init__(fmt, datefmt)
        self._form = form
        self._message = logging.Formatter()

    def format(self, record):
        level = record.levelname.lower()
        if not self._form.json:
            return self._form.marked(level, super().format(record))
        message = self._message.format(record)
        return self._form.marked(level, self._form.object(level, message, record.created, record.process))


class SyslogHandler(logging.Handler):
    """Sends to a syslog server what SysLogHandler would, but never waits for it. `sender`: a _gserve.Syslog; `report`
    is told of lines that were lost."""

    SEVERITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))  # syslog(3)

    def __init__(self, sender, report):
        super().__init__()
        self._sender = sender
        self._report = report

    def emit(self, record):
        try:
            severity = next((number for level, number in self.SEVERITIES if record.levelno >= level), 7)
            lost = self._sender.send(severity, self.format(record).encode("utf-8", "backslashreplace"))
            if lost:
                self._report(lost)
        except Exception:
            self.handleError(record)

    def flush(self):
        self._sender.flush()


class SafeAtoms(dict):
    """The atoms of an access log line: names in braces in any case, "-" for what is not there, quotes escaped."""

    def __init__(self, atoms):
        super().__init__((name, value.replace('"', '\\"') if isinstance(value, str) else value)
                         for name, value in atoms.items())

    def __getitem__(self, name):
        return self.get(name.lower() if name.startswith("{") else name, "-")


class Logger:
    """gunicorn's interface to logging. `cfg`: the settings as attributes, and besides them `error_stream` and
    `access_stream`, the text streams of the error log and of the access log (None: off), `line_form`,
    and `syslog_handler(name)`, which makes one."""

    LOG_LEVELS = {"critical": logging.CRITICAL, "error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO,
                  "debug": logging.DEBUG}
    loglevel = logging.INFO
    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
    datefmt = "[%Y-%m-%d %H:%M:%S %z]"
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class = SafeAtoms

    def __init__(self, cfg):
        self.error_log = logging.getLogger(ERROR_LOGGER)
        self.access_log = logging.getLogger(ACCESS_LOGGER)
        for log in (self.error_log, self.access_log):
            log.propagate = False
        self.error_handlers = []
        self.access_handlers = []
        self.logfile = None
        self.lock = threading.Lock()
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg):
        self.cfg = cfg
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        for log in (self.error_log, self.access_log):
            for handler in [each for each in log.handlers if getattr(each, "of_gserve", False)]:
                log.removeHandler(handler)
        formatter = LineFormatter(self.error_fmt, self.datefmt, cfg.line_form)
        self._add_handler(self.error_log, cfg.error_stream, formatter)
        if cfg.access_stream is not None:
            self._add_handler(self.access_log, cfg.access_stream, logging.Formatter(self.access_fmt))
        if cfg.syslog:
            self._add_syslog(self.error_log, "error")
            if not cfg.disable_redirect_access_to_syslog:
                self._add_syslog(self.access_log, "access")
        configure(cfg)

    def _add_handler(self, log, stream, formatter):
        self._add(log, logging.StreamHandler(stream), formatter)

    def _add_syslog(self, log, name):
        self._add(log, self.cfg.syslog_handler(name), logging.Formatter(self.syslog_fmt))

    @staticmethod
    def _add(log, handler, formatter):
        handler.of_gserve = True
        handler.setFormatter(formatter)
        log.addHandler(handler)

    def critical(self, msg, *args, **kwargs):
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg, *args, **kwargs):
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg, *args, **kwargs):
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg, *args, **kwargs):
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg, *args, **kwargs):
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg, *args, **kwargs):
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl, msg, *args, **kwargs):
        if isinstance(lvl, str):
            lvl = self.LOG_LEVELS.get(lvl.lower(), logging.INFO)
        self.error_log.log(lvl, msg, *args, **kwargs)

    @property
    def access_log_enabled(self):
        cfg = self.cfg
        return bool(cfg.accesslog or is_configured(cfg) or (cfg.syslog and not cfg.disable_redirect_access_to_syslog))

    def access(self, resp, req, environ, request_time):
        """Logs one answered request; the arguments are those of access_records.py."""
        if not self.access_log_enabled:
            return
        atoms = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        self.access_log.info(self.cfg.access_log_format, atoms)

    def atoms(self, resp, req, environ, request_time):
        """What access_log_format can name."""
        microseconds = request_time.days * 86_400_000_000 + request_time.seconds * 1_000_000 + request_time.microseconds
        line = (environ["REQUEST_METHOD"], environ["RAW_URI"], environ["SERVER_PROTOCOL"])
        sent = getattr(resp, "sent", None)
        atoms = {
            "h": environ.get("REMOTE_ADDR") or "-", "l": "-", "u": self._get_user(environ) or "-", "t": self.now(),
            "r": " ".join(line), "m": line[0], "U": environ.get("PATH_INFO"), "q": environ.get("QUERY_STRING"),
            "H": line[2], "s": str(resp.status).split(None, 1)[0], "b": "-" if sent is None else str(sent), "B": sent,
            "f": environ.get("HTTP_REFERER", "-"), "a": environ.get("HTTP_USER_AGENT", "-"),
            "T": microseconds // 1_000_000, "M": microseconds // 1000, "D": microseconds,
            "L": f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06}", "p": f"<{os.getpid()}>",
        }
        atoms.update((f"{{{name.lower()}}}i", value) for name, value in _pairs(getattr(req, "headers", req)))
        atoms.update((f"{{{name.lower()}}}o", value) for name, value in _pairs(resp.headers))
        atoms.update((f"{{{name.lower()}}}e", value) for name, value in environ.items())
        return atoms

    def now(self):
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    def reopen_files(self):
        """Opens the files of all handlers again, after log rotation. (The error and access log of the server itself
        are reopened by the supervisor.)"""
        for handler in file_handlers():
            handler.acquire()
            try:
                if handler.stream:
                    handler.close()
                    handler.stream = handler._open()
            finally:
                handler.release()

    def close_on_exec(self):
        """Nothing to do: Python's descriptors are not inherited."""

    def _get_user(self, environ):
        scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(credentials.strip()).split(b":", 1)[0].decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            self.debug("Couldn't get username: %s", error)
            return None


def _pairs(headers):
    return headers.items() if hasattr(headers, "items") else headers


def file_handlers():
    loggers = [logging.root, *(log for log in list(logging.root.manager.loggerDict.values())
                               if isinstance(log, logging.Logger))]
    return {handler for log in loggers for handler in log.handlers if isinstance(handler, logging.FileHandler)}


def is_configured(cfg):
    """Whether the user has configured Python's logging."""
    return bool(cfg.logconfig_dict or cfg.logconfig_json or cfg.logconfig)


def configure(cfg):
    """As logconfig_dict, else logconfig_json, else logconfig says. Raises ConfigurationError."""
    for name, use in (("logconfig_dict", _use_dict), ("logconfig_json", _use_json), ("logconfig", _use_ini)):
        value = getattr(cfg, name)
        if value:
            try:
                return use(value)
            except Exception as error:
                raise ConfigurationError(f"Cannot set up logging as the setting {name} says: {_reason(error)}") from error


def _reason(error):
    """dictConfig's own message says where, its cause why."""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"


def _use_dict(value):
    from logging.config import dictConfig
    dictConfig({**CONFIG_DEFAULTS, **(json.loads(value) if isinstance(value, str) else value)})


def _use_json(path):
    with open(path, encoding="utf-8") as file:
        _use_dict(json.load(file))


def _use_ini(path):
    from logging.config import fileConfig
    if not os.path.exists(path):  # fileConfig would miss a section
        raise FileNotFoundError(f"no such file: {path}")
    fileConfig(path, defaults={"__file__": path, "here": os.path.dirname(path)}, disable_existing_loggers=False)
