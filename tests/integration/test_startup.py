# SPDX-License-Identifier: MIT
"""How gserve starts, or says why it does not: options, addresses, exit codes."""
import json
import os
import random
import socket
import subprocess
import time

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.process import GSERVE, clean_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"


def fails(box, *args, code, says, **options):
    """gserve ends with `code` and one clear line that matches `says`, without a traceback of its own."""
    box.expect_log(r".")
    server = box.prepare(*args, **options).start()
    assert server.wait_exit() == code, server.log.text()
    server.log.ended.wait(bound(5))
    assert server.log.find(says), server.log.text()
    assert not server.log.find(r"terminate called|Sanitizer|runtime error:")
    return server


def unused_loopback_address():
    """Another host of the loopback network, so that a fixed port is free."""
    return f"127.{random.randint(10, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"


@pytest.mark.parametrize("args, code, says", [
    (["--no-such-flag"], 2, r"no-such-flag"),
    (["-w", "many"], 1, r"--workers.*'many'"),
    (["-w", "--chdir"], 2, r"--workers needs a value"),
    (["-w", "-1"], 1, r"workers|-w"),
    (["-t", "-3"], 1, r"timeout|-t"),
    (["-k", "nosuchclass"], 1, r"nosuchclass"),
    (["--log-level", "loud"], 1, r"loud"),
    (["--control-socket-mode", "999"], 1, r"999|control.socket.mode"),
    (["--chdir", "/nonexistent/folder"], 1, r"/nonexistent/folder"),
    (["-e", "NOEQUALS"], 1, r"NOEQUALS"),
    (["-p", "/nonexistent/folder/gserve.pid"], 1, r"/nonexistent/folder"),
    (["--error-logfile", "/nonexistent/folder/log"], 1, r"/nonexistent/folder"),
    (["--python", "/nonexistent/python3"], 1, r"/nonexistent/python3"),
])
def test_bad_option_is_refused_with_a_clear_line(box, args, code, says):
    begin = time.monotonic()
    server = fails(box, *args, chdir=None if "--chdir" in args else PLAIN, code=code, says=says)
    assert len(server.log.lines) <= 4, f"more than a clear line:\n{server.log.text()}"
    assert time.monotonic() - begin < bound(5)


@pytest.mark.parametrize("bind, says", [
    ("127.0.0.1:99999", r"99999"), ("127.0.0.1:http", r"http"), ("[::1", r"\[::1"),
    ("unix:", r"unix:"), ("fd://x", r"fd://x"), ("fd://913", r"913"),
    ("no.such.host.invalid:8000", r"no\.such\.host\.invalid"),
    ("unix:/nonexistent/folder/socket", r"/nonexistent/folder"),
])
def test_bad_address_is_a_configuration_error(box, bind, says):
    fails(box, bind=bind, chdir=PLAIN, code=1, says=says)


def test_no_application_is_a_clear_error(box):
    box.expect_log(r".")
    server = box.prepare(app=None, chdir=PLAIN).start()
    assert server.wait_exit() in (1, 2)
    assert server.log.find(r"(?i)app")


@pytest.mark.parametrize("app, code, says", [
    ("nosuchmodule:app", 3, r"nosuchmodule"),
    ("app:nosuchname", 4, r"nosuchname"),
    ("app:not_callable", 4, r"(?i)callable"),
    ("app:factory(", 4, r"factory\("),
])
def test_first_boot_that_fails_ends_the_program_with_gunicorns_code(box, app, code, says):
    fails(box, app=app, chdir=PLAIN, code=code, says=says)


def test_first_boot_shows_the_applications_traceback(box):
    server = fails(box, "-w", 3, chdir=APPS + "/broken", code=3, says=r"RuntimeError: this module cannot be imported")
    assert server.log.find(r"Traceback")


def test_help_and_version_go_to_standard_output_and_exit_with_zero(box):
    for flag, says in (("--help", r"--workers"), ("--version", r"\d+\.\d+\.\d+")):
        server = box.prepare(flag, app=None, bind=None).start()
        assert server.wait_exit() == 0
        server.log.wait(says)


def test_port_in_use_is_tried_five_times_a_second_apart(box):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        begin = time.monotonic()
        server = fails(box, bind=f"127.0.0.1:{port}", chdir=PLAIN, code=1, says=rf"127\.0\.0\.1.*{port}.*in use")
        assert 3.5 < time.monotonic() - begin < 5 + bound(5)
    assert 4 <= server.log.count(rf"\[ERROR\].*in use.*{port}") <= 6, server.log.text()


def test_port_that_becomes_free_is_taken(box):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        box.expect_log(r"in use", r"Retrying")
        server = box.prepare(bind=address, chdir=PLAIN).start()
        server.log.wait(r"in use")
    server.wait_ready()
    assert server.get().status == 200


def test_several_addresses_serve_at_once(box):
    host = unused_loopback_address()
    path = box.path("web.sock")
    server = box.gserve("-b", "127.0.0.1:0", "-b", "[::1]:0", "-b", f"unix:{path}", bind=host, workers=2, chdir=PLAIN)
    assert len(server.addresses) == 4
    assert server.address == f"http://{host}:8000", "a host alone listens at port 8000"
    for address in server.addresses:
        assert web.request(address).status == 200
    assert server.stop() == 0
    assert not os.path.exists(path), "the Unix socket is removed"


def test_stale_unix_socket_is_replaced(box):
    path = box.path("web.sock")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
    box.gserve(bind=f"unix:{path}", workers=1, chdir=PLAIN)
    assert web.request(f"unix:{path}").status == 200


def test_inherited_descriptor_is_served_and_left_alone(box):
    path = box.path("inherited.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = box.gserve(bind=f"fd://{listener.fileno()}", workers=1, chdir=PLAIN, pass_fds=[listener.fileno()])
        assert web.request(f"unix:{path}").status == 200
        assert server.stop() == 0
        assert os.path.exists(path), "an inherited socket is not unlinked"
    os.unlink(path)


def test_socket_activation_takes_the_passed_sockets_instead_of_bind(box):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # The shell puts the socket at descriptor 3 and its own pid, which becomes gserve's, into LISTEN_PID.
    script = f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
    server = box.prepare("-w", 1, chdir=PLAIN, wrapper=["/bin/bash", "-c", script, "bash"],
                         pass_fds=[listener.fileno()]).start()
    listener.close()
    server.wait_ready(1)
    assert server.addresses == [f"http://127.0.0.1:{port}"]
    assert server.get().status == 200
    environment = server.get("/environment").text
    assert "LISTEN_FDS" not in environment and "NOTIFY_SOCKET" not in environment


def test_listen_fds_for_another_process_are_ignored(box):
    server = box.gserve(workers=1, chdir=PLAIN, env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert server.get().status == 200


def test_web_concurrency_sets_the_number_of_workers_and_the_flag_wins(box):
    assert box.gserve(chdir=PLAIN, env={"WEB_CONCURRENCY": "3"}).wait_workers(3)
    assert box.gserve("-w", 2, chdir=PLAIN, env={"WEB_CONCURRENCY": "3"}).wait_workers(2)


def test_port_of_the_environment_listens_on_all_addresses(box):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = box.gserve(bind=None, workers=1, chdir=PLAIN, env={"PORT": str(port)})
    assert server.addresses == [f"http://0.0.0.0:{port}"]
    assert web.request(f"http://127.0.0.1:{port}").status == 200


def test_env_chdir_and_pythonpath_reach_the_application(box):
    folder = box.directory("elsewhere")
    box.write("modules/extra_module.py", "NAME = 1\n")
    server = box.gserve("-e", "COLOUR=blue", "-e", "EMPTY=", "--pythonpath", f"{PLAIN},{box.path('modules')}",
                        workers=1, chdir=folder)
    seen = server.get("/environment")
    environment = json.loads(seen.text)
    assert environment["os"]["COLOUR"] == "blue" and environment["os"]["EMPTY"] == ""
    assert environment["cwd"] == folder
    assert folder in environment["path"] and box.path("modules") in environment["path"]
    assert not [name for name in environment["os"] if name.startswith("LISTEN_") or name == "GSERVE_LAUNCH_ID"]


@pytest.mark.parametrize("app, body", [
    ("app:app", None), ("app", None), ("app:factory('made here')", "made here"),
    ("package.module:holder.inner", "dotted"),
])
def test_application_may_be_a_name_a_factory_or_an_attribute(box, app, body):
    folder = box.copy_app(PLAIN)
    with open(folder + "/app.py", "a", encoding="utf-8") as file:
        file.write("\napplication = app\n")
    box.write("app/package/__init__.py", "")
    box.write("app/package/module.py",
              "from app import factory\n\n\nclass holder:\n    inner = staticmethod(factory('dotted'))\n")
    server = box.gserve(workers=1, chdir=folder, app=app)
    answer = server.get()
    assert answer.status == 200 and (body is None or answer.text == body)


def test_supervisor_stays_small(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    if not os.environ.get("GSERVE_PRELOAD"):
        assert procfs.rss_bytes(server.pid) < 16 << 20


def test_idle_supervisor_does_nothing(box):
    """No periodic tick: an idle supervisor uses no processor time to speak of."""
    server = box.gserve(workers=2, chdir=PLAIN)
    with open(f"/proc/{server.pid}/schedstat", encoding="ascii") as file:
        before = int(file.read().split()[2])
    begin = time.monotonic()
    wait_for(lambda: time.monotonic() - begin > 2, "two quiet seconds", 5)
    with open(f"/proc/{server.pid}/schedstat", encoding="ascii") as file:
        wakeups = int(file.read().split()[2]) - before
    assert wakeups <= 4


def test_a_current_directory_that_was_removed_is_a_clear_line(box):
    folder = box.directory("gone")
    start = ["sh", "-c", 'cd "$1" && rmdir "$1" && exec "$2" app:app', "sh", folder, GSERVE]
    done = subprocess.run(start, env=clean_environment(), capture_output=True, text=True, timeout=bound(20))
    assert done.returncode == 1
    assert "gserve: cannot find the current directory: No such file or directory; was it removed?" in done.stderr
