# SPDX-License-Identifier: MIT
"""Lifecycle figures of gserve beside gunicorn's: medians of several runs in one go, as a table.

Times are of this machine and this moment; what counts are the ratios and the counts."""
import argparse
import os
import signal
import statistics
import subprocess
import sys
import time

from harness import procfs
from harness.load import Load
from harness.waiting import wait_for
from servers import BUILD, Gserve, Gunicorn

MIB = 1 << 20
SERVERS = (Gserve, Gunicorn)
MODES = {"": (), " --preload": ("--preload",)}
BROKEN = {
    "exception": "raise RuntimeError('broken')\n", "SyntaxError": "def app(:\n", "no attribute": "other = 1\n",
    "os._exit": "import os\nos._exit(7)\n", "SIGSEGV": "import ctypes\nctypes.string_at(0)\n",
    "hangs": "import threading\nthreading.Event().wait()\n",
    "invalid configuration": None,  # --chdir leads nowhere
}


def row(what, server, value, unit, limit=""):
    print(f"| {what} | {server} | {value} | {unit} | {limit} |", flush=True)


def median(values):
    return statistics.median(values)


def smaps(pid, key):
    """Bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def supervisor_memory(repeat):
    for kind in SERVERS:
        sizes = []
        for _ in range(repeat):
            with kind(4) as server:
                server.wait_serving(4)
                sizes.append(procfs.rss_bytes(server.pid) / MIB)
        row("supervisor's RSS, 4 workers", kind.name, f"{median(sizes):.1f}", "MiB", "8")


def supervisor_memory_1000(repeat):
    """Trivial executables as workers: what counts is the supervisor."""
    mock = os.path.join(BUILD, "tests/mock_worker")
    with Gserve(1000, "--python", mock, env={"MOCK_WORKER": "ready serve"}) as server:
        wait_for(lambda: '"ready": 1000' in server.ctl("--json", "status", check=False).stdout.replace(":1000", ": 1000"),
                 "1000 workers are ready", 120)
        row("supervisor's RSS, 1,000 workers", server.name, f"{procfs.rss_bytes(server.pid) / MIB:.1f}", "MiB", "32")


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


def idle_wakeups(repeat):
    timeout, periods = 5, 4
    for kind in SERVERS:
        with kind(4, "-t", str(timeout)) as server:
            server.wait_serving(4)
            time.sleep(2)
            before = switches(server.pid)
            time.sleep(timeout * periods)
            row("wake-ups of an idle supervisor per timeout", kind.name,
                f"{(switches(server.pid) - before) / periods:.2f}", "", "1")


def status_time(repeat):
    with Gserve(4) as server:
        server.wait_serving(4)
        times = []
        for _ in range(repeat * 4):
            begin = time.perf_counter()
            server.ctl("status")
            times.append((time.perf_counter() - begin) * 1000)
        row("gservectl status", server.name, f"{median(times):.1f}", "ms", "10")


def import_time(repeat):
    """Of the bare interpreter and the application, in ms."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import app"], check=True, cwd=os.path.join(os.path.dirname(__file__), "app"))
        times.append((time.perf_counter() - begin) * 1000)
    return median(times)


def respawn(repeat):
    """From SIGKILL of the only worker to the first answer of its replacement."""
    bare = import_time(repeat)
    row("python -c 'import app'", "python", f"{bare:.0f}", "ms")
    for mode, options in MODES.items():
        limit = "20" if mode else f"{bare + 30:.0f}"
        for kind in SERVERS:
            times = []
            for _ in range(repeat):  # a server each: the second death within a minute is met with a delay
                with kind(1, *options) as server:
                    wait_for(server.ask, "a worker answers", 30)
                    time.sleep(0.2)
                    victim = server.ask()
                    begin = time.perf_counter()
                    os.kill(victim, signal.SIGKILL)
                    while server.ask() in (0, victim):
                        pass
                    times.append((time.perf_counter() - begin) * 1000)
            row(f"SIGKILL to the replacement's first answer{mode}", kind.name, f"{median(times):.0f}", "ms", limit)


def shared_memory(repeat):
    """Summed PSS of the workers over the RSS of one, 200 MiB of data, 1,000 requests each."""
    for kind in SERVERS:
        with kind(8, "--preload", env={"BENCH_MIB": "200"}) as server:
            server.wait_serving(8)
            with Load(server.address, clients=8, keep_every=0, seconds=300) as load:
                load.wait_answers(8000, 240)
                load.stop()
            workers = server.workers()
            pss = sum(smaps(pid, "Pss") for pid in workers)
            rss = max(smaps(pid, "Rss") for pid in workers)
            row(f"PSS of {len(workers)} preloaded workers / RSS of one", kind.name, f"{pss / rss:.2f}", "", "1.25")


def worst(records):
    return max((record.ended - record.sent for record in records), default=0) * 1000


def reload_under_load(repeat):
    for mode, options in MODES.items():
        for kind in SERVERS:
            failed, extra = [], []
            for _ in range(repeat):
                with kind(4, *options, env={"BENCH_IMPORT_SECONDS": "0.3"}) as server:
                    server.wait_serving(4)
                    with Load(server.address, clients=4, pause=0.002, retry_idle=kind is Gserve) as load:
                        load.wait_answers(1500)
                        begin = time.monotonic()
                        server.reload()
                        end = time.monotonic()
                        load.wait_answers(100, 60)
                        load.stop()
                before = worst([record for record in load.good() if record.ended < begin][200:])
                during = worst([record for record in load.good() if begin <= record.ended <= end + 0.5])
                failed.append(len(load.bad()))
                extra.append(during - before)
            row(f"requests failed in a reload{mode}", kind.name, f"{median(failed):.0f} (most {max(failed)})", "", "0")
            row(f"worst request in a reload, over the worst before{mode}", kind.name, f"{median(extra):.0f}", "ms", "20")


def broken_deploys(repeat):
    for mode, options in MODES.items():
        for name, text in BROKEN.items():
            with Gserve(2, "--boot-timeout", "3", *options) as server:
                server.wait_serving(2)
                with Load(server.address, clients=4, pause=0.002) as load:
                    server.break_app(text) if text else server.lose_app()
                    done = server.ctl("reload", check=False)
                    load.wait_answers(50)
                    load.stop()
                verdict = "" if done.returncode == 1 else f"; gservectl said {done.returncode}"
                row(f"requests failed, broken deploy: {name}{mode}", "gserve", f"{len(load.bad())}{verdict}", "", "0")


MEASURES = (supervisor_memory, supervisor_memory_1000, idle_wakeups, status_time, respawn, shared_memory,
            reload_under_load, broken_deploys)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(m.__name__ for m in MEASURES))
    options = parser.parse_args()
    wanted = [m for m in MEASURES if not options.measures or m.__name__ in options.measures]
    version = subprocess.run([sys.executable, "-m", "gunicorn", "--version"], capture_output=True, text=True).stdout.strip()
    own = subprocess.run([os.path.join(BUILD, "bin/gserve"), "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{own}, {version}, Python {sys.version.split()[0]}, medians of {options.repeat}\n")
    print("| figure | server | value | unit | wanted at most |\n|---|---|---|---|---|")
    for measure in wanted:
        measure(options.repeat)


main()
