# SPDX-License-Identifier: MIT
"""What a worker knows of itself and its request, for the tests of settings."""
import json
import os
import sys
import tempfile

HITS = []  # paths, of this process


class TwoFaced:
    """A file whose descriptor holds something else than read() returns: it shows which of them is used."""

    def __init__(self):
        self.hidden = tempfile.TemporaryFile()
        self.hidden.write(b"by sendfile")
        self.hidden.flush()
        self.hidden.seek(0)
        self.left = [b"by read"]

    def fileno(self):
        return self.hidden.fileno()

    def tell(self):
        return self.hidden.tell()

    def read(self, size=-1):
        return self.left.pop() if self.left else b""


def app(environ, start_response):
    path = environ["PATH_INFO"]
    HITS.append(path)
    if path == "/print":
        print("printed by the application", flush=True)
    if path == "/file":
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](TwoFaced())
    length = len(environ["wsgi.input"].read())
    gevent = sys.modules.get("gevent.monkey")
    facts = {"hits": HITS, "length": length, "ids": [os.geteuid(), os.getegid()], "patched": bool(gevent and gevent.saved),
             "environ": {key: value for key, value in environ.items() if isinstance(value, str)}}
    body = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
