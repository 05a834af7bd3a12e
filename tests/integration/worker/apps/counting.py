# SPDX-License-Identifier: MIT
"""The basic application, with a view of what the interpreter holds."""
import gc
import json
import sys
import tempfile

import basic


def objects(environ, start_response):
    start_response("200 OK", [])
    gc.collect()
    # Each instance holds a reference to its type: a leaked request, input or file wrapper shows here.
    types = [type(start_response), type(start_response.__self__), type(environ["wsgi.input"]),
             type(environ["gunicorn.socket"]), environ["wsgi.file_wrapper"]]
    refs = {repr(shared): sys.getrefcount(shared) for shared in (None, True, False, "", b"", app, *types)}
    return [json.dumps({"objects": len(gc.get_objects()), "refs": refs}).encode()]


def generator_free(environ, start_response):
    start_response("200 OK", basic.TEXT)
    yield b"a"
    yield b"b"


def closing_raises_early(environ, start_response):
    start_response("200 OK", basic.TEXT)
    return basic.Closing([ValueError("at once")], "early")


def sendfile_closed(environ, start_response):
    file = tempfile.TemporaryFile(buffering=0)
    file.write(b"content")
    file.seek(0)
    start_response("200 OK", basic.TEXT)
    return environ["wsgi.file_wrapper"](file)


def app(environ, start_response):
    basic.closed.clear()
    own = {"/objects": objects, "/generator_free": generator_free, "/closing_raises_early": closing_raises_early,
           "/sendfile_closed": sendfile_closed}.get(environ["PATH_INFO"])
    return (own or basic.app)(environ, start_response)
