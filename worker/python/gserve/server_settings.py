# SPDX-License-Identifier: MIT
"""Turns the settings snapshot into what the extension's Server takes."""
import os

from gserve import __version__, _gserve
from gserve.log import ErrorStream
from gserve.patching import is_gevent

SCHEME_HEADERS = {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}
TRUSTED_PROXIES = "127.0.0.1,::1"
FORWARDER_HEADERS = "SCRIPT_NAME,PATH_INFO"


def server_config(launch, log, notifier, signal_wakeup, access_records, sends_metrics, aborts_in_python):
    """Descriptors, limits and times; what is None keeps the server's default."""
    get = launch.settings.get
    return {
        "listeners": launch.listeners,
        "handover_out": launch.fd("handover_out"),
        "handover_in": launch.fd("handover_in"),
        "lifeline": launch.fd("lifeline"),
        "error_log": log.file.fd,
        "access_log": launch.fd("accesslog"),
        "access_records": access_records,
        "capture_output": log.captures_output,
        "scoreboard": launch.fd("scoreboard"),
        "signal_wakeup": signal_wakeup,
        "limit_request_line": get("limit_request_line"),
        "limit_request_fields": get("limit_request_fields"),
        "limit_request_field_size": get("limit_request_field_size"),
        "limit_request_body": get("limit_request_body"),
        "permit_obsolete_folding": get("permit_obsolete_folding"),
        "strip_header_spaces": get("strip_header_spaces"),
        "permit_unconventional_http_method": get("permit_unconventional_http_method"),
        "permit_unconventional_http_version": get("permit_unconventional_http_version"),
        "casefold_http_method": get("casefold_http_method"),
        "proxy_protocol": get("proxy_protocol"),
        "proxy_allow_ips": _items(get("proxy_allow_ips"), ""),
        "keep_alive": get("keepalive"),
        "header_timeout": get("header_timeout"),
        "body_timeout": get("body_timeout"),
        "write_timeout": get("write_timeout"),
        "graceful_timeout": get("graceful_timeout"),
        "max_connections": get("worker_connections"),
        "max_requests": _request_limit(get("max_requests"), get("max_requests_jitter")),
        "notify": notifier.fd,
        "recycle_notice": notifier.message("X_GSERVE_RECYCLE=max_requests"),
        "access_log_format": get("access_log_format"),
        "log_level": log.level,
        "log_json": log.form.json,
        "log_priority": log.form.priority,
        "generation": log.form.generation,
        **_remote_config(launch.settings, sends_metrics),
        "executors": requests_at_once(launch.settings),
        "event_loop": is_gevent(launch.settings),
        "aborts_in_python": aborts_in_python,
        "tmp_dir": get("tmp_upload_dir"),
        "tls": launch.take_tls(),
    }


def syslog_name(settings):
    """What programs' names in syslog begin with."""
    prefix = settings.get("syslog_prefix") or (settings.get("proc_name") or "gserve").replace(":", ".")
    return f"gunicorn.{prefix}"


def _remote_config(settings, sends_metrics):
    """The servers that hear of lines and requests."""
    get = settings.get
    config = {}
    if get("syslog"):
        config |= {"syslog_address": get("syslog_addr"), "syslog_name": syslog_name(settings),
                   "syslog_facility": get("syslog_facility"),
                   "syslog_access": not get("disable_redirect_access_to_syslog")}
    if get("statsd_host") and sends_metrics:
        config |= {"statsd_address": get("statsd_host"), "statsd_prefix": get("statsd_prefix"),
                   "statsd_tags": get("dogstatsd_tags")}
    return config


def is_threaded(settings):
    """More threads make gthread of sync, as in gunicorn."""
    return settings.get("worker_class") == "gthread" or threads(settings) > 1


def threads(settings):
    """How many threads run requests."""
    return 1 if is_gevent(settings) else settings.get("threads") or 1


def requests_at_once(settings):
    """How many requests a worker runs at once."""
    return (settings.get("worker_connections") or 1000) if is_gevent(settings) else threads(settings)


def _request_limit(max_requests, jitter):
    """Spread by chance, so that workers started together do not fall due together. Not by the random module, whose
    state belongs to the application."""
    if not max_requests:
        return 0
    return max_requests + int.from_bytes(os.urandom(8), "big") % ((jitter or 0) + 1)


def environ_config(settings, log_file):
    """What environs are made from: the part that is always the same, and whom to believe about the scheme."""
    script_name = os.environ.get("SCRIPT_NAME", "")
    return {
        "base": {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": ErrorStream(log_file),
            "wsgi.multithread": is_threaded(settings) or is_gevent(settings),
            "wsgi.multiprocess": (settings.get("workers") or 1) > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": _gserve.FileWrapper,
            "wsgi.input_terminated": True,
            "SERVER_SOFTWARE": f"gserve/{__version__}",
            "SCRIPT_NAME": script_name,
        },
        "script_name": script_name,
        "secure_scheme_headers": _scheme_headers(settings.get("secure_scheme_headers")),
        "forwarder_headers": [name.upper() for name in _items(settings.get("forwarder_headers"), FORWARDER_HEADERS)],
        "header_map": settings.get("header_map") or "drop",
        "forwarded_allow_ips": _items(settings.get("forwarded_allow_ips"),
                                      os.environ.get("FORWARDED_ALLOW_IPS", TRUSTED_PROXIES)),
    }


def _scheme_headers(setting):
    return SCHEME_HEADERS if setting is None else {name.upper(): value for name, value in setting.items()}


def _items(setting, default):
    """A list, or what is separated by commas."""
    if setting is None:
        setting = default
    if isinstance(setting, str):
        setting = setting.split(",")
    return [item.strip() for item in setting if item.strip()]
