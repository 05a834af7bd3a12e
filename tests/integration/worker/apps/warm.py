# SPDX-License-Identifier: MIT
"""What the tests of promoted workers look at: state that serving has made, on top of what basic.py does."""
import gc
import os
import random
import signal
import sys
import threading

import basic

served = 0


def count():
    global served
    served += 1
    return served


def depth():
    frame, found = sys._getframe(), 0
    while frame:
        frame, found = frame.f_back, found + 1
    return found


def start_thread():
    threading.Thread(target=threading.Event().wait, name="metrics-sender", daemon=True).start()


def take_signals():
    """As an event loop of the application would."""
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.set_wakeup_fd(-1)


def fork_later():
    """A thread of the application forks when somebody opens the named pipe "tell"; the child writes its descriptors to
    "report"."""
    def wait_and_fork():
        with open("tell", encoding="ascii") as told:
            told.read()
        child = os.fork()
        if child == 0:
            with open("report", "w", encoding="ascii") as report:
                report.write(" ".join(sorted(os.listdir("/proc/self/fd"))))
            os._exit(0)
        os.waitpid(child, 0)
    threading.Thread(target=wait_and_fork, daemon=True).start()


ROUTES = {"/count": count, "/random": random.random, "/depth": depth, "/frozen": gc.get_freeze_count,
          "/start_thread": start_thread, "/take_signals": take_signals, "/fork_later": fork_later}


def app(environ, start_response):
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        return basic.app(environ, start_response)
    body = str(route()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
