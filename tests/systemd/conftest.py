# SPDX-License-Identifier: MIT
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from machine import Machine, Service  # noqa: E402

APP = '''
import os, time

WORDS = "generation one"


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(1)
    body = (WORDS + " " + str(os.getpid())).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
'''


@pytest.fixture(scope="session")
def machine():
    if os.geteuid() != 0:
        pytest.skip("booting a systemd in a container needs root")
    booted = Machine()
    yield booted
    faults = booted.close()
    assert not faults, faults


@pytest.fixture
def service(machine, request, names=itertools.count(1)):
    """Makes a service of the test's own; ends it afterwards."""
    made = []

    def make(app=APP, **options):
        number = next(names)
        made.append(Service(machine, f"s{number}", 8000 + number, app, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()
