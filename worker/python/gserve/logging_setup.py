# SPDX-License-Identifier: MIT
"""Sets up Python's logging in a worker or template, before the application is imported: it may look at the handlers of
gunicorn.error and share them."""
import importlib
import importlib.util
import os
import sys
import types

from gserve import glogging
from gserve.log import ConfigurationError, ErrorStream, LogFile

DEFAULT_CLASSES = (None, "", "simple", "gunicorn.glogging.Logger")
# What a logger asks of its configuration, where the snapshot does not have it.
DEFAULTS = {"loglevel": "info", "errorlog": "-", "accesslog": None, "logconfig": None, "logconfig_dict": None,
            "logconfig_json": None, "capture_output": False, "syslog": False, "syslog_addr": "udp://localhost:514",
            "syslog_prefix": None, "syslog_facility": "user", "disable_redirect_access_to_syslog": False,
            "statsd_host": None, "statsd_prefix": "", "dogstatsd_tags": "", "proc_name": "gserve",
            "access_log_format": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'}


def set_up(log, launch):
    """Makes the logger that the settings ask for; `log`, an ErrorLog, goes through it from now on. Once for each process
    that loads the application. Raises ConfigurationError, or whatever the user's class raises."""
    settings = launch.settings
    cfg = types.SimpleNamespace(**{**DEFAULTS, "user": os.geteuid(), "group": os.getegid(), **settings})
    cfg.error_stream = ErrorStream(log.file)
    cfg.access_stream = None
    if cfg.accesslog:
        log.access_file = LogFile(launch.fd("accesslog"))
        log.file.companions.append(log.access_file.let_go)
        cfg.access_stream = ErrorStream(log.access_file)
    if settings.get("logger_class") not in DEFAULT_CLASSES or glogging.is_configured(cfg):
        stand_in_for_gunicorn()
    log.logger = logger_class(settings.get("logger_class"))(cfg)


def logger_class(name):
    if name in DEFAULT_CLASSES:
        return glogging.Logger
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"Cannot import the logger_class {name!r}: {error}") from error
    if hasattr(found, "install"):
        found.install()
    return found


def wants_access(logger):
    """Whether answered requests are to be told to `logger` rather than written by the I/O thread."""
    if type(logger) is glogging.Logger:
        return glogging.is_configured(logger.cfg)
    access = getattr(type(logger), "access", None)
    inherited = getattr(access, "__module__", None) in ("gserve.glogging", "gunicorn.glogging")
    return access is not None and (not inherited or logger.access_log_enabled)


def stand_in_for_gunicorn():
    """Logger classes, formatters and filters of users derive from what is in gunicorn.glogging. Where gunicorn is
    not installed, our module goes by that name."""
    if "gunicorn" in sys.modules or importlib.util.find_spec("gunicorn") is not None:
        return
    package = types.ModuleType("gunicorn")
    package.__path__ = []
    package.glogging = glogging
    sys.modules["gunicorn"] = package
    sys.modules["gunicorn.glogging"] = glogging
