# SPDX-License-Identifier: MIT
"""Every request forks a multiprocessing.Pool inside the worker and computes in it."""
import multiprocessing
import os

GREETING = "squares"


def square(number):
    return number * number


def app(environ, start_response):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        total = sum(pool.map(square, range(10)))
    body = f"{GREETING} {total}\n".encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Worker-Pid", str(os.getpid()))])
    return [body]
