# SPDX-License-Identifier: MIT
"""--reload: a saved change is served without being asked for; a broken one shows why, and heals."""
import os

import pytest
from harness.box import APPS
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
ENGINES = ["inotify", "poll"]


def save(path, text):
    """As editors do: a new file in the old one's place."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


class Source:
    def __init__(self, box):
        self.folder = box.copy_app(PLAIN)
        self.path = self.folder + "/app.py"
        with open(self.path, encoding="utf-8") as file:
            self.text = file.read()

    def say(self, words):
        save(self.path, self.text.replace("generation one", words))


@pytest.fixture
def source(box):
    return Source(box)


def serves(server, words, status=200):
    def answers():
        answer = server.get()
        return answer.status == status and words in answer.text

    wait_for(answers, f"the service answers {words!r}")


@pytest.mark.parametrize("engine", ENGINES)
def test_saved_change_is_served(box, source, engine):
    server = box.gserve("--reload", "--reload-engine", engine, workers=2, chdir=source.folder)
    serves(server, "generation one")
    source.say("generation two")
    serves(server, "generation two")
    server.log.wait(rf"reload requested by a change of {source.path}")
    server.wait_workers(2)
    source.say("generation three")
    serves(server, "generation three")


def test_preloaded_application_is_reloaded_too(box, source):
    server = box.gserve("--reload", "--preload", workers=2, chdir=source.folder)
    source.say("generation two")
    serves(server, "generation two")


@pytest.mark.parametrize("broken, reason", [("def broken(:\n", "SyntaxError"), ("import nothing_here\n", "ModuleNotFoundError"),
                                            ("application = app = None\n", "is None")])
def test_broken_code_is_shown_and_heals_with_the_next_save(box, source, broken, reason):
    box.expect_log(r".")
    server = box.gserve("--reload", workers=2, chdir=source.folder)
    save(source.path, broken)
    serves(server, reason, 500)
    assert reason in server.log.text()
    source.say("generation two")
    serves(server, "generation two")


def test_code_that_is_broken_at_the_start_heals_too(box, source):
    box.expect_log(r".")
    save(source.path, "def broken(:\n")
    server = box.gserve("--reload", workers=1, chdir=source.folder)
    serves(server, "SyntaxError", 500)
    source.say("generation two")
    serves(server, "generation two")


def test_module_that_was_missing_heals_when_it_is_written(box, source):
    box.expect_log(r".")
    save(source.path, "import helper\n" + source.text)
    server = box.gserve("--reload", workers=1, chdir=source.folder)
    serves(server, "No module named 'helper'", 500)
    save(source.folder + "/helper.py", "")
    serves(server, "generation one")


def test_extra_files_count_changed_and_new(box, source):
    settings = box.write("settings/one.ini", "a")
    server = box.gserve("--reload", "--reload-extra-file", os.path.dirname(settings) + "/*.ini", workers=1,
                        chdir=source.folder)
    save(settings, "ab")
    server.log.wait(rf"reload requested by a change of {settings}")
    server.log.wait(r"reload done")
    box.write("settings/two.ini", "a")
    server.log.wait(r"reload requested by a change of .*two\.ini")
    server.log.wait(r"reload done")
    box.write("settings/other.txt", "a")
    source.say("generation two")
    serves(server, "generation two")
    assert "other.txt" not in server.log.text()


def test_without_the_option_nothing_is_watched(box, source):
    server = box.gserve(workers=1, chdir=source.folder)
    (worker,) = server.workers()
    assert not any("inotify" in os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd"))
