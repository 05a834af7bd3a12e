# SPDX-License-Identifier: MIT
"""An application under wsgiref's validator, which raises on any breach of PEP 3333 by the server."""
import tempfile
from wsgiref.validate import validator


def inner(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/file":
        file = tempfile.TemporaryFile()
        file.write(b"content of a file")
        file.seek(0)
        start_response("200 OK", [("Content-Type", "text/plain")])
        # Inside the validator's own iterator: what is tried is the wrapper as an iterable.
        return environ["wsgi.file_wrapper"](file)
    if path == "/no_content":
        start_response("204 No Content", [])
        return []
    if path == "/not_modified":
        start_response("304 Not Modified", [("ETag", '"1"')])
        return []
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (block for block in (b"one,", b"", b"two"))
    stream = environ["wsgi.input"]
    read = {"/read": lambda: stream.read(1 << 20), "/lines": lambda: b"".join(stream),
            "/readline": lambda: stream.readline() + b"|" + stream.readline()}.get(path)
    body = read() if read else b"valid"
    if path == "/write":
        start_response("200 OK", [("Content-Type", "text/plain")])(b"written,")
        return [body]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    environ["wsgi.errors"].flush()
    return [body]


app = validator(inner)
