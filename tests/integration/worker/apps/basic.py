# SPDX-License-Identifier: MIT
"""One WSGI application whose paths each try one thing."""
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs

TEXT = [("Content-Type", "text/plain")]
released = threading.Event()
closed = []


def hello(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"hello"]


def describe(environ, start_response):
    """The environ, with what is no text by its repr."""
    start_response("200 OK", TEXT)
    shown = {key: value if isinstance(value, (str, bool)) else repr(value) for key, value in environ.items()}
    return [json.dumps(shown).encode()]


def echo(environ, start_response):
    start_response("200 OK", TEXT)
    return [environ["wsgi.input"].read()]


def input_calls(environ, start_response):
    """What each call of `?calls=` on wsgi.input gives."""
    results = []
    for call in parse_qs(environ["QUERY_STRING"])["calls"][0].split(";"):
        result = eval("stream." + call, {"stream": environ["wsgi.input"]})  # the test's own expressions
        results.append(repr(list(result) if call == "__iter__()" else result))
    start_response("200 OK", TEXT)
    return ["|".join(results).encode()]


def big(environ, start_response):
    size = int(environ["QUERY_STRING"])
    start_response("200 OK", TEXT)
    return (b"x" * 65536 for _ in range(size // 65536))


def generator(environ, start_response):
    """The second block comes only when a second request (sync: a signal) allows it."""
    start_response("200 OK", TEXT)
    yield b"first,"
    yield b""
    released.wait()
    released.clear()
    yield b"second"


class Closing:
    """An iterable that remembers that it was closed."""

    def __init__(self, blocks, note):
        self._blocks = iter(blocks)
        self._note = note

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self._blocks)
        if isinstance(block, BaseException):
            raise block
        return block

    def close(self):
        closed.append(self._note)


def closing(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing([b"a", b"b"], "whole")


def closing_raises(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing([b"a", ValueError("in the middle")], "raised")


def closing_endless(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing((b"x" * 65536 for _ in iter(int, 1)), "client gone")


def what_was_closed(environ, start_response):
    start_response("200 OK", TEXT)
    body = ",".join(closed).encode()
    closed.clear()
    return [body]


def writer(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written,")
    write(b"")
    return [b"returned"]


def empty(environ, start_response):
    start_response("200 OK", TEXT)
    return []


def empty_generator(environ, start_response):
    start_response("200 OK", TEXT)
    return iter(())


def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


class One:
    """len() is 1, but it is no list."""

    def __len__(self):
        return 1

    def __iter__(self):
        return iter([b"only"])


def length_one(environ, start_response):
    start_response("200 OK", TEXT)
    return One()


def raises(environ, start_response):
    raise RuntimeError("failed on purpose")


def raises_after_start(environ, start_response):
    start_response("200 OK", TEXT)
    raise RuntimeError("failed after start_response")


def raises_in_body(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"some"
    raise RuntimeError("failed in the body")


def replaces_head(environ, start_response):
    start_response("200 OK", TEXT)
    try:
        raise RuntimeError("found out late")
    except RuntimeError:
        start_response("503 Service Unavailable", [("X-Replaced", "yes")], sys.exc_info())
    return [b"replaced"]


def replaces_too_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"some"
    try:
        raise RuntimeError("found out too late")
    except RuntimeError:
        start_response("503 Service Unavailable", TEXT, exc_info=sys.exc_info())


def misuse(environ, start_response):
    """Wrong uses of start_response, each of which must fail before the right one is made."""
    results = []
    wrong = {
        "status bytes": lambda: start_response(b"200 OK", []),
        "status alone": lambda: start_response("200 OK"),
        "name no str": lambda: start_response("200 OK", [(b"X", "y")]),
        "value no str": lambda: start_response("200 OK", [("X", 1)]),
        "value not latin-1": lambda: start_response("200 OK", [("X", "\u20ac")]),
        "value with line": lambda: start_response("200 OK", [("X", "a\r\nY: b")]),
        "no pair": lambda: start_response("200 OK", [("X",)]),
        "status word": lambda: start_response("OK", []),
        "status with line": lambda: start_response("200 OK\r\nX: y", []),
        "name with line": lambda: start_response("200 OK", [("X\r\nY", "z")]),
        "value with NUL": lambda: start_response("200 OK", [("X", "a\0b")]),
        "hop by hop": lambda: start_response("200 OK", [("A", "b"), ("Transfer-Encoding", "chunked")]),
        "unknown keyword": lambda: start_response("200 OK", [], exception=None),
    }
    for name, call in wrong.items():
        try:
            call()
            results.append(f"{name}: accepted")
        except Exception as error:
            says = f": {error}" if name == "hop by hop" else ""
            results.append(f"{name}: {type(error).__name__}{says}")
    write = start_response("200 OK", [("X-Latin", "caf\u00e9"), ["X-List", "pair"], ("Connection", "close")])
    for name, call in {"second call": lambda: start_response("200 OK", []), "write str": lambda: write("text")}.items():
        try:
            call()
        except Exception as error:
            results.append(f"{name}: {type(error).__name__}")
    return ["\n".join(results).encode()]


def no_start(environ, start_response):
    return [b"body"]


def no_start_empty(environ, start_response):
    return []


def yields_str(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text"]


def returns_none(environ, start_response):
    start_response("200 OK", TEXT)


FILE = bytes(range(256)) * 4096


def file_of(environ, start_response, length=None):
    file = tempfile.TemporaryFile()
    file.write(FILE)
    file.seek(1000)
    raw = open(file.fileno(), "rb", closefd=False)
    raw.seek(1000)
    raw.read(24)  # the buffer has read ahead: the place to start is tell(), not the descriptor's offset
    start_response("200 OK", TEXT + ([("Content-Length", str(length))] if length else []))
    wrapper = environ["wsgi.file_wrapper"](raw)
    keep.append(file)
    return wrapper


keep = []


def sendfile(environ, start_response):
    return file_of(environ, start_response)


def sendfile_length(environ, start_response):
    return file_of(environ, start_response, 5000)


def file_in_memory(environ, start_response):
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](io.BytesIO(FILE), 1000)


def hints(environ, start_response):
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    start_response("200 OK", TEXT)
    return [b"hinted"]


def peer_name(environ, start_response):
    start_response("200 OK", TEXT)
    sock = environ["gunicorn.socket"]
    return [json.dumps([sock.getpeername(), sock.getsockname(), sock.fileno() >= 0]).encode()]


def leave(environ, start_response):
    sys.exit(int(environ["QUERY_STRING"]))


def interrupt(environ, start_response):
    raise KeyboardInterrupt


def slow(environ, start_response):
    """Tells that it has begun on the error log, then takes its time."""
    environ["wsgi.errors"].write("slow request has begun\n")
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", TEXT)
    return [b"slow but whole"]


def stubborn(environ, start_response):
    environ["wsgi.errors"].write("slow request has begun\n")
    try:
        time.sleep(30)
    except SystemExit:
        pass
    start_response("200 OK", TEXT)
    return [b"stubborn"]


def signals(environ, start_response):
    start_response("200 OK", TEXT)
    shown = {name: repr(signal.getsignal(getattr(signal, "SIG" + name))) for name in ("TERM", "INT", "CHLD", "HUP")}
    return [json.dumps(shown).encode()]


def surroundings(environ, start_response):
    """What the application and a subprocess of it see of the process."""
    code = "import os, json; print(json.dumps([dict(os.environ), os.listdir('/proc/self/fd')]))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, close_fds=False)
    child_env, child_fds = json.loads(child.stdout)
    start_response("200 OK", TEXT)
    return [json.dumps({"env": dict(os.environ), "path": sys.path, "cwd": os.getcwd(), "child_env": child_env,
                        "child_fds": child_fds}).encode()]


def errors_stream(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("to the errors stream\n")
    stream.writelines(["one ", "two\n"])
    print("printed", file=stream, flush=True)
    start_response("200 OK", TEXT)
    return [b"logged"]


def keeps_input(environ, start_response):
    """Things of an earlier request, used after it."""
    kept = globals().setdefault("kept", [])
    results = []
    for call in kept:
        try:
            call()
            results.append("worked")
        except Exception as error:
            results.append(f"{type(error).__name__}: {error}")
    kept[:] = [environ["wsgi.input"].read, lambda: start_response("200 OK", []),
               lambda: environ["gunicorn.socket"].fileno()]
    kept.append(lambda write=start_response("200 OK", TEXT): write(b"late"))
    return ["\n".join(results).encode()]


def fork_child(environ, start_response):
    """The descriptors, signals and exit status of children that the application forks."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
               if os.path.exists(f"/proc/self/fd/{fd}")}
        names = ("TERM", "INT", "HUP", "USR1")
        shown = [repr(signal.getsignal(getattr(signal, "SIG" + name))) for name in names]
        os.write(write, json.dumps({"fds": fds, "signals": shown, "wakeup": signal.set_wakeup_fd(-1)}).encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        report = pipe.read()
    os.waitpid(pid, 0)
    start_response("200 OK", TEXT)
    return [report]


def stray_child(environ, start_response):
    """A child that does not end by itself: it goes on as if it were the worker."""
    pid = os.fork()
    if pid == 0:
        how = environ["QUERY_STRING"]
        if how == "exit":
            sys.exit(7)
        if how == "raise":
            raise RuntimeError("in the child")
        try:
            start_response("200 OK", TEXT)
        except RuntimeError:
            return [b"from the child"]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    start_response("200 OK", TEXT)
    return [str(status).encode()]


def square(number):
    return number * number


def pool(environ, start_response):
    import multiprocessing

    with multiprocessing.get_context(environ["QUERY_STRING"]).Pool(2) as processes:
        total = sum(processes.map(square, range(10)))
    start_response("200 OK", TEXT)
    return [str(total).encode()]


def crash(environ, start_response):
    os.kill(os.getpid(), signal.SIGABRT)
    time.sleep(10)


def thread_reads_input(environ, start_response):
    """wsgi.input used from another thread while the response is sent."""
    body = []
    reader = threading.Thread(target=lambda: body.append(environ["wsgi.input"].read()))
    reader.start()
    start_response("200 OK", TEXT)
    yield b"begun,"
    reader.join()
    yield str(len(body[0])).encode()


def chain(environ, start_response):
    """An application's exception in the log keeps its cause."""
    try:
        raises(environ, start_response)
    except RuntimeError as error:
        raise LookupError("outer") from error


def release(number, frame):
    released.set()


signal.signal(signal.SIGUSR2, release)

ROUTES = {"/" + name: value for name, value in list(globals().items()) if callable(value)}
ROUTES["/"] = hello


def app(environ, start_response):
    route = ROUTES.get(environ["PATH_INFO"], describe)
    return route(environ, start_response)
