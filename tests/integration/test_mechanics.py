# SPDX-License-Identifier: MIT
"""Server mechanics: daemon, identity of the workers, Unix sockets, titles, shared ports."""
import json
import os
import pwd
import signal
import stat

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
ROOT = os.geteuid() == 0

WHO = """import json, os


def app(environ, start_response):
    body = json.dumps({"ids": os.getresuid() + os.getresgid(), "groups": os.getgroups(), "parent": os.getppid()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def daemon(box, *args, **options):
    """A daemon and its pid; the command that started it has ended."""
    server = box.prepare("-D", "-p", box.path("daemon.pid"), "--error-logfile", box.path("daemon.log"), *args, **options)
    assert server.start().wait_exit() == 0, server.log.text()
    with open(box.path("daemon.pid"), encoding="ascii") as file:
        return server, int(file.read())


def end_daemon(pid):
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not procfs.alive(pid), "the daemon has ended", 40)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


# --- daemon ---
def test_daemon_serves_when_its_command_has_ended(box):
    path = box.path("web.sock")
    server, pid = daemon(box, "-w", 2, bind=f"unix:{path}", chdir=PLAIN)
    assert web.request(f"unix:{path}").status == 200
    assert os.getsid(pid) != os.getsid(0)
    assert all(procfs.fds(pid)[fd] == "/dev/null" for fd in range(3))
    server.ctl("status")
    end_daemon(pid)
    assert not os.path.exists(path)


def test_daemon_that_cannot_boot_gives_its_exit_code_to_the_command(box):
    server = box.prepare("-D", "--error-logfile", box.path("daemon.log"), chdir=APPS + "/broken").start()
    assert server.wait_exit() == 3
    server.log.wait("the service has ended; its error log says why")
    assert "RuntimeError: this module cannot be imported" in read(box.path("daemon.log"))


def test_daemon_that_cannot_start_says_why_to_the_command(box):
    server = box.prepare("-D", "-p", "/nonexistent/folder/pid", chdir=PLAIN).start()
    assert server.wait_exit() == 1
    server.log.wait("/nonexistent/folder/pid")


def test_daemon_can_keep_its_output(box):
    server, pid = daemon(box, "-R", bind=f"unix:{box.path('web.sock')}", chdir=PLAIN)
    assert procfs.fds(pid)[1] != "/dev/null"
    end_daemon(pid)


# --- who the workers are ---
@pytest.mark.parametrize("preload", [[], ["--preload"]])
def test_workers_run_as_the_user_before_they_load_the_application(box, preload):
    folder = os.path.dirname(box.write("who/app.py", WHO + "\nassert os.getuid() == %d\n" % pwd.getpwnam("nobody").pw_uid))
    options = ["-u", "nobody", "-g", str(pwd.getpwnam("nobody").pw_gid), *preload]
    if not ROOT:
        server = box.prepare(*options, chdir=folder).start()
        assert server.wait_exit() == 1
        return server.log.wait("only root may change user and group")
    box.expect_log("killed by SIGKILL")
    server = box.gserve(*options, workers=2, chdir=folder)
    nobody = pwd.getpwnam("nobody")
    seen = json.loads(server.get().text)
    assert seen["ids"] == [nobody.pw_uid] * 3 + [nobody.pw_gid] * 3
    assert seen["groups"] == [nobody.pw_gid], "nothing of root is left"
    server.ctl("reload")
    assert json.loads(server.get().text)["ids"][0] == nobody.pw_uid
    server.ctl("upgrade")
    os.kill(server.workers()[0], signal.SIGKILL)
    server.wait_workers(2)
    for _ in range(4):
        assert json.loads(server.get().text)["ids"][0] == nobody.pw_uid


def test_unknown_user_is_refused(box):
    for option, says in (("--user=nosuchuser", "No such user: 'nosuchuser'"), ("--group=nosuchgroup", "No such group")):
        server = box.prepare(option, chdir=PLAIN).start()
        assert server.wait_exit() == 1
        server.log.wait(says)


def test_own_user_needs_no_right(box):
    server = box.gserve("-u", str(os.geteuid()), "-g", str(os.getegid()), workers=1, chdir=PLAIN)
    assert server.get().status == 200


# --- sockets ---
@pytest.mark.parametrize("umask, mode", [([], 0o777), (["-m", "007"], 0o770), (["--umask=0o117"], 0o660)])
def test_umask_decides_who_may_connect_to_a_unix_socket(box, umask, mode):
    path = box.path("web.sock")
    box.gserve(*umask, bind=f"unix:{path}", workers=1, chdir=PLAIN)
    assert stat.S_IMODE(os.stat(path).st_mode) == mode


def test_unix_socket_belongs_to_the_workers_user(box):
    path = box.path("web.sock")
    user = "nobody" if ROOT else str(os.geteuid())
    box.gserve("-u", user, bind=f"unix:{path}", workers=1, chdir=PLAIN)
    assert os.stat(path).st_uid == (pwd.getpwnam("nobody").pw_uid if ROOT else os.geteuid())


def test_two_services_share_a_port_with_reuse_port(box):
    first = box.gserve("--reuse-port", workers=1, chdir=PLAIN)
    bind = first.address.removeprefix("http://")
    second = box.gserve("--reuse-port", bind=bind, workers=1, chdir=PLAIN)
    assert second.address == first.address
    first.stop()
    assert second.get().status == 200


# --- what ps shows ---
def titles(server):
    return procfs.command(server.pid), sorted({procfs.command(pid) for pid in procfs.children(server.pid)})


@pytest.mark.parametrize("name, shown", [(["-n", "shop " + "x" * 60], "shop " + "x" * 60), ([], "app:app")])
def test_processes_are_named(box, name, shown):
    server = box.gserve(*name, workers=2, chdir=PLAIN)
    assert titles(server) == (f"gserve: master [{shown}]", [f"gserve: worker [{shown}]"])
    environment = json.loads(server.get("/environment").text)["os"]
    assert environment["PATH"] == server.env["PATH"], "the environment is whole"
    server.ctl("upgrade")
    assert titles(server)[0] == f"gserve: master [{shown}]"


def test_template_is_named(box):
    server = box.gserve("--preload", workers=1, chdir=PLAIN)
    assert titles(server)[1] == ["gserve: template [app:app]", "gserve: worker [app:app]"]


def test_room_for_the_title_is_no_argument_of_the_application(box):
    folder = os.path.dirname(box.write("argv/app.py", "import sys\n\n\ndef app(environ, start_response):\n"
                                       "    start_response('200 OK', [])\n    return [repr(sys.argv[1:]).encode()]\n"))
    assert box.gserve("-n", "x" * 200, workers=1, chdir=folder).get().text == "[]"


# --- files and lines ---
SENDER = """import os


def app(environ, start_response):
    file = open(__file__, "rb")
    start_response("200 OK", [("Content-Length", str(os.fstat(file.fileno()).st_size))])
    return environ["wsgi.file_wrapper"](file)
"""


@pytest.mark.parametrize("options, env", [([], {}), (["--no-sendfile"], {}), ([], {"SENDFILE": "no"})])
def test_files_are_sent_with_and_without_sendfile(box, options, env):
    folder = os.path.dirname(box.write("files/app.py", SENDER))
    assert box.gserve(*options, workers=1, chdir=folder, env=env).get().text == SENDER


def test_spew_prints_the_lines_that_run(box):
    server = box.gserve("--spew", "-e", "PYTHONUNBUFFERED=1", workers=1, chdir=PLAIN)
    server.get()
    server.log.wait(r'^app:\d+:     return f"\{GREETING\} \{os.getpid\(\)\}\\n".encode\(\)$')


def test_worker_tmp_dir_is_accepted(box):
    assert box.gserve("--worker-tmp-dir", "/dev/shm", workers=1, chdir=PLAIN).get().status == 200
