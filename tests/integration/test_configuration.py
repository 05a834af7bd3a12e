# SPDX-License-Identifier: MIT
"""Configuration files: found, run and reloaded as gunicorn does, errors with file and line, and gserve.toml."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness import procfs
from harness.box import APPS
from harness.process import GSERVE
from harness.waiting import bound, wait_for

PLAIN = APPS + "/plain"


def configured(box, text, *args, name="gunicorn.conf.py", **options):
    """A gserve beside a configuration file with this text, not started."""
    box.write(name, text)
    return box.prepare(*args, cwd=box.base, **options)


def run(server, *args):
    """What a gserve that only looks at its configuration prints: the finished process."""
    return subprocess.run([*server.argv, *args], env=server.env, cwd=server.cwd, capture_output=True, text=True,
                          timeout=bound(30))


def values(server, *args):
    done = run(server, "--print-config-json", *args)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: (each["value"], each["origin"]) for name, each in json.loads(done.stdout).items()}


# --- gunicorn.conf.py ---
def test_gunicorns_file_is_found_and_applied(box):
    server = configured(box, f"import multiprocessing\nworkers = min(multiprocessing.cpu_count(), 1) + 1\n"
                             f"chdir = {PLAIN!r}\nwsgi_app = 'app:app'\nunknown_name = object()\nbind = '127.0.0.1:0'\n"
                             "raw_env = ['COLOUR=blue']\nproc_name = 'shop'\n", app=None, bind=None).start()
    server.wait_ready(2)
    assert json.loads(server.get("/environment").text)["os"]["COLOUR"] == "blue"
    assert server.status()["name"] == "shop"


@pytest.mark.parametrize("option", ["-c{}/conf/site.py", "--config=file:conf/site.py", "-c=python:conf.site"])
def test_file_is_named_by_path_or_module(box, option):
    box.write("conf/site.py", "workers = 3\n")
    server = configured(box, "workers = 2\n", option.format(box.base), chdir=PLAIN)
    assert values(server)["workers"] == (3, box.path("conf/site.py") + ":1")


def test_file_runs_where_gserve_was_started(box):
    box.write("beside.py", "WORKERS = 4\n")
    server = configured(box, "import os\nimport beside\nworkers = beside.WORKERS\nproc_name = '%s %s %s' % "
                             "(__name__, os.path.basename(__file__), os.getcwd())\n", chdir=PLAIN)
    found = values(server)
    assert found["workers"][0] == 4
    assert found["proc_name"][0] == f"__config__ gunicorn.conf.py {box.base}"


def test_layers_win_in_gunicorns_order(box):
    server = configured(box, "workers = 2\ntimeout = 2\nbacklog = 2\nthreads = 2\n", "-w", 5, chdir=PLAIN,
                        env={"WEB_CONCURRENCY": "1", "GUNICORN_CMD_ARGS": "-w 3 -t 3 --backlog 3",
                             "GSERVE_CMD_ARGS": "-w 4 -t 4"})
    found = values(server)
    assert found["workers"] == (5, "--workers")
    assert found["timeout"] == (4.0, "GSERVE_CMD_ARGS")
    assert found["backlog"] == (3, "GUNICORN_CMD_ARGS")
    assert found["threads"] == (2, box.path("gunicorn.conf.py") + ":4")
    assert found["keepalive"] == (2.0, "default")


@pytest.mark.parametrize("text, says", [
    ("workers = 2\nworkers = undefined\n", r"cannot read \S+/gunicorn\.conf\.py:2: NameError: name 'undefined'"),
    ("def f(:\n", r"cannot read \S+/gunicorn\.conf\.py:1: SyntaxError"),
    ("import sys\n\nsys.exit(7)\n", r"cannot read \S+/gunicorn\.conf\.py:3: SystemExit: 7"),
    ("workers = 2\n\ntimeout = 'soon'\n", r"gunicorn\.conf\.py:3: timeout: invalid value 'soon': must be a number"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", r"cannot read .*killed by SIGKILL"),
    ("def on_dirty_starting(server):\n    pass\n", r"gunicorn\.conf\.py:1: on_dirty_starting is not supported"),
    ("http_protocols = 'h2,h1'\n", r"gunicorn\.conf\.py:1: http_protocols is not supported by this version"),
])
def test_broken_file_is_refused_with_file_line_and_reason(box, text, says):
    box.expect_log(r".")
    server = configured(box, text, chdir=PLAIN).start()
    assert server.wait_exit() == 1, server.log.text()
    server.log.wait(says)


def test_error_in_the_file_shows_its_traceback(box):
    box.write("helper.py", "def broken():\n    raise KeyError('absent')\n")
    server = configured(box, "import helper\n\nhelper.broken()\n", chdir=PLAIN)
    done = run(server)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == f"gserve: cannot read {box.base}/gunicorn.conf.py:3: KeyError: 'absent'"
    assert lines[1] == "Traceback (most recent call last):" and "helper.py" in done.stderr
    assert "gserve/config_file.py" not in done.stderr


def test_missing_file_is_refused(box):
    server = box.prepare("-c", "nowhere.py", chdir=PLAIN)
    done = run(server)
    assert done.returncode == 1
    assert done.stderr == (f"gserve: --config: cannot read {box.base}/nowhere.py: there is no such file; name one that "
                           "exists, or leave --config out: then gunicorn.conf.py or gserve.toml is read, where it is there\n")


@pytest.mark.parametrize("line, name, value", [
    ("proxy_protocol = True", "proxy_protocol", "auto"), ("proxy_protocol = False", "proxy_protocol", "off"),
    ("proxy_protocol = 'v2'", "proxy_protocol", "v2"), ("ssl_version = 2", "ssl_version", "2"),
    ("import ssl; ssl_version = ssl.PROTOCOL_TLS_SERVER", "ssl_version", "17"),
    ("import ssl; ssl_version = ssl.PROTOCOL_TLSv1_2", "ssl_version", "5"), ("root_path = '/api'", "root_path", "/api"),
])
def test_values_are_taken_as_older_files_write_them(box, line, name, value):
    assert values(configured(box, line + "\n", chdir=PLAIN))[name] == (value, box.path("gunicorn.conf.py") + ":1")


def test_older_tls_is_refused_by_number_too(box):
    done = run(configured(box, "import ssl\nssl_version = ssl.PROTOCOL_TLSv1\n", chdir=PLAIN))
    assert done.returncode == 1
    assert "gunicorn.conf.py:2: ssl_version: invalid value '3': TLS 1.2 and 1.3 are spoken" in done.stderr


def test_file_that_hangs_is_given_up(box):
    server = configured(box, "import time\n\n\ndef wait():\n    time.sleep(600)\n\n\nwait()\n", "--boot-timeout", 1,
                        chdir=PLAIN)
    done = run(server)
    assert done.returncode == 1
    assert "it does not end within 1 s" in done.stderr and "gunicorn.conf.py\", line 5 in wait" in done.stderr


def test_stop_signal_ends_the_wait_for_the_file(box):
    server = configured(box, "import time\nprint('evaluating', flush=True)\ntime.sleep(600)\n", chdir=PLAIN).start()
    server.log.wait("evaluating")
    assert server.stop() == 0


# --- reload ---
def test_reload_reads_the_file_again(box):
    server = configured(box, "workers = 1\n", chdir=PLAIN).start()
    server.wait_ready(1)
    box.write("gunicorn.conf.py", "workers = 2\nraw_env = ['COLOUR=red']\n")
    server.ctl("reload")
    server.wait_workers(2)
    assert json.loads(server.get("/environment").text)["os"]["COLOUR"] == "red"


def test_broken_file_on_reload_leaves_the_old_generation_serving(box):
    box.expect_log("reload failed", "Traceback")
    server = configured(box, "workers = 2\n", chdir=PLAIN).start()
    before = server.wait_ready(2).workers()
    box.write("gunicorn.conf.py", "workers = 2\n\nraise RuntimeError('half edited')\n")
    done = server.ctl("reload", expect=1)
    assert f"cannot read {box.base}/gunicorn.conf.py:3: RuntimeError: half edited" in done.stdout + done.stderr
    assert server.workers() == before and server.get().status == 200


def test_supervisor_answers_while_the_file_is_evaluated(box):
    server = configured(box, "workers = 1\n", chdir=PLAIN).start()
    server.wait_ready(1)
    fifo = box.path("gate")
    os.mkfifo(fifo)
    box.write("gunicorn.conf.py", f"open({fifo!r}).read()\nworkers = 2\n")
    server.ctl("--no-wait", "reload")
    writer = os.open(fifo, os.O_WRONLY)  # the evaluation has begun
    assert server.status()["state"] == "reloading"
    os.close(writer)
    server.wait_workers(2)
    os.unlink(fifo)


def test_stop_gives_a_running_evaluation_up(box):
    server = configured(box, "workers = 1\n", chdir=PLAIN).start()
    server.wait_ready(1)
    box.expect_log("reload given up")
    fifo = box.path("gate")
    os.mkfifo(fifo)
    box.write("gunicorn.conf.py", f"open({fifo!r}).read()\n")
    server.send_signal(signal.SIGHUP)
    os.close(os.open(fifo, os.O_WRONLY))
    os.unlink(fifo)
    box.write("gunicorn.conf.py", "import time\ntime.sleep(600)\n")
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: len(procfs.children(server.pid)) > 1, "the file is evaluated")
    assert server.stop() == 0


# --- gserve.toml ---
def test_toml_file_is_found_and_applied(box):
    server = configured(box, f"workers = 2\nchdir = '{PLAIN}'\nwsgi_app = 'app:app'\n", name="gserve.toml",
                        app=None).start()
    server.wait_ready(2)
    assert server.get().status == 200


def test_toml_file_may_be_named(box):
    server = configured(box, "workers = 2\n", "-c", "site.toml", name="site.toml", chdir=PLAIN)
    assert values(server)["workers"] == (2, box.path("site.toml") + ":1")


def test_unknown_name_in_toml_is_refused_with_the_nearest(box):
    done = run(configured(box, "\nwokers = 2\n", name="gserve.toml", chdir=PLAIN))
    assert done.returncode == 1
    assert done.stderr == f"gserve: {box.base}/gserve.toml:2: unknown setting 'wokers'; did you mean 'workers'?\n"


def test_two_default_files_are_refused(box):
    box.write("gserve.toml", "workers = 2\n")
    done = run(configured(box, "workers = 3\n", chdir=PLAIN))
    assert done.returncode == 1 and "choose one with --config" in done.stderr


# --- --check-config, --print-config ---
def test_check_config_loads_the_application(box):
    done = run(configured(box, "workers = 2\n", "--check-config", chdir=PLAIN))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_config_shows_why_the_application_cannot_be_loaded(box):
    done = run(box.prepare("--check-config", chdir=APPS + "/broken"))
    assert done.returncode == 1
    assert done.stderr.startswith("\nError while loading the application:\n\nTraceback")
    assert "RuntimeError: this module cannot be imported" in done.stderr


def test_check_config_refuses_a_broken_configuration(box):
    done = run(configured(box, "workers = 0\n", "--check-config", chdir=PLAIN))
    assert done.returncode == 1 and "gunicorn.conf.py:1: workers: invalid value '0'" in done.stderr


def test_print_config_shows_each_value_and_where_it_comes_from(box):
    done = run(configured(box, "workers = 2\n", "--print-config", chdir=PLAIN))
    assert done.returncode == 0
    lines = dict(line.split(" = ", 1) for line in done.stdout.splitlines())
    lines = {name.strip(): value for name, value in lines.items()}
    assert lines["workers"] == f"2  # {box.base}/gunicorn.conf.py:1"
    assert lines["bind"] == "['127.0.0.1:0']  # --bind"
    assert lines["pidfile"] == "None  # default"
    assert lines["config"] == f"{box.base}/gunicorn.conf.py  # default"


def test_help_marks_own_settings(box):
    done = subprocess.run([GSERVE, "--help"], capture_output=True, text=True, timeout=bound(10))
    assert re.search(r"--boot-timeout SECONDS\s+\(gserve\) time that", done.stdout)
    assert re.search(r"--workers INT\s+number of worker processes", done.stdout)
