# SPDX-License-Identifier: MIT
"""Times gservectl against a running instance with 8 workers, process start included. Fails when a bound does not hold."""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BIN = os.path.realpath("build/bin")
RUNS = 200
# What, its arguments, the bound of the median in ms.
ROWS = (("status", ["status"], 10), ("status as JSON", ["--json", "status"], 10), ("list", ["list"], 10),
        ("complete instances", ["__complete", "-n", ""], 50), ("complete pids", ["__complete", "worker", "kill", ""], 50),
        ("complete commands", ["__complete", ""], 50))


def run(env, arguments):
    begin = time.perf_counter()
    subprocess.run([BIN + "/gservectl", *arguments], env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1000


def measure(env):
    good = True
    print(f"{'gservectl':20} {'median ms':>10} {'p95 ms':>10} {'bound':>6}")
    for name, arguments, most in ROWS:
        times = sorted(run(env, arguments) for _ in range(RUNS))
        median = statistics.median(times)
        good = good and median < most
        print(f"{name:20} {median:10.1f} {times[int(RUNS * 0.95)]:10.1f} {most:6}")
    return good


def main():
    with tempfile.TemporaryDirectory() as runtime:
        env = os.environ | {"XDG_RUNTIME_DIR": runtime, "RUNTIME_DIRECTORY": runtime + "/gserve/bench"}
        os.makedirs(runtime + "/gserve/bench", mode=0o700)
        server = subprocess.Popen([BIN + "/gserve", "--python", "/usr/bin/python3", "-w", "8", "-b", "127.0.0.1:0", "-n",
                                   "bench", "--error-logfile", runtime + "/log", "--chdir", "examples/flask", "app:app"],
                                  env=env)
        try:
            subprocess.run([BIN + "/gservectl", "-n", "bench", "wait", "--timeout", "60"], env=env, check=True,
                           stdout=subprocess.DEVNULL)
            good = measure(env)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
