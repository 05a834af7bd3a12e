# SPDX-License-Identifier: MIT
"""gunicorn's hooks that run in the workers: seen called, in gunicorn's order, with what configurations use of their
arguments; hooks that raise."""
import re
import signal
import threading

import pytest

from harness.box import APPS
from harness.hooks import Notes
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
INFO = "os.getpid(), worker.pid, worker.age, worker.ppid, server.pid"


def hooked(box, text, *args, workers=1, **options):
    """A gserve with these hooks, its workers ready, and the notes of the hooks."""
    notes = Notes(box, text)
    options.setdefault("chdir", PLAIN)
    server = box.prepare("-w", workers, *args, cwd=box.base, **options).start()
    return server.wait_ready(workers), notes


def refused(box, text, *args, **options):
    """The same, but it does not come up: the exit code."""
    box.expect_log(r".")
    Notes(box, text)
    server = box.prepare(*args, cwd=box.base, chdir=PLAIN, **options).start()
    return server.wait_exit(), server


# --- a worker's life ---
LIFE = f"""
def post_fork(server, worker):
    note("post_fork", {INFO}, server.num_workers, server.cfg.bind, server.address, server.cfg.proc_name,
         worker.cfg.workers, worker.booted)
    server.log.info("forked %s", worker)
def post_worker_init(worker):
    note("post_worker_init", worker.pid, callable(worker.wsgi), worker.app.callable is worker.wsgi, worker.nr)
    worker.log.info("worker is there")
def worker_exit(server, worker):
    note("worker_exit", {INFO}, worker.nr)
def worker_int(worker):
    note("worker_int", worker.pid)
"""


@pytest.mark.parametrize("args", [(), ("--preload",), ("-k", "gthread", "--threads", 2), ("-k", "gevent")])
def test_a_workers_hooks_are_called_in_order(box, args):
    server, notes = hooked(box, LIFE, "-n", "shop", *args)
    worker = server.workers()[0]
    assert server.get().status == 200
    server.ctl("stop")
    assert server.wait_exit() == 0
    assert notes.all() == [
        ["post_fork", worker, worker, 1, server.pid, server.pid, 1, ["127.0.0.1:0"], [["127.0.0.1", 0]], "shop", 1, False],
        ["post_worker_init", worker, True, True, 0],
        ["worker_exit", worker, worker, 1, server.pid, server.pid, 1]]
    server.log.wait(rf"\[{worker}\] \[INFO\] forked <Worker {worker}>$")
    server.log.wait(rf"\[{worker}\] \[INFO\] worker is there$")


def test_a_quick_stop_calls_worker_int_first(box):
    server, notes = hooked(box, LIFE)
    assert server.stop(signal.SIGINT) == 0
    assert notes.names()[-2:] == ["worker_int", "worker_exit"]


def test_the_template_runs_the_file_once_for_all_its_workers(box):
    server, notes = hooked(box, LIFE + 'note("file", os.getpid())\n', "--preload", workers=2)
    assert sorted(words[1] for words in notes.of("post_fork")) == sorted(server.workers())
    # The evaluation for the supervisor, and the template.
    assert len(notes.of("file")) == 2 and notes.of("file")[1][1] == server.templates()[0]


@pytest.mark.parametrize("hook", ["post_fork(server, worker)", "post_worker_init(worker)"])
def test_a_hook_that_raises_fails_the_workers_boot(box, hook):
    code, server = refused(box, f"def {hook}:\n    raise KeyError('no such gauge')\n"
                                "def worker_exit(server, worker):\n    note('worker_exit', worker.pid)\n")
    assert code == 3
    server.log.wait(r"gunicorn\.conf\.py\", line \d+, in " + hook.partition("(")[0])
    server.log.wait("KeyError: 'no such gauge'")


def test_a_hook_that_raises_at_the_end_is_logged(box):
    box.expect_log("Exception in worker_exit hook", "Traceback", "ZeroDivisionError")
    server, _ = hooked(box, "def worker_exit(server, worker):\n    1 / 0\n")
    assert server.stop() == 0
    server.log.wait("ZeroDivisionError")


def test_a_file_that_fails_only_in_workers_fails_their_boot(box):
    code, server = refused(box, "import sys\nif 'gserve.worker' in sys.modules:\n    raise RuntimeError('only once')\n"
                                "def post_fork(server, worker):\n    pass\n")
    assert code == 3
    server.log.wait(r"cannot read \S+gunicorn\.conf\.py:\d+: RuntimeError: only once")


def test_a_hook_that_hangs_at_the_end_is_bounded(box):
    box.expect_log("Timeout", "Thread", "drain", "graceful")
    server, notes = hooked(box, "def worker_exit(server, worker):\n    note('begun')\n    time.sleep(600)\n",
                           "--graceful-timeout", 1)
    assert server.stop() == 0
    assert notes.names() == ["begun"]


def test_without_hooks_the_file_is_not_run_again(box):
    _, notes = hooked(box, "note('file')\nthreads = 1\n", workers=2)
    assert notes.names() == ["file"]


def test_a_hook_may_be_named_and_may_import_what_lies_beside_the_file(box):
    box.write("company.py", "import os\ndef started(server, worker):\n    import beside\n    beside.note(worker.age)\n")
    box.write("beside.py", "def note(age):\n    open('%s', 'w').write(str(age))\n" % box.path("age"))
    hooked(box, "post_fork = 'company.started'\n")
    with open(box.path("age"), encoding="ascii") as file:
        assert file.read() == "1"


@pytest.mark.parametrize("text, says", [
    ("def post_fork(server):\n    pass\n", r":\d+: post_fork: must be a function that can be called with \(server, worker\)"),
    ("def post_request(worker):\n    pass\n", r": post_request: must be a function that can be called with"),
    ("post_fork = 7\n", r"post_fork: invalid value '7': must be a function"),
    ("post_fork = 'nowhere.at_all'\n", r"post_fork: cannot find 'nowhere.at_all'"),
])
def test_what_cannot_be_called_is_refused_at_the_start(box, text, says):
    code, server = refused(box, text)
    assert code == 1
    server.log.wait(says)


# --- aborts ---
ABORT = "def worker_abort(worker):\n    note('worker_abort', worker.pid)\n"


@pytest.mark.parametrize("args", [(), ("-k", "gthread", "--threads", 2), ("-k", "gevent")])
def test_a_timeout_calls_worker_abort_and_still_dumps_the_stacks(box, args):
    box.expect_log("TIMEOUT", "stacks", "Fatal Python error: Aborted", "Traceback", "Error handling")
    server, notes = hooked(box, ABORT, "-t", 1, *args)
    worker = server.workers()[0]
    threading.Thread(target=lambda: pytest.raises(Exception, server.get, "/deaf?s=60"), daemon=True).start()
    assert notes.wait("worker_abort") == ["worker_abort", worker]
    server.log.wait(r"app\.py\", line \d+ in deaf", seconds=20)
    server.wait_workers(1)


def test_a_worker_that_holds_the_interpreter_dumps_its_stacks_without_the_hook(box):
    box.expect_log("TIMEOUT", "stacks", "Fatal Python error: Aborted", "Traceback")
    box.write("app.py", "def app(environ, start_response):\n    return [sum(range(10 ** 13))]\n")
    server, notes = hooked(box, ABORT, "-t", 1, chdir=box.base)
    threading.Thread(target=lambda: pytest.raises(Exception, server.get), daemon=True).start()
    server.log.wait(r"app\.py\", line 2 in app", seconds=20)
    server.wait_workers(1)
    assert notes.names() == []


# --- requests ---
REQUESTS = """
def pre_request(worker, req):
    req.begun = time.monotonic()
    note("pre", worker.pid, req.method, req.uri, req.path, req.query, req.fragment, req.version, req.headers,
         req.remote_addr[0], req.scheme)
def post_request(worker, req, environ, resp):
    note("post", worker.pid, req.begun <= time.monotonic(), environ["PATH_INFO"], resp.status, resp.status_code,
         resp.headers, resp.sent, resp.response_length, worker.nr)
"""


@pytest.mark.parametrize("args", [(), ("-k", "gthread", "--threads", 2), ("-k", "gevent")])
def test_hooks_see_request_and_response(box, args):
    server, notes = hooked(box, REQUESTS, *args)
    worker = server.workers()[0]
    answer = server.get("/%65nvironment?x=1", headers={"X-Trace": "abc"})
    pre, post = notes.wait("pre"), notes.wait("post")
    assert pre[1:8] == [worker, "GET", "/%65nvironment?x=1", "/%65nvironment", "x=1", "", [1, 1]]
    assert ["X-TRACE", "abc"] in pre[8] and pre[9:] == ["127.0.0.1", "http"]
    assert post[1:6] == [worker, True, "/environment", "200 OK", 200]
    assert dict(post[6])["Content-Length"] == str(len(answer.body))
    assert post[7:] == [len(answer.body), len(answer.body), 1]


@pytest.mark.parametrize("arguments, shown", [("worker, req", "None"), ("worker, req, env", "env['REQUEST_METHOD']"),
                                              ("worker, req, env, resp", "resp.status"), ("*all", "len(all)")])
def test_post_request_gets_as_many_arguments_as_it_takes(box, arguments, shown):
    server, notes = hooked(box, f"def post_request({arguments}):\n    note('post', {shown})\n")
    server.get()
    assert notes.wait("post")[1] == {"None": None, "env['REQUEST_METHOD']": "GET", "resp.status": "200 OK",
                                     "len(all)": 4}[shown]


def test_headers_that_pre_request_changes_reach_the_application(box):
    box.write("app.py", "def app(environ, start_response):\n    start_response('200 OK', [])\n"
                        "    return [repr([environ.get('HTTP_' + x) for x in ('ADDED', 'GONE', 'KEPT')]).encode()]\n")
    server, _ = hooked(box, "def pre_request(worker, req):\n    req.headers.append(('ADDED', 'yes'))\n"
                            "    req.headers.remove(('GONE', 'no'))\n", chdir=box.base)
    assert server.get(headers={"Gone": "no", "Kept": "1"}).text == "['yes', None, '1']"


def test_what_pre_request_raises_fails_the_request(box):
    box.expect_log("Error handling request", "Traceback", "PermissionError", "line")
    server, notes = hooked(box, "def pre_request(worker, req):\n    if req.path == '/no':\n        raise PermissionError\n"
                                "def post_request(worker, req, environ, resp):\n    note('post', req.path, resp is None)\n")
    assert server.get("/no").status == 500
    assert server.get("/").status == 200
    wait_for(lambda: notes.of("post") == [["post", "/no", True], ["post", "/", False]], "both are noted")


def test_post_request_comes_after_an_application_that_fails(box):
    box.expect_log("Error handling request", "Traceback", "RuntimeError", "line")
    server, notes = hooked(box, "def post_request(worker, req, environ, resp):\n    note('post', req.path, resp.status)\n")
    assert server.get("/fail").status == 500
    assert notes.wait("post") == ["post", "/fail", None]


def test_what_post_request_raises_costs_a_line_of_the_log(box):
    box.expect_log("Exception in post_request hook", "Traceback", "LookupError", "line")
    server, _ = hooked(box, "def post_request(worker, req):\n    raise LookupError('no gauge')\n")
    assert [server.get().status for _ in range(2)] == [200, 200]
    server.log.wait("LookupError: no gauge", times=2)


def test_a_hook_that_sets_alive_to_false_has_the_worker_replaced(box):
    server, _ = hooked(box, "def post_request(worker, req):\n    worker.alive = False\n")
    first = server.workers()
    assert server.get().status == 200
    wait_for(lambda: len(server.workers()) == 1 and server.workers() != first, "another worker")
    server.wait_workers(1)


# --- objects in the file ---
def test_logging_takes_objects_of_the_file(box):
    path = box.path("app.log")
    server, _ = hooked(box, "import logging\nclass Shouting(logging.Formatter):\n    def format(self, record):\n"
                            "        return super().format(record).upper()\n"
                            f"logconfig_dict = {{'formatters': {{'loud': {{'()': Shouting}}}}, 'handlers': {{'file': "
                            f"{{'class': 'logging.FileHandler', 'filename': {path!r}, 'formatter': 'loud'}}}},\n"
                            "    'root': {'handlers': ['file']}, 'loggers': {'gunicorn.access': {'handlers': ['file'], 'level': 'INFO'}}}\n")
    assert server.get("/quiet").status == 404
    wait_for(lambda: re.search(r'"GET /QUIET HTTP/1.1" 404', open(path, encoding="utf-8").read()), "the line")


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_a_logger_class_may_stand_in_the_file(box, args):
    server, notes = hooked(box, "from gunicorn.glogging import Logger\nclass Noting(Logger):\n"
                                "    def access(self, resp, req, environ, request_time):\n"
                                "        note('access', req.path, resp.status_code)\nlogger_class = Noting\n", *args)
    server.get("/seen")
    assert notes.wait("access") == ["access", "/seen", 404]
