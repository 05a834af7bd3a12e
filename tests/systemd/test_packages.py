# SPDX-License-Identifier: MIT
"""What ./dev package makes, installed on a machine that has no compiler and nothing of the source tree."""
import json
import os
import re

import pytest

from machine import SOURCE, Machine, wait_for

PACKAGES = os.path.join(SOURCE, "build/package")
FLASK = os.path.join(SOURCE, "examples/flask")
# What a machine writes by itself while it runs; /etc/.pwd.lock and the backups are of whoever adds any user.
RESTLESS = re.compile(r"/(proc|sys|dev|run|tmp|srv|packages|var/(log|cache|tmp|lib/(dpkg|systemd|apt)))(/|$)|"
                      r"/etc/(\.pwd\.lock|(passwd|group|shadow|gshadow|subuid|subgid)-?|gserve|systemd/system)$|/root|.*/__pycache__")


@pytest.fixture(scope="module")
def machine():
    if os.geteuid() != 0:
        pytest.skip("booting a systemd in a container needs root")
    booted = Machine({PACKAGES: "/packages", FLASK: "/opt/flask-example"})
    yield booted
    faults = booted.close()
    assert not faults, faults


def files(machine):
    return {path for path in machine.run("find", "/", "-xdev").stdout.splitlines() if not RESTLESS.match(path)}


def get(machine, *curl):
    done = machine.run("curl", "-sS", "-m", "20", *curl, check=False)
    return done.stdout or done.stderr


def make_certificate(machine):
    machine.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "/srv/key.pem", "-out",
                "/srv/cert.pem")
    return "--certfile /srv/cert.pem --keyfile /srv/key.pem"


def test_debian_package_serves_as_a_unit_and_leaves_nothing_when_it_is_purged(machine):
    before = files(machine)
    machine.run("sh", "-c", "dpkg -i /packages/debian/gserve_*.deb")
    machine.write("/etc/gserve/shop.env",
                  "GSERVE_ARGS=-w 2 -b 127.0.0.1:8000 --chdir /opt/flask-example app:app\n")
    machine.systemctl("start", "gserve@shop")
    assert get(machine, "http://127.0.0.1:8000/").startswith("Hello from gserve!")
    status = json.loads(machine.run("gservectl", "--json", "status").stdout)
    assert status["name"] == "shop"
    assert machine.run("gserve", "--version").stdout == f"gserve (version {status['version']})\n"
    machine.systemctl("reload", "gserve@shop")
    machine.run("gservectl", "scale", "3")
    wait_for(lambda: json.loads(machine.run("gservectl", "--json", "status").stdout)["ready"] == 3, "three workers")
    assert machine.run("id", "-nu", "gserve").stdout == "gserve\n"
    owned = machine.run("dpkg", "-L", "gserve").stdout.splitlines()
    for path in ("man8/gserve.8.gz", "man1/gservectl.1.gz", "man5/gserve.toml.5.gz", "man7/gserve-protocol.7.gz"):
        assert f"/usr/share/man/{path}" in owned
    assert "/usr/share/bash-completion/completions/gservectl" in owned

    machine.write("/etc/gserve/safe.env", "GSERVE_ARGS=-b 127.0.0.1:8443 --chdir /opt/flask-example "
                  f"{make_certificate(machine)} app:app\n")
    machine.systemctl("start", "gserve@safe")
    assert get(machine, "--cacert", "/srv/cert.pem", "https://localhost:8443/").startswith("Hello from gserve!")

    machine.systemctl("stop", "gserve@shop", "gserve@safe")
    machine.run("dpkg", "--purge", "gserve")
    assert sorted(files(machine) - before) == []
    assert machine.run("pgrep", "-c", "gserve", check=False).stdout == "0\n"
    assert machine.run("getent", "passwd", "gserve", check=False).stdout == ""
    assert machine.run("sh", "-c", "ls /etc/gserve/*", check=False).stdout == ""


def test_wheel_serves_from_a_virtual_environment(machine):
    machine.run("python3", "-m", "venv", "--system-site-packages", "/srv/venv", seconds=120)
    machine.run("sh", "-c", "/srv/venv/bin/pip install --no-index /packages/wheel/gserve-*.whl", seconds=120)
    programs = "/srv/venv/bin"
    version = machine.run(f"{programs}/gserve", "--version").stdout
    assert version == machine.run(f"{programs}/python", "-m", "gserve", "--version").stdout
    linked = machine.run("sh", "-c", "ldd /srv/venv/lib/python3*/site-packages/gserve/bin/*").stdout
    outside = {line.split()[0] for line in linked.splitlines() if " => /" in line and "/gserve.libs/" not in line}
    assert outside <= {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6"}, linked

    certificate = make_certificate(machine)
    for number, command in enumerate((f"{programs}/gserve", f"{programs}/python -m gserve"), 1):
        machine.run("sh", "-c", f"{command} --daemon --name wheel{number} --error-logfile /srv/log{number} -w 2 "
                    f"-b 127.0.0.1:900{number} {certificate} --chdir /opt/flask-example app:app")
        fetched = wait_for(lambda: (get(machine, "--cacert", "/srv/cert.pem", f"https://localhost:900{number}/")
                                    if "worker ready" in machine.run("cat", f"/srv/log{number}", check=False).stdout else ""),
                           "an answer", shown=lambda: machine.run("cat", f"/srv/log{number}", check=False).stdout)
        assert fetched.startswith("Hello from gserve!")
        status = json.loads(machine.run(f"{programs}/gservectl", "-n", f"wheel{number}", "--json", "status").stdout)
        python = machine.run("readlink", "-f", f"/proc/{status['workers'][0]['pid']}/exe").stdout
        assert python.startswith("/usr/bin/python3")
        command = machine.run("cat", f"/proc/{status['workers'][0]['pid']}/environ").stdout
        assert "GSERVE_PYTHON=/srv/venv/bin/python" in command
        machine.run(f"{programs}/gservectl", "-n", f"wheel{number}", "stop")
