# SPDX-License-Identifier: MIT
"""gservectl against running instances: what it prints, waits for and returns."""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.process import GSERVECTL, ctl_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"


def run_ctl(*args, **env):
    return subprocess.run([GSERVECTL, *map(str, args)], env=ctl_environment(**env), capture_output=True, text=True,
                          timeout=bound(60))


def test_status_as_json_has_the_promised_keys(box):
    server = box.gserve("-n", "shop", workers=2, chdir=PLAIN)
    server.get()
    status = server.status()
    assert status["name"] == "shop" and status["pid"] == server.pid
    assert status["generation"] == 1 and status["target"] == 2 and status["ready"] == 2
    assert re.match(r"\d+\.\d+\.\d+", status["version"]) and 0 < status["uptime_s"] < 600
    assert sorted(worker["pid"] for worker in status["workers"]) == server.workers()
    for worker in status["workers"]:
        assert worker["state"] == "ready" and worker["generation"] == 1
        assert worker["age_s"] > 0 and worker["rss_bytes"] > 1 << 20
    assert sum(worker["requests"] for worker in status["workers"]) == 1


def test_status_for_people_names_the_workers(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    text = server.ctl("status").stdout
    assert str(server.pid) in text and all(str(pid) in text for pid in server.workers())


@pytest.mark.parametrize("request_, count", [("5", 5), ("+2", 4), ("-1", 1)])
def test_scale_waits_until_the_workers_serve(box, request_, count):
    server = box.gserve(workers=2, chdir=PLAIN)
    server.ctl("scale", request_)
    status = server.status()
    assert status["target"] == status["ready"] == count == len(status["workers"])


@pytest.mark.parametrize("request_", ["0", "-5", "many", "1000000000000"])
def test_scale_to_nonsense_is_refused_and_changes_nothing(box, request_):
    server = box.gserve(workers=2, chdir=PLAIN)
    done = server.ctl("scale", request_, expect=None)
    assert done.returncode in (1, 2) and (done.stderr + done.stdout).strip()
    assert server.status()["target"] == 2 and len(server.wait_workers(2)) == 2


def test_reload_returns_when_the_new_code_serves(box):
    folder = box.copy_app(PLAIN)
    server = box.gserve(workers=2, chdir=folder)
    with open(folder + "/app.py", "a", encoding="utf-8") as file:
        file.write("\nGREETING = 'second'\n")
    before = server.workers()
    server.ctl("reload")
    assert server.get().text.startswith("second")
    assert server.status()["generation"] == 2
    assert not set(before) & set(server.wait_workers(2))


def test_stop_returns_when_the_service_has_ended(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    server.ctl("stop")
    # The answer comes before the socket closes: the process itself is done within the moment.
    assert server.wait_exit(5) == 0


def test_stop_waits_for_running_requests(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=1")
    wait_for(lambda: server.status()["workers"][0]["in_flight"], "the request runs")
    server.ctl("stop")
    assert conn.getresponse().read() == b"xxxxx"
    conn.close()
    assert server.wait_exit(5) == 0


def test_no_wait_returns_at_once_and_timeout_gives_up_with_one(box):
    box.expect_log(r"SIGKILL", r"graceful")
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=3")
    wait_for(lambda: server.status()["workers"][0]["in_flight"], "the request runs")
    # The old worker drains as long as its request runs, and a reload ends with that.
    done = server.ctl("--timeout", "0.5", "stop", expect=1)
    assert re.search(r"(?i)time", done.stdout + done.stderr)
    assert server.running(), "giving up waiting does not change what was asked"
    conn.close()
    assert server.wait_exit() == 0

    server = box.gserve(workers=1, chdir=PLAIN)
    server.ctl("--no-wait", "stop")
    assert server.wait_exit() == 0


@pytest.mark.parametrize("args", [[], ["dance"], ["--no-such-flag", "status"], ["scale"], ["status", "extra"]])
def test_usage_errors_exit_with_two(args):
    done = run_ctl(*args)
    assert done.returncode == 2 and done.stderr.strip()


def test_unreachable_socket_exits_with_three(box):
    for path in (box.path("nothing"), box.write("file", "")):
        done = run_ctl("--socket", path, "status")
        assert done.returncode == 3 and path in done.stderr


def test_socket_of_a_dead_instance_exits_with_three(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    server.process.kill()
    server.process.wait()
    assert server.ctl("status", expect=3).stderr.strip()
    server.kill()


def test_control_socket_is_private(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    assert stat.S_IMODE(os.stat(server.control).st_mode) == 0o600


def test_control_socket_mode_and_absence_can_be_chosen(box):
    server = box.gserve("--control-socket-mode", "0660", workers=1, chdir=PLAIN)
    assert stat.S_IMODE(os.stat(server.control).st_mode) == 0o660
    without = box.gserve("--no-control-socket", chdir=PLAIN)
    assert not os.path.exists(without.control)
    assert without.get().status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_other_users_are_refused_even_where_the_mode_lets_them_in(box):
    server = box.gserve("--control-socket-mode", "0666", workers=1, chdir=PLAIN)
    os.chmod(server.run, 0o755)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    program = shutil.copy(GSERVECTL, box.path("gservectl"))
    done = subprocess.run([*nobody, program, "--socket", server.control, "stop"], env=ctl_environment(),
                          capture_output=True, text=True, timeout=bound(30))
    assert done.returncode in (1, 3) and done.stderr.strip(), done
    assert server.get().status == 200 and server.status()["state"] == "running"


class Instances:
    """Instances where gservectl looks by itself: the runtime directory of the user who runs the tests."""

    def __init__(self, box):
        self.box = box
        self.runtime = box.directory("xdg")
        self.env = {"XDG_RUNTIME_DIR": self.runtime, "RUNTIME_DIRECTORY": None}
        self.wrapper = []
        if os.geteuid() == 0:  # root's is /run: a private one for these processes
            private = box.directory("private")
            self.wrapper = ["unshare", "-m", "/bin/sh", "-c", f'mount --bind {private} /run && exec "$@"', "sh"]

    def start(self, name):
        server = self.box.prepare("-n", name, chdir=PLAIN, env=self.env, wrapper=self.wrapper).start()
        server.notify.wait("READY", "1", alive=server.running)
        return server

    def ctl(self, *args):
        return subprocess.run([*self.wrapper, GSERVECTL, *args], env=ctl_environment(XDG_RUNTIME_DIR=self.runtime),
                              capture_output=True, text=True, timeout=bound(60))


def test_without_options_the_one_running_instance_is_found_and_several_are_named(box):
    instances = Instances(box)
    assert instances.ctl("status").returncode == 3
    shop = instances.start("shop")
    assert json.loads(instances.ctl("--json", "status").stdout)["pid"] == shop.pid
    blog = instances.start("blog")
    ambiguous = instances.ctl("stop")
    assert ambiguous.returncode in (2, 3) and "shop" in ambiguous.stderr and "blog" in ambiguous.stderr
    listed = instances.ctl("list").stdout
    assert re.search(rf"blog\s.*\b{blog.pid}\b", listed) and re.search(rf"shop\s.*\b{shop.pid}\b", listed)
    names = {entry["name"] for entry in json.loads(instances.ctl("--json", "list").stdout)}
    assert names == {"shop", "blog"}
    assert instances.ctl("-n", "blog", "stop").returncode == 0
    assert blog.wait_exit() == 0 and shop.running()
    assert instances.ctl("-n", "blog", "status").returncode == 3
    assert instances.ctl("stop").returncode == 0
    assert shop.wait_exit() == 0
    assert "shop" not in instances.ctl("list").stdout


@pytest.mark.skipif(shutil.which("busctl") is None, reason="busctl is not installed")
def test_busctl_reads_the_interface(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    address = f"--address=unix:path={server.control}"
    done = subprocess.run(["busctl", address, "introspect", "io.gserve", "/io/gserve"], capture_output=True, text=True,
                          timeout=bound(30))
    if done.returncode != 0:  # a peer connection has no names: the destination may be left empty
        done = subprocess.run(["busctl", address, "introspect", "", "/io/gserve"], capture_output=True, text=True,
                              timeout=bound(30))
    assert done.returncode == 0, done.stderr
    for member in ("GetStatus", "Stop", "Reload", "Scale", "GetJob", "ListIncidents", "GetIncident", "JobFinished", "Generation"):
        assert re.search(rf"^\.{member}\b", done.stdout, re.MULTILINE), done.stdout


def authenticated(path):
    """A control connection that has passed the D-Bus authentication."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(bound(10))
    sock.connect(path)
    uid = str(os.geteuid()).encode().hex().encode()
    sock.sendall(b"\0AUTH EXTERNAL " + uid + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
    received = b""
    while received.count(b"\r\n") < 2:
        chunk = sock.recv(4096)
        assert chunk, "closed during the authentication"
        received += chunk
    assert received.startswith(b"OK ")
    return sock


GARBAGE = {
    "nothing": b"",
    "no NUL first": b"AUTH EXTERNAL 30\r\n",
    "unknown mechanism": b"\0AUTH MAGIC 30\r\n",
    "wrong uid": b"\0AUTH EXTERNAL 3132333435\r\nBEGIN\r\n",
    "long line": b"\0" + b"A" * 100_000,
    "binary": bytes(range(256)) * 64,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}
MESSAGES = {
    "bad byte order": b"X\x01\0\x01" + b"\0" * 60,
    "wrong protocol version": b"l\x01\0\x09" + b"\0" * 60,
    "huge body": b"l\x01\0\x01\xff\xff\xff\xff\x01\0\0\0\x08\0\0\0" + b"\0" * 40,
    "huge field array": b"l\x01\0\x01\0\0\0\0\x01\0\0\0\xff\xff\xff\x7f" + b"\0" * 40,
    "serial zero": b"l\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0\0",
    "cut header": b"l\x01\0\x01\x08\0\0\0",
    "fields of garbage": b"l\x01\0\x01\0\0\0\0\x01\0\0\0\x10\0\0\0" + b"\xff" * 16,
}


def closes_or_ignores(sock, data):
    """Sends bytes; the other side must not answer with anything but an end or a D-Bus error."""
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        sock.close()


def test_malformed_messages_at_the_control_socket_do_no_harm(box):
    box.expect_log(r"(?i)control|peer|client")
    server = box.gserve(workers=1, chdir=PLAIN)
    fds = procfs.fd_count(server.pid)

    def all_garbage():
        for data in GARBAGE.values():
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(bound(10))
            sock.connect(server.control)
            closes_or_ignores(sock, data)
        for data in MESSAGES.values():
            closes_or_ignores(authenticated(server.control), data)

    all_garbage()
    rss = procfs.rss_bytes(server.pid)
    for _ in range(20):
        all_garbage()
    wait_for(lambda: procfs.fd_count(server.pid) <= fds, "every connection is closed")
    assert procfs.rss_bytes(server.pid) - rss < procfs.growth(1)
    assert server.status()["state"] == "running" and server.get().status == 200


def test_silent_peers_do_not_lock_others_out(box):
    box.expect_log(r"(?i)control|peer|client")
    server = box.gserve(workers=1, chdir=PLAIN)
    silent = []
    for _ in range(100):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(server.control)
        silent.append(sock)
    assert server.status()["state"] == "running"
    for sock in silent:
        sock.close()


def test_stop_by_a_signal_while_a_reload_runs_ends_the_reload(box):
    folder = box.copy_app(PLAIN)
    server = box.gserve(workers=1, chdir=folder)
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write("import threading\nthreading.Event().wait()\n")
    reload = subprocess.Popen(server.ctl_command("reload"), env=ctl_environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    wait_for(lambda: server.status()["state"] == "reloading", "the reload runs")
    box.expect_log(r".")
    assert server.stop(signal.SIGTERM) == 0
    out, error = reload.communicate(timeout=bound(30))
    assert reload.returncode in (1, 3) and (out + error).strip()
