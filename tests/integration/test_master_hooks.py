# SPDX-License-Identifier: MIT
"""gunicorn's hooks of the master: the hook process calls them, in gunicorn's order; hooks that raise or hang, and a hook
process that is killed, cost lines of the log."""
import os
import signal
import subprocess

import pytest

from harness import procfs
from harness.box import APPS
from harness.hooks import Notes
from harness.process import GSERVE, clean_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"

ALL = """
import threading
def nworkers_changed(server, new_value, old_value):
    note("nworkers_changed", new_value, old_value)
def on_starting(server):
    note("on_starting", server.pid, server.num_workers, server.cfg.workers, server.cfg.proc_name, os.path.exists(SOCKET))
    server.log.info("hello from %s", server.pid)
    threading.Thread(target=threading.Event().wait, name="metrics", daemon=True).start()
def when_ready(server):
    note("when_ready", os.path.exists(SOCKET), len(server.WORKERS))
def pre_fork(server, worker):
    note("pre_fork", worker.age, worker.pid, str(worker))
    worker.wanted = True
def post_fork(server, worker):
    note("post_fork", worker.age)
def on_reload(server):
    note("on_reload", server.pid, VERSION, any(each.name == "metrics" for each in threading.enumerate()))
def child_exit(server, worker):
    note("child_exit", worker.age, worker.pid, getattr(worker, "wanted", False), worker.pid in server.WORKERS)
def pre_exec(server):
    note("pre_exec", server.pid)
def on_exit(server):
    note("on_exit", server.pid, len(server.WORKERS))
"""


def hooked(box, text, *args, workers=1, **options):
    """A gserve with these hooks, its workers ready, and the notes of the hooks."""
    notes = Notes(box, text)
    server = box.prepare("-w", workers, *args, cwd=box.base, chdir=PLAIN, **options).start()
    return server.wait_ready(workers), notes


def everything(box, version=1):
    return f"SOCKET = {box.path('web.sock')!r}\nVERSION = {version}\n" + ALL


def refused(box, text, *args):
    """The same, but it does not come up: the exit code."""
    box.expect_log(r".")
    notes = Notes(box, text)
    server = box.prepare(*args, cwd=box.base, chdir=PLAIN).start()
    return server.wait_exit(), server, notes


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_hooks_of_the_master_are_called_in_order(box, args):
    server, notes = hooked(box, everything(box), "-n", "shop", *args, workers=2, bind="unix:" + box.path("web.sock"))
    first, second = server.workers()
    assert server.stop() == 0
    names = notes.names()
    assert names[:4] == ["nworkers_changed", "on_starting", "when_ready", "pre_fork"]
    assert names[-3:] == ["child_exit", "child_exit", "on_exit"]
    assert notes.of("nworkers_changed") == [["nworkers_changed", 2, None]]
    assert notes.of("on_starting") == [["on_starting", server.pid, 2, 2, "shop", False]]
    assert notes.of("when_ready") == [["when_ready", True, 0]]
    assert notes.of("pre_fork") == [["pre_fork", age, "[booting]", "<Worker [booting]>"] for age in (1, 2)]
    for age in (1, 2):
        assert notes.all().index(["pre_fork", age, "[booting]", "<Worker [booting]>"]) < \
            notes.all().index(["post_fork", age])
    assert sorted(notes.of("child_exit")) == sorted(
        ["child_exit", age, pid, True, False] for age, pid in ((1, min(first, second)), (2, max(first, second))))
    assert notes.of("on_exit") == [["on_exit", server.pid, 0]]
    server.log.wait(rf"\[INFO\] hello from {server.pid}$")


def test_there_is_a_hook_process_only_where_there_are_such_hooks(box):
    server, _ = hooked(box, "def post_fork(server, worker):\n    pass\n")
    assert server.hook_processes() == []
    other, _ = hooked(box, "def on_exit(server):\n    pass\n")
    assert len(other.hook_processes()) == 1
    assert procfs.command(other.hook_processes()[0]) == "gserve: hooks [app:app]"
    assert len(other.status()["workers"]) == 1


# --- reload, scale, upgrade ---
def test_a_reload_calls_the_hooks_of_the_new_file_in_the_same_process(box):
    server, notes = hooked(box, everything(box))
    process = server.hook_processes()
    Notes(box, everything(box, version=2))
    open(notes.path, "w").close()
    server.ctl("reload")
    server.wait_workers(1)
    wait_for(lambda: "child_exit" in notes.names(), "the end of the old worker")
    assert notes.names() == ["on_reload", "pre_fork", "post_fork", "child_exit"]
    assert notes.of("on_reload") == [["on_reload", server.pid, 2, True]]
    assert server.hook_processes() == process


def test_a_reload_brings_a_hook_process_when_there_was_none(box):
    server, _ = hooked(box, "workers = 1\n")
    assert server.hook_processes() == []
    notes = Notes(box, everything(box, version=2))
    server.ctl("reload")
    assert notes.names()[:3] == ["on_reload", "pre_fork", "post_fork"]
    server.wait_ready(1)  # what the hook process takes is no leak


def test_after_a_failed_reload_the_old_hooks_are_called(box):
    box.expect_log("Traceback", "reload failed", "boot", "broken", "Error", "worker", "stays")
    server, notes = hooked(box, "def child_exit(server, worker):\n    note('old', worker.age)\n")
    Notes(box, "def child_exit(server, worker):\n    note('new', worker.age)\n"
               "def post_fork(server, worker):\n    raise KeyError('broken')\n")
    server.ctl("reload", expect=1)
    notes.wait("new")
    os.kill(server.workers()[0], signal.SIGTERM)
    assert notes.wait("old") == ["old", 1]


def test_scaling_calls_nworkers_changed(box):
    server, notes = hooked(box, everything(box))
    server.ctl("scale", 3)
    assert notes.wait("nworkers_changed", 2) == ["nworkers_changed", 3, 1]
    server.send_signal(signal.SIGTTOU)
    assert notes.wait("nworkers_changed", 3) == ["nworkers_changed", 2, 3]


def test_an_upgrade_keeps_the_hook_process(box):
    server, notes = hooked(box, everything(box))
    process, worker = server.hook_processes(), server.workers()[0]
    server.ctl("upgrade")
    assert notes.of("pre_exec") == [["pre_exec", server.pid]]
    assert server.hook_processes() == process
    os.kill(worker, signal.SIGTERM)
    assert notes.wait("child_exit") == ["child_exit", 1, worker, True, False]
    server.wait_workers(1)
    assert server.stop() == 0
    assert notes.names()[-1] == "on_exit"


# --- hooks that raise ---
@pytest.mark.parametrize("hook", ["on_starting", "when_ready"])
def test_what_ends_gunicorns_start_ends_the_start(box, hook):
    code, server, _ = refused(box, f"def {hook}(server):\n    raise LookupError('no database')\n"
                                   "def on_exit(server):\n    note('on_exit')\n", "-p", box.path("web.pid"))
    assert code == 1
    server.log.wait(f"gserve: the hook {hook} has failed: LookupError: no database")
    server.log.wait(rf"gunicorn\.conf\.py\", line \d+, in {hook}")


def test_a_file_that_fails_in_the_hook_process_ends_the_start(box):
    code, server, _ = refused(box, "import sys\nif 'gserve.master_hooks' in sys.modules:\n    raise RuntimeError('once')\n"
                                   "def on_exit(server):\n    pass\n")
    assert code == 1
    server.log.wait("RuntimeError: once")


@pytest.mark.parametrize("hook", ["pre_fork", "child_exit"])
def test_a_hook_that_raises_later_is_logged_and_no_more(box, hook):
    box.expect_log("Exception in", "Traceback", "ZeroDivisionError")
    server, _ = hooked(box, f"def {hook}(server, worker):\n    1 / 0\n")
    os.kill(server.workers()[0], signal.SIGTERM)
    server.log.wait(f"Exception in {hook} hook")
    server.wait_workers(1)
    assert server.get().status == 200


@pytest.mark.parametrize("arguments", ["server, new, old", "*all"])
def test_hooks_that_raise_at_the_end_do_not_change_it(box, arguments):
    box.expect_log("Exception in on_exit hook", "Traceback", "SystemExit")
    server, _ = hooked(box, f"def nworkers_changed({arguments}):\n    pass\ndef on_exit(server):\n    raise SystemExit(7)\n")
    assert server.stop() == 0
    server.log.wait("Exception in on_exit hook")


# --- hooks that hang, a process that is killed ---
def test_a_hook_that_hangs_delays_a_worker_but_not_the_supervisor(box):
    box.expect_log("has not returned within 1 s: killing the hook process")
    notes = Notes(box, "def pre_fork(server, worker):\n    if worker.age == 2:\n        note('hangs')\n        time.sleep(600)\n"
                       "def child_exit(server, worker):\n    note('child_exit', worker.age)\n")
    server = box.prepare("-w", 2, "--hook-timeout", 1, cwd=box.base, chdir=PLAIN).start()
    server.wait_ready()
    notes.wait("hangs")
    assert server.get().status == 200
    assert server.status()["target"] == 2
    server.wait_workers(2)
    server.log.wait("the hook pre_fork has not returned within 1 s")
    assert server.stop() == 0
    assert sorted(notes.of("child_exit")) == [["child_exit", 1], ["child_exit", 2]]


def test_an_end_that_hangs_is_bounded(box):
    box.expect_log("has not returned within 1 s: killing the hook process")
    server, notes = hooked(box, "def on_exit(server):\n    note('hangs')\n    time.sleep(600)\n", "--hook-timeout", 1)
    assert server.stop() == 0
    assert notes.names() == ["hangs"]
    server.log.wait("the hook on_exit has not returned within 1 s")


def test_a_start_that_hangs_is_bounded_by_the_boot_timeout(box):
    code, server, _ = refused(box, "def on_starting(server):\n    time.sleep(600)\n", "--boot-timeout", 2)
    assert code == 1
    server.log.wait("the hook on_starting has not returned within 2 s")


def test_a_signal_ends_a_start_that_hangs(box):
    notes = Notes(box, "def on_starting(server):\n    note('hangs')\n    time.sleep(600)\n")
    server = box.prepare(cwd=box.base, chdir=PLAIN).start()
    notes.wait("hangs")
    assert server.stop() == 0


def test_a_hook_process_that_is_killed_is_replaced(box):
    box.expect_log("the hook process has ended")
    server, notes = hooked(box, everything(box))
    process = server.hook_processes()[0]
    os.kill(process, signal.SIGKILL)
    server.log.wait("the hook process has ended: killed by SIGKILL")
    wait_for(lambda: [pid for pid in server.hook_processes() if pid != process], "another hook process")
    assert server.get().status == 200
    server.ctl("scale", 2)
    assert notes.wait("pre_fork", 2)[1] == 2
    assert server.stop() == 0
    assert notes.names()[-1] == "on_exit"


def test_signals_for_everybody_leave_the_hook_process_alone(box):
    server, notes = hooked(box, everything(box))
    process = server.hook_processes()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        os.kill(process[0], number)
    server.ctl("scale", 2)
    assert notes.wait("pre_fork", 2)[1] == 2
    assert server.hook_processes() == process


def test_the_hook_process_dies_with_the_supervisor(box):
    server, notes = hooked(box, "def child_exit(server, worker):\n    note('hangs')\n    time.sleep(600)\n",
                           "--hook-timeout", 100)
    process = server.hook_processes()[0]
    os.kill(server.workers()[0], signal.SIGTERM)
    notes.wait("hangs")
    server.wait_workers(1)
    server.kill()
    wait_for(lambda: not procfs.alive(process), "the end of the hook process")


def test_reopened_logs_are_the_hook_processs_too(box):
    log = box.path("error.log")
    notes = Notes(box, "def nworkers_changed(server, new, old):\n    server.log.info('now %s', new)\n    note(new)\n")
    server = box.prepare("--error-logfile", log, cwd=box.base, chdir=PLAIN).start()
    server.notify.wait("READY", "1", alive=server.running)
    os.rename(log, log + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(log), "the new log")
    server.ctl("scale", 2)
    notes.wait(2)
    with open(log, encoding="utf-8") as file:
        assert "[INFO] now 2\n" in file.read()


def test_ssl_context_is_refused_by_name(box):
    Notes(box, "def ssl_context(config, default_ssl_context_factory):\n    return default_ssl_context_factory()\n")
    done = subprocess.run([GSERVE, "--check-config", "app:app"], cwd=box.base, env=clean_environment(), capture_output=True,
                          text=True, timeout=bound(60))
    assert done.returncode == 1
    assert "ssl_context is not supported by this version" in done.stderr and "--ciphers" in done.stderr
