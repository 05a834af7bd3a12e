# SPDX-License-Identifier: MIT
"""The health check of a new worker: one GET to its application, made in the process itself (PEP 3333)."""
import contextlib
import io
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.util import setup_testing_defaults

SHOWN = 1000  # bytes of an unhealthy answer's body


class Unhealthy(Exception):
    """The application answers, but not that it is well."""


class Answer:
    """What the application says through start_response, write and its iterable."""

    def __init__(self):
        self.status = ""
        self.shown = b""

    def start(self, status, headers, exc_info=None):
        self.status = status
        return self.add

    def add(self, data):
        self.shown += data[:SHOWN - len(self.shown)]

    def is_good(self):
        return self.status[:1] in ("2", "3")


def check(app, target, errors):
    """Asks `app` for `target`, a path or http://HOST/PATH. Raises Unhealthy unless the answer is 2xx or 3xx, and whatever
    the application raises."""
    answer = Answer()
    result = app(environ_for(target, errors), answer.start)
    with contextlib.closing(result) if hasattr(result, "close") else contextlib.nullcontext():
        for data in result:
            answer.add(data)
    if not answer.is_good():
        body = answer.shown.decode("utf-8", "replace").strip()
        raise Unhealthy(f"Health check failed: GET {target} was answered with {answer.status or 'nothing'}, wanted 2xx or "
                        f"3xx" + (f"\n{body}" if body else ""))


def environ_for(target, errors):
    url = urlsplit(target)
    environ = {
        "HTTP_USER_AGENT": "gserve-health-check", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"), "QUERY_STRING": url.query,
        "wsgi.errors": errors, "wsgi.input": io.BytesIO(), "wsgi.multiprocess": True,
    }
    if url.netloc:
        environ["HTTP_HOST"] = url.netloc
        environ["SERVER_NAME"] = url.hostname
        environ["SERVER_PORT"] = str(url.port or 80)
    setup_testing_defaults(environ)
    return environ
