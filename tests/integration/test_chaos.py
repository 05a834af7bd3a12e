# SPDX-License-Identifier: MIT
"""Everything that can go wrong, in an order that a seed gives, under load. Only what a killed worker had in hand may be
lost. `./dev chaos --minutes 60 --seed 7` goes on for longer."""
import os
import subprocess
import threading

import pytest

from harness.box import APPS
from harness.chaos import Chaos
from harness.load import Load
from harness.waiting import bound

SECONDS = float(os.environ.get("GSERVE_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("GSERVE_CHAOS_SEED", "1"))
CLIENTS = 8
IN_HAND = bound(1)  # seconds around a kill in which what that worker had in hand is seen to be lost


@pytest.fixture
def small_disk(box):
    """A file system of 256 KiB for the access log."""
    folder = box.directory("small-disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def lost_without_a_kill(load, kills):
    return [record for record in load.bad()
            if not any(kill - 0.1 <= record.ended <= kill + IN_HAND for kill in kills)]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system for the logs takes root")
@pytest.mark.parametrize("mode", ["", "--preload"])
def test_chaos_loses_only_what_killed_workers_had_in_hand(box, small_disk, mode):
    box.expect_log(r"^(?!.*(Sanitizer|runtime error:|internal fault|terminate called)).*$")
    folder = box.copy_app(APPS + "/plain")
    options = ["--boot-timeout", "20", "--bake", "3", "--access-logfile", small_disk + "/access.log", *mode.split()]
    server = box.gserve(*options, workers=4, chdir=folder)
    chaos = Chaos(server, folder, small_disk, SEED)
    with Load(server.address, clients=CLIENTS, seconds=SECONDS + 240, path="/slow?s=0.005", pause=0.005) as load:
        try:
            chaos.run(SECONDS)
        finally:
            print(f"seed {SEED}: {' '.join(chaos.done)}")
        assert server.running(), server.log.text()
        chaos.settle()
        load.wait_answers(100)
        load.stop()
    print(load.summary(), f"{len(chaos.kills)} kills")
    lost = lost_without_a_kill(load, chaos.kills)
    assert not lost, f"{[(record.error or record.status) for record in lost]}, {load.summary()}"
    assert len(load.bad()) <= CLIENTS * len(chaos.kills), load.summary()
    assert len(set(chaos.done)) >= min(len(Chaos.ACTIONS), len(chaos.done) // 4), "the seed left things out"
    wait_for_timers()


def wait_for_timers():
    """Frozen workers have been told to go on."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(5)
            assert not thread.is_alive()
