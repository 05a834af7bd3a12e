# SPDX-License-Identifier: MIT
"""A worker's start, signals and end, as its supervisor sees them."""
import glob
import json
import os
import signal
import subprocess
import threading

import pytest

from harness import procfs, web
from harness.waiting import wait_for
from worker_process import APPS, LAUNCH_ID, PYTHON_DIR, SYSTEM_PYTHON


class Asking(threading.Thread):
    """One request in the background."""

    def __init__(self, worker, path):
        super().__init__()
        self.worker, self.path, self.answer = worker, path, None
        self.start()

    def run(self):
        try:
            self.answer = self.worker.get(self.path)
        except OSError as error:
            self.answer = error

    def result(self):
        self.join()
        return self.answer


def test_ready_is_said_with_the_launch_id(start_worker):
    worker = start_worker()
    message = worker.wait_ready()[1]
    assert message == {"READY": "1", "X_GSERVE_WORKER": LAUNCH_ID}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_idle_worker_ends_at_once(start_worker, number):
    worker = start_worker()
    assert worker.get().status == 200
    assert worker.stop(number, seconds=3) == 0
    if number == signal.SIGTERM:
        assert worker.notify.wait("STOPPING", "1")[1]["X_GSERVE_WORKER"] == LAUNCH_ID
    assert worker.log.lines == [], "a normal end is no news"


def test_term_lets_the_running_request_finish(start_worker):
    worker = start_worker()
    asking = Asking(worker, "/slow?1")
    worker.log.wait("slow request has begun")
    worker.send_signal(signal.SIGTERM)
    assert asking.result().body == b"slow but whole"
    assert worker.wait_exit(5) == 0


def test_second_term_changes_nothing(start_worker):
    worker = start_worker()
    asking = Asking(worker, "/slow?1")
    worker.log.wait("slow request has begun")
    worker.send_signal(signal.SIGTERM)
    worker.notify.wait("STOPPING")
    worker.send_signal(signal.SIGTERM)
    assert asking.result().body == b"slow but whole"
    assert worker.wait_exit(5) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_cuts_the_running_request(start_worker, number):
    worker = start_worker()
    asking = Asking(worker, "/slow?30")
    worker.log.wait("slow request has begun")
    assert worker.stop(number, seconds=5) == 0
    answer = asking.result()
    assert isinstance(answer, OSError) or answer.status == 500
    worker.log.wait(r"\[WARNING\] Request cut by a quick stop: GET /slow\?30 HTTP/1.1")
    assert worker.log.find("Traceback") is None


def test_quick_stop_during_a_drain_escalates(start_worker):
    worker = start_worker()
    Asking(worker, "/slow?30")
    worker.log.wait("slow request has begun")
    worker.send_signal(signal.SIGTERM)
    worker.notify.wait("STOPPING")
    assert worker.stop(signal.SIGINT, seconds=5) == 0


def test_application_that_swallows_the_stop_ends_after_its_request(start_worker):
    worker = start_worker()
    asking = Asking(worker, "/stubborn")
    worker.log.wait("slow request has begun")
    assert worker.stop(signal.SIGINT, seconds=5) == 0
    asking.result()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH])
def test_signal_is_ignored(start_worker, number):
    worker = start_worker()
    asking = Asking(worker, "/slow?0.5")
    worker.log.wait("slow request has begun")
    worker.send_signal(number)
    assert asking.result().body == b"slow but whole"
    worker.send_signal(number)
    assert worker.get().body == b"hello"


def test_end_of_the_lifeline_drains(start_worker):
    worker = start_worker()
    asking = Asking(worker, "/slow?1")
    worker.log.wait("slow request has begun")
    worker.lifeline.close()
    assert asking.result().body == b"slow but whole"
    assert worker.wait_exit(10) == 0


def test_signals_around_going_idle_are_not_lost(start_worker):
    """The moment in which a waiting thread could lose one."""
    for _ in range(10):
        worker = start_worker()
        conn = web.connection(worker.address)
        for _ in range(20):
            web.exchange(conn)
            worker.send_signal(signal.SIGUSR1)
        conn.close()
        assert worker.stop(seconds=5) == 0


def test_abort_dumps_all_stacks_into_the_incident_file(start_worker):
    worker = start_worker()
    Asking(worker, "/crash")
    assert worker.wait_exit(10) == -signal.SIGABRT
    dump = os.pread(worker.incident, 65536, 0).decode()
    assert "Fatal Python error: Aborted" in dump and "in crash" in dump


@pytest.mark.parametrize("code, left_with", [(0, 0), (7, 7), (3, 1), (4, 1)])
def test_application_that_exits_ends_the_worker_with_that_code(start_worker, code, left_with):
    worker = start_worker()
    assert worker.get(f"/leave?{code}").status == 500
    assert worker.wait_exit(5) == left_with
    worker.log.wait(rf"Error handling request GET /leave\?{code}")
    if code in (3, 4):
        worker.log.wait(f"exit code {code}, which would mean that it failed to boot; using 1")


def test_keyboard_interrupt_of_the_application_ends_the_worker(start_worker):
    worker = start_worker()
    assert worker.get("/interrupt").status == 500
    assert worker.wait_exit(5) == 130


def boot_failure(start_worker, app, code):
    worker = start_worker(app, wait=False)
    message = worker.notify.wait("X_GSERVE_BOOT_ERROR")[1]
    assert message["X_GSERVE_WORKER"] == LAUNCH_ID
    assert worker.wait_exit() == code
    assert worker.notify.find("READY") is None
    reason = json.loads(message["X_GSERVE_BOOT_ERROR"])
    worker.log.wait(r"\[ERROR\]")
    return worker, reason


@pytest.mark.parametrize("app, text", [
    ("broken_import:app", "No module named 'a_module_that_is_nowhere'"), ("nowhere:app", "No module named 'nowhere'"),
    ("basic.py:app", "give the module's name, 'basic', not its file"), ("broken_exit:app", "SystemExit: 0"),
    ("factories:broken_factory()", "raised inside the factory")])
def test_application_that_cannot_be_imported_is_a_boot_failure(start_worker, app, text):
    worker, reason = boot_failure(start_worker, app, 3)
    assert text in reason and "Traceback" in reason
    worker.log.wait(r"\[ERROR\] Exception in worker process")


NO_REFERENCE = ("Cannot read the application reference {!r}: give a name, a dotted name, or a call of one with literal "
                "arguments, as in module:factory('production')")
NO_LITERALS = ("Cannot read the arguments of the application factory {!r}: only literals can be given (strings, numbers, "
               "True, None, lists, ...)")


@pytest.mark.parametrize("app, text", [
    ("factories:missing", "Cannot find 'missing' in the module 'factories', looking for the application 'missing'"),
    ("factories:Project.web.missing", "Cannot find 'Project.web.missing' in the module 'factories', looking for the application "
     "'Project.web.missing'"),
    ("factories:Project.wbe.app", "Cannot find 'Project.wbe' in the module 'factories', looking for the application "
     "'Project.wbe.app'"),
    ("factories:1+1", NO_REFERENCE.format("1+1")),
    ("factories:(", NO_REFERENCE.format("(")),
    ("factories:make()()", NO_LITERALS.format("make()()")),
    ("factories:make(**{})", NO_LITERALS.format("make(**{})")),
    ("factories:make(open)", NO_LITERALS.format("make(open)")),
    ("factories:make(1, 2, 3)", "Cannot call the application factory 'make(1, 2, 3)': make() takes from 0 to 1 "
     "positional arguments but 3 were given"),
    ("factories:nothing()", "The application 'factories:nothing()' is None"),
    ("factories:number", "The application 'factories:number' is not callable: it is of type int")])
def test_module_without_the_application_is_a_load_failure(start_worker, app, text):
    worker, reason = boot_failure(start_worker, app, 4)
    assert reason == text
    assert worker.log.find("Traceback") is None


@pytest.mark.parametrize("app, answer", [
    ("factories", "application"), ("factories:Project.web.app", "dotted"), ("factories:make()", "default"),
    ("factories:make('ab', times=2)", "abab"), ("factories:Project.web.create('made')", "made")])
def test_application_is_found(start_worker, app, answer):
    assert start_worker(app).get().text == answer


def test_long_boot_error_is_cut_to_fit_a_datagram(start_worker, tmp_path):
    (tmp_path / "long.py").write_text("raise RuntimeError('begin' + '\\u20ac' * 200_000 + 'end')\n")
    worker = start_worker("long:app", str(tmp_path), wait=False)
    reason = json.loads(worker.notify.wait("X_GSERVE_BOOT_ERROR")[1]["X_GSERVE_BOOT_ERROR"])
    assert reason.startswith("Exception in worker process\nTraceback") and reason.endswith("end")
    assert worker.wait_exit() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_that_is_told_to_stop_while_it_loads_stops(start_worker, number):
    worker = start_worker("waits:app", wait=False)
    worker.log.wait("import has begun")
    assert worker.stop(number, seconds=5) == 0
    assert worker.notify.find("X_GSERVE_BOOT_ERROR") is None


def test_worker_started_by_hand_says_so(start_worker):
    worker = start_worker(env={"LISTEN_FDS": "99"}, wait=False)
    assert worker.wait_exit() == 1
    worker.log.wait("gserve worker: LISTEN_FDS does not match LISTEN_FDNAMES")


def test_application_sees_nothing_of_the_launch(start_worker):
    worker = start_worker(env={"PYTHONPATH": PYTHON_DIR + ":/opt/of-the-user", "MINE": "kept"},
                          pythonpath="/opt/a,/opt/b")
    seen = json.loads(worker.get("/surroundings").body)
    for env in (seen["env"], seen["child_env"]):
        assert env["MINE"] == "kept" and env["PYTHONPATH"] == "/opt/of-the-user"
        assert not [name for name in env if name.startswith(("LISTEN_", "GSERVE_")) or name == "NOTIFY_SOCKET"]
    assert PYTHON_DIR not in seen["path"] and "/opt/of-the-user" in seen["path"]
    assert seen["path"][:3] == ["/opt/b", "/opt/a", APPS]
    assert seen["cwd"] == APPS
    # 0, 1, 2 and the directory that is being listed
    assert sorted(map(int, seen["child_fds"])) == [0, 1, 2, 3]


def test_forked_child_has_nothing_of_the_server(start_worker):
    worker = start_worker()
    open_connections = [web.raw_socket(worker.address) for _ in range(3)]
    seen = json.loads(worker.get("/fork_child").body)
    own = [link for link in seen["fds"].values() if link.startswith("pipe:")]
    strange = {fd: link for fd, link in seen["fds"].items() if int(fd) > 2 and link not in own}
    assert strange == {}, "descriptors of the server in the child"
    assert len([fd for fd in seen["fds"] if int(fd) > 2]) == 2, "the pipe of the application, both ends"
    default = "<Handlers.SIG_DFL: 0>"
    assert seen["signals"] == [default, "<built-in function default_int_handler>", default, default]
    assert seen["wakeup"] == -1
    for sock in open_connections:
        sock.close()
    assert worker.get().body == b"hello"


@pytest.mark.parametrize("how, status", [("return", 0), ("exit", 7), ("raise", 1)])
def test_child_that_comes_back_into_the_server_ends(start_worker, how, status):
    worker = start_worker()
    assert worker.get(f"/stray_child?{how}").text == str(status)
    assert worker.get().body == b"hello"
    assert procfs.children(worker.pid) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_pool_works_inside_a_request(start_worker, method):
    worker = start_worker()
    before = len(worker.fds())
    for _ in range(3):
        assert worker.get(f"/pool?{method}").text == "285"
    helpers = {"fork": 0, "spawn": 1, "forkserver": 3}[method]  # its own resource tracker and fork server
    wait_for(lambda: len(worker.fds()) <= before + helpers, "no descriptor more")
    assert worker.stop(seconds=10) == 0


def test_signal_handlers_are_pythons(start_worker):
    shown = json.loads(start_worker().get("/signals").body)
    assert shown["CHLD"] == "<Handlers.SIG_DFL: 0>"
    assert all("function" in shown[name] for name in ("TERM", "INT", "HUP"))


def interpreters():
    """Debian's, and every other CPython from 3.11 on that PATH or pyenv holds."""
    found = {SYSTEM_PYTHON: SYSTEM_PYTHON}
    pyenv = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin"))
    for directory in [*os.get_exec_path(), *pyenv]:
        for path in glob.glob(os.path.join(directory, "python3.1[1-9]")):
            probe = subprocess.run([path, "-c", "import sys; print(sys.implementation.name, sys.executable)"],
                                   capture_output=True, text=True)
            if probe.stdout.startswith("cpython"):
                found.setdefault(os.path.realpath(path), path)
    found.pop(os.path.realpath(SYSTEM_PYTHON), None)
    return list(found.values())


@pytest.mark.parametrize("python", interpreters())
def test_one_extension_serves_every_interpreter(start_worker, python):
    worker = start_worker(python=python)
    assert worker.get("/writer").body == b"written,returned"
    assert worker.get("/echo", method="POST", body=b"body").body == b"body"
    assert worker.get("/raises").status == 500
    assert worker.get("/pool?spawn").text == "285"
    assert worker.stop() == 0
