# SPDX-License-Identifier: MIT
"""Load by wrk on the generator's core, and what it cost on the server's."""
import os
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass

from servers import LOAD_CORE

UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


@dataclass
class Load:
    """What wrk is told."""
    connections: int = 32
    seconds: int = 2
    path: str = "/"
    script: str = ""
    whole: bool = True  # count requests; else bytes, for answers so large that few come to their end


@dataclass
class Sample:
    cpu_us: float  # of the whole process tree, for each request
    rate: float  # requests per second; bytes per second if not Load.whole


class LoadFailed(Exception):
    pass


def wrk(server, load):
    """One run. Raises LoadFailed at wrong answers or broken connections."""
    before = server.cpu()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(load.script)
        script.flush()
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s",
                   "--timeout", "30s", *(["-s", script.name] if load.script else []), server.address + load.path]
        text = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout
    cpu = server.cpu() - before
    found = re.search(r"(\d+) requests in ([\d.]+)s, ([\d.]+)([KMG]?B) read", text)
    errors = re.findall(r"Non-2xx.*|Socket errors.*", text)
    if not found or errors:
        raise LoadFailed(f"{server.name}: {errors or text}")
    count, seconds = int(found[1]), float(found[2])
    done = count if load.whole else float(found[3]) * UNITS[found[4]]
    return Sample(cpu / max(count, 1) * 1e6, done / seconds)


def alternate(servers, load, rounds, loads=None):
    """Samples of each server, one after the other in each round, so that all meet the same weather. `loads`: by name,
    where one differs."""
    samples = {server.name: [] for server in servers}
    for server in servers:
        wrk(server, Load(load.connections, 1, load.path, load.script, load.whole))  # warm
    for _ in range(rounds):
        for server in servers:
            samples[server.name].append(wrk(server, (loads or {}).get(server.name, load)))
    return samples


def median(samples, what):
    return statistics.median(getattr(sample, what) for sample in samples)


def ratio(own, peer, what):
    """The median of the rounds' ratios."""
    return statistics.median(getattr(a, what) / getattr(b, what) for a, b in zip(own, peer))
