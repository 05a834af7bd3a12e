# SPDX-License-Identifier: MIT
"""Sets up Python's logging in a worker or template, before the application is imported: it may look at the handlers of
gunicorn.error and share them."""
import importlib
import importlib.util
import os
import sys
import types

from gserve import _gserve, glogging
from gserve.log import ConfigurationError, ErrorStream, LogFile
from gserve.server_settings import syslog_name

DEFAULT_CLASSES = (None, "", "simple", "gunicorn.glogging.Logger")
STATSD_CLASS = "gunicorn.instrument.statsd.Statsd"
# What a logger asks of its configuration, where the snapshot does not have it.
DEFAULTS = {"loglevel": "info", "errorlog": "-", "accesslog": None, "logconfig": None, "logconfig_dict": None,
            "logconfig_json": None, "capture_output": False, "syslog": False, "syslog_addr": "udp://localhost:514",
            "syslog_prefix": None, "syslog_facility": "user", "disable_redirect_access_to_syslog": False,
            "statsd_host": None, "statsd_prefix": "", "dogstatsd_tags": "", "proc_name": "gserve",
            "access_log_format": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'}


def set_up(log, launch, objects):
    """Makes the logger that the settings ask for; `log`, an ErrorLog, goes through it from now on. `objects`: settings that
    the snapshot cannot hold. Once for each process that loads the application. Raises ConfigurationError, or whatever the user's class raises."""
    settings = {**launch.settings, **objects}
    cfg = types.SimpleNamespace(**{**DEFAULTS, "user": os.geteuid(), "group": os.getegid(), **settings})
    cfg.error_stream = ErrorStream(log.file)
    cfg.line_form = log.form
    cfg.access_stream = None
    if cfg.accesslog:
        log.access_file = LogFile(launch.fd("accesslog"))
        log.file.companions.append(log.access_file.let_go)
        cfg.access_stream = ErrorStream(log.access_file)
    cfg.syslog_handler = lambda name: syslog_handler(cfg, log, name)
    if settings.get("logger_class") not in DEFAULT_CLASSES or glogging.is_configured(cfg):
        stand_in_for_gunicorn()
    log.logger = logger_class(settings.get("logger_class"), cfg)(cfg)
    if hasattr(log.logger, "close_in_child"):
        log.file.companions.append(log.logger.close_in_child)


def syslog_handler(cfg, log, name):
    """With a connection to the syslog server of its own, under the name of this log."""
    sender = _gserve.Syslog(cfg.syslog_addr, cfg.syslog_facility, f"{syslog_name(vars(cfg))}.{name}")
    log.file.companions.append(sender.let_go)
    return glogging.SyslogHandler(sender, lambda text: log.write("warning", text))


def logger_class(name, cfg):
    """As in gunicorn, the default class counts for statsd where that is set. `name` may be a class, too."""
    if isinstance(name, type):
        return installed(name)
    if name in DEFAULT_CLASSES and not cfg.statsd_host:
        return glogging.Logger
    if name in (*DEFAULT_CLASSES, STATSD_CLASS):
        from gserve import statsd
        return statsd.Statsd
    module, _, attribute = name.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"Cannot import the logger_class {name!r}: {error}") from error
    return installed(found)


def installed(found):
    if hasattr(found, "install"):
        found.install()
    return found


def wants_access(logger):
    """Whether answered requests are to be told to `logger` rather than written by the I/O thread."""
    if type(logger).__module__ in ("gserve.glogging", "gserve.statsd"):
        return glogging.is_configured(logger.cfg)
    access = getattr(type(logger), "access", None)
    inherited = getattr(access, "__module__", None) in ("gserve.glogging", "gunicorn.glogging")
    return access is not None and (not inherited or logger.access_log_enabled)


def counts_requests(logger):
    """Whether the logger is gunicorn's own Statsd, which sends the metrics of requests by itself."""
    return any((kind.__module__, kind.__name__) == ("gunicorn.instrument.statsd", "Statsd") for kind in type(logger).__mro__)


def stand_in_for_gunicorn():
    """Logger classes, formatters and filters of users derive from what is in gunicorn.glogging. Where gunicorn is
    not installed, our module goes by that name."""
    if "gunicorn" in sys.modules or importlib.util.find_spec("gunicorn") is not None:
        return
    from gserve import statsd
    package = types.ModuleType("gunicorn")
    package.__path__ = []
    package.glogging = glogging
    sys.modules["gunicorn"] = package
    package.instrument = types.ModuleType("gunicorn.instrument")
    package.instrument.__path__ = []
    package.instrument.statsd = statsd
    sys.modules["gunicorn.glogging"] = glogging
    sys.modules["gunicorn.instrument"] = package.instrument
    sys.modules["gunicorn.instrument.statsd"] = statsd
