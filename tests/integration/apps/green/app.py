# SPDX-License-Identifier: MIT
"""What the tests of the worker class gevent look at."""
import os
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs

import gevent
from gevent import monkey, threadpool

CLOSED = []


def hello(environ, query):
    return b"hello"


def slow(environ, query):
    time.sleep(float(query["s"][0]))
    return b"slept"


def patched(environ, query):
    names = ("socket", "ssl", "threading", "subprocess", "queue", "select", "time")
    return ",".join(name for name in names if monkey.is_module_patched(name)).encode()


def versions(environ, query):
    return f"{gevent.__version__} {gevent.__file__}".encode()


def hang(environ, query):
    wait_in_vain()


def wait_in_vain():
    gevent.sleep(3600)


def block(environ, query):
    """What a C library does that waits by itself: nothing else of the worker runs."""
    monkey.get_original("time", "sleep")(float(query["s"][0]))
    return b"blocked"


def compute(environ, query):
    end = time.monotonic() + float(query["s"][0])
    while time.monotonic() < end:
        pass
    return b"computed"


def spin(environ, query):
    while True:
        pass


def stubborn(environ, query):
    """A request whose greenlet does not let itself be killed."""
    while True:
        try:
            gevent.sleep(3600)
        except gevent.GreenletExit:
            pass


def tidy(environ, query):
    """Says in a file that its clean-up was run."""
    try:
        gevent.sleep(3600)
    finally:
        with open(query["file"][0], "w", encoding="utf-8") as file:
            file.write("cleaned up")


def run(environ, query):
    return subprocess.run([sys.executable, "-S", "-c", "print('child')"], stdout=subprocess.PIPE, check=True).stdout.strip()


def fork(environ, query):
    child = os.fork()
    if child == 0:
        os._exit(7)
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()


def stray(environ, query):
    """A child that waits in its copy of the hub, while copies of other requests' greenlets do, and then returns into the
    server."""
    child = os.fork()
    if child == 0:
        time.sleep(3)  # until the copies of the others have woken up
        return b"from a child"
    return str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode()


def count(environ, query):
    """Reads the body as it comes."""
    size = 0
    while block := environ["wsgi.input"].read(100_000):
        size += len(block)
    return str(size).encode()


def count_in_thread(environ, query):
    """The same on a thread that is none of the hub's."""
    return threadpool.ThreadPool(1).apply(count, (environ, query))


class Blocks:
    """A long response, made as it is sent."""

    def __init__(self, number):
        self.left = number

    def __iter__(self):
        return self

    def __next__(self):
        if self.left == 0:
            raise StopIteration
        self.left -= 1
        gevent.sleep(0)
        return b"x" * 65536

    def close(self):
        CLOSED.append(self.left)


def closed(environ, query):
    return str(CLOSED).encode()


def talk(environ, query):
    """Asks another server, cooperatively."""
    with socket.create_connection(("127.0.0.1", int(query["port"][0]))) as sock:
        return sock.recv(100)


def leave(environ, query):
    sys.exit(5)


def current_thread(environ, query):
    return threading.current_thread().name.encode()


def app(environ, start_response):
    path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
    if path == "/blocks":
        number = int(query["n"][0])
        start_response("200 OK", [("Content-Length", str(65536 * number))])
        return Blocks(number)
    body = globals()[path[1:] or "hello"](environ, query)
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Worker-Pid", str(os.getpid()))])
    return [body]
