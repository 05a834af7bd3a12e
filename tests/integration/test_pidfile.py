# SPDX-License-Identifier: MIT
"""The pidfile and the control socket say who runs, and a second start leaves the first alone."""
import os
import stat
import subprocess

from harness.box import APPS

PLAIN = APPS + "/plain"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def refuses_to_start(box, *args, owner, env=None):
    """A second gserve ends with 1, naming the owner, who serves as before."""
    box.expect_log(r"already running")
    second = box.prepare(*args, chdir=PLAIN, env=env).start()
    assert second.wait_exit() == 1
    second.log.wait(rf"already running \(pid {owner.pid}\)")
    assert owner.running() and owner.get().status == 200


def test_pidfile_holds_the_pid_for_everybody_to_read_and_goes_with_the_service(box):
    path = box.path("gserve.pid")
    server = box.gserve("-p", path, workers=1, chdir=PLAIN)
    assert read(path) == f"{server.pid}\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    assert server.stop() == 0
    assert not os.path.exists(path)


def test_stale_pidfile_is_replaced(box):
    ended = subprocess.Popen(["true"])
    ended.wait()
    path = box.write("gserve.pid", f"{ended.pid}\n")
    server = box.gserve("-p", path, workers=1, chdir=PLAIN)
    assert read(path) == f"{server.pid}\n"


def test_garbage_in_the_pidfile_is_replaced(box):
    path = box.write("gserve.pid", "not a pid\n")
    server = box.gserve("-p", path, workers=1, chdir=PLAIN)
    assert read(path) == f"{server.pid}\n"


def test_relative_pidfile_stands_in_the_application_folder_or_where_gserve_started(box):
    server = box.gserve("-p", "here.pid", workers=1, chdir=box.copy_app(PLAIN))
    candidates = [box.path("here.pid"), box.path("app/here.pid")]
    assert [read(path) for path in candidates if os.path.exists(path)] == [f"{server.pid}\n"]


def test_second_start_on_the_same_pidfile_is_refused(box):
    path = box.path("gserve.pid")
    first = box.gserve("-p", path, workers=1, chdir=PLAIN)
    refuses_to_start(box, "-p", path, owner=first)
    assert read(path) == f"{first.pid}\n"


def test_second_start_on_the_same_control_socket_is_refused(box):
    first = box.gserve(workers=1, chdir=PLAIN)
    refuses_to_start(box, "--control-socket", first.control, owner=first)
    assert first.status()["pid"] == first.pid


def test_second_start_on_the_same_unix_socket_leaves_the_first_serving(box):
    path = box.path("web.sock")
    first = box.gserve(bind=f"unix:{path}", workers=1, chdir=PLAIN)
    box.expect_log(r"in use", r"Retrying")
    second = box.prepare(bind=f"unix:{path}", chdir=PLAIN).start()
    assert second.wait_exit() == 1
    assert first.get().status == 200


def test_pidfile_that_somebody_else_took_over_is_left_alone(box):
    path = box.path("gserve.pid")
    server = box.gserve("-p", path, workers=1, chdir=PLAIN)
    box.write("gserve.pid", "1\n")
    assert server.stop() == 0
    assert read(path) == "1\n"
    os.unlink(path)


def test_killed_supervisor_leaves_no_obstacle(box):
    path = box.path("gserve.pid")
    first = box.gserve("-p", path, workers=1, chdir=PLAIN)
    first.process.kill()
    first.process.wait()
    second = box.prepare("-w", 1, "-p", path, chdir=PLAIN, env={"RUNTIME_DIRECTORY": first.run})
    second.control = first.control
    second.start().wait_ready(1)
    assert read(path) == f"{second.pid}\n"
    assert second.status()["pid"] == second.pid
    assert second.stop() == 0
    first.kill()
