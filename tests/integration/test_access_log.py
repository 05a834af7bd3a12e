# SPDX-License-Identifier: MIT
"""The access log of a real server: its formats, and what it knows of the environ. That it is reopened and costs no request
is tested elsewhere."""
import datetime
import json

import pytest
from harness.box import APPS
from harness.waiting import wait_for

APP = '''
def app(environ, start_response):
    environ["REMOTE_USER"] = "carol"
    environ["app.number"] = 42
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("on purpose")
    start_response("201 Created", [("X-Out", 'a "quote"'), ("Content-Length", "5")])
    return [b"hello"]
'''


def lines_of(path, count):
    def whole():
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        return lines if len(lines) == count else None
    return wait_for(whole, f"{count} lines in the access log")


@pytest.mark.parametrize("flag", ["--access-log-format", "--access-logformat"])
def test_json(box, flag):
    log = box.path("access.log")
    server = box.gserve("--access-logfile", log, flag, "json", chdir=APPS + "/plain")
    before = datetime.datetime.now(datetime.timezone.utc)
    fields = {"User-Agent": 'a "b" \xe9', "Referer": "http://r/", "Authorization": "Basic YWxpY2U6c2VjcmV0"}
    server.get("/nowhere%20x?q=1", headers=fields)
    line = json.loads(lines_of(log, 1)[0])
    time = datetime.datetime.strptime(line.pop("time"), "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((time - before).total_seconds()) < 120
    assert line.pop("duration_us") >= 0
    assert line.pop("pid") in server.workers()
    assert line == {
        "remote_addr": "127.0.0.1", "user": "alice", "method": "GET", "path": "/nowhere%20x", "query": "q=1",
        "protocol": "HTTP/1.1", "host": server.address.removeprefix("http://"), "status": 404, "bytes": 0,
        "referer": "http://r/", "user_agent": 'a "b" \ufffd', "generation": 1}


def test_variables_are_shown_as_the_application_left_them(box):
    log = box.path("access.log")
    box.write("app.py", APP)
    server = box.gserve("--access-logfile", log, "--access-logformat",
                        "%(s)s %({remote_user}e)s %({app.number}e)s %({wsgi.url_scheme}e)s %({nothing}e)s %({x-out}o)s",
                        chdir=box.base)
    box.expect_log("Error handling request GET /fail|Traceback")
    server.get("/")
    server.get("/fail")
    assert lines_of(log, 2) == [r'201 carol 42 http - a \"quote\"', "500 carol 42 http - -"]
