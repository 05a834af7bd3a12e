# SPDX-License-Identifier: MIT
"""gservectl top: on a terminal of its own, with somebody at the keyboard; and as plain text and JSON."""
import json
import os
import pty
import re
import select
import signal
import termios
import time

from harness.box import APPS
from harness.load import Load
from harness.process import ctl_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"


class Screen:
    """A program on a terminal: what it has drawn, and keys for it."""

    def __init__(self, command):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], command, ctl_environment(TERM="xterm"))
            finally:
                os._exit(127)
        self.shown = ""

    def _read(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return
        try:
            self.shown += os.read(self.terminal, 65536).decode()
        except OSError:  # EIO: it has ended
            pass

    def wait(self, pattern, after=0):
        deadline = time.monotonic() + bound(30)
        while not re.search(pattern, self.shown[after:]):
            assert time.monotonic() < deadline, f"never shown: {pattern}\n{self.shown[-3000:]!r}"
            self._read(0.2)

    def press(self, keys):
        mark = len(self.shown)
        os.write(self.terminal, keys.encode())
        return mark

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self):
        deadline = time.monotonic() + bound(30)
        while True:
            self._read(0.1)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._read(0)
                os.close(self.terminal)
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "it does not end"


def test_top_shows_workers_and_obeys_keys(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    first = server.workers()[0]
    screen = Screen(server.ctl_command("top", "--interval", "0.2"))
    screen.wait(rf"{first}\s+ready")
    assert not screen.echoes()
    mark = screen.press("r")
    screen.wait(r"Reload\? y/n", mark)
    mark = screen.press("n")
    screen.wait(r"\x1b\[H", mark)
    assert server.status()["generation"] == 1, "it was not confirmed"
    mark = screen.press("+y")
    screen.wait(r"3 of 3 workers ready", mark)
    mark = screen.press("w")
    screen.wait(rf"Restart worker {first}\? y/n", mark)
    mark = screen.press("y")
    screen.wait(r"job 2: done", mark)
    assert first not in server.workers() and len(server.workers()) == 3
    screen.press("q")
    assert screen.end() == 0
    assert screen.shown.endswith("\x1b[?25h\x1b[?1049l"), "the screen is given back"


def test_a_signal_gives_the_terminal_back(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    screen = Screen(server.ctl_command("top"))
    screen.wait(r"1 of 1 workers ready")
    os.kill(screen.pid, signal.SIGTERM)
    deadline = time.monotonic() + bound(30)
    while not screen.shown.endswith("\x1b[?1049l") and time.monotonic() < deadline:
        screen._read(0.2)
    assert screen.echoes()
    assert screen.end() == 0


def test_top_outlives_an_upgrade_and_ends_with_the_service(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    screen = Screen(server.ctl_command("top", "--interval", "0.1"))
    screen.wait(r"1 of 1 workers ready")
    server.ctl("upgrade")
    mark = len(screen.shown)
    screen.wait(r"1 of 1 workers ready", mark)
    server.ctl("stop")
    assert screen.end() in (1, 3)
    assert "gservectl: " in screen.shown


def test_rates_are_those_of_the_load(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    with Load(server.address, clients=2) as load:
        load.wait_answers(5)
        frames = [json.loads(line) for line in
                  server.ctl("top", "--json", "--count", "3", "--interval", "0.5").stdout.splitlines()]
    assert len(frames) == 3 and frames[0]["workers"][0]["rate"] is None
    worker = frames[-1]["workers"][0]
    assert worker["pid"] == frames[0]["workers"][0]["pid"]
    assert worker["rate"] > 0 and frames[-1]["rate"] == worker["rate"]
    assert 0 < frames[-1]["p50_s"] <= frames[-1]["p99_s"]
    assert worker["cpu"] > 0 and worker["pss_bytes"] > 1 << 20 and worker["rss_bytes"] >= worker["pss_bytes"] // 2


def test_without_a_terminal_frame_follows_frame(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    text = server.ctl("top", "--count", "2", "--interval", "0.1").stdout
    assert text.count("1 of 1 workers ready") == 2 and "\x1b" not in text
    wait_for(lambda: server.status()["ready"] == 1, "it goes on")
