# SPDX-License-Identifier: MIT
"""--preload: workers are forked from a template that has imported the application."""
import os
import re
import resource
import signal
import time

import pytest

from harness import procfs, web
from harness.box import APPS, EXAMPLES
from harness.load import Load
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
PRELOAD = APPS + "/preload"


def preloaded(box, *args, workers=2, chdir=PLAIN, **options):
    return box.gserve("--preload", *args, workers=workers, chdir=chdir, **options)


def change(folder, old, new):
    with open(folder + "/app.py", encoding="utf-8") as file:
        source = file.read()
    assert old in source
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write(source.replace(old, new))


def wait_template(server, *, other_than=()):
    """The pid of the one template, once it is ready and no other lives."""
    def settled():
        templates = server.status()["templates"]
        found = [entry for entry in templates if entry["state"] == "ready" and entry["pid"] not in other_than]
        return found[0]["pid"] if len(templates) == len(found) == 1 else None
    return wait_for(settled, "a ready template", 30)


def answers_of_all(server, path="/"):
    """{pid: text} of one answer of each worker. An idle service gives one connection after the other to the same worker, so
    several come at once."""
    found = {}

    def complete():
        connections = [web.connection(server.address) for _ in range(8)]
        for conn in connections:
            conn.request("GET", path)
        for conn in connections:
            answer = conn.getresponse()
            found[int(answer.headers["X-Worker-Pid"])] = answer.read().decode()
            conn.close()
        return found.keys() >= set(server.workers())
    wait_for(complete, "an answer of every worker", 30)
    return found


def files(pid, fds=None):
    """What the descriptors stand for."""
    stats = [os.stat(f"/proc/{pid}/fd/{fd}") for fd in (procfs.fds(pid) if fds is None else fds)]
    return {(stat.st_dev, stat.st_ino) for stat in stats}


@pytest.mark.parametrize("name", ["flask", "django"])
def test_service_answers_through_scaling_reload_and_killed_workers_and_templates(box, name):
    box.expect_log(r"killed by SIGKILL")
    folder = box.copy_app(os.path.join(EXAMPLES, name))
    server = preloaded(box, workers=4, chdir=folder)
    template = wait_template(server)
    with Load(server.address, clients=12) as load:
        load.wait_answers(100)
        server.ctl("scale", "6")
        os.kill(template, signal.SIGKILL)
        server.log.wait(rf"template \(pid {template}, generation 1\) killed by SIGKILL")
        second = wait_template(server, other_than=[template])
        change(folder, "Hello from gserve", "Changed")
        server.ctl("reload")
        third = wait_template(server, other_than=[template, second])
        assert not procfs.alive(second)
        load.wait_answers(100)
        assert not load.bad(), load.summary()
        assert server.get().text.startswith("Changed")

        victim = server.wait_workers(6)[0]
        os.kill(victim, signal.SIGKILL)
        server.log.wait(rf"killed by SIGKILL worker={victim} ")
        assert victim not in server.wait_workers(6)
        load.wait_answers(100)
        load.stop()
    assert len(load.bad()) <= 12 and all(record.error for record in load.bad()), (
        f"more than what the killed worker had in hand: {load.summary()}")
    assert wait_template(server) == third
    assert {procfs.parent(pid) for pid in server.workers()} == {server.pid}


BROKEN = {
    "exception": ("raise RuntimeError('broken by the new release')\n", r"Traceback[\s\S]*broken by the new release"),
    "syntax error": ("def app(:\n", r"SyntaxError"),
    "missing attribute": ("other = 1\n", r"Cannot find 'app' in the module 'app'"),
    "sys.exit": ("import sys\nsys.exit(5)\n", r"SystemExit: 5"),
    "os._exit": ("import os\nos._exit(7)\n", r"exited with code 7 before it was ready"),
    "crash": ("import ctypes\nctypes.string_at(0)\n", r"killed by SIGSEGV.* before it was ready"),
    "hang": ("import threading\nthreading.Event().wait()\n", r"was not ready within 3 s \(boot_timeout\)"),
    "hang in C": ("import ctypes\nctypes.PyDLL(None).pause()\n", r"was not ready within 3 s \(boot_timeout\)"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_reload_under_load_changes_nothing_and_tells_why(box, how):
    box.expect_log(r".")
    folder = box.copy_app(PLAIN)
    server = preloaded(box, "--boot-timeout", "3", workers=2, chdir=folder)
    before, template = server.workers(), wait_template(server)
    source, reason = BROKEN[how]
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write(source)
    with Load(server.address, clients=4, pause=0.002) as load:
        done = server.ctl("reload", expect=1)
        assert re.search(reason, done.stdout + done.stderr), done.stdout + done.stderr
        load.wait_answers(20)
        load.stop()
    assert not load.bad(), load.summary()
    assert server.workers() == before
    assert wait_template(server) == template
    assert server.status()["generation"] == 1


@pytest.mark.parametrize("how, code", [("exception", 3), ("syntax error", 3), ("missing attribute", 4), ("hang", 3)])
def test_first_boot_that_fails_ends_with_the_code_of_a_worker(box, how, code):
    box.expect_log(r".")
    source, _ = BROKEN[how]
    box.write("broken/app.py", source)
    server = box.prepare("--preload", "-w", 2, "--boot-timeout", "2", chdir=box.path("broken")).start()
    assert server.wait_exit() == code
    assert server.log.find(r"template \(pid \d+, generation 1\) (failed to boot|not ready within 2 s)")


def test_workers_share_what_was_preloaded(box):
    """About 100 MB of objects that the garbage collector looks at."""
    server = preloaded(box, workers=3, chdir=PRELOAD, env={"APP_OBJECTS": "400000"})
    for _ in range(10):
        assert answers_of_all(server, "/collect")
    for pid in server.workers():
        memory = procfs.memory(pid)
        assert memory["Rss"] > 90 << 20, memory
        assert memory["Pss"] < memory["Rss"] / 2, memory
        assert memory["Private_Dirty"] < 20 << 20, memory


def test_worker_has_no_descriptor_of_its_template(box):
    server = preloaded(box, "--access-logfile", box.path("access.log"))
    template = wait_template(server)
    own = files(template) - files(template, (0, 1, 2))
    for pid in server.workers():
        assert not files(pid) & own, (procfs.fds(template), procfs.fds(pid))
    plain = box.gserve("--access-logfile", box.path("access2.log"), workers=1, chdir=PLAIN)
    counts = {procfs.fd_count(pid) for pid in [*server.workers(), *plain.workers()]}
    assert len(counts) == 1, "as many descriptors as without --preload"
    listeners = files(server.pid, server.listening_fds())
    assert listeners and not listeners & own, "a template holds no listening socket"


def test_workers_draw_different_random_numbers(box):
    server = preloaded(box, workers=3, chdir=PRELOAD)
    assert len(set(answers_of_all(server, "/random").values())) == 3


def test_threads_that_the_import_started_are_named(box):
    server = preloaded(box, workers=1, chdir=PRELOAD, env={"APP_THREAD": "metrics-sender"})
    assert server.log.find(r"\[WARNING\].*threads.*metrics-sender")
    assert server.get("/threads").text == "1"


def test_child_that_the_import_forked_keeps_nothing_of_the_template(box):
    """Else the template's end would not be the end of its sockets."""
    box.expect_log(r"left behind")
    server = preloaded(box, workers=1, chdir=PRELOAD, env={"APP_CHILD": "1"})
    template = wait_template(server)
    child = procfs.children(template)[0]
    assert set(procfs.fds(child)) <= {0, 1, 2}
    assert server.stop() == 0
    assert not procfs.alive(child)


def test_children_of_a_forked_worker_obey_a_signal_however_early(box):
    server = preloaded(box, workers=1)
    assert server.get("/forks?n=100").text == "100"


def test_worker_that_ends_is_reported_with_its_own_status_and_pid(box):
    box.expect_log(r".")
    server = preloaded(box, workers=1)
    pid = server.workers()[0]
    with pytest.raises(OSError):
        server.get("/leave?code=9")
    server.log.wait(rf"exited with code 9 worker={pid} ")
    pid = server.wait_workers(1)[0]
    os.kill(pid, signal.SIGSEGV)
    server.log.wait(rf"killed by SIGSEGV.* worker={pid} ")
    server.wait_workers(1)
    assert not [child for child in procfs.children(server.pid) if procfs.state(child) == "Z"]


def test_stopped_template_is_replaced_when_a_worker_does_not_come(box):
    box.expect_log(r".")
    server = preloaded(box, "--boot-timeout", "2", workers=2)
    template = wait_template(server)
    os.kill(template, signal.SIGSTOP)
    os.kill(server.workers()[0], signal.SIGKILL)
    server.log.wait(rf"template \(pid {template}, generation 1\) does not fork; aborting it", seconds=15)
    server.log.wait(rf"template \(pid {template}, generation 1\) killed by SIG(ABRT|KILL)")
    server.wait_workers(2)
    assert wait_template(server, other_than=[template])
    assert server.get().status == 200


def test_template_that_runs_out_of_descriptors_is_retried_with_back_off(box):
    box.expect_log(r"Too many open files", r"killed by SIGKILL", r"crash loop")
    server = preloaded(box, workers=1)
    template = wait_template(server)
    limits = resource.prlimit(template, resource.RLIMIT_NOFILE)
    resource.prlimit(template, resource.RLIMIT_NOFILE, (procfs.fd_count(template) + 2, limits[1]))
    os.kill(server.workers()[0], signal.SIGKILL)
    server.log.wait(r"cannot start a worker: the template cannot fork: Too many open files; the next one starts in",
                    times=2)
    resource.prlimit(template, resource.RLIMIT_NOFILE, limits)
    server.wait_workers(1)
    assert wait_template(server) == template


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_terminated_template_is_replaced(box, number):
    box.expect_log(r"template .* exited with code 0")
    server = preloaded(box, workers=2)
    before, template = server.workers(), wait_template(server)
    os.kill(template, number)
    wait_template(server, other_than=[template])
    assert server.workers() == before


def test_template_ignores_the_signals_of_reload_and_log_rotation(box):
    server = preloaded(box, workers=1)
    template = wait_template(server)
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
        os.kill(template, number)
    server.ctl("scale", "2")
    assert wait_template(server) == template


def test_workers_forked_after_a_log_rotation_write_to_the_new_files(box):
    access, errors = box.path("access.log"), box.path("error.log")
    server = box.prepare("--preload", "-w", 1, "--access-logfile", access, "--error-logfile", errors,
                         chdir=PLAIN).start()
    server.notify.wait("READY", "1", alive=server.running)
    for path in (access, errors):
        os.rename(path, path + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(errors), "the new error log")
    server.ctl("scale", "3")
    with open(errors, encoding="utf-8") as file:
        text = file.read()
    server.addresses = [re.search(r"Listening at: (\S+)", open(errors + ".1", encoding="utf-8").read()).group(1)]
    answers_of_all(server)
    wait_for(lambda: open(access, encoding="utf-8").read().count('"GET / ') >= 3, "all workers log there")
    assert "worker ready" in text
    assert open(access + ".1", encoding="utf-8").read() == ""


def test_template_leaves_at_once_when_the_supervisor_is_killed(box):
    server = preloaded(box, workers=2)
    template, workers = wait_template(server), server.workers()
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not procfs.alive(template), "the template leaves", 3)
    wait_for(lambda: not any(procfs.alive(pid) for pid in workers), "the workers leave", 20)
    server.kill()


def test_status_shows_the_template(box):
    server = preloaded(box, workers=1)
    shown = server.status()["templates"]
    assert [(entry["pool"], entry["state"], entry["generation"]) for entry in shown] == [("web", "ready", 1)]
    assert shown[0]["pid"] in procfs.children(server.pid) and shown[0]["rss_bytes"] > 1 << 20
    text = server.ctl("status").stdout
    assert re.search(r"^ *TEMPLATE +POOL +STATE", text, re.MULTILINE), text


def test_scaling_up_is_quick_and_the_pids_are_those_of_the_answers(box):
    server = preloaded(box, workers=1, chdir=EXAMPLES + "/flask")
    server.ctl("scale", "20", seconds=bound(20))
    assert len(server.wait_workers(20)) == 20
    server.ctl("scale", "1")
    assert [int(server.get().headers["X-Worker-Pid"])] == server.wait_workers(1)


def test_upgrade_keeps_the_template_and_a_fork_that_is_under_way(box):
    server = preloaded(box, workers=2)
    before, template = server.workers(), wait_template(server)
    os.kill(template, signal.SIGSTOP)
    server.ctl("--no-wait", "scale", "3")
    server.ctl("upgrade")
    os.kill(template, signal.SIGCONT)
    assert set(server.wait_workers(3)) > set(before)
    assert wait_template(server) == template
    server.ctl("upgrade")
    server.ctl("scale", "4")
    assert wait_template(server) == template
    server.ctl("reload")
    assert wait_template(server, other_than=[template])
    server.ctl("scale", "2")  # as many descriptors as at the start are open at the end


def test_terminating_every_process_at_once_under_load_still_answers_what_was_accepted(box):
    """`ps -ef | awk '/gserve/ {print $2}' | xargs kill` finds the template too, here before all others."""
    box.expect_log(r"cannot start a worker: its template ended")  # workers that drain are replaced until the supervisor is told
    server = preloaded(box, workers=4)
    pids = [*server.templates(), *server.workers(), server.pid]
    with Load(server.address, clients=16, path="/slow?s=0.3", retry_idle=False) as load:
        load.wait_answers(32)
        told = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert server.wait_exit() == 0
        load.stop()
    lost = [record for record in load.bad() if record.status or 0 < record.sent < told]
    assert not lost, load.summary()
