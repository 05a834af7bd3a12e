# SPDX-License-Identifier: MIT
"""What is measured: the least a WSGI application can do, and what the other rows need."""
import os
import time

HELLO = b"Hello, world!\n"
MIB = bytes(range(256)) * 4096
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))]
FILE = os.environ.get("BENCH_FILE", "")


def hello(environ, start_response):
    start_response("200 OK", HEADERS)
    return [HELLO]


def sleep(environ, start_response):
    time.sleep(0.01)
    return hello(environ, start_response)


def upload(environ, start_response):
    size, stream = 0, environ["wsgi.input"]
    while block := stream.read(65536):
        size += len(block)
    body = str(size).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def download(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(MIB)))])
    return [MIB]


def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"),
                              ("Content-Length", str(os.path.getsize(FILE)))])
    return environ["wsgi.file_wrapper"](open(FILE, "rb"), 65536)


def busy(environ, start_response):
    """/SECONDS: holds its worker for so long."""
    time.sleep(float(environ["PATH_INFO"].lstrip("/") or 0))
    return hello(environ, start_response)


def echo(environ, start_response):
    """Answers with the body it got, or with /N: N bytes that tell their place."""
    size = int(environ["PATH_INFO"].lstrip("/") or 0)
    body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else MIB[:size]
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]
