# SPDX-License-Identifier: MIT
"""What the shells that operators use are told about gservectl: completion, by the shells themselves, and manual pages."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

from harness.box import APPS
from harness.process import GSERVECTL, SOURCE, ctl_environment
from harness.waiting import bound

COMPLETIONS = SOURCE + "/packaging/completions"
MAN = SOURCE + "/packaging/man"


@pytest.fixture
def shop(box):
    """An instance that gservectl finds, and the environment to find it with."""
    runtime = box.directory("xdg")
    server = box.prepare("-n", "shop", "-w", 2, chdir=APPS + "/plain").start()
    server.wait_ready(2)
    os.makedirs(runtime + "/gserve")
    os.symlink(server.run, runtime + "/gserve/shop")
    box.directory("bin")
    os.symlink(GSERVECTL, box.path("bin/gservectl"))
    server.shell = ctl_environment(PATH=f"{box.path('bin')}:/usr/bin:/bin", XDG_RUNTIME_DIR=runtime, TERM="xterm",
                                   HOME=box.directory("home"))
    return server


def bash(server, *words):
    """What bash offers for the last of these words."""
    script = (f'source {COMPLETIONS}/gservectl.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gservectl; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", "gservectl", *words], env=server.shell,
                          capture_output=True, text=True, timeout=bound(30), check=True)
    return done.stdout.split()


def fish(server, line):
    done = subprocess.run(["fish", "--no-config", "-c", f"source {COMPLETIONS}/gservectl.fish; complete -C '{line}'"],
                          env=server.shell, capture_output=True, text=True, timeout=bound(30), check=True)
    return [each.split("\t")[0] for each in done.stdout.splitlines()]


class Typist:
    """An interactive shell, and somebody who types."""

    def __init__(self, argv, env):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        self.shown = ""

    def type(self, text):
        mark = len(self.shown)
        os.write(self.terminal, text.encode())
        return mark

    def wait(self, pattern, after=0):
        deadline = time.monotonic() + bound(30)
        while not re.search(pattern, self.shown[after:]):
            assert time.monotonic() < deadline, f"never shown: {pattern}\n{self.shown[-2000:]!r}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


def test_bash_completes_commands_options_instances_and_pids(shop):
    assert bash(shop, "rel") == ["reload"]
    assert bash(shop, "stop", "--q") == ["--quick"]
    assert bash(shop, "-n", "") == ["shop"]
    assert bash(shop, "--name", "=", "sh") == ["shop"]
    assert sorted(map(int, bash(shop, "-n", "shop", "worker", "kill", ""))) == shop.workers()
    assert bash(shop, "upgrade", "--binary", "/us") == []


def test_bash_completes_what_is_typed(shop):
    typist = Typist(["bash", "--norc", "-i"], shop.shell)
    mark = typist.type(f"source {COMPLETIONS}/gservectl.bash; echo rea''dy\n")
    typist.wait("ready", mark)
    mark = typist.type("gservectl -n sh\tstat\t\n")
    typist.wait(r"State: running, 2 of 2 workers ready", mark)
    typist.end()


def test_zsh_completes_what_is_typed(shop):
    typist = Typist(["zsh", "-f", "-i"], shop.shell)
    mark = typist.type(f"autoload -Uz compinit; compinit -u -D; source {COMPLETIONS}/gservectl.zsh; echo rea''dy\n")
    typist.wait("ready", mark)
    mark = typist.type("gservectl -n sh\tstat\t\n")
    typist.wait(r"State: running, 2 of 2 workers ready", mark)
    typist.end()


def test_fish_completes_commands_options_instances_and_pids(shop):
    assert fish(shop, "gservectl rel") == ["reload"]
    assert fish(shop, "gservectl stop --q") == ["--quick"]
    assert fish(shop, "gservectl -n ") == ["shop"]
    assert sorted(map(int, fish(shop, "gservectl worker restart "))) == shop.workers()


@pytest.mark.parametrize("page", sorted(os.listdir(MAN)))
def test_manual_pages_are_sound(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", f"{MAN}/{page}"], capture_output=True, text=True,
                          timeout=bound(30))
    # A page that is not installed yet cannot be found.
    faults = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert not faults and not done.stderr, "\n".join(faults) + done.stderr


def test_the_manual_page_has_every_command_and_option():
    with open(f"{MAN}/gservectl.1", encoding="utf-8") as file:
        page = file.read()
    words = subprocess.run([GSERVECTL, "__complete", ""], capture_output=True, text=True, check=True).stdout
    commands = [line.split("\t")[0] for line in words.splitlines()]
    assert len(commands) > 10
    for command in commands:
        if command != "worker":
            assert f".It Cm {command}" in page, command
        options = subprocess.run([GSERVECTL, "__complete", command, "--"], capture_output=True, text=True, check=True)
        for option in (line.split("\t")[0] for line in options.stdout.splitlines()):
            assert f"Fl -{option.lstrip('-')}" in page, (command, option)
