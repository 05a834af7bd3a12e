# SPDX-License-Identifier: MIT
"""Each setting, given by each layer that can carry it, takes effect: not only parsed, but seen from outside."""
import json
import os
import shlex
import stat
from dataclasses import dataclass
from typing import Callable

import pytest

from harness import web
from harness.box import APPS
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


@dataclass
class Case:
    """`value` as Python and TOML write it (None: no such layer), as words of a command line, and what shows it."""
    name: str
    value: object
    words: list
    seen: Callable  # server -> bool


def environment(server):
    return json.loads(server.get("/environment").text)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def saw(path, words):
    return wait_for(lambda: words in text(path), f"{words!r} in {path}")


def status_of(server, *fields):
    head = "".join(f"{field}\r\n" for field in fields)
    return int(web.raw_exchange(server.address, f"GET / HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()).split()[1])


def cases(box):
    path = box.path
    unix = path("layer.sock")
    pair = ["127.0.0.1:0", f"unix:{unix}"]
    return [
        Case("bind", pair, ["-b", pair[0], "-b", pair[1]], lambda s: web.request(f"unix:{unix}").status == 200),
        Case("umask", 0o77, ["-m", "077"], lambda s: stat.S_IMODE(os.stat(unix).st_mode) == 0o700),
        Case("workers", 2, ["--workers=2"], lambda s: len(s.status()["workers"]) == 2),
        Case("threads", 2, ["--threads", "2"], lambda s: s.get("/multithread").text == "True"),
        Case("chdir", PLAIN, ["--chdir", PLAIN], lambda s: environment(s)["cwd"] == PLAIN),
        Case("pythonpath", path("extra"), ["--pythonpath", path("extra")],
             lambda s: path("extra") in environment(s)["path"]),
        Case("raw_env", ["COLOUR=blue"], ["-e", "COLOUR=blue"], lambda s: environment(s)["os"]["COLOUR"] == "blue"),
        Case("proc_name", "layered", ["-n", "layered"], lambda s: s.status()["name"] == "layered"),
        Case("pidfile", path("layer.pidfile"), ["-p", path("layer.pidfile")],
             lambda s: text(path("layer.pidfile")) == f"{s.pid}\n"),
        Case("limit_request_line", 50, ["--limit-request-line", "50"], lambda s: s.get("/" + "x" * 60).status in (400, 414)),
        Case("limit_request_fields", 9, ["--limit-request-fields", "9"],
             lambda s: status_of(s, *(f"A{n}: 1" for n in range(9))) in (400, 431)),
        Case("limit_request_field_size", 99, ["--limit-request-field_size", "99"],
             lambda s: status_of(s, "A: " + "x" * 120) in (400, 431)),
        Case("accesslog", path("access.log"), ["--access-logfile", path("access.log")],
             lambda s: saw(path("access.log"), "seen ")),
        Case("access_log_format", "seen %(m)s", ["--access-logformat", "seen %(m)s"],
             lambda s: saw(path("access.log"), "seen GET")),
        Case("loglevel", "debug", ["--log-level", "debug"], lambda s: bool(s.log.find(r"\[DEBUG\]"))),
        Case("preload_app", True, ["--preload"], lambda s: len(s.status()["templates"]) == 1),
        Case("keepalive", 0, ["--keep-alive", "0"], lambda s: s.get().headers["Connection"] == "close"),
        Case("control_socket_mode", 0o640, ["--control-socket-mode", "0640"],
             lambda s: stat.S_IMODE(os.stat(s.control).st_mode) == 0o640),
        Case("health_check", "/environment", ["--health-check", "/environment"], lambda s: True),
        Case("wsgi_app", "app:app", ["app:app"], lambda s: s.get().status == 200),
    ]


def as_toml(value):
    return json.dumps(value)  # the same for what stands here


def given(box, layer):
    """The options of box.prepare() that give all cases by this layer."""
    words = [word for case in cases(box) for word in case.words]
    if layer == "command line":
        return {"args": words}
    if layer in ("GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS"):
        return {"env": {layer: shlex.join(words)}}
    write = repr if layer == "gunicorn.conf.py" else as_toml
    box.write(layer, "".join(f"{case.name} = {write(case.value)}\n" for case in cases(box)))
    return {}


@pytest.mark.parametrize("layer", ["gunicorn.conf.py", "gserve.toml", "GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS", "command line"])
def test_settings_of_a_layer_take_effect(box, layer):
    box.directory("extra")
    options = given(box, layer)
    server = box.prepare(*options.get("args", []), bind=None, app=None, env=options.get("env")).start().wait_ready()
    server.wait_workers(2)
    failed = []
    for case in cases(box):
        if not case.seen(server):
            failed.append(case.name)
    assert not failed, f"given by {layer}, without effect: {failed}"


def test_environment_changes_defaults(box):
    server = box.gserve(chdir=PLAIN, env={"WEB_CONCURRENCY": "2", "FORWARDED_ALLOW_IPS": "127.0.0.1", "SENDFILE": "no"})
    server.wait_workers(2)
    assert server.get("/scheme", headers={"X-Forwarded-Proto": "https"}).text == "https"
