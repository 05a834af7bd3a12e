# SPDX-License-Identifier: MIT
"""One build of gserve under two interpreters, and in virtual environments of both."""
import json
import os
import subprocess

import pytest
from harness import certificates, procfs
from harness.process import GSERVE, SOURCE
from harness.waiting import bound

INTERPRETERS = {"3.11": "/usr/bin/python3.11", "3.13": os.path.join(SOURCE, "build/python3.13/usr/bin/python3.13")}
APP = """
import json, sys, threading, time


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.5)
    length = sum(map(len, environ["wsgi.input"]))
    try:
        import release
        found = release.NAME
    except ImportError:
        found = None
    body = json.dumps({"version": "%d.%d" % sys.version_info[:2], "prefix": sys.prefix, "executable": sys.executable,
                       "release": found, "length": length, "scheme": environ["wsgi.url_scheme"]}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture(params=INTERPRETERS)
def version(request):
    assert os.path.exists(INTERPRETERS[request.param]), "run tests/interpreters/tree.sh build/python3.13"
    return request.param


@pytest.fixture
def folder(box):
    return os.path.dirname(box.write("site/app.py", APP))


def told(server, *args, **options):
    return json.loads(server.get(*args, **options).text)


def virtual_environment(box, version, name, *options):
    """One with a module `release` of its own that no other has; its interpreter."""
    path = box.path(name)
    subprocess.run([INTERPRETERS[version], "-m", "venv", "--without-pip", *options, path], check=True, timeout=bound(60))
    box.write(f"{name}/lib/python{version}/site-packages/release.py", f"NAME = {name!r}\n")
    return path + "/bin/python3"


@pytest.mark.parametrize("options", [(), ("--threads", "2"), ("--preload",)], ids=["sync", "gthread", "preload"])
def test_same_build_serves_under_each(box, folder, version, options):
    server = box.gserve(*options, workers=2, chdir=folder, python=INTERPRETERS[version])
    assert told(server)["version"] == version
    assert told(server, "/", method="POST", body=b"x" * 300_000)["length"] == 300_000
    server.ctl("reload")
    assert told(server)["version"] == version
    assert server.stop() == 0


def test_configuration_file_runs_in_it(box, folder, version):
    box.write("gunicorn.conf.py", "import sys\nproc_name = 'python%d.%d' % sys.version_info[:2]\n")
    server = box.gserve(chdir=folder, python=INTERPRETERS[version])
    assert server.status()["name"] == "python" + version


def test_tls_is_spoken_with_its_openssl(box, folder, version):
    made = certificates.make(box, "server")
    server = box.gserve("--certfile", made.cert, "--keyfile", made.key, chdir=folder, python=INTERPRETERS[version])
    assert told(server)["scheme"] == "https"


def test_timeout_shows_the_stacks_of_its_threads(box, folder, version):
    box.expect_log(r".")
    box.write("site/app.py", APP.replace("time.sleep(0.5)", "hang()") + "\n\ndef hang():\n    time.sleep(600)\n")
    server = box.gserve("-t", "1", chdir=folder, python=INTERPRETERS[version])
    (before,) = server.workers()
    with pytest.raises(OSError):
        server.get("/slow")
    server.log.wait(r"in hang")
    server.wait_workers(1)
    assert not procfs.alive(before)


@pytest.mark.parametrize("options", [(), ("--copies",)], ids=["links", "copies"])
def test_virtual_environment_is_used_whole(box, folder, version, options):
    python = virtual_environment(box, version, "env", *options)
    server = box.gserve(chdir=folder, python=python)
    facts = told(server)
    assert (facts["version"], facts["prefix"], facts["release"]) == (version, box.path("env"), "env")
    assert facts["executable"] == python


def test_two_environments_of_one_interpreter_stay_apart(box, folder, version):
    servers = [box.gserve(chdir=folder, python=virtual_environment(box, version, name)) for name in ("one", "two")]
    assert [told(server)["release"] for server in servers] == ["one", "two"]


def test_active_environment_is_found(box, folder, version):
    virtual_environment(box, version, "env")
    server = box.prepare(chdir=folder, env={"VIRTUAL_ENV": box.path("env")})
    at = server.argv.index("--python")
    del server.argv[at:at + 2]
    server.start().wait_ready()
    assert told(server)["prefix"] == box.path("env")
    server.log.wait(r"Workers run in " + box.path("env") + "/bin/python3")


def test_one_that_is_not_there_is_named(box, folder):
    done = subprocess.run([GSERVE, "--python", "/nowhere/python3", "--chdir", folder, "app:app"], capture_output=True, text=True,
                          timeout=bound(20))
    assert done.returncode == 1
    assert done.stderr == ("gserve: no Python interpreter, 3.11 or newer: tried /nowhere/python3; give one with --python\n")


def test_one_that_is_too_old_is_named(box, folder):
    old = box.write("old/python3.9", "#!/bin/sh\nexit 1\n")
    os.chmod(old, 0o755)
    done = subprocess.run([GSERVE, "--python", old, "--chdir", folder, "app:app"], capture_output=True, text=True,
                          timeout=bound(20))
    assert (done.returncode, done.stderr) == (1, f"gserve: no Python interpreter, 3.11 or newer: tried {old} (Python 3.9); "
                                                 "give one with --python\n")


def test_what_is_no_interpreter_is_seen_in_the_log(box, folder):
    box.expect_log(r".")
    server = box.prepare(chdir=folder, python="/bin/false").start()
    server.log.wait(r"Workers run in /bin/false")
    server.log.wait(r"worker exited with code 1 before it was ready")
