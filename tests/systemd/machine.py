# SPDX-License-Identifier: MIT
"""A machine with a real systemd, booted in a container over a tree that is thrown away again."""
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BUILD = os.path.realpath(os.environ.get("GSERVE_BUILD") or os.path.join(SOURCE, "build"))
TREE = os.path.join(SOURCE, "build/systemd-tree")
BOOT_LIMIT = 120  # seconds
NUMBERS = itertools.count(1)

# What was built, where the unit expects it: path here -> path in the machine.
BUILT = {f"{BUILD}/bin/gserve": "/usr/bin/gserve", f"{BUILD}/bin/gservectl": "/usr/bin/gservectl",
         f"{BUILD}/lib/gserve": "/usr/lib/gserve",
         f"{SOURCE}/packaging/systemd/gserve@.service": "/etc/systemd/system/gserve@.service",
         f"{SOURCE}/packaging/systemd/gserve@.socket": "/etc/systemd/system/gserve@.socket"}


def wait_for(condition, what, seconds=60, shown=lambda: ""):
    """`shown` tells, when it has taken too long, what there was instead."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}\n{shown()}")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as pids:
        return pids.read().split()


def is_first_of_its_namespace(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            numbers = next(line.split()[1:] for line in status if line.startswith("NSpid:"))
    except OSError:
        return False  # it has ended
    return len(numbers) > 1 and numbers[-1] == "1"


class Machine:
    """Root's own services run in it: `gserve@NAME`, each with its application in /srv/NAME. What is written on its
    root file system is gone with it."""

    def __init__(self, shown=None):
        """shown: what is seen in it of this machine, as BUILT, the default."""
        self.shown = BUILT if shown is None else shown
        self.base = tempfile.mkdtemp(prefix="gserve-machine-")
        self.folders = {"/srv": self.folder("srv")}
        if shown is None:
            self.folders["/etc/gserve"] = self.folder("etc")
        self.console = open(os.path.join(self.base, "console"), "wb")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.console,
                                        stderr=subprocess.STDOUT)
        try:
            self.leader = wait_for(self.find_leader, "the container has a first process", BOOT_LIMIT)
            wait_for(self.booted, "systemd has booted", BOOT_LIMIT, self.said)
        except AssertionError:
            self.pull_the_plug()
            raise

    def folder(self, name):
        path = os.path.join(self.base, name)
        os.mkdir(path)
        return path

    def command(self):
        binds = [f"--bind-ro={source}:{target}" for source, target in self.shown.items()]
        binds += [f"--bind={outside}:{inside}" for inside, outside in self.folders.items()]
        name = f"gserve-{os.getpid()}-{next(NUMBERS)}"
        return ["systemd-nspawn", "--quiet", f"--directory={TREE}", "--volatile=overlay", "--boot", "--register=no",
                "--keep-unit", "--private-network", "--link-journal=no", f"--machine={name}", *binds]

    def find_leader(self):
        """The container's first process; systemd-nspawn forks others on the way."""
        if self.process.poll() is not None:
            raise AssertionError("the container has ended:\n" + self.said())
        return next((pid for pid in children(self.process.pid) if is_first_of_its_namespace(pid)), None)

    def said(self):
        """On the console."""
        with open(os.path.join(self.base, "console"), encoding="utf-8", errors="replace") as console:
            return console.read()

    def booted(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    # --- what is done in it ---
    def argv(self, *words):
        return ["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/",
                "--", "/usr/bin/env", "--chdir=/", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *words]

    def run(self, *words, check=True, seconds=60):
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=seconds)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start_program(self, *words):
        return subprocess.Popen(self.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True)

    def systemctl(self, *words, check=True):
        return self.run("systemctl", "--no-pager", *words, check=check)

    def show(self, unit, name):
        return self.systemctl("show", "--value", "-p", name, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def get(self, address, path="/"):
        """(status, body); (0, error) when there is no answer."""
        target = ["--unix-socket", address[5:], f"http://localhost{path}"] if address.startswith("unix:") else [
            f"http://{address}{path}"]
        done = self.run("curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *target, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body or done.stderr

    def write(self, path, text):
        for inside, outside in self.folders.items():
            if path.startswith(inside + "/"):
                target = outside + path[len(inside):]
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "w", encoding="utf-8") as file:
                    file.write(text)
                return
        self.run("sh", "-c", "mkdir -p \"$(dirname \"$1\")\" && printf %s \"$2\" >\"$1\"", "sh", path, text)

    def pull_the_plug(self):
        self.process.terminate()  # systemd-nspawn kills all that is in the container
        self.process.wait()

    def close(self):
        """Powers off. Returns what was wrong, a list of lines."""
        faults = []
        self.run("systemctl", "poweroff", check=False)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            faults.append("the machine did not power off in 60 s")
            self.pull_the_plug()
        self.console.close()
        shutil.rmtree(self.base, ignore_errors=True)
        return faults


class Service:
    """gserve@NAME on a machine, with its own port."""

    def __init__(self, machine, name, port, app, options="-w 2", drop_in=""):
        self.machine = machine
        self.name = name
        self.unit = f"gserve@{name}.service"
        self.address = f"127.0.0.1:{port}"
        self.deploy(app)
        machine.write(f"/etc/gserve/{name}.env", "PYTHONDONTWRITEBYTECODE=1\n"
                      f"GSERVE_ARGS={options} -b {self.address} --chdir /srv/{name} app:app\n")
        if drop_in:
            machine.write(f"/etc/systemd/system/{self.unit}.d/test.conf", drop_in)
            machine.systemctl("daemon-reload")

    def deploy(self, app):
        self.machine.write(f"/srv/{self.name}/app.py", app)

    def start(self):
        self.machine.systemctl("start", self.unit)
        return self

    def get(self, path="/"):
        return self.machine.get(self.address, path)

    def ctl(self, *words, check=True):
        return self.machine.run("gservectl", "-n", self.name, *words, check=check)

    def status(self):
        return json.loads(self.ctl("--json", "status").stdout)

    def main_pid(self):
        return int(self.machine.show(self.unit, "MainPID"))

    def kill_main(self, signal="KILL"):
        self.machine.run("kill", f"-{signal}", str(self.main_pid()))

    def journal(self):
        return self.machine.journal(self.unit)

    def shown(self):
        """What `systemctl status` prints."""
        return self.machine.systemctl("status", "-n", "50", self.unit, check=False).stdout

    def end(self):
        self.machine.systemctl("stop", self.unit, check=False)
        self.machine.systemctl("reset-failed", self.unit, check=False)
