# SPDX-License-Identifier: MIT
"""The dashboard as a person sees it, in a headless Chromium: `./dev dashboard`. With GSERVE_SCREENSHOT=PATH it also makes the
picture of docs/observability.md."""
import os
import re
import signal
import sys

import pytest

TESTS = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
sys.path[:0] = [os.path.dirname(__file__), os.path.join(TESTS, "integration")]

from chromium import Chromium  # noqa: E402
from harness.box import APPS, Box  # noqa: E402
from harness.load import Load  # noqa: E402
from harness.web import connection  # noqa: E402

PYTHON = os.path.join(TESTS, "../build/venv/bin/python")


@pytest.fixture
def box():
    world = Box(PYTHON)
    yield world
    faults = world.close()
    assert not faults, faults


@pytest.fixture
def browser():
    chromium = Chromium()
    yield chromium
    chromium.close()


def start(box, *args, **options):
    server = box.gserve("--admin", "127.0.0.1:0", "-n", "shop", *args, workers=4, chdir=APPS + "/plain", **options)
    return server, server.log.wait(re.compile(r"Admin address: (\S+)")).group(1)


def test_page_shows_what_the_service_does_and_keeps_up(box, browser):
    server, admin = start(box)
    browser.open(admin)
    browser.wait("document.querySelector('#ready').innerText === '4 / 4'", "all workers are shown as ready")
    assert browser.text("h1") == "shop"
    assert browser.text("#state") == "running"
    assert browser.evaluate("document.title") == "shop – gserve"
    assert browser.evaluate("document.querySelectorAll('#workers tbody tr').length") == 4

    slow = connection(server.address)
    slow.request("GET", "/slow?s=8")
    with Load(server.address, clients=4, pause=0.005) as load:
        browser.wait("[...document.querySelectorAll('td.request')].some(cell => cell.innerText === 'GET /slow?s=8 HTTP/1.1')",
                     "the running request is shown")
        browser.wait("parseFloat(document.querySelector('#rate').innerText) > 5", "requests are counted")
        browser.wait("/ms$/.test(document.querySelector('#p50').innerText)", "the latency is shown")
        server.ctl("reload")
        browser.wait("document.querySelector('#generation').innerText === '2'", "the new generation is shown")
        browser.wait("document.querySelector('#events').innerText.includes('generation 2 serves')", "it is an event")
        browser.wait("document.querySelector('#rate-chart path').getAttribute('d').split('L').length > 6", "a curve is drawn")
        os.kill(server.workers()[0], signal.SIGKILL)
        box.expect_log("killed by SIGKILL")
        browser.wait("/incident 1 /.test(document.querySelector('#events').innerText)", "the incident is an event")
        browser.wait("document.querySelector('#ready').innerText === '4 / 4'", "the dead worker is replaced")
        if os.environ.get("GSERVE_SCREENSHOT"):
            take_picture(browser, server)
        load.stop()
    slow.getresponse()
    slow.close()
    assert browser.faults == []


def take_picture(browser, server):
    """When there is something to see."""
    browser.wait("document.querySelector('#rate-chart path').getAttribute('d').split('L').length > 40", "a curve is drawn", 90)
    slow = connection(server.address)
    slow.request("GET", "/slow?s=15")
    browser.wait("[...document.querySelectorAll('td.request')].some(cell => /^[1-9][0-9.]* s$/.test(cell.nextSibling.innerText))", "it runs")
    browser.screenshot(os.environ["GSERVE_SCREENSHOT"])
    slow.getresponse()
    slow.close()


def test_page_says_when_nobody_answers_and_goes_on_when_somebody_does(box, browser):
    server, admin = start(box)
    browser.open(admin)
    browser.wait("document.querySelector('#state').innerText === 'running'", "the service is shown")
    server.ctl("upgrade")
    browser.wait("document.querySelector('#state').innerText === 'running'", "it is shown again")
    server.stop()
    browser.wait("document.querySelector('#state').innerText === 'no answer'", "the end is shown")
    assert "no answer" in browser.text("#events")


def test_text_of_a_request_is_text(box, browser):
    server, admin = start(box)
    slow = connection(server.address)
    slow.putrequest("GET", "/slow?s=6&x=<img/src=x/onerror=alert(1)>", skip_host=False)
    slow.endheaders()
    browser.open(admin)
    browser.wait("[...document.querySelectorAll('td.request')].some(cell => cell.innerText.includes('<img/src=x'))", "the line is shown")
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert browser.faults == []
    slow.getresponse()
    slow.close()
