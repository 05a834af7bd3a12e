# SPDX-License-Identifier: MIT
"""Metrics of a worker's Python side for a statsd server: lines of the error log by severity, and what applications and
hooks send through the logger as gunicorn's Statsd lets them. Those of requests come from the I/O thread."""
import socket
import time

from gserve import glogging

DEFAULT_PORT = 8125


RETRY_AFTER = 1  # seconds


class Client:
    """Sends a metric in a datagram and never waits: what the server does not take is dropped."""

    def __init__(self, address, prefix, tags):
        prefix = prefix.rstrip(".")
        self._prefix = prefix + "." if prefix else ""
        self._tags = f"|#{tags}" if tags else ""
        self._target = _look_up(address)
        self._socket = None
        self._tried = None

    def send(self, name, value, kind):
        try:
            if self._socket or self._connect():
                self._socket.send(f"{self._prefix}{name}:{value}|{kind}{self._tags}".encode())
        except OSError:
            pass  # the supervisor and the I/O thread, which send more, say what is wrong

    def close(self):
        """In a forked child: what it sends itself goes by a socket of its own."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self._tried = None

    def _connect(self):
        now = time.monotonic()
        if self._target is None or (self._tried and now - self._tried < RETRY_AFTER):
            return False
        self._tried = now
        family, address = self._target
        client = socket.socket(family, socket.SOCK_DGRAM)
        client.setblocking(False)
        try:
            client.connect(address)
        except OSError:
            client.close()
            raise
        self._socket = client
        return True


def _look_up(text):
    """(family, address), or None."""
    if text.startswith("unix:"):
        return socket.AF_UNIX, text[5:].removeprefix("//")
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        host, port = text, DEFAULT_PORT
    try:
        family, _, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        return family, address
    except OSError:
        return None


class Statsd(glogging.Logger):
    """gunicorn.instrument.statsd.Statsd."""

    def __init__(self, cfg):
        self._client = Client(cfg.statsd_host, cfg.statsd_prefix or "", cfg.dogstatsd_tags or "") if cfg.statsd_host else None
        super().__init__(cfg)

    def critical(self, msg, *args, **kwargs):
        super().critical(msg, *args, **kwargs)
        self.increment("gunicorn.log.critical", 1)

    def error(self, msg, *args, **kwargs):
        super().error(msg, *args, **kwargs)
        self.increment("gunicorn.log.error", 1)

    def warning(self, msg, *args, **kwargs):
        super().warning(msg, *args, **kwargs)
        self.increment("gunicorn.log.warning", 1)

    def exception(self, msg, *args, **kwargs):
        super().exception(msg, *args, **kwargs)
        self.increment("gunicorn.log.exception", 1)

    def info(self, msg, *args, **kwargs):
        self.log("info", msg, *args, **kwargs)

    def debug(self, msg, *args, **kwargs):
        self.log("debug", msg, *args, **kwargs)

    def log(self, lvl, msg, *args, **kwargs):
        """Sends the metric that `extra` may describe: metric, value, and mtype, one of gauge, counter, histogram and
        timer. An empty text is not logged."""
        extra = kwargs.get("extra") or {}
        metric, value = extra.get("metric"), extra.get("value")
        send = {"gauge": self.gauge, "counter": self.increment, "histogram": self.histogram,
                "timer": self.timer}.get(extra.get("mtype"))
        if metric and value is not None and send:
            send(metric, value)
        if msg:
            super().log(lvl, msg, *args, **kwargs)

    def gauge(self, name, value):
        self._send(name, value, "g")

    def increment(self, name, value, sampling_rate=1.0):
        self._send(name, value, f"c|@{sampling_rate}")

    def decrement(self, name, value, sampling_rate=1.0):
        self._send(name, f"-{value}", f"c|@{sampling_rate}")

    def timer(self, name, value):
        self._send(name, value, "ms")

    def histogram(self, name, value):
        self._send(name, value, "h")

    def close_in_child(self):
        if self._client:
            self._client.close()

    def _send(self, name, value, kind):
        if self._client:
            self._client.send(name, value, kind)
