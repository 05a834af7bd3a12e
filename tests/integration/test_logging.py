# SPDX-License-Identifier: MIT
"""Python's logging in the workers: gunicorn's loggers, the user's configurations and logger classes."""
import json
import os
import re
import signal
import threading

import pytest

from harness.box import APPS
from harness.waiting import wait_for

LOGS = APPS + "/logs"
STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\]"


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def wait_text(path, pattern, times=1):
    """The text of the file, once so many of its lines match."""
    wait_for(lambda: len(re.findall(pattern, read(path), re.MULTILINE)) >= times,
             f"{times} lines like {pattern} in {path}")
    return read(path)


def to_file(box, *args, **options):
    """A running gserve whose error log is a file, and that file's path."""
    path = box.path("error.log")
    server = box.prepare("--error-logfile", path, *args, chdir=options.pop("chdir", LOGS), **options).start()
    server.notify.wait("READY", "1", alive=server.running)
    server.addresses = [re.search(r"Listening at: (\S+)", read(path)).group(1)]
    return server, path


@pytest.mark.parametrize("args", [(), ("--preload",), ("-k", "gthread", "--threads", 2)])
def test_an_application_finds_and_shares_the_handlers_of_gunicorn(box, args):
    server = box.gserve("--log-level", "debug", *args, workers=1, chdir=LOGS)
    assert server.get("/log").text == "False DEBUG 1\n"
    server.log.wait(STAMP + r" \[DEBUG\] a detail of the shop$")
    server.log.wait(STAMP + r" \[WARNING\] the shop says$")
    server.log.wait("^hello$")
    kept = server.log.wait(r"\[(\d+)\] \[INFO\] by the kept handler$")
    assert int(kept.group(1)) == server.workers()[0]


def test_the_log_level_is_that_of_the_logger(box):
    server = box.prepare("--log-level", "warning", chdir=LOGS, bind="unix:" + box.path("socket")).start()
    server.notify.wait("READY", "1", alive=server.running)
    server.addresses = ["unix:" + box.path("socket")]
    assert server.get("/log").text == "False WARNING 1\n"
    server.log.wait(r"\[WARNING\] the shop says$")
    assert server.log.count("a detail of the shop") == 0


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_handlers_of_gunicorn_go_on_in_the_new_file_after_rotation(box, args):
    server, path = to_file(box, *args)
    server.get("/log")
    wait_text(path, r"\[WARNING\] the shop says$")
    wait_text(path, r"\[INFO\] by the kept handler$")
    os.rename(path, path + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_text(path, "log files reopened")
    server.get("/log")
    wait_text(path, r"\[WARNING\] the shop says$")
    assert read(path + ".1").count("the shop says") == 1


def test_a_fork_of_the_application_logs_to_its_standard_error(box):
    server, path = to_file(box)
    server.get("/fork")
    server.log.wait(r"\[WARNING\] from the fork \d+$")
    assert "from the fork" not in read(path)


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_files_of_the_applications_own_loggers_are_reopened(box, args):
    own = box.path("own.log")
    server = box.gserve(*args, workers=1, chdir=LOGS, env={"APP_LOG_FILE": own})
    server.get("/file")
    wait_text(own, "in the application's file")
    os.rename(own, own + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(own), "the handler has opened its file again")
    server.get("/file")
    wait_text(own, "in the application's file")


def test_disabled_loggers_cost_no_line_of_the_server(box):
    box.expect_log("Error handling request", "Traceback", "failed on purpose")
    server = box.gserve(workers=1, chdir=LOGS, env={"APP_DISABLES_LOGGERS": "1"})
    assert server.get("/fail").status == 500
    server.log.wait(STAMP + r" \[ERROR\] Error handling request GET /fail")
    server.log.wait("RuntimeError: the application failed on purpose")


INI = """
[loggers]
keys=root, gunicorn.error, gunicorn.access
[handlers]
keys=out, err
[formatters]
keys=access, error
[logger_root]
level=INFO
handlers=err
[logger_gunicorn.error]
level=INFO
handlers=err
propagate=0
qualname=gunicorn.error
[logger_gunicorn.access]
level=INFO
handlers=out
propagate=0
qualname=gunicorn.access
[handler_out]
class=FileHandler
formatter=access
args=('%(here)s/access.txt',)
[handler_err]
class=StreamHandler
formatter=error
args=(sys.stderr,)
[formatter_access]
format=ACCESS %(message)s
[formatter_error]
format=INI %(levelname)s %(message)s
"""


def test_logconfig_formats_the_lines_of_the_application_and_of_the_access_log(box):
    box.expect_log("INI ERROR", "Traceback", "failed on purpose")
    config, access = box.write("log.ini", INI), box.path("access.txt")
    server = box.gserve("--log-config", config, "--access-logformat", "%(m)s %(U)s %(s)s %({x-shop}o)s %({x}i)s", workers=2,
                        chdir=LOGS)
    for _ in range(50):
        server.get("/x?q=1", headers={"X": 'a"b'})
    server.get("/fail")
    text = wait_text(access, "^ACCESS ", 51)
    assert text.count('ACCESS GET /x 200 Caf\u00c3\u00a9 a\\"b\n') == 50
    assert text.count("ACCESS GET /fail 500 - -\n") == 1
    server.log.wait("^INI ERROR Error handling request GET /fail")
    os.rename(access, access + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(access), "the handler has opened its file again")


def json_config(extra=None):
    return {"formatters": {"json": {"()": "shop_logging.JsonFormatter"}},
            "handlers": {"all": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"},
                         **(extra or {})},
            "root": {"level": "WARNING", "handlers": ["all"]},
            "loggers": {name: {"level": "INFO", "handlers": ["all"], "propagate": False}
                        for name in ("gunicorn.error", "gunicorn.access")}}


def test_logconfig_json_may_use_classes_of_the_application(box):
    box.expect_log("failed on purpose")
    config = box.write("log.json", json.dumps(json_config()))
    server = box.gserve("--log-config-json", config, workers=1, chdir=LOGS)
    server.get("/missing", headers={"User-Agent": "probe"})
    server.get("/fail")
    line = json.loads(server.log.wait(r'^\{.*"status": "404".*').group(0))
    assert line["logger"] == "gunicorn.access" and line["agent"] == "probe" and line["ms"] is True
    assert '"GET /missing HTTP/1.1" 404' in line["message"]
    error = json.loads(server.log.wait(r'^\{.*Error handling.*').group(0))
    assert error["level"] == "ERROR"


def test_a_slow_logger_loses_lines_and_says_so_but_stalls_no_request(box):
    slow = json_config({"all": {"class": "shop_logging.SlowHandler"}})
    server = box.gserve("--log-config-json", box.write("log.json", json.dumps(slow)), workers=1, chdir=LOGS)
    box.expect_log("The logger has not taken the last records")

    def client():
        for _ in range(15):
            assert server.get("/x?" + "y" * 4000, headers={f"X-{i}": "z" * 8000 for i in range(4)}).status == 200

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    server.stop()
    server.log.wait(r"\[WARNING\] dropped \d+ lines of the access log")


@pytest.mark.parametrize("args", [(), ("--preload",), ("-k", "gthread")])
def test_a_logger_class_gets_every_request(box, args):
    server = box.gserve("--logger-class", "shop_logging.ShopLogger", *args, workers=1, chdir=LOGS)
    server.get("/health", headers={"X-From": "probe"})
    server.get("/slow?a=b", headers={"X-From": "home"})
    server.log.wait(r"^SHOP INFO GET /slow\?a=b 200 OK \d\d bytes home Caf\u00c3\u00a9 True$")
    assert server.log.count("/health") == 0


def test_a_logger_class_that_fails_is_told_and_harms_nobody(box):
    box.expect_log("The logger has failed", "Traceback", "LookupError")
    server = box.gserve("--logger-class", "shop_logging:BrokenLogger", workers=1, chdir=LOGS)
    for _ in range(20):
        assert server.get("/").status == 200
    server.log.wait(r"\[ERROR\] The logger has failed for 1 lines of the access log")
    server.log.wait("LookupError: no such shelf")


@pytest.mark.parametrize("args, reason", [
    (("--log-config", "nowhere.ini"), r"Cannot set up logging as the setting logconfig says: .*no such file: nowhere\.ini"),
    (("--log-config-json", "app.py"), "Cannot set up logging as the setting logconfig_json says: JSONDecodeError"),
    (("--logger-class", "shop_logging.Nothing"), "Cannot import the logger_class 'shop_logging.Nothing'"),
])
def test_a_wrong_logging_configuration_fails_the_start_with_its_reason(box, args, reason):
    box.expect_log(r"\[ERROR\]", r"\[CRITICAL\]")
    server = box.prepare(*args, chdir=LOGS).start()
    assert server.wait_exit() == 3
    server.log.wait(reason)


@pytest.mark.parametrize("args", [(), ("--preload",)])
def test_capture_output_takes_all_that_workers_print_to_the_error_log(box, args):
    server, path = to_file(box, "--capture-output", *args)
    server.get("/print")
    for text in ("printed to stdout", "printed to stderr", "echoed by a child"):
        wait_text(path, f"^{text}$")
    os.rename(path, path + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_text(path, "log files reopened")
    server.get("/print")
    for text in ("printed to stdout", "printed to stderr", "echoed by a child"):
        wait_text(path, f"^{text}$")
    assert server.log.lines == []
