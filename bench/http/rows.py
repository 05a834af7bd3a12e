# SPDX-License-Identifier: MIT
"""The rows of the table. Each is a function of the options that yields results."""
import contextlib
import os
import subprocess
import time
from dataclasses import dataclass

from clients import SlowClients, Watchers, allow_many_files, ask, connect, idle_connections
from measure import Load, alternate, median, ratio, wrk
from servers import BUILD, LOAD_CORE, Granian, Gserve, Gunicorn, Nginx, Uwsgi

MIB = 1 << 20
UPLOAD = 'wrk.method = "POST"; wrk.body = string.rep("x", 1048576)'


@dataclass
class Result:
    work: str
    own: str
    peer: str
    figure: str  # what is compared with what is wanted
    wanted: str
    holds: bool


@contextlib.contextmanager
def running(*servers):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server) for server in servers]


def cost(samples):
    return f"{median(samples, 'cpu_us'):.1f} us, {median(samples, 'rate'):,.0f}/s"


def compare_cpu(work, samples, bounds):
    """CPU for each request against each peer; `bounds` by the peer's name."""
    own = samples["gserve"]
    for peer, most in bounds.items():
        figure = ratio(own, samples[peer], "cpu_us")
        yield Result(f"{work}, CPU for each request", cost(own), f"{peer}: {cost(samples[peer])}", f"{figure:.2f}",
                     f"<= {most}", figure <= most)


def compare_rate(work, own, peer, name, least, unit=1, suffix="/s"):
    figure = ratio(own, peer, "rate")
    text = [f"{median(samples, 'rate') / unit:,.0f}{suffix}, {median(samples, 'cpu_us'):,.0f} us" for samples in (own, peer)]
    return Result(work, text[0], f"{name}: {text[1]}", f"{figure:.2f}", f">= {least}", figure >= least)


# uWSGI serves a kept-alive connection until its end before it looks at another one: the 31 others would only wait.
ONE_CONNECTION = {"uWSGI": Load(connections=1)}


def hello(options):
    app = "hello:hello"
    gthread = Gunicorn(app, "-k", "gthread", "--threads", "8", name="gunicorn gthread")
    with running(Gserve(app), Nginx("/nonexistent"), Granian(app), Uwsgi(app), Gunicorn(app), gthread) as servers:
        samples = alternate(servers, Load(), options.rounds, ONE_CONNECTION)
    yield from compare_cpu("WSGI hello", samples, {"nginx": 1.4, "granian": 0.8, "uWSGI": 0.6, "gunicorn sync": 0.12,
                                                  "gunicorn gthread": 0.12})


def flask(options):
    app = "flask_hello:app"
    with running(Gserve(app), Granian(app), Uwsgi(app), Gunicorn(app)) as servers:
        samples = alternate(servers, Load(), options.rounds, ONE_CONNECTION)
    yield from compare_cpu("Flask hello", samples, {"uWSGI": 0.7, "granian": 0.7, "gunicorn sync": 0.27})


def access_log(options):
    app = "hello:hello"
    logging = Gserve(app, "--access-logfile", options.scratch("access.log"), name="with the log")
    with running(Gserve(app), logging) as servers:
        samples = alternate(servers, Load(), options.rounds)
    figure = ratio(samples["with the log"], samples["gserve"], "cpu_us")
    yield Result("access log on, CPU for each request", cost(samples["with the log"]), f"without: {cost(samples['gserve'])}",
                 f"{figure:.2f}", "<= 1.1", figure <= 1.1)


def gthread(options):
    arguments = ("hello:sleep", "-k", "gthread", "--threads", "8")
    with running(Gserve(*arguments), Gunicorn(*arguments, name="gunicorn gthread")) as servers:
        samples = alternate(servers, Load(), options.rounds)
    figure = median(samples["gserve"], "rate") / 800
    yield Result("gthread, 8 threads, 10 ms of sleep, against 800/s", cost(samples["gserve"]),
                 f"gunicorn gthread: {cost(samples['gunicorn gthread'])}", f"{figure:.2f}", ">= 0.95", figure >= 0.95)


def gevent(options):
    arguments = ("hello:sleep", "-k", "gevent", "--worker-connections", "1000")
    with running(Gserve(*arguments), Gunicorn(*arguments, name="gunicorn gevent")) as servers:
        samples = alternate(servers, Load(connections=500), options.rounds)
    yield compare_rate("gevent, 10 ms of sleep, 500 connections", samples["gserve"], samples["gunicorn gevent"],
                       "gunicorn gevent", 2.5)


def transfers(options):
    files = options.scratch("files")
    os.makedirs(files, exist_ok=True)
    for name, size in (("mib", MIB), ("file", 100 * MIB)):
        with open(os.path.join(files, name), "wb") as file:
            file.write(bytes(range(256)) * (size // 256))
    env = {"BENCH_FILE": os.path.join(files, "file")}
    for work, app, load, path in (("1 MiB upload", "hello:upload", Load(8, script=UPLOAD), "/"),
                                  ("1 MiB download", "hello:download", Load(8), "/mib"),
                                  ("100 MiB file_wrapper", "hello:file", Load(4, 3, whole=False), "/file")):
        with running(Gserve(app, env=env), Nginx(files)) as servers:
            load.path = path
            samples = alternate(servers, load, options.rounds)
        unit = (1, "/s") if load.whole else (MIB, " MiB/s")
        yield compare_rate(work, samples["gserve"], samples["nginx"], "nginx", 0.8, *unit)


def idle(options):
    count = min(10_000, allow_many_files() - 1000)
    server = Gserve("hello:hello", "--worker-connections", "10000", "--keep-alive", "600")
    with running(server):
        wrk(server, Load(8))
        before = server.memory()
        with idle_connections(server, count):
            grown = (server.memory() - before) / MIB
    yield Result(f"{count:,} idle kept-alive connections, the worker's RSS", f"{grown:.1f} MiB more", "",
                 f"{grown:.1f} MiB", "<= 64 MiB", grown <= 64 and count == 10_000)


def slow_clients(options):
    with running(Gserve("hello:hello")) as [server]:
        wrk(server, Load())
        without, among = [], []
        for _ in range(options.rounds):
            without.append(wrk(server, Load()))
            with SlowClients(server, 500):
                among.append(wrk(server, Load()))
    yield compare_rate("500 silent and dripping clients, one sync worker", among, without, "without", 0.9)


def busy_worker(options):
    worst = {True: [], False: []}
    with running(Gserve("hello:busy", "-w", "2")) as [server]:
        for _ in range(options.rounds):
            with Watchers(server, 16) as watchers:
                time.sleep(0.5)
                with connect(server) as sock:
                    begin = time.monotonic()
                    ask(sock, b"GET /4 HTTP/1.1\r\nHost: bench\r\n\r\n")
                    end = time.monotonic()
            for kept, into in worst.items():
                into.append(max(seconds for sent, seconds, kind in watchers.times if kind is kept and begin < sent < end))
    for kept, name in ((True, "kept-alive"), (False, "new")):
        figure = max(worst[kept]) * 1000
        yield Result(f"one of two workers busy for 4 s, slowest other request, {name} connections", f"{figure:.1f} ms", "",
                     f"{figure:.1f} ms", "<= 50 ms", figure <= 50)


def storm(options):
    program = os.path.join(BUILD, "bin/bench_http_storm")
    with running(Gserve("hello:echo", "-w", "2", "--keep-alive", "60")) as [server]:
        done = subprocess.run(["taskset", "-c", str(LOAD_CORE), program, str(server.port), str(options.requests), "64", "1"],
                              capture_output=True, text=True, check=False)
    text = (done.stdout + done.stderr).strip()
    yield Result(f"{options.requests:,} requests, mixed sizes, pipelined, cut off", text, "",
                 "no fault" if done.returncode == 0 else "a fault", "no fault", done.returncode == 0)


ROWS = (hello, flask, access_log, gthread, gevent, transfers, idle, slow_clients, busy_worker)
LONG_ROWS = (storm,)
