# SPDX-License-Identifier: MIT
"""Workers that crash, hang or never start, and reloads that fail: the service goes on and the log says why."""
import http.client
import os
import re
import signal
import time

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


def break_app(folder, text="raise RuntimeError('broken by the new release')\n"):
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_killed_worker_is_replaced_and_the_log_names_signal_and_pid(box, number):
    box.expect_log(r".")
    server = box.gserve(workers=2, chdir=PLAIN)
    victim = server.workers()[0]
    os.kill(victim, number)
    server.log.wait(rf"(?=.*\b{victim}\b)(?=.*({number.name}|signal {int(number)}))")
    assert victim not in server.wait_workers(2)


def test_worker_that_exits_by_itself_is_replaced(box):
    box.expect_log(r"exit")
    server = box.gserve(workers=2, chdir=PLAIN)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get("/leave?code=9")
    server.log.wait(r"exited with code 9")
    server.wait_workers(2)


def test_running_application_that_exits_with_a_boot_code_does_not_end_the_service(box):
    box.expect_log(r"exit")
    server = box.gserve(workers=1, chdir=PLAIN)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get("/leave?code=3")
    server.wait_workers(1)
    assert server.get().status == 200


def test_application_error_is_a_500_and_a_traceback_in_the_log(box):
    box.expect_log(r"Traceback", r"RuntimeError", r"(?i)error")
    server = box.gserve(workers=1, chdir=PLAIN)
    worker = server.workers()
    assert server.get("/fail").status == 500
    server.log.wait(r"RuntimeError: the application failed on purpose")
    assert server.get().status == 200
    assert server.workers() == worker


def test_crash_loop_backs_off(box):
    """After the first start, workers that die at once are started ever more slowly."""
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve(workers=1, chdir=folder)
    break_app(folder, "import os\nos._exit(7)\n")
    begin = time.monotonic()
    mark = server.log.mark()
    os.kill(server.workers()[0], signal.SIGKILL)
    server.log.wait(r"exited with code 7", after=mark, seconds=30, times=4)
    elapsed = time.monotonic() - begin
    assert elapsed > 0.3, "four boots without a pause"
    assert server.running()
    pool = wait_for(lambda: looping(server), "the pool is said to be crash-looping")
    assert pool["failures"] >= 3 and pool["ready"] == 0 and pool["target"] == 1
    assert pool["last_failure"] == "exited with code 7 before it was ready"
    wait_for(lambda: looping(server)["next_start_s"], "the next start is named")
    assert re.search(r"Crash loop: pool web, \d+ workers have failed, last: exited with code 7 before",
                     server.ctl("status").stdout)
    with open(PLAIN + "/app.py", encoding="utf-8") as file:
        break_app(folder, file.read())
    server.wait_workers(1, seconds=30)
    assert server.get().status == 200
    assert looping(server), "one that boots does not yet end the loop"
    server.ctl("reload")
    assert not looping(server), "a good reload heals it"


def looping(server):
    """The default pool's entry of the status while it is crash-looping."""
    pool = server.status()["pools"][0]
    return pool if pool["state"] == "crash-looping" else None


def test_request_over_the_timeout_is_named_and_its_worker_replaced(box):
    box.expect_log(r".")
    server = box.gserve("-t", "1", workers=2, chdir=PLAIN)
    before = set(server.workers())
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get("/slow?s=60")
    line = server.log.wait(r".*WORKER TIMEOUT.*").group(0)
    assert "GET /slow?s=60" in line and any(str(pid) in line for pid in before), line
    assert len(before & set(server.wait_workers(2))) == 1, "one worker was replaced, the other stays"
    assert server.get().status == 200


def test_request_that_never_lets_go_of_the_interpreter_is_ended_too(box):
    box.expect_log(r".")
    server = box.gserve("-t", "1", workers=1, chdir=PLAIN)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get("/deaf?s=60")
    server.log.wait(r"WORKER TIMEOUT.*GET /deaf")
    server.wait_workers(1)


@pytest.mark.parametrize("path, function", [
    ("/lock", "wait_for_lock"), ("/slow?s=60", "slow"), ("/hold", "hold_interpreter")])
def test_stacks_of_a_worker_over_the_timeout_are_logged(box, path, function):
    """Also when a C function holds the interpreter; of all threads; with the request line and its age."""
    box.expect_log(r".")
    server = box.gserve("-t", "1", workers=1, chdir=PLAIN)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        server.get(path)
    server.log.wait(rf'WORKER TIMEOUT \(pid:\d+\): "GET {re.escape(path)} HTTP/1.1" has run for 1(\.\d)? s \(timeout 1 s\)')
    server.log.wait(rf"the worker left its stacks; it was running: GET {re.escape(path)} HTTP/1.1")
    server.log.wait(rf'File ".*/plain/app.py", line \d+ in {function}$')
    server.log.wait(r"worker exited: killed by SIGABRT after its timeout")
    if function == "wait_for_lock":
        server.log.wait(r'File ".*/plain/app.py", line \d+ in bystander$')
    server.wait_workers(1)


def test_requests_below_the_timeout_are_left_alone(box):
    server = box.gserve("-t", "2", workers=1, chdir=PLAIN)
    worker = server.workers()
    for _ in range(3):
        assert server.get("/slow?s=0.9").status == 200
    assert server.workers() == worker


def test_idle_worker_is_never_timed_out(box):
    server = box.gserve("-t", "1", workers=1, chdir=PLAIN)
    worker = server.workers()
    begin = time.monotonic()
    wait_for(lambda: time.monotonic() - begin > 3, "three idle seconds", 5)
    assert server.workers() == worker


def test_first_boot_over_the_boot_timeout_ends_the_program(box):
    box.expect_log(r".")
    server = box.prepare("--boot-timeout", "1", "-w", "1", chdir=APPS + "/slow_import").start()
    assert server.wait_exit() == 3
    assert server.log.find(r"(?i)boot.*timeout|timeout.*boot|did not (boot|become ready|start)")


def failed_reload(server, reason):
    done = server.ctl("reload", expect=1)
    assert re.search(reason, done.stdout + done.stderr), done.stdout + done.stderr
    return done.stdout + done.stderr


def test_failed_reload_keeps_the_old_workers_and_returns_the_traceback(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve(workers=2, chdir=folder)
    before = server.workers()
    break_app(folder)
    with Load(server.address, clients=4, pause=0.005) as load:
        text = failed_reload(server, r"RuntimeError: broken by the new release")
        load.wait_answers(20)
        load.stop()
    assert "Traceback" in text and "app.py" in text
    assert not load.bad(), load.summary()
    assert server.workers() == before
    assert server.status()["state"] == "running"
    mark = server.notify.mark()
    server.ctl("reload", expect=1)
    server.notify.wait("READY", "1", after=mark)  # systemd is told that the reload is over


@pytest.mark.parametrize("mode", ["", "--preload"])
def test_reload_whose_configuration_is_wrong_changes_nothing(box, mode):
    """The release that `current` points to is not there."""
    folder = box.copy_app(PLAIN)
    box.expect_log(r"--chdir")
    current = box.path("current")
    os.symlink(folder, current)
    server = box.gserve(*mode.split(), workers=2, chdir=current)
    before = server.workers()
    os.unlink(current)
    os.symlink(box.path("nowhere"), current)
    with Load(server.address, clients=4, pause=0.005) as load:
        failed_reload(server, rf"--chdir: cannot change to '{current}': No such file or directory")
        load.wait_answers(20)
        load.stop()
    assert not load.bad(), load.summary()
    assert server.workers() == before


def test_reload_that_never_boots_is_ended_by_the_boot_timeout(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve("--boot-timeout", "3", workers=1, chdir=folder)
    before = server.workers()
    break_app(folder, "import threading\nthreading.Event().wait()\n")
    failed_reload(server, r"(?i)boot|ready|time")
    assert server.workers() == before and server.get().status == 200


def test_reload_after_a_failed_one_succeeds(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve(workers=1, chdir=folder)
    break_app(folder)
    failed_reload(server, r"broken by the new release")
    with open(PLAIN + "/app.py", encoding="utf-8") as file:
        break_app(folder, file.read().replace("generation one", "repaired"))
    server.ctl("reload")
    assert server.get().text.startswith("repaired")


def test_workers_finish_their_requests_and_leave_when_the_supervisor_is_killed(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    workers = server.workers()
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=1")
    wait_for(lambda: any(worker["in_flight"] for worker in server.status()["workers"]), "the request runs")
    server.process.kill()
    server.process.wait()
    answer = conn.getresponse()
    assert (answer.status, answer.read()) == (200, b"xxxxx")
    conn.close()
    wait_for(lambda: not any(procfs.alive(pid) for pid in workers), "the workers leave", 20)
    server.kill()


def test_no_writable_runtime_directory_is_one_quiet_notice(box):
    """The control socket never hurts: without a place for it the service runs."""
    blocked = box.write("blocked", "a file where a directory should be\n")
    server = box.prepare("-w", 1, chdir=PLAIN, env={"RUNTIME_DIRECTORY": blocked + "/run", "XDG_RUNTIME_DIR": blocked},
                         name="nodir").start()
    server.notify.wait("READY", "1", alive=server.running)
    server.addresses = [server.log.wait(r"Listening at: (\S+)").group(1)]
    assert server.get().status == 200
    assert server.log.count(r"(?i)control") <= 1
    assert not server.log.find(r"(?i)\[?(error|warning)\]?.*control")


def test_child_of_the_application_obeys_a_signal_however_early(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    assert server.get("/forks?n=300").text == "300"


def test_thousands_of_requests_leave_memory_and_descriptors_flat(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    worker = server.workers()[0]

    def run(count):
        with Load(server.address, clients=4) as load:
            load.wait_answers(count, 60)
            load.stop()
        assert not load.bad(), load.summary()

    run(500)
    wait_for(lambda: server.status()["workers"][0]["in_flight"] == 0, "idle")
    fds, rss = procfs.fd_count(worker), procfs.rss_bytes(worker)
    run(3000)
    wait_for(lambda: procfs.fd_count(worker) <= fds, "connections are closed", 10)
    assert procfs.rss_bytes(worker) - rss < procfs.growth(2)
