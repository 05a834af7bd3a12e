# SPDX-License-Identifier: MIT
"""The application of most tests: no framework, starts at once, does what the path says."""
import ctypes
import json
import os
import signal
import sys
import threading
import time
from urllib.parse import parse_qs

GREETING = "generation one"


def hello(environ, query):
    return f"{GREETING} {os.getpid()}\n".encode()


def slow(environ, query):
    time.sleep(float(query["s"][0]))
    return b"x" * int(query.get("bytes", ["5"])[0])


def deaf(environ, query):
    """A request that Python-level signals do not interrupt for good."""
    end = time.monotonic() + float(query["s"][0])
    while time.monotonic() < end:
        pass
    return b"finished"


def bystander(forever):
    forever.wait()


def wait_for_lock(environ, query):
    """A request that hangs in Python, while another thread of the application waits for something else."""
    threading.Thread(target=bystander, args=(threading.Event(),), daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hold_interpreter(environ, query):
    """A C function that sleeps without letting go of the interpreter."""
    ctypes.PyDLL(None).sleep(60)


def environment(environ, query):
    return json.dumps({"os": dict(os.environ), "cwd": os.getcwd(), "path": sys.path}).encode()


def echo(environ, query):
    return environ["wsgi.input"].read()


def fail(environ, query):
    raise RuntimeError("the application failed on purpose")


def leave(environ, query):
    os._exit(int(query.get("code", ["9"])[0]))


def forks(environ, query):
    """Forks children that wait for ever, and terminates each at once."""
    count = int(query["n"][0])
    for _ in range(count):
        child = os.fork()
        if child == 0:
            threading.Event().wait()
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    return str(count).encode()


HELD = []


def grow(environ, query):
    """Takes memory and keeps it."""
    HELD.append(b"x" * (int(query["mib"][0]) << 20))
    return b"grown"


BARRIER = threading.Barrier(4)


def meet(environ, query):
    """Four requests at once, or none is answered."""
    BARRIER.wait(20)
    return threading.current_thread().name.encode()


def multithread(environ, query):
    return str(environ["wsgi.multithread"]).encode()


def until(environ, query):
    """Ends when the file is there."""
    while not os.path.exists(query["file"][0]):
        time.sleep(0.01)
    return b"released"


def scheme(environ, query):
    return environ["wsgi.url_scheme"].encode()


def end(environ, query):
    sys.exit(5)


MEMORY = []


def remember(environ, query):
    """The worker that was asked first, and the one that answers."""
    if not MEMORY:
        MEMORY.append(os.getpid())
    return f"{MEMORY[0]} {os.getpid()}".encode()


ROUTES = {"/until": until, "/scheme": scheme, "/meet": meet, "/multithread": multithread, "/exit": end, "/remember": remember, "/grow": grow, "/lock": wait_for_lock, "/hold": hold_interpreter, "/": hello, "/slow": slow, "/deaf": deaf, "/environment": environment, "/echo": echo, "/fail": fail,
          "/leave": leave, "/forks": forks}


def app(environ, start_response):
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        start_response("404 Not Found", [("Content-Length", "0"), ("X-Worker-Pid", str(os.getpid()))])
        return []
    body = route(environ, parse_qs(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body))),
                              ("X-Worker-Pid", str(os.getpid()))])
    return [body]


def factory(greeting):
    def made(environ, start_response):
        start_response("200 OK", [("Content-Length", str(len(greeting)))])
        return [greeting.encode()]

    return made


not_callable = 42
