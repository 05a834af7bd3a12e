#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the fuzz targets that were built into build/fuzz, two at a time. A finding is kept, told with the command that
repeats it, and a failed test in the JUnit file.

usage: run.py [--seconds N] [--junit FILE] [--keep] [TARGET...]    exit 1 if there was a finding

Each target starts from tests/fuzz/seeds/TARGET. With --keep what it learns stays in build/fuzz/corpus/TARGET, is the start
of the next run too, and is minimized at the end (^C ends a run in time for that); inputs that reach what no seed reaches
are then copied to build/fuzz/new/TARGET, to be added to the seeds.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests" / "fuzz" / "seeds"
DICTIONARY = ROOT / "tests" / "fuzz" / "http.dict"
BUILD = ROOT / "build" / "fuzz"
# A run that takes 10 s has hung, even on a busy machine; libFuzzer ends by itself when the time is up.
LIMITS = ["-timeout=10", "-interrupted_exitcode=0", "-rss_limit_mb=1024", "-max_len=1024"]
GRACE = 120  # seconds on top, for start-up and the last input
AT_ONCE = 2
TAIL = 60  # lines of output shown for a finding


class Target:
    def __init__(self, name):
        self.name = name
        self.program = BUILD / "tests" / f"fuzz_{name}"
        self.seeds = SEEDS / name
        self.corpus = BUILD / "corpus" / name
        self.new = BUILD / "new" / name
        self.findings = BUILD / "findings"
        self.log = BUILD / "log" / f"{name}.log"
        for folder in (self.corpus, self.findings, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)

    def fuzz(self, seconds, keep):
        """Returns what went wrong, empty if nothing did."""
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            learned = self.corpus if keep else scratch
            finding = self.findings / f"{self.name}-"
            code = self.run([*LIMITS, f"-max_total_time={seconds}", f"-dict={DICTIONARY}", f"-artifact_prefix={finding}",
                             "-print_final_stats=1", learned, self.seeds], "w", seconds + GRACE)
        return self.describe() if code else ""

    def run(self, arguments, mode, seconds=None):
        with open(self.log, mode, encoding="utf-8") as log:
            process = subprocess.Popen([self.program, *arguments], stdout=log, stderr=subprocess.STDOUT)
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                log.write(f"run.py: killed: still running {GRACE} s after its time\n")
                return 1

    def describe(self):
        """The end of the log, and how to see it again."""
        lines = self.log.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
        kept = [line.rpartition(" ")[2] for line in lines if "Test unit written to" in line]
        again = [f"to repeat: {self.program} {path}" for path in kept] or ["no input was kept"]
        return "\n".join([*lines[-TAIL:], f"all output: {self.log}", *again])

    def executions(self):
        """How many inputs the last run has tried."""
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("stat::number_of_executed_units:"):
                return int(line.split()[-1])
        return 0

    def minimize(self):
        """Leaves in the corpus the fewest inputs that reach all that is known. Returns how many of them are news to the
        seeds."""
        minimized = pathlib.Path(tempfile.mkdtemp(dir=BUILD))
        with_seeds = pathlib.Path(tempfile.mkdtemp(dir=BUILD))
        for seed in self.seeds.iterdir():
            shutil.copy(seed, with_seeds)
        try:
            if self.run(["-merge=1", minimized, self.seeds, self.corpus], "a") != 0:
                return 0
            shutil.rmtree(self.corpus)
            shutil.copytree(minimized, self.corpus)
            if self.run(["-merge=1", with_seeds, self.corpus], "a") != 0:
                return 0
            return self.offer(with_seeds)
        finally:
            shutil.rmtree(minimized)
            shutil.rmtree(with_seeds)

    def offer(self, merged):
        shutil.rmtree(self.new, ignore_errors=True)
        self.new.mkdir(parents=True)
        news = [path for path in merged.iterdir() if not (self.seeds / path.name).exists()]
        for path in news:
            shutil.copy(path, self.new)
        return len(news)


def write_junit(path, results):
    failed = sum(1 for _, problem, _ in results if problem)
    suite = ElementTree.Element("testsuite", name="fuzz", tests=str(len(results)), failures=str(failed))
    for target, problem, seconds in results:
        case = ElementTree.SubElement(suite, "testcase", classname="fuzz", name=target.name, time=f"{seconds:.1f}")
        if problem:
            printable = "".join(c if c.isprintable() or c == "\n" else "?" for c in problem)
            ElementTree.SubElement(case, "failure", message="finding").text = printable
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def targets(names):
    known = sorted(path.name for path in SEEDS.iterdir() if path.is_dir())
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"run.py: no such target: {', '.join(unknown)}; there are {', '.join(known)}")
    return [Target(name) for name in names or known]


def run_one(target, arguments):
    begin = time.monotonic()
    problem = target.fuzz(arguments.seconds, arguments.keep)
    result = (target, problem, time.monotonic() - begin)
    print(f"{target.name}: {target.executions():,} inputs in {result[2]:.0f} s, "
          f"{'A FINDING' if problem else 'nothing found'}", flush=True)
    if problem:
        print(problem, flush=True)
    return result


def keep_corpus(target):
    news = target.minimize()
    line = f"{target.name}: {sum(1 for _ in target.corpus.iterdir())} inputs in {target.corpus}"
    if news:
        line += f"; {news} of them reach what no seed does: look at {target.new} and add them to {target.seeds}"
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(usage="run.py [--seconds N] [--junit FILE] [--keep] [TARGET...]")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--junit")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*")
    arguments = parser.parse_args()
    chosen = targets(arguments.targets)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda target: run_one(target, arguments), chosen))
    except KeyboardInterrupt:  # the programs got it too
        results = []
    if arguments.junit:
        write_junit(arguments.junit, results)
    if arguments.keep:
        for target in chosen:
            keep_corpus(target)
    return 1 if any(problem for _, problem, _ in results) else 0


if __name__ == "__main__":
    sys.exit(main())
