# SPDX-License-Identifier: MIT
"""A worker hangs, dies or never starts: afterwards `gservectl incidents` knows what it was doing."""
import http.client
import json
import os
import re
import signal

import pytest

from harness import web
from harness.box import APPS
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
LOST = (http.client.RemoteDisconnected, ConnectionResetError)


def incidents(server):
    return json.loads(server.ctl("incidents", "--json").stdout)


def wait_incidents(server, count):
    return wait_for(lambda: found if len(found := incidents(server)) >= count else None, f"{count} incidents", 30)


def incident(server, number):
    return json.loads(server.ctl("incidents", str(number), "--json").stdout)


def break_app(folder):
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write("raise RuntimeError('broken by the new release')\n")


def test_without_an_incident_the_list_is_empty_and_none_can_be_shown(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    assert server.ctl("incidents").stdout == "no incident is on record\n"
    assert incidents(server) == []
    assert server.status()["last_incident"] == 0 and "Incidents" not in server.ctl("status").stdout
    refused = server.ctl("incidents", "999", expect=1)
    assert refused.stdout == "" and refused.stderr == "gservectl: no incident 999: none is on record\n"
    assert server.ctl("incidents", "last", expect=2).stderr.startswith("gservectl: ")


@pytest.mark.parametrize("path, function", [("/lock?user=7", "wait_for_lock"), ("/hold", "hold_interpreter")])
def test_a_request_that_hangs_is_shown_with_the_line_that_it_hangs_in(box, path, function):
    """Also where a C function holds the interpreter: whoever comes later still learns why."""
    box.expect_log(r".")
    server = box.gserve("-t", "1", workers=2, chdir=PLAIN)
    with pytest.raises(LOST):
        server.get(path)
    summary, = wait_incidents(server, 1)
    assert summary["id"] == 1 and summary["kind"] == "timeout" and summary["process"] == "worker"
    assert summary["pool"] == "web" and summary["generation"] == 1
    pid = int(server.log.wait(r"WORKER TIMEOUT \(pid:(\d+)\)").group(1))
    assert summary["pid"] == pid and summary["launch"] in (1, 2)
    assert re.fullmatch(rf'"GET {re.escape(path)} HTTP/1.1" has run for \d(\.\d)? s \(timeout 1 s\); killed by SIGABRT',
                        summary["reason"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", summary["time"])
    shown = incident(server, 1)
    assert shown["in_flight"] == 1
    request, = shown["requests"]
    assert request["line"] == f"GET {path} HTTP/1.1" and 1 <= request["age_s"] < 30
    assert re.search(rf'File ".*/plain/app.py", line \d+ in {function}$', shown["stacks"], re.MULTILINE)
    assert "WORKER TIMEOUT" in shown["log"] and "Thread 0x" not in shown["log"]
    assert server.status()["last_incident"] == 1

    text = server.ctl("incidents", "1").stdout
    assert text.startswith("incident 1: timeout\n") and f"     Process: worker {pid} (launch {summary['launch']})\n" in text
    assert f"\nRequests in flight: 1\n  GET {path} HTTP/1.1 (" in text
    assert f" in {function}\n" in text and "\nLast lines of the log:\n" in text
    listed = server.ctl("incidents").stdout.splitlines()
    assert re.fullmatch(r"ID  TIME +KIND +PROCESS +POOL +GEN +REASON", listed[0])
    assert re.match(rf' 1  20\d\d-\S+ \S+  timeout  worker {pid}  web +1  "GET {re.escape(path)} ', listed[1])
    assert "Incidents: 1 so far, the last: gservectl incidents 1\n" in server.ctl("status").stdout


def test_crashes_have_the_stacks_if_the_process_could_leave_them(box):
    box.expect_log(r".")
    server = box.gserve(workers=1, chdir=PLAIN)
    for count, number in enumerate((signal.SIGSEGV, signal.SIGKILL), 1):
        victim, = server.wait_workers(1)
        os.kill(victim, number)
        found = wait_incidents(server, count)[-1]
        assert found["kind"] == "crash" and found["pid"] == victim
        assert found["reason"].startswith(f"killed by {number.name}")
    dumped, killed = incident(server, 1), incident(server, 2)
    assert "Fatal Python error: Segmentation fault" in dumped["stacks"] and "worker.py" in dumped["stacks"]
    assert killed["stacks"] == "" and killed["in_flight"] == 0 and killed["requests"] == []
    text = server.ctl("incidents", "2").stdout
    assert "\nNo request was in flight.\n" in text and "\nNo stacks were left.\n" in text


def test_a_crash_in_a_request_names_the_request(box):
    box.expect_log(r".")
    server = box.gserve(workers=1, chdir=PLAIN)
    with pytest.raises(LOST):
        server.get("/leave?code=9")
    found, = wait_incidents(server, 1)
    assert (found["kind"], found["reason"]) == ("crash", "exited with code 9")
    assert [request["line"] for request in incident(server, 1)["requests"]] == ["GET /leave?code=9 HTTP/1.1"]


def test_what_the_workers_wrote_is_shown_where_the_log_is_a_file(box):
    box.expect_log(r".")
    log = box.path("error.log")
    server = box.prepare("--error-logfile", log, "-w", 1, chdir=PLAIN).start()
    server.notify.wait("READY", "1", alive=server.running)
    with open(log, encoding="utf-8") as file:
        server.addresses = [re.search(r"Listening at: (\S+)", file.read()).group(1)]
    assert server.get("/fail").status == 500
    victim, = server.wait_workers(1)
    os.kill(victim, signal.SIGKILL)
    wait_incidents(server, 1)
    assert "RuntimeError: the application failed on purpose\n" in incident(server, 1)["log"]


def test_failed_reload_leaves_the_traceback(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve(workers=1, chdir=folder)
    break_app(folder)
    server.ctl("reload", expect=1)
    found, = incidents(server)
    assert found["kind"] == "boot-failure" and found["generation"] == 2
    assert found["reason"] == "exited with code 3 before it was ready: RuntimeError: broken by the new release"
    assert re.search(r'Traceback .*\n(.*\n)*  File ".*app.py", line 1, in <module>', incident(server, 1)["details"])
    assert "\nError of the application:\n" in server.ctl("incidents", "1").stdout


def test_boot_over_the_boot_timeout_shows_where_it_waits(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve("--boot-timeout", "3", workers=1, chdir=folder)
    with open(folder + "/app.py", "w", encoding="utf-8") as file:
        file.write("import threading\n\n\ndef connect():\n    threading.Event().wait()\n\n\nconnect()\n")
    server.ctl("reload", expect=1)
    found, = wait_incidents(server, 1)
    assert (found["kind"], found["reason"]) == ("boot-failure", "was not ready within 3 s (boot_timeout)")
    assert re.search(r"app.py\", line 5 in connect$", incident(server, 1)["stacks"], re.MULTILINE)


def test_templates_that_crash_or_fail_to_boot_are_on_record(box):
    folder = box.copy_app(PLAIN)
    box.expect_log(r".")
    server = box.gserve("--preload", workers=1, chdir=folder)
    template, = server.templates()
    os.kill(template, signal.SIGSEGV)
    crashed, = wait_incidents(server, 1)
    assert (crashed["process"], crashed["pid"], crashed["kind"]) == ("template", template, "crash")
    assert "Fatal Python error: Segmentation fault" in incident(server, 1)["stacks"]
    wait_for(lambda: [t["state"] for t in server.status()["templates"]] == ["ready"], "a new template", 30)
    break_app(folder)
    server.ctl("reload", expect=1)
    failed = incidents(server)[-1]
    assert (failed["process"], failed["kind"], failed["generation"]) == ("template", "boot-failure", 2)
    assert "RuntimeError: broken by the new release" in incident(server, failed["id"])["details"]


def test_incidents_survive_an_upgrade_and_their_numbers_go_on(box):
    box.expect_log(r".")
    server = box.gserve("-t", "1", workers=1, chdir=PLAIN)
    with pytest.raises(LOST):
        server.get("/lock")
    wait_incidents(server, 1)
    before = incident(server, 1)
    server.wait_workers(1)
    server.ctl("upgrade")
    assert incident(server, 1) == before and "in wait_for_lock" in before["stacks"]
    os.kill(server.wait_workers(1)[0], signal.SIGKILL)
    assert [found["id"] for found in wait_incidents(server, 2)] == [1, 2]


def test_whoever_ends_as_told_is_no_incident(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    server.ctl("scale", "1")
    server.ctl("reload")
    os.kill(server.wait_workers(1)[0], signal.SIGTERM)
    wait_for(lambda: server.log.count(r"worker exited: drained") == 3, "all have drained")
    server.wait_workers(1)
    assert incidents(server) == []


def test_a_drain_that_is_cut_off_is_a_timeout(box):
    box.expect_log(r".")
    server = box.gserve("--graceful-timeout", "1", workers=2, chdir=PLAIN)
    conn = web.connection(server.address)
    conn.request("GET", "/deaf?s=60")
    busy = wait_for(lambda: [worker["pid"] for worker in server.status()["workers"] if worker["in_flight"]],
                    "the request runs")
    server.ctl("reload")
    found, = wait_incidents(server, 1)
    conn.close()
    assert found["kind"] == "timeout" and [found["pid"]] == busy
    assert found["reason"] == "has not drained within 1 s; killed by SIGKILL while draining"
    assert incident(server, 1)["requests"][0]["line"] == "GET /deaf?s=60 HTTP/1.1"


def test_the_last_hundred_are_kept(box):
    box.expect_log(r".")
    server = box.gserve(workers=25, chdir=PLAIN)
    for count in range(1, 5):
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: server.status()["last_incident"] == 25 * count, f"{25 * count} incidents", 30)
        server.wait_workers(25, 60)
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_for(lambda: server.status()["last_incident"] == 101, "one more", 30)
    assert [found["id"] for found in incidents(server)] == list(range(2, 102))
    refused = server.ctl("incidents", "1", expect=1)
    assert refused.stderr == "gservectl: no incident 1: on record are 2 to 101\n"
    assert server.ctl("incidents", "101").returncode == 0
    server.wait_workers(25, 60)
