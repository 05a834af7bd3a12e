# SPDX-License-Identifier: MIT
"""What operators do with a running service, by gservectl: restart, single workers, logs, settings, waiting, other hosts."""
import json
import os
import pty
import re
import subprocess

from harness import procfs
from harness.box import APPS
from harness.load import Load
from harness.process import GSERVECTL, ctl_environment
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"


def on_terminal(command, **env):
    """Runs it on a terminal of its own: (exit code, what the terminal got)."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(command[0], command, ctl_environment(**({"TERM": "xterm"} | env)))
        finally:
            os._exit(127)
    shown = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def logging_to(path, box):
    """A running gserve that logs to a file."""
    server = box.prepare("--error-logfile", path, "-w", 1, chdir=PLAIN).start()
    server.notify.wait("READY", "1", alive=server.running)
    return server


def test_restart_replaces_every_worker_and_loses_no_request(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    before = server.workers()
    with Load(server.address) as load:
        server.ctl("restart")
        load.wait_answers(20)
    assert not load.bad(), load.summary()
    assert not set(before) & set(server.wait_workers(2))
    status = server.status()
    assert status["generation"] == 2 and status["previous_generation"] is None and status["workers_started"] == 4


def test_restart_keeps_the_settings_that_a_reload_would_read(box):
    folder = box.copy_app(PLAIN)
    config = box.write("gunicorn.conf.py", "workers = 1\n")
    server = box.gserve("-c", config, chdir=folder)
    box.write("gunicorn.conf.py", "workers = 2\n")
    server.ctl("restart")
    assert server.status()["target"] == 1
    server.ctl("reload")
    assert server.status()["target"] == 2


def test_restart_with_code_that_does_not_import_changes_nothing(box):
    box.expect_log(r"no_such_module", r"worker failed to boot", r"restart failed", r"exited with code 3", r"Traceback", r"Exception")
    folder = box.copy_app(PLAIN)
    server = box.gserve(workers=2, chdir=folder)
    before = server.workers()
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write("import no_such_module\n")
    done = server.ctl("restart", expect=1)
    assert "No module named 'no_such_module'" in done.stderr
    assert server.wait_workers(2) == before and server.get().status == 200


def test_a_single_worker_is_restarted_under_load(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    first, second = server.workers()
    with Load(server.address) as load:
        done = server.ctl("worker", "restart", first)
        load.wait_answers(20)
    assert not load.bad(), load.summary()
    assert f"worker {first} drains" in done.stdout
    workers = server.wait_workers(2)
    assert first not in workers and second in workers


def test_a_killed_worker_leaves_its_stacks_and_is_replaced(box):
    box.expect_log(r"kill of worker", r"killed by SIGABRT", r"left its stacks", r"Fatal Python error")
    server = box.gserve(workers=2, chdir=PLAIN)
    first, second = server.workers()
    outcome = json.loads(server.ctl("--json", "worker", "kill", first).stdout)
    assert outcome["command"] == "worker kill" and outcome["result"] == "done" and not procfs.alive(first)
    wait_for(lambda: first not in server.workers() and len(server.workers()) == 2, "another one takes its place")
    server.log.wait(r"most recent call first")
    assert server.status()["last_incident"] == 0 and second in server.workers()


def test_orders_about_processes_that_are_no_workers_are_refused(box):
    box.expect_log(r"cannot (kill|restart) worker")
    server = box.gserve(workers=1, chdir=PLAIN)
    for verb in ("kill", "restart"):
        done = server.ctl("worker", verb, os.getpid(), expect=1)
        assert f"cannot {verb} worker {os.getpid()}: no worker has this pid" in done.stderr
    assert server.get().status == 200


def test_reopen_follows_a_rotation_and_says_when_it_cannot(box):
    box.expect_log(r"cannot open the log")
    path = box.path("error.log")
    server = logging_to(path, box)
    os.rename(path, path + ".1")
    server.ctl("reopen")
    with open(path, encoding="utf-8") as file:
        assert "log files reopened" in file.read()
    assert server.status()["log_kind"] == "file" and server.status()["log_path"] == path
    os.unlink(path)
    os.mkdir(path)
    assert f"cannot open the log {path}: Is a directory" in server.ctl("reopen", expect=1).stderr
    os.rmdir(path)


def test_logs_shows_and_follows_the_error_log(box):
    path = box.path("error.log")
    server = logging_to(path, box)
    assert re.search(r"worker ready", server.ctl("logs").stdout)
    assert json.loads(server.ctl("--json", "logs", "--lines", "1").stdout)["line"]
    follow = subprocess.Popen(server.ctl_command("logs", "-f", "--lines", "1", "--timeout", str(bound(60))),
                              env=ctl_environment(), stdout=subprocess.PIPE, text=True)
    follow.stdout.readline()
    os.rename(path, path + ".1")
    server.ctl("reopen")
    assert any("log files reopened" in line for line in iter(follow.stdout.readline, ""))
    follow.terminate()
    follow.wait()


def test_logs_says_where_a_log_is_that_it_cannot_show(box):
    server = box.gserve(workers=1, chdir=PLAIN)  # the harness reads it by a pipe
    done = server.ctl("logs", expect=1)
    assert "goes to a pipe" in done.stderr and "--error-logfile" in done.stderr


def test_config_is_what_the_service_runs_with(box):
    server = box.gserve("--max-requests", "1000", workers=2, chdir=PLAIN)
    config = json.loads(server.ctl("--json", "config").stdout)
    assert config["max_requests"] == {"value": 1000, "source": "command_line", "origin": "--max-requests"}
    assert config["timeout"]["value"] == 30 and config["timeout"]["origin"] == "default"
    assert re.search(r"^max_requests +\= 1000  # --max-requests$", server.ctl("config").stdout, re.MULTILINE)


def test_wait_for_an_instance_that_comes_and_goes(box):
    server = box.prepare(chdir=PLAIN)
    waiting = subprocess.Popen(server.ctl_command("wait", "--timeout", str(bound(60))), env=ctl_environment(),
                               stdout=subprocess.PIPE, text=True)
    server.start()
    out, _ = waiting.communicate(timeout=bound(90))
    assert waiting.returncode == 0 and out.endswith(" is ready\n")
    server.wait_ready()
    assert server.get().status == 200
    waiting = subprocess.Popen(server.ctl_command("wait", "--for", "stopped"), env=ctl_environment(),
                               stdout=subprocess.PIPE, text=True)
    server.ctl("stop")
    assert waiting.communicate(timeout=bound(60))[0].endswith(" is stopped\n")
    assert server.wait_exit() == 0


def test_on_a_terminal_a_job_is_drawn_and_nothing_of_it_stays(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    old = server.workers()
    code, shown = on_terminal(server.ctl_command("reload"))
    assert code == 0
    new = server.wait_workers(2)
    for pid in new:
        assert re.search(rf"\+ worker {pid} \x1b\[32mready\x1b\[0m, generation 2", shown), shown
    for pid in old:
        assert re.search(rf"- worker {pid} \x1b\[2mgone\x1b\[0m", shown), shown
    assert re.search(r"\[#*-*\] \d/2 workers of generation 2 ready  \d+\.\d s", shown), shown
    assert re.search(r"\r\x1b\[Kreload of \S+ done\r\n$", shown), shown


def test_no_color_is_respected(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    code, shown = on_terminal(server.ctl_command("reload"), NO_COLOR="1")
    assert code == 0 and "\x1b[3" not in shown and "\x1b[2m" not in shown
    code, shown = on_terminal(server.ctl_command("reload"), TERM="dumb")
    assert code == 0 and "\x1b" not in shown


FAKE_SSH = """#!/bin/sh
echo "$@" >> "$SSH_CALLS"
while [ "$1" != -- ]; do shift; done
shift 2
PATH=$THERE:$PATH exec sh -c "$*"
"""


def test_another_host_is_controlled_over_ssh(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    bin_directory = box.directory("bin")
    os.symlink(GSERVECTL, bin_directory + "/gservectl")
    ssh = box.write("bin/ssh", FAKE_SSH)
    os.chmod(ssh, 0o755)
    calls = box.path("calls")
    env = ctl_environment(PATH=f"{bin_directory}:{os.environ['PATH']}", SSH_CALLS=calls, THERE=bin_directory)

    def ctl(*args):
        return subprocess.run([GSERVECTL, "-H", "admin@web1", "--socket", server.control, *args], env=env,
                              capture_output=True, text=True, timeout=bound(60))

    assert json.loads(ctl("status", "--json").stdout)["pid"] == server.pid
    assert ctl("upgrade", "--binary", "/no such/it's").returncode == 1
    assert ctl("scale", "0").returncode == 2, "nonsense does not travel"
    with open(calls, encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[0] == f"-- admin@web1 gservectl --socket {server.control} status --json" and len(lines) == 2
    assert server.get().status == 200
    box.expect_log(r"upgrade")


def test_without_ssh_another_host_cannot_be_controlled(box):
    done = subprocess.run([GSERVECTL, "-H", "web1", "list"], env=ctl_environment(PATH=box.directory("empty")),
                          capture_output=True, text=True, timeout=bound(30))
    assert done.returncode == 1 and "cannot run ssh for -H web1: No such file or directory" in done.stderr
