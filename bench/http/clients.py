# SPDX-License-Identifier: MIT
"""Clients that wrk cannot play: idle ones, slow ones, and some that look at every single answer's time."""
import contextlib
import os
import resource
import selectors
import socket
import threading
import time

from servers import LOAD_CORE

REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


def allow_many_files():
    """For this process and the servers it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def connect(server):
    sock = socket.create_connection(("127.0.0.1", server.port), 30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def ask(sock, request=REQUEST):
    """One answer's bytes, by its Content-Length."""
    sock.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise AssertionError(f"a wrong answer: {head[:100]!r}")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += receive(sock)
    return body


def receive(sock):
    data = sock.recv(65536)
    if not data:
        raise AssertionError("the server closed the connection")
    return data


@contextlib.contextmanager
def idle_connections(server, count):
    """Kept alive: each has had one answer."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            ask(stack.enter_context(connect(server)))
        yield


class SlowClients:
    """Half of them say nothing at all, half send a request's head byte by byte, ten in a second. Who is sent away comes
    again."""

    def __init__(self, server, count):
        self.server = server
        self.count = count
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.connected = threading.Event()

    def __enter__(self):
        self.thread.start()
        self.connected.wait(60)
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def _run(self):
        os.sched_setaffinity(threading.get_native_id(), {LOAD_CORE})
        sockets = [connect(self.server) for _ in range(self.count)]
        for sock in sockets:
            sock.setblocking(False)
        self.connected.set()
        head, place = b"GET / HTTP/1.1\r\nHost: bench\r\nX-Slow: " + b"x" * 4000, 0
        while not self.stopped.wait(0.1):
            for index, sock in enumerate(sockets):
                try:
                    if index % 2:
                        sock.send(head[place % len(head):][:1])
                    if not sock.recv(4096):
                        raise ConnectionError
                except BlockingIOError:
                    pass
                except OSError:
                    sock.close()
                    sockets[index] = connect(self.server)
                    sockets[index].setblocking(False)
            place += 1
        for sock in sockets:
            sock.close()


class Watchers:
    """`count` clients, each asking again a while after its answer, on one thread. Half keep their connection, half make a
    new one for each request. Remembers when each request was sent and how long it took."""

    PAUSE = 0.01

    def __init__(self, server, count):
        self.server = server
        self.times = []  # (sent, seconds, kept alive)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(count,))
        self.failure = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        if self.failure:
            raise self.failure

    def _run(self, count):
        try:
            os.sched_setaffinity(threading.get_native_id(), {LOAD_CORE})
            with selectors.DefaultSelector() as selector:
                self._loop(selector, count)
        except Exception as error:
            self.failure = error

    def _loop(self, selector, count):
        due = [(time.monotonic(), number, None) for number in range(count)]
        waiting = 0
        while waiting or not self.stopped.is_set():
            now = time.monotonic()
            for item in [item for item in due if item[0] <= now]:
                due.remove(item)
                if self.stopped.is_set():
                    continue
                self._send(selector, item[1], item[2])
                waiting += 1
            for key, _ in selector.select(0.002):
                due.append(self._answered(selector, key))
                waiting -= 1
        for _, _, sock in due:
            if sock:
                sock.close()

    def _send(self, selector, number, sock):
        sent = time.monotonic()
        sock = sock or connect(self.server)
        sock.sendall(REQUEST)
        selector.register(sock, selectors.EVENT_READ, (number, sent))

    def _answered(self, selector, key):
        number, sent = key.data
        receive(key.fileobj)  # so small that it comes in one piece
        selector.unregister(key.fileobj)
        kept = number % 2 == 0
        self.times.append((sent, time.monotonic() - sent, kept))
        if not kept:
            key.fileobj.close()
        return time.monotonic() + self.PAUSE, number, key.fileobj if kept else None
