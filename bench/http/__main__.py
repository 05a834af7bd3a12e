# SPDX-License-Identifier: MIT
"""HTTP figures of gserve beside its peers': medians of alternating rounds in one go, as a table.

The server's processes share one core, the load generator has another. Times are of this machine and this moment; what
counts are the ratios."""
import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version

from rows import LONG_ROWS, ROWS, Result
from servers import BUILD, Nginx


def first_match(command, pattern=r"[\d.]+\d"):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[0] if found else "?"


def versions():
    own = first_match([os.path.join(BUILD, "bin/gserve"), "--version"])
    packages = ", ".join(f"{name} {version(name)}" for name in ("gunicorn", "granian", "gevent", "Flask"))
    return (f"gserve {own}, nginx {first_match([Nginx.executable(), '-v'])}, uWSGI {first_match(['uwsgi', '--version'])}, "
            f"{packages}, wrk {first_match(['wrk', '-v'])}, Python {platform.python_version()}, Linux {platform.release()}")


def results(row, options):
    try:
        yield from row(options)
    except Exception as error:  # the other rows are of use all the same
        yield Result(row.__name__, "", "", f"could not be measured: {' '.join(str(error).split())[:300]}", "", False)


class Options(argparse.Namespace):
    folder = ""

    def scratch(self, name):
        """A path of that name in a folder that goes with the run."""
        return os.path.join(self.folder, name)


def parse():
    by_name = {row.__name__: row for row in ROWS + LONG_ROWS}
    parser = argparse.ArgumentParser(prog="bench/http.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (%(default)s)")
    parser.add_argument("--requests", type=int, default=10_000_000, help="of the row storm (%(default)s)")
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *by_name],
                        help=f"{', '.join(by_name)}; all but the last if none is named")
    options = parser.parse_args(namespace=Options())
    options.rows = [by_name[name] for name in options.rows] or ROWS
    return options


def main():
    options = parse()
    print(f"{versions()}; medians of {options.rounds} alternating rounds\n")
    print("| work | gserve | beside it | figure | wanted | holds |\n|---|---|---|---|---|---|", flush=True)
    options.folder = tempfile.mkdtemp(prefix="gserve-bench-")
    os.chmod(options.folder, 0o755)  # nginx's worker has another uid where root runs this
    held = True
    try:
        for row in options.rows:
            for result in results(row, options):
                held = held and result.holds
                verdict = "yes" if result.holds else "**no**"
                print(f"| {result.work} | {result.own} | {result.peer} | {result.figure} | {result.wanted} | {verdict} |",
                      flush=True)
    finally:
        shutil.rmtree(options.folder)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
