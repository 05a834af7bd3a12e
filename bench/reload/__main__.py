# SPDX-License-Identifier: MIT
"""--reload of the Flask example: seconds from the end of a save to the first answer of the new code, median of several."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from harness import web
from servers import BUILD, ROOT, free_port

EXAMPLE = os.path.join(ROOT, "examples/flask")
MOST = 0.3
# A worker that drains goes on accepting until nothing has come for 20 ms: to ask without a pause would be to keep the old code.
PAUSE = 0.025
GREETING = "Hello from gserve"


def answer(address):
    try:
        return web.request(address, timeout=5).body.decode()
    except OSError:
        return ""


def wait_for_answer(address, text, seconds=60):
    deadline = time.monotonic() + seconds
    while text not in answer(address):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer with {text!r} within {seconds} s")
        time.sleep(PAUSE)


def measure(options, repeat):
    """A list of seconds."""
    base = tempfile.mkdtemp(prefix="gserve-bench-")
    folder = shutil.copytree(EXAMPLE, os.path.join(base, "app"))
    source = os.path.join(folder, "app.py")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    address = f"127.0.0.1:{free_port()}"
    command = [os.path.join(BUILD, "bin/gserve"), "--python", sys.executable, "--control-socket", os.path.join(base, "control"),
               "-b", address, "--chdir", folder, "--reload", "--reload-engine", "inotify", *options, "app:app"]
    found = []
    with open(os.path.join(base, "log"), "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            wait_for_answer(f"http://{address}", GREETING)
            for number in range(repeat):
                with open(source, "w", encoding="utf-8") as file:
                    file.write(text.replace(GREETING, f"Save number {number}"))
                saved = time.monotonic()
                wait_for_answer(f"http://{address}", f"Save number {number}!")
                found.append(time.monotonic() - saved)
        finally:
            server.terminate()
    shutil.rmtree(base)
    return found


def bare_start():
    """Seconds that the interpreter takes to start and to import the example."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import app"], cwd=EXAMPLE, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(prog="bench/reload.sh", description=__doc__)
    parser.add_argument("--repeat", type=int, default=11, help="saves (%(default)s)")
    repeat = parser.parse_args().repeat
    bare = statistics.median(bare_start() for _ in range(repeat))
    print(f"interpreter and import alone: {bare * 1000:.0f} ms\n\n| workers | median | slowest | wanted at most |\n|---|---|---|---|")
    held = True
    for name, options, most in (("1", (), MOST), ("1, --preload", ("--preload",), MOST), ("4", ("-w", "4"), None)):
        found = measure(options, repeat)
        median = statistics.median(found)
        held = held and (most is None or median <= most)
        limit = f"{most * 1000:.0f} ms" if most else ""
        print(f"| {name} | {median * 1000:.0f} ms | {max(found) * 1000:.0f} ms | {limit} |", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
