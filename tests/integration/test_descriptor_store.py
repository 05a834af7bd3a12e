# SPDX-License-Identifier: MIT
"""The service manager keeps the listening sockets (systemd's FDSTORE): the next supervisor takes them over."""
import os
import signal
import sys

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"

# What systemd does between fork and exec: descriptors from 3 on, and whom they are meant for.
PASS = """
import os, sys
count = int(sys.argv[1])
for i in range(count):
    os.dup2(int(sys.argv[2 + i]), 100 + i)
for i in range(count):
    os.dup2(100 + i, 3 + i)
    os.close(100 + i)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


def first(box, *args, **options):
    return box.gserve(*args, env={"FDSTORE": "64"}, chdir=PLAIN, **options)


def successor(box, kept, *args, **options):
    """A supervisor that is started with what the manager has kept, in a list of (name, descriptor)."""
    env = {"FDSTORE": "64", "LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(name for name, _ in kept)}
    fds = [fd for _, fd in kept]
    wrapper = (sys.executable, "-c", PASS, str(len(fds)), *map(str, fds))
    return box.prepare(*args, env=env, chdir=PLAIN, wrapper=wrapper, pass_fds=fds, **options)


def kept(server):
    return [(name, fd) for name, fds in server.notify.stored.items() for fd in fds]


def test_listeners_are_given_to_the_manager_by_name(box):
    server = first(box, "-b", f"unix:{box.path('app.sock')}", workers=1)
    port = server.address.rpartition(":")[2]
    assert [name for name, _ in kept(server)] == [f"gserve-listener-http_//127.0.0.1_{port}",
                                                  f"gserve-listener-unix_{box.path('app.sock')}"]
    assert "FDSTORE" not in server.get("/environment").text
    assert server.stop() == 0
    os.unlink(box.path("app.sock"))  # it was kept for the next start


def test_without_a_store_nothing_is_given_away(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    assert not kept(server)


def test_a_killed_supervisor_loses_no_request(box):
    """SIGKILL under load, next start with the stored sockets: what waits is served, what runs is finished."""
    old = first(box, workers=2)
    workers = old.workers()
    with Load(old.address, clients=8, path="/slow?s=0.1", keep_every=0) as load:
        load.wait_answers(16)
        old.kill()
        new = successor(box, kept(old), "-w", 2).start().wait_ready(2)
        assert new.address == old.address
        wait_for(lambda: not any(map(procfs.alive, workers)), "the old workers have left")
        load.wait_answers(40)
        load.stop()
    assert not load.bad(), load.summary()
    assert load.pids() & set(new.workers()), "the new workers serve"


def test_connections_wait_while_no_process_is_there(box):
    old = first(box, workers=1)
    workers = old.workers()
    old.kill()
    wait_for(lambda: not any(map(procfs.alive, workers)), "the workers see the end of their lifeline")
    waiting = [web.connection(old.address) for _ in range(5)]
    for conn in waiting:
        conn.request("GET", "/")
    successor(box, kept(old), "-w", 1).start().wait_ready(1)
    for conn in waiting:
        answer = conn.getresponse()
        assert answer.status == 200 and answer.read()
        conn.close()


def test_a_restart_keeps_the_connections_that_wait(box):
    """A stop leaves stored sockets as they are: systemd may have been told to restart, nobody can know."""
    old = first(box, workers=1)
    assert old.stop() == 0
    conn = web.connection(old.address)
    conn.request("GET", "/")
    successor(box, kept(old), "-w", 1).start().wait_ready(1)
    assert conn.getresponse().status == 200
    conn.close()


def test_a_stored_socket_that_no_bind_names_is_dropped(box):
    old = first(box, workers=1)
    name = kept(old)[0][0]
    old.kill()
    new = successor(box, kept(old), "-w", 1, bind="127.0.0.2:0").start().wait_ready(1)
    assert new.address.startswith("http://127.0.0.2:")
    new.notify.wait("FDSTOREREMOVE", "1")
    assert new.notify.find("FDNAME", name)
    new.log.wait(rf"closed {name}: no --bind names its address any more")


def test_an_upgrade_and_then_a_death_keep_the_sockets_too(box):
    old = first(box, workers=1)
    old.ctl("upgrade")
    assert len(kept(old)) == 1, "stored once"
    old.send_signal(signal.SIGKILL)
    old.kill()
    new = successor(box, kept(old), "-w", 1).start().wait_ready(1)
    assert new.get().status == 200 and new.address == old.address
