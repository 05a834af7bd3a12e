# SPDX-License-Identifier: MIT
import os
import threading
import time

# Sanitized binaries are several times slower; bounds are limits for a hang, so they may be generous.
SLOWNESS = 4 if os.environ.get("GSERVE_PRELOAD") else 1


def bound(seconds):
    """A bound written for the release build, stretched for the build under test."""
    return seconds * SLOWNESS


def wait_for(predicate, what, seconds=10):
    """Waits until `predicate()` is true and returns its value. For state that announces itself by no event
    (entries of /proc, answers of a server): looks 100 times a second, fails after the bound."""
    deadline = time.monotonic() + bound(seconds)
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {bound(seconds)} s: {what}")
        pause.wait(0.01)
