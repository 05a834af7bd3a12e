# SPDX-License-Identifier: MIT
"""Applications of the common frameworks, as their users drive them: Flask's own tutorial application, Django with its
admin, Falcon and Bottle."""
import json
import os
import subprocess

import pytest
from harness.box import APPS
from harness.browser import Browser
from harness.process import SOURCE, clean_environment
from harness.waiting import bound

FRAMEWORKS = APPS + "/frameworks"
FLASKR = os.path.join(SOURCE, "build/venv/src/examples/tutorial")  # of Flask's source distribution
LINES = "".join(f"line {number}\n" for number in range(1000))


@pytest.fixture(params=["sync", "gthread"])
def options(request):
    return ("-w", 2) if request.param == "sync" else ("-w", 2, "-k", "gthread", "--threads", 4)


def run_python(box, folder, *args, **env):
    subprocess.run([box.python, *args], cwd=folder, env=clean_environment() | env, check=True, timeout=bound(60),
                   stdout=subprocess.DEVNULL)


def source_of(name):
    with open(f"{FRAMEWORKS}/{name}", "rb") as file:
        return file.read()


def check_static_file(browser, path, content):
    """Whole, a part, none of it, and not again when it has not changed."""
    whole = browser.get(path)
    assert (whole.status, whole.body) == (200, content)
    part = browser.get(path, Range="bytes=5-9")
    assert (part.status, part.body) == (206, content[5:10])
    assert part.headers["Content-Range"] == f"bytes 5-9/{len(content)}"
    assert browser.get(path, Range=f"bytes={len(content)}-").status == 416
    head = browser.open(path, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    again = browser.get(path, If_Modified_Since=whole.headers["Last-Modified"])
    assert (again.status, again.body) == (304, b"")


def test_flask_tutorial(box, options):
    folder = box.copy_app(FLASKR, "flaskr-of-flask")
    run_python(box, folder, "-m", "flask", "--app", "flaskr", "init-db")
    server = box.gserve(*options, chdir=folder, app="flaskr:create_app()")
    browser, stranger = Browser(server.address), Browser(server.address)
    assert browser.get("/hello").text == "Hello, World!"
    refused = browser.get("/create")
    assert (refused.status, refused.headers["Location"]) == (302, "/auth/login")
    assert browser.post("/auth/register", username="alice", password="secret").headers["Location"] == "/auth/login"
    assert "already registered" in browser.post("/auth/register", username="alice", password="x").text
    assert "Incorrect password." in browser.post("/auth/login", username="alice", password="wrong").text
    assert browser.post("/auth/login", username="alice", password="secret").status == 302
    page = browser.post("/create", follow=True, title="A title", body="Ünïcode & <tags>")
    assert "A title" in page.text and "Ünïcode &amp; &lt;tags&gt;" in page.text and "Log Out" in page.text
    browser.post("/1/update", title="Changed", body="text")
    assert "Changed" in stranger.get("/").text
    stranger.post("/auth/register", username="bob", password="b")
    stranger.post("/auth/login", username="bob", password="b")
    assert stranger.post("/1/update", title="x", body="x").status == 403
    assert browser.get("/99/update").status == 404
    assert "Title is required." in browser.post("/create", title="", body="").text
    assert browser.post("/1/delete").status == 302
    assert "Changed" not in browser.get("/").text
    browser.get("/auth/logout")
    assert browser.get("/create").status == 302
    with open(f"{folder}/flaskr/static/style.css", "rb") as file:
        check_static_file(browser, "/static/style.css", file.read())


def test_django_with_its_admin(box, options):
    folder = box.copy_app(FRAMEWORKS + "/django_site", "site")
    setting = {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": folder}
    run_python(box, folder, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0", **setting)
    run_python(box, folder, "-m", "django", "createsuperuser", "--noinput", "--username", "admin", "--email", "a@b.example",
               DJANGO_SUPERUSER_PASSWORD="secret", **setting)
    server = box.gserve(*options, chdir=folder, app="site_wsgi")
    box.expect_log("Forbidden", "Internal Server Error|Traceback")
    browser = Browser(server.address)
    check_admin(browser)
    check_polls(browser)
    check_django_files(browser, folder)
    assert [browser.get("/visits/").text for _ in range(3)] == ["1", "2", "3"]
    assert browser.get("/fail/").status == 500
    assert browser.get("/nowhere/").status == 404
    assert browser.get("/admin").headers["Location"] == "/admin/"


def check_admin(browser):
    login = "/admin/login/?next=/admin/"
    token = browser.csrf_token(login)
    assert "Please enter the correct" in browser.post(
        login, csrfmiddlewaretoken=token, username="admin", password="wrong").text
    answer = browser.post(login, csrfmiddlewaretoken=browser.csrf_token(login), username="admin", password="secret")
    assert (answer.status, answer.headers["Location"]) == (302, "/admin/")
    add = "/admin/polls/question/add/"
    form = {f"choice_set-{name}": value for name, value in {
        "TOTAL_FORMS": 2, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000, "0-text": "yes", "0-votes": 0,
        "1-text": "no", "1-votes": 0}.items()}
    saved = browser.post(add, follow=True, csrfmiddlewaretoken=browser.csrf_token(add), text="Does it work?", **form)
    assert saved.status == 200 and "was added successfully" in saved.text
    assert json.loads(browser.get("/").body) == {"questions": ["Does it work?"]}


def check_polls(browser):
    assert browser.post("/1/vote/", choice="yes").status == 403, "without the token"
    for _ in range(2):
        page = browser.post("/1/vote/", follow=True, csrfmiddlewaretoken=browser.csrf_token("/1/"), choice="yes")
    assert "'yes': 2, 'no': 0" in page.text
    assert browser.get("/2/").status == 404


def check_django_files(browser, folder):
    data = os.urandom(3_000_000)  # above what Django keeps in memory
    uploaded = browser.upload("/upload/", {"file": ("data.bin", data)}, comment="ä",
                              csrfmiddlewaretoken=browser.csrf_token("/upload/"))
    assert json.loads(uploaded.body) == {"name": "data.bin", "size": len(data), "comment": "ä"}
    media = browser.get("/media/data.bin")
    assert media.body == data
    assert browser.get("/media/data.bin", If_Modified_Since=media.headers["Last-Modified"]).status == 304
    missing = browser.upload("/upload/", {}, csrfmiddlewaretoken=browser.csrf_token("/upload/"))
    assert (missing.status, set(json.loads(missing.body))) == (400, {"comment", "file"})
    assert browser.get("/stream/").text == LINES
    download = browser.get("/download/")
    assert download.body == source_of("django_site/polls/views.py")
    assert "attachment" in download.headers["Content-Disposition"]


def test_falcon(box, options):
    server = box.gserve(*options, chdir=FRAMEWORKS, app="falcon_app:app")
    browser = Browser(server.address)
    assert json.loads(browser.get("/things/one?x=7").body) == {"name": "one", "x": 7}
    assert browser.get("/things/one").status == 400, "a parameter is missing"
    put = browser.open("/things/two", b'{"a": [1, null]}', {"Content-Type": "application/json"}, "PUT")
    assert (put.status, put.headers["Location"], json.loads(put.body)) == (201, "/things/two", {"got": {"a": [1, None]}})
    assert browser.open("/things/two", b"{", {"Content-Type": "application/json"}, "PUT").status == 400
    not_allowed = browser.open("/things/two", b"", method="DELETE")
    assert (not_allowed.status, not_allowed.headers["Allow"]) == (405, "GET, PUT, OPTIONS")
    assert browser.open("/things/two", method="OPTIONS").headers["Allow"] == "GET, PUT"
    uploaded = browser.upload("/upload", {"file": ("a b.txt", b"x" * 200_000)}, field="value")
    assert json.loads(uploaded.body) == {"field": [None, 5], "file": ["a_b.txt", 200_000]}
    assert browser.get("/stream").text == LINES
    body = os.urandom(300_000)
    assert browser.open("/body", body).body == body
    assert browser.open("/body", b"").body == b""
    assert [browser.get("/cookies").text for _ in range(3)] == ["1", "2", "3"]
    assert browser.get("/redirect").headers["Location"] == "/things/there?x=1"
    assert json.loads(browser.get("/redirect", follow=True).body)["name"] == "there"
    conflict = browser.get("/failure")
    assert (conflict.status, json.loads(conflict.body)["description"]) == (409, "on purpose")
    gone = browser.open("/nothing", method="DELETE")
    assert (gone.status, gone.body) == (204, b"")
    assert browser.get("/nowhere").status == 404
    part = browser.get("/static/falcon_app.py", Range="bytes=5-9")
    assert (part.status, part.body) == (206, source_of("falcon_app.py")[5:10])
    assert browser.get("/static/falcon_app.py").body == source_of("falcon_app.py")
    assert browser.get("/static/../conftest.py").status == 404


def test_bottle(box, options):
    server = box.gserve(*options, chdir=FRAMEWORKS, app="bottle_app:app")
    browser = Browser(server.address)
    assert browser.get("/hello/%3Cyou%3E").text == "<b>Hello &lt;you&gt;</b>"
    assert json.loads(browser.get("/number/7?a=b").body) == {"number": 7, "query": {"a": "b"}}
    nothing = browser.get("/number/seven")
    assert (nothing.status, nothing.text) == (404, "nothing here")
    form = json.loads(browser.post("/form", field="välue").body)
    assert form == {"field": "vÃ¤lue", "host": server.address.removeprefix("http://"), "ip": "127.0.0.1"}
    uploaded = browser.upload("/upload", {"file": ("up.txt", b"y" * 700_000)}, comment="good")
    assert json.loads(uploaded.body) == {"name": "up.txt", "size": 700_000, "comment": "good"}
    put = browser.open("/json", b'{"k": "v"}', {"Content-Type": "application/json"}, "PUT")
    assert json.loads(put.body) == {"k": "v"}
    assert browser.get("/stream").text == LINES
    assert [browser.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert browser.get("/old", follow=True).text == "<b>Hello there</b>"
    forbidden = browser.get("/forbidden")
    assert forbidden.status == 403 and "Not for you." in forbidden.text
    empty = browser.get("/empty")
    assert (empty.status, empty.body) == (204, b"")
    assert browser.open("/form", b"", method="PUT").status == 405
    check_static_file(browser, "/static/bottle_app.py", source_of("bottle_app.py"))
