# SPDX-License-Identifier: MIT
"""Who may not call changes nothing; who may, and talks nonsense, breaks nothing. And the interface is what is written down."""
import os
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import dbus, procfs
from harness.box import APPS
from harness.process import SOURCE
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
DOCUMENT = SOURCE + "/docs/io.gserve.Supervisor1.xml"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_thousand_calls_of_a_stranger_have_no_effect(box):
    box.expect_log(r"refused|control|uid 65534")
    server = box.gserve("--control-socket-mode", "0666", workers=2, chdir=PLAIN)
    os.chmod(server.run, 0o755)
    before, workers = server.status(), server.workers()
    script = shutil.copy(dbus.__file__, box.path("stranger.py"))
    os.chmod(script, 0o644)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", script,
                           server.control, "1000", "7"], capture_output=True, text=True, timeout=bound(120), check=True)
    assert done.stdout.strip() == "0", "a stranger got an answer"
    after = server.status()
    for key in ("pid", "generation", "target", "ready", "state", "workers_started", "last_incident"):
        assert after[key] == before[key], key
    assert server.workers() == workers and server.get().status == 200


def test_nonsense_of_one_who_may_call_crashes_nothing(box):
    box.expect_log(r".")  # each refusal is a line
    server = box.gserve(workers=1, chdir=PLAIN)
    dice = random.Random(11)
    fds = procfs.fd_count(server.pid)
    valid = [dbus.call("GetStatus"), dbus.call("GetConfig"), dbus.call("GetJob", "t", [1]),
             dbus.call("GetIncident", "t", [1]), dbus.call("RestartWorker", "u", [1]),
             dbus.call("Scale", "sib", ["", 0, 0]), dbus.call("Stop", "s", ["never"])]
    for _ in range(300):
        message = bytearray(dice.choice(valid))
        if dice.random() < 0.3:
            message = bytearray(dbus.call(dice.choice(["GetJob", "KillWorker", "Scale", "Nothing"]), "st", ["x" * 2000, 1]))
        else:
            for _ in range(dice.randrange(1, 4)):
                message[dice.randrange(len(message))] = dice.randrange(256)
        try:
            with dbus.connect(server.control, bound(10)) as sock:
                sock.sendall(bytes(message[:dice.randrange(1, len(message) + 1)]))
                sock.shutdown(1)
                while sock.recv(65536):
                    pass
        except (BrokenPipeError, ConnectionResetError):
            pass
    wait_for(lambda: procfs.fd_count(server.pid) <= fds, "every connection is closed")
    status = server.status()
    assert status["state"] == "running" and status["ready"] == 1 and server.get().status == 200


def described(root):
    """Members of the interface, each with what it takes and gives, in the order of the names."""
    interface = next(each for each in root.iter("interface") if each.get("name") == "io.gserve.Supervisor1")
    members = []
    for member in interface:
        if member.tag in ("method", "signal"):
            what = [(arg.get("direction") or "out", arg.get("type"), arg.get("name")) for arg in member.iter("arg")]
        else:
            what = [member.get("type"), member.get("access")]
        members.append((member.tag, member.get("name"), what))
    return sorted(members)


def test_the_interface_is_the_one_that_is_documented(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    done = subprocess.run(["busctl", f"--address=unix:path={server.control}", "introspect", "--xml-interface", "io.gserve",
                           "/io/gserve"], capture_output=True, text=True, timeout=bound(30), check=True)
    answered = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", done.stdout))
    assert described(ElementTree.parse(DOCUMENT).getroot()) == described(answered)
    assert {name for kind, name, _ in described(answered) if kind == "method"} == set(dbus.METHODS)
