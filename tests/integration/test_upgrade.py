# SPDX-License-Identifier: MIT
"""The supervisor's program is replaced in place: the same pid, listeners and workers, and nobody notices."""
import os
import shutil
import signal
import stat
import subprocess
import threading

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.process import BUILD, GSERVE, ctl_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"
DONE = r"\] upgrade done"


def script(box, name, text):
    """A fake new program."""
    path = box.write(name, "#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def installed(box):
    """A gserve that can be replaced or removed, with what it finds beside it."""
    for folder in ("bin", "lib"):
        os.makedirs(box.path(f"prefix/{folder}"), exist_ok=True)
    os.symlink(os.path.join(os.path.dirname(GSERVE), "../lib/gserve"), box.path("prefix/lib/gserve"))
    return shutil.copy(GSERVE, box.path("prefix/bin/gserve"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def start_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[19]


def open_files(pid):
    """What is open, without the numbers of sockets and the like."""
    return sorted(name.split(":[")[0] for name in procfs.fds(pid).values())


@pytest.mark.parametrize("keep_every", [0, 1], ids=["a connection per request", "kept alive"])
def test_upgrades_under_load_fail_no_request(box, keep_every):
    pidfile = box.path("gserve.pid")
    server = box.gserve("-p", pidfile, workers=3, chdir=PLAIN)
    server.ctl("scale", "4")
    workers = server.wait_workers(4)
    uptime = server.status()["uptime_s"]
    with Load(server.address, clients=8, keep_every=keep_every, retry_idle=False) as load:
        for _ in range(3):
            mark = server.notify.mark()
            server.ctl("upgrade")
            at, _ = server.notify.wait("RELOADING", "1", after=mark)
            _, ready = server.notify.wait("READY", "1", after=at + 1)
            assert ready["MAINPID"] == str(server.pid)
            load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    assert server.running() and server.workers() == workers, "the same processes"
    status = server.status()
    assert status["target"] == 4 and status["state"] == "running" and status["uptime_s"] > uptime
    assert server.log.count(DONE) == 3
    assert int(read(pidfile)) == server.pid
    server.ctl("stop")
    assert server.wait_exit() == 0
    assert not os.path.exists(pidfile) and not os.path.exists(server.control)


def test_sigusr2_upgrades(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    workers = server.workers()
    server.send_signal(signal.SIGUSR2)
    server.log.wait(DONE)
    assert server.workers() == workers and server.get().status == 200


def test_reload_after_an_upgrade_serves_new_code_and_keeps_the_scale(box):
    folder = box.copy_app(PLAIN)
    server = box.gserve(workers=1, chdir=os.path.relpath(folder, box.base))
    server.ctl("scale", "2")
    server.ctl("upgrade")
    old = set(server.workers())
    with open(folder + "/app.py", "a", encoding="utf-8") as file:
        file.write("\nGREETING = 'generation two'\n")
    server.ctl("reload")
    assert not old & set(server.wait_workers(2))
    assert server.get().text.startswith("generation two")
    assert server.status()["generation"] == 2
    server.ctl("upgrade")  # with the settings of two generations behind it
    os.kill(server.workers()[0], signal.SIGTERM)
    wait_for(lambda: len({*server.workers()} - old) == 2, "the terminated worker is replaced")
    server.wait_workers(2)
    assert server.get().text.startswith("generation two")


def test_no_descriptor_is_lost_or_leaked_nor_passed_to_workers(box):
    access = box.path("access.log")
    server = box.gserve("--access-logfile", access, "-b", f"unix:{box.path('app.sock')}", workers=2, chdir=PLAIN)
    server.status()  # the control socket's own descriptors come and go
    before = open_files(server.pid)
    of_worker = len(procfs.fds(server.workers()[0]))
    for _ in range(3):
        server.ctl("upgrade")
    wait_for(lambda: open_files(server.pid) == before, "the same files are open")
    first = set(server.workers())
    os.kill(min(first), signal.SIGTERM)
    wait_for(lambda: set(server.workers()) - first, "a worker is started by the new program")
    server.wait_workers(2)
    new = (set(server.workers()) - first).pop()
    assert len(procfs.fds(new)) == of_worker, "the new worker has what any worker has"
    server.get("/?after=upgrade")
    wait_for(lambda: "/?after=upgrade" in read(access), "the access log is written")


def test_a_worker_that_dies_during_the_upgrade_is_not_forgotten(box):
    """It exits while the new program is checked and stays a zombie until one of both looks."""
    box.expect_log(r"killed by SIGKILL")
    slow = script(box, "slow", f'[ "$1" = --check-state ] && sleep 0.3\nexec {GSERVE} "$@"\n')
    server = box.gserve(workers=2, chdir=PLAIN)
    first = set(server.workers())
    done = threading.Thread(target=lambda: server.ctl("upgrade", "--binary", slow))
    done.start()
    server.log.wait(r"upgrade to \S+ requested")
    os.kill(min(first), signal.SIGKILL)
    done.join(bound(30))
    wait_for(lambda: set(server.workers()) - first, "it is replaced")
    server.wait_workers(2)


def test_a_job_that_is_followed_across_an_upgrade_has_its_result(box):
    server = box.gserve("--graceful-timeout", "20", workers=2, chdir=PLAIN)
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=2")
    wait_for(lambda: any(worker["in_flight"] for worker in server.status()["workers"]), "the request runs")
    busy = next(worker["pid"] for worker in server.status()["workers"] if worker["in_flight"])
    # The busy worker drains for as long as its request runs: the job lasts.
    command = server.ctl_command("scale", "1")
    with subprocess.Popen(command, env=ctl_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as follower:
        server.log.wait(r"scale from 2 to 1")
        server.ctl("upgrade")
        out, _ = follower.communicate(timeout=bound(30))
    assert follower.returncode == 0 and "scale of" in out and "done" in out, out
    assert conn.getresponse().status == 200
    conn.close()
    assert len(server.wait_workers(1)) == 1
    assert busy  # whichever worker was told to leave, the request was answered


def test_finished_jobs_stay_readable(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    server.ctl("scale", "2")
    server.ctl("upgrade")
    job = subprocess.run(["busctl", f"--address=unix:path={server.control}", "call", "io.gserve", "/io/gserve",
                          "io.gserve.Supervisor1", "GetJob", "t", "1"], env=ctl_environment(), capture_output=True,
                         text=True, timeout=bound(20))
    assert job.returncode == 0 and '"scale"' in job.stdout and '"done"' in job.stdout, job.stderr


def test_package_upgrade_puts_the_new_file_in_the_old_ones_place(box):
    gserve = installed(box)
    server = box.prepare("-w", 1, chdir=PLAIN)
    server.argv[0] = gserve
    server.start().wait_ready(1)
    workers = server.workers()
    os.unlink(gserve)
    shutil.copy(GSERVE, gserve)
    server.ctl("upgrade")
    assert os.readlink(f"/proc/{server.pid}/exe") == gserve
    server.ctl("upgrade")
    assert server.workers() == workers and server.get().status == 200


BROKEN = {
    "exits 1": ("echo the library is missing >&2; exit 1", "exited with code 1: the library is missing"),
    "exits 0": ("exit 0", "without saying that it can"),
    "crashes": ("kill -KILL $$", "killed by SIGKILL"),
    "cannot read the state": (
        'grep -q something_else /proc/self/fd/3 || { echo "it has format 1, this version reads format 2"; exit 1; }',
        "reads format 2"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_new_program_that_fails_its_check_leaves_the_old_one_running(box, how):
    box.expect_log(r"upgrade failed")
    text, reason = BROKEN[how]
    server = box.gserve(workers=1, chdir=PLAIN)
    before, began = server.workers(), start_time(server.pid)
    exe = os.readlink(f"/proc/{server.pid}/exe")
    mark = server.notify.mark()
    done = server.ctl("upgrade", "--binary", script(box, "new", text), expect=1)
    assert reason in done.stderr, done.stderr
    assert (server.workers(), start_time(server.pid)) == (before, began)
    assert os.readlink(f"/proc/{server.pid}/exe") == exe and server.get().status == 200
    assert not server.notify.find("RELOADING", after=mark)
    server.ctl("upgrade")  # the right one, after all


def test_a_missing_or_not_executable_program_leaves_the_old_one_running(box):
    box.expect_log(r"upgrade failed")
    server = box.gserve(workers=1, chdir=PLAIN)
    done = server.ctl("upgrade", "--binary", box.path("nowhere"), expect=1)
    assert "nowhere: No such file" in done.stderr
    plain = box.write("plain", "#!/bin/sh\n")
    os.chmod(plain, stat.S_IRUSR)
    done = server.ctl("upgrade", "--binary", plain, expect=1)
    assert "plain: Permission denied" in done.stderr
    assert server.get().status == 200


def test_a_new_program_that_hangs_is_given_up_after_ten_seconds(box):
    box.expect_log(r"upgrade failed")
    server = box.gserve(workers=1, chdir=PLAIN)
    done = server.ctl("upgrade", "--binary", script(box, "hangs", "exec sleep 600"), expect=1)
    assert "did not answer within 10 s" in done.stderr
    assert server.get().status == 200
    wait_for(lambda: len(server.workers()) == 1, "the child of the check is gone")


def otherwise(box, check, execution):
    """A new program that is checked as one thing and executed as another."""
    return script(box, "otherwise", f'[ "$1" = --check-state ] && exec {check} "$@"\n{execution} "$@"\n')


def unreadable(box):
    """A gserve that looks in the state for what is not there."""
    with open(GSERVE, "rb") as file:
        image = file.read()
    assert b"\0started_with\0" in image
    path = box.write("patched", "")
    with open(path, "wb") as file:
        file.write(image.replace(b"\0started_with\0", b"\0started_wOth\0"))
    os.chmod(path, 0o755)
    return "exec " + path, 'lacks "started_wOth"'


def out_of_descriptors(box):
    """A gserve that fails late, when it holds all that was passed on."""
    preload = " ".join(filter(None, [os.environ.get("GSERVE_PRELOAD"), os.path.join(BUILD, "tests/fail_epoll.so")]))
    return f'LD_PRELOAD="{preload}" exec {GSERVE}', "Too many open files"


@pytest.mark.parametrize("fault", [unreadable, out_of_descriptors])
def test_a_program_that_passes_its_check_and_then_fails_gives_the_process_back(box, fault):
    box.expect_log(r"upgrade failed")
    pidfile = box.path("gserve.pid")
    server = box.gserve("-p", pidfile, "-b", f"unix:{box.path('app.sock')}", workers=2, chdir=PLAIN)
    workers, exe = server.workers(), os.readlink(f"/proc/{server.pid}/exe")
    execution, reason = fault(box)
    with Load(server.address, clients=4, retry_idle=False) as load:
        for _ in range(2):
            done = server.ctl("upgrade", "--binary", otherwise(box, GSERVE, execution), expect=1)
            assert reason in done.stderr, done.stderr
            load.wait_answers(20)
        load.stop()
    assert not load.bad(), load.summary()
    assert server.workers() == workers and os.readlink(f"/proc/{server.pid}/exe") == exe
    assert os.path.exists(pidfile) and server.get().status == 200
    server.ctl("upgrade")
    server.ctl("reload")
    server.wait_workers(2)


def test_upgrade_is_refused_while_a_reload_is_under_way(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    with subprocess.Popen(server.ctl_command("reload"), env=ctl_environment(), stdout=subprocess.DEVNULL) as reload:
        server.log.wait(r"reload requested")
        done = server.ctl("upgrade", expect=None)
        assert reload.wait(bound(30)) == 0
    if done.returncode != 0:  # else the reload was quicker
        assert "a reload is under way" in done.stderr
    server.ctl("upgrade")


def test_twenty_upgrades_in_a_storm_of_signals_lose_nothing(box):
    box.expect_log(r"killed by SIGKILL", r"crash loop", r"upgrade failed.*(a reload was requested|does so already)")
    server = box.gserve(workers=3, chdir=PLAIN)
    end = threading.Event()

    def storm():
        numbers = (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGCHLD, signal.SIGWINCH)
        for count in range(10**6):
            if end.wait(0.002):
                return
            server.send_signal(numbers[count % len(numbers)])
            if count % 800 == 400:
                server.send_signal(signal.SIGHUP)
            if count % 60 == 30 and procfs.children(server.pid):
                procfs.kill_all([procfs.children(server.pid)[0]])

    thread = threading.Thread(target=storm)
    with Load(server.address, clients=4, pause=0.01, seconds=300) as load:
        thread.start()
        try:
            upgrades = 0
            while upgrades < 20:
                upgrades += server.ctl("upgrade", expect=None, seconds=120).returncode == 0
        finally:
            end.set()
            thread.join()
        server.ctl("scale", "3")
        server.wait_workers(3)
        load.wait_answers(50)
        load.stop()
    assert server.log.count(DONE) >= 20
    assert not [record for record in load.bad() if record.status], load.summary()
