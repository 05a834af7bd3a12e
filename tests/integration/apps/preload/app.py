# SPDX-License-Identifier: MIT
"""What the tests of --preload look at. The environment says what its import does."""
import gc
import os
import random
import threading

DATA = [{"number": n} for n in range(int(os.environ.get("APP_OBJECTS", "0")))]

if os.environ.get("APP_THREAD"):
    threading.Thread(target=threading.Event().wait, name=os.environ["APP_THREAD"], daemon=True).start()

if os.environ.get("APP_CHILD"):
    if os.fork() == 0:
        threading.Event().wait()


def collect(environ):
    gc.collect()
    return str(sum(item["number"] for item in DATA[:1000]))


def app(environ, start_response):
    routes = {"/": lambda _: "hello", "/collect": collect, "/random": lambda _: str(random.random()),
              "/threads": lambda _: str(threading.active_count())}
    body = routes[environ["PATH_INFO"]](environ).encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("X-Worker-Pid", str(os.getpid()))])
    return [body]
