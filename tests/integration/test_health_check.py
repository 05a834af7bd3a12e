# SPDX-License-Identifier: MIT
"""A new worker must answer the health check before it serves."""
from harness.box import APPS
from harness.load import Load

PLAIN = APPS + "/plain"


def test_healthy_application_serves(box):
    server = box.gserve("--health-check", "/slow?s=0.01", workers=2, chdir=PLAIN)
    assert server.get().status == 200


def test_unhealthy_application_does_not_start(box):
    box.expect_log(r".")
    server = box.prepare("--health-check", "/no/such/path", chdir=PLAIN).start()
    assert server.wait_exit() == 3
    server.log.wait(r"Health check failed: GET /no/such/path was answered with 404 Not Found, wanted 2xx or 3xx")


def test_application_that_fails_the_check_by_an_exception_does_not_start(box):
    box.expect_log(r".")
    server = box.prepare("--health-check", "/fail", chdir=PLAIN).start()
    assert server.wait_exit() == 3
    server.log.wait(r"RuntimeError: the application failed on purpose")


def test_host_of_the_check_is_what_the_application_sees(box):
    server = box.prepare("--health-check", "http://shop.example:81/environment", app="hosts:app", chdir=box.directory("app"))
    box.write("app/hosts.py", """
def app(environ, start_response):
    good = environ["HTTP_HOST"] == "shop.example:81" and environ["REQUEST_METHOD"] == "GET"
    start_response("204 No Content" if good or environ["PATH_INFO"] == "/" else "400 Bad Request", [])
    return []
""")
    server.start().wait_ready()
    assert server.get().status == 204


def test_reload_to_an_unhealthy_release_rolls_back(box):
    box.expect_log(r".")
    folder = box.copy_app(PLAIN)
    server = box.gserve("--health-check", "/echo", workers=2, chdir=folder)
    before = server.workers()
    with open(folder + "/app.py", encoding="utf-8") as file:
        source = file.read()
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write(source.replace('"/echo": echo, ', ""))
    with Load(server.address, clients=4, pause=0.005) as load:
        done = server.ctl("reload", expect=1)
        load.wait_answers(20)
        load.stop()
    assert "Health check failed: GET /echo was answered with 404 Not Found" in done.stdout + done.stderr
    assert not load.bad(), load.summary()
    assert server.workers() == before
