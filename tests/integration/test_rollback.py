# SPDX-License-Identifier: MIT
"""Back to the generation before: asked for, or because the new one turned out to be worse under traffic."""
import os
import re
import signal

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
BREAKING = {
    "errors": "raise RuntimeError('only some requests show it')",
    "crashes": "os._exit(9)",
}


class Releases:
    """Directories of one application each, and a symbolic link to the one that is deployed."""

    def __init__(self, box):
        self.box = box
        self.current = box.path("current")
        self.trigger = box.path("broken")

    def make(self, name, greeting, broken=None):
        """broken: what it does with a request once break_now() has been called."""
        folder = self.box.copy_app(PLAIN, name)
        with open(folder + "/app.py", encoding="utf-8") as file:
            source = file.read().replace("generation one", greeting)
        if broken:
            hello = "def hello(environ, query):\n"
            source = source.replace(hello, f"{hello}    if os.path.exists({self.trigger!r}): {broken}\n")
        with open(folder + "/app.py", "w", encoding="utf-8") as file:
            file.write(source)
        return folder

    def break_now(self):
        self.box.write(self.trigger, "")

    def deploy(self, folder):
        link = self.box.path("next")
        os.symlink(folder, link)
        os.replace(link, self.current)


@pytest.fixture
def releases(box):
    made = Releases(box)
    made.deploy(made.make("first", "generation one"))
    return made


def test_rollback_under_load_returns_to_the_release_before(box, releases):
    server = box.gserve(workers=2, chdir=releases.current)
    releases.deploy(releases.make("second", "generation two"))
    with Load(server.address, clients=8) as load:
        load.wait_answers(50)
        server.ctl("reload")
        assert server.get().text.startswith("generation two")
        assert server.status()["previous_generation"] == 1
        done = server.ctl("rollback")
        assert re.search("rollback of .* done", done.stdout), done.stdout
        assert server.get().text.startswith("generation one")
        load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    status = server.status()
    assert status["generation"] == 1 and status["previous_generation"] is None and status["rolled_back"] == ""


def test_worker_that_is_replaced_is_of_the_same_release_as_the_others(box, releases):
    box.expect_log(r"killed by SIGKILL")
    server = box.gserve(workers=1, chdir=releases.current)
    releases.deploy(releases.make("second", "generation two"))
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    assert victim not in server.wait_workers(1)
    assert server.get().text.startswith("generation one")


def test_rollback_without_a_reload_before_is_refused(box):
    box.expect_log(r"cannot roll back")
    server = box.gserve(workers=1, chdir=PLAIN)
    done = server.ctl("rollback", expect=1)
    assert "cannot roll back: no reload has replaced a generation" in done.stderr
    assert server.get().status == 200


def spares(server):
    return [worker["pid"] for worker in server.status()["workers"] if worker["state"] == "spare"]


def test_spare_rests_during_the_test_and_serves_again_after_a_rollback(box, releases):
    server = box.gserve("--bake", "600", workers=2, chdir=releases.current)
    before = server.workers()
    releases.deploy(releases.make("second", "generation two"))
    with Load(server.address, clients=8) as load:
        server.ctl("reload")
        (spare,) = spares(server)
        assert spare in before
        assert "on test for another" in server.ctl("status").stdout
        mark = len(load.good())
        load.wait_answers(100)
        assert spare not in {record.pid for record in load.good()[mark + 50:]}
        server.ctl("rollback")
        load.wait_answers(100)
        load.stop()
    assert not load.bad(), load.summary()
    assert spare in server.wait_workers(2)
    assert spare in load.pids()
    assert server.status()["generation"] == 1


def test_spare_leaves_when_the_test_is_over(box, releases):
    server = box.gserve("--bake", "2", workers=2, chdir=releases.current)
    server.ctl("reload")
    (spare,) = spares(server)
    server.log.wait(r"generation 2 has stood its test", seconds=20)
    wait_for(lambda: not procfs.alive(spare), "the spare has gone")
    assert server.status()["bake_s"] == 0
    server.wait_workers(2)


@pytest.mark.parametrize("preload", [False, True], ids=["plain", "preload"])
@pytest.mark.parametrize("how", BREAKING)
def test_release_that_is_worse_under_traffic_is_taken_back(box, releases, how, preload):
    box.expect_log(r".")
    options = ["--preload"] if preload else []
    server = box.gserve("--bake", "600", *options, workers=3, chdir=releases.current)
    with Load(server.address, clients=4, pause=0.01) as load:
        load.wait_answers(100)
        releases.deploy(releases.make("second", "generation two", BREAKING[how]))
        # Not before the last old worker has gone: until then it is a failed reload, which other tests are about.
        server.ctl("reload")
        releases.break_now()
        server.log.wait(r"generation 2 is worse than generation 1: .*; going back", seconds=60)
        wait_for(lambda: server.status()["generation"] == 1 and server.status()["state"] == "running",
                 "generation 1 serves", 60)
        mark = len(load.bad())
        load.wait_answers(50)
        load.stop()
    assert len(load.bad()) == mark, load.summary()
    status = server.status()
    reason = {"errors": r"generation 2 is worse than generation 1: .* of \d+ responses were 5xx \(before: 0.0 % of ",
              "crashes": r"generation 2 is worse than generation 1: (?:[3-9]|\d\d+) crashes in .* of service \(before: 0 "}[how]
    assert re.search(reason, status["rolled_back"]), status["rolled_back"]
    assert re.search(r"Rolled back: generation 2 is worse", server.ctl("status").stdout)
    assert server.get().text.startswith("generation one")


def test_template_of_the_generation_before_is_kept_though_its_code_is_overwritten(box):
    folder = box.copy_app(PLAIN)
    server = box.gserve("--preload", "--bake", "600", workers=2, chdir=folder)
    (template,) = server.templates()
    with open(folder + "/app.py", encoding="utf-8") as file:
        source = file.read()
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write(source.replace("generation one", "generation two"))
    server.ctl("reload")
    assert template in server.templates() and len(server.templates()) == 2
    with Load(server.address, clients=4) as load:
        server.ctl("rollback")
        load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    assert server.get().text.startswith("generation one")
    wait_for(lambda: server.templates() == [template], "the template of generation 2 has gone")


def test_upgrade_carries_the_test_and_the_spare(box, releases):
    server = box.gserve("--bake", "600", workers=2, chdir=releases.current)
    releases.deploy(releases.make("second", "generation two"))
    server.ctl("reload")
    (spare,) = spares(server)
    server.ctl("upgrade")
    assert spares(server) == [spare]
    assert 0 < server.status()["bake_s"] <= 600
    server.ctl("rollback")
    assert server.get().text.startswith("generation one")
    assert spare in server.wait_workers(2)


def test_stop_ends_the_spare_too(box):
    server = box.gserve("--bake", "600", workers=2, chdir=PLAIN)
    server.ctl("reload")
    assert len(spares(server)) == 1
    server.ctl("stop")
    assert server.wait_exit() == 0


def only_template(server):
    """The one that is left when those that are not needed any more have gone."""
    wait_for(lambda: len(server.templates()) == 1, "one template is left")
    return server.templates()[0]


def test_refork_shares_what_a_worker_has_warmed_up(box):
    server = box.gserve("--preload", workers=3, chdir=PLAIN)
    (template,) = server.templates()
    oldest = server.workers()[0]

    def warm(pid):
        """One connection after the other goes to the same worker as long as it is idle; several reach all."""
        connections = [web.connection(server.address) for _ in range(8)]
        for conn in connections:
            conn.request("GET", "/remember")
        answers = [conn.getresponse() for conn in connections]
        found = {int(answer.headers["X-Worker-Pid"]): answer.read() for answer in answers}
        for conn in connections:
            conn.close()
        return found.get(pid)
    wait_for(lambda: warm(oldest), "an answer of the oldest worker", 30)
    with Load(server.address, clients=6) as load:
        load.wait_answers(50)
        done = server.ctl("refork")
        assert re.search("refork of .* done", done.stdout), done.stdout
        load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()
    assert only_template(server) == oldest
    assert not procfs.alive(template)
    assert server.status()["generation"] == 2
    workers = server.wait_workers(3)
    assert {procfs.parent(pid) for pid in workers} == {server.pid}
    for pid in workers:
        answer = wait_for(lambda: warm(pid), "an answer of every worker", 30)
        assert answer.decode().split()[0] == str(oldest), "what it remembers was written by the worker that is the template"


def test_template_that_was_a_worker_holds_no_listener_and_forks_on(box):
    box.expect_log(r"killed by SIGKILL")
    server = box.gserve("--preload", workers=2, chdir=PLAIN)
    server.ctl("refork")
    template = only_template(server)
    inodes = {os.stat(f"/proc/{server.pid}/fd/{fd}").st_ino for fd in server.listening_fds()}
    held = {os.stat(f"/proc/{template}/fd/{fd}").st_ino for fd in procfs.fds(template)}
    assert inodes and not inodes & held
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    assert victim not in server.wait_workers(2)
    server.ctl("refork")
    assert only_template(server) != template
    server.ctl("scale", "4")
    server.ctl("reload")
    assert server.status()["generation"] == 4
    assert server.get().status == 200


def test_refork_is_refused_without_preload(box):
    box.expect_log(r"cannot refork")
    server = box.gserve(workers=1, chdir=PLAIN)
    done = server.ctl("refork", expect=1)
    assert "cannot refork: it is for services with preload" in done.stderr
