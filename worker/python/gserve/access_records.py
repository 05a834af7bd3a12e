# SPDX-License-Identifier: MIT
"""Tells Python's logging of answered requests. The I/O thread writes a record of each (worker/net/access_record.h) to a
socket and never waits: what does not fit is lost, counted and told in the error log. A thread reads them here; under
gevent, which has patched socket and threading by then, a greenlet."""
import datetime
import http
import json
import socket
import threading
import time
from urllib.parse import unquote_to_bytes

CHUNK = 256 * 1024
TELL_EVERY = 10  # seconds
PATIENCE = 5  # seconds that the last records have to be logged


class Request:
    """What of gunicorn's request a logger looks at."""

    def __init__(self, record):
        self.method = record["m"]
        self.uri = record["target"]
        self.path = record["U"]
        self.query = record["q"]
        self.fragment = ""
        self.version = (1, 0) if record["H"] == "HTTP/1.0" else (1, 1)
        self.headers = [(name.upper(), value) for name, value in record["i"]]
        self.remote_addr = (record["h"], record["port"])
        self.peer_addr = self.remote_addr


class Response:
    """What of gunicorn's response a logger looks at."""

    def __init__(self, record, request):
        code = record["s"]
        try:
            phrase = http.HTTPStatus(code).phrase
        except ValueError:
            phrase = ""
        self.req = request
        self.status_code = code
        self.status = f"{code} {phrase}".rstrip()
        self.headers = [tuple(field) for field in record["o"]]
        self.sent = record["b"]
        self.response_length = record["b"]


def environ_of(record):
    """The part of the environ that the request itself determines."""
    environ = {
        "REQUEST_METHOD": record["m"], "RAW_URI": record["target"], "SERVER_PROTOCOL": record["H"],
        "PATH_INFO": unquote_to_bytes(record["U"].encode("latin-1")).decode("latin-1"), "QUERY_STRING": record["q"],
        "REMOTE_ADDR": record["h"], "REMOTE_PORT": record["port"],
    }
    for name, value in record["i"]:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


class AccessRecords:
    """`fd` is where the I/O thread writes. Ends with close(), when all that was written has been logged."""

    def __init__(self, log):
        """`log`: the ErrorLog, whose logger gets the records."""
        self._log = log
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._failures = 0
        self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="gserve-access-log", daemon=True)
        log.file.companions.append(self._let_go)
        self._thread.start()

    @property
    def fd(self):
        return self._writer.fileno()

    def close(self):
        """After the I/O thread has ended."""
        self._writer.close()
        self._thread.join(PATIENCE)
        self._log.file.companions.remove(self._let_go)
        if self._thread.is_alive():
            self._log.error(f"The logger has not taken the last records of the access log within {PATIENCE} s")
        else:
            self._reader.close()

    def _let_go(self):
        """In a forked child."""
        for end in (self._reader, self._writer):
            try:
                end.close()
            except OSError:
                pass  # the extension has closed it

    def _run(self):
        rest = b""
        while chunk := self._reader.recv(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._tell(line)

    def _tell(self, line):
        try:
            record = json.loads(line)
            request = Request(record)
            self._log.logger.access(Response(record, request), request, environ_of(record),
                                    datetime.timedelta(microseconds=record["D"]))
        except Exception as error:
            self._failed(error)

    def _failed(self, error):
        self._failures += 1
        now = time.monotonic()
        if self._told and now - self._told < TELL_EVERY:
            return
        self._told = now
        self._log.exception(f"The logger has failed for {self._failures} lines of the access log", error)
        self._failures = 0
