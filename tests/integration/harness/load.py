# SPDX-License-Identifier: MIT
import http.client
import threading
import time
from dataclasses import dataclass, field

from .web import connection, exchange
from .waiting import bound

HEADER = "X-Worker-Pid"  # the test applications name the process that answered


@dataclass
class Record:
    """One request: monotonic times, and how it ended."""
    connected: float
    sent: float
    ended: float
    status: int = 0
    pid: int = 0
    body: bytes = b""
    error: str = ""
    reused: bool = False


@dataclass
class Load:
    """Clients in threads, each sending one request after the other until stop() or the time limit. Every second one
    (`keep_every`; 0: none) keeps its connection alive, the others open one per request.

    `retry_idle`: a kept-alive connection that the server closes in the very moment it is used again is opened anew
    once, as RFC 9112 (9.3.1) lets every client do; such requests are counted in `retried`. Without it they are errors."""

    address: str
    clients: int = 16
    path: str = "/"
    seconds: float = 120
    retry_idle: bool = True
    keep_every: int = 2
    pause: float = 0.0  # think time of a client between two requests
    records: list = field(default_factory=list)
    answered: int = 0  # with 200
    retried: int = 0

    def __enter__(self):
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._progress = threading.Condition(self._lock)
        self._deadline = time.monotonic() + bound(self.seconds)
        self._threads = [threading.Thread(target=self._client, args=(self.keep_every > 0 and n % self.keep_every == 0,), daemon=True)
                         for n in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _client(self, keep):
        conn = None
        while not self._end.is_set() and time.monotonic() < self._deadline:
            conn, record = self._one(conn, keep)
            with self._progress:
                self.records.append(record)
                self.answered += record.status == 200
                self._progress.notify_all()
            if record.error:
                self._end.wait(0.02)  # do not spin on a refused connection
            elif self.pause:
                self._end.wait(self.pause)
        if conn:
            conn.close()

    def _one(self, conn, keep):
        reused = conn is not None
        if conn is None:
            conn = connection(self.address)
        record = Record(0, 0, 0, reused=reused)
        try:
            self._send(conn, record)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            conn.close()
            if not (reused and self.retry_idle):
                return self._failed(record, error)
            with self._lock:
                self.retried += 1
            return self._one(None, keep)
        except (OSError, http.client.HTTPException) as error:
            conn.close()
            return self._failed(record, error)
        if not keep or conn.sock is None:  # http.client closes when the server said so
            conn.close()
            conn = None
        return conn, record

    def _send(self, conn, record):
        if conn.sock is None:
            conn.connect()
        record.connected = record.sent = time.monotonic()
        answer = exchange(conn, self.path)
        record.ended = time.monotonic()
        record.status, record.body = answer.status, answer.body
        record.pid = int(answer.headers.get(HEADER, 0))

    @staticmethod
    def _failed(record, error):
        record.ended = time.monotonic()
        record.error = f"{type(error).__name__}: {error}"
        return None, record

    def stop(self):
        self._end.set()
        for thread in self._threads:
            thread.join(bound(30))
            assert not thread.is_alive(), "a client hangs: a request was never answered"

    def wait_answers(self, count, seconds=30):
        """Waits until `count` more requests were answered well."""
        with self._progress:
            goal = self.answered + count
            done = self._progress.wait_for(lambda: self.answered >= goal, bound(seconds))
        assert done, f"only {self.answered} of {goal} answers within {bound(seconds)} s; {self.summary()}"

    def good(self):
        return [record for record in self.records if record.status == 200]

    def bad(self):
        return [record for record in self.records if record.status != 200]

    def pids(self):
        return {record.pid for record in self.good()}

    def summary(self):
        kinds = {}
        for record in self.bad():
            key = record.error or f"status {record.status}"
            kinds[key] = kinds.get(key, 0) + 1
        return f"{len(self.good())} good, {len(self.bad())} bad {kinds}, {self.retried} retried on a closed connection"
