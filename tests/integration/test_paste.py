# SPDX-License-Identifier: MIT
"""Applications that PasteDeploy assembles from a file."""
import pytest
from harness.box import APPS

SITE = APPS + "/paste"


@pytest.mark.parametrize("options, says", [
    (["--paste", "site.ini"], "main unfiltered "),
    (["--paster", "site.ini#other", "--paste-global", "who=the world"], "other of the world unfiltered "),
    (["--paste", SITE + "/site.ini#piped", "--paste-global", "who=all"], "other of all marked "),
    (["--paste", "site.ini", "--preload"], "main unfiltered "),
])
def test_application_of_the_file_is_served(box, options, says):
    server = box.gserve(*options, app=None, chdir=SITE)
    assert server.get().text == says


def test_file_is_named_in_a_configuration_file(box):
    box.write("gunicorn.conf.py", "paste = 'site.ini#other'\nraw_paste_global_conf = ['who=a\\\\=b']\n")
    server = box.prepare(app=None, chdir=SITE).start().wait_ready()
    assert server.get().text == "other of a=b unfiltered "


@pytest.mark.parametrize("paste, says", [
    ("nowhere.ini", r"There is no PasteDeploy file '\S+/apps/paste/nowhere\.ini': give --paste the path of one"),
    ("site.ini#absent", r"LookupError: No section 'absent'"),
])
def test_what_cannot_be_loaded_is_said(box, paste, says):
    box.expect_log(r".")
    server = box.prepare("--paste", paste, app=None, chdir=SITE).start()
    assert server.wait_exit() != 0
    server.log.wait(says)


def test_without_pastedeploy_the_boot_error_says_what_to_install(box):
    box.expect_log(r".")
    server = box.prepare("--paste", "site.ini", app=None, chdir=SITE, python="/usr/bin/python3").start()
    assert server.wait_exit() != 0
    server.log.wait(r"--paste needs the package PasteDeploy, which \S+ cannot import \(.*\): install it there")
