# SPDX-License-Identifier: MIT
"""packaging/systemd/gserve@.service under a real systemd."""
import json
import os
import re
import threading
import time

from conftest import APP
from machine import SOURCE, wait_for


def test_start_waits_until_the_application_serves(service):
    slow = service("import time\ntime.sleep(1)\n" + APP).start()
    assert slow.get()[0] == 200
    assert slow.machine.show(slow.unit, "ActiveState") == "active"
    assert re.fullmatch(r"[12]/2 workers ready, generation 1", slow.machine.show(slow.unit, "StatusText"))


def test_start_of_a_broken_application_fails_with_its_traceback(service):
    broken = service("import nothing_here\n")
    assert broken.machine.systemctl("start", broken.unit, check=False).returncode != 0
    wait_for(lambda: "No module named 'nothing_here'" in broken.shown(), "systemctl status shows the traceback",
             shown=broken.shown)


def test_reload_returns_the_truth(service):
    shop = service().start()
    shop.deploy(APP.replace("generation one", "generation two"))
    shop.machine.systemctl("reload", shop.unit)
    assert shop.get()[1].startswith("generation two")
    shop.deploy("import nothing_here\n")
    assert shop.machine.systemctl("reload", shop.unit, check=False).returncode != 0
    assert shop.machine.show(shop.unit, "ActiveState") == "active"
    assert shop.get()[1].startswith("generation two")
    assert "No module named 'nothing_here'" in shop.journal()


def test_stop_finishes_what_runs_and_leaves_nothing(service):
    shop = service().start()
    answers = []
    client = threading.Thread(target=lambda: answers.append(shop.get("/slow")))
    client.start()
    wait_for(lambda: any(worker["in_flight"] for worker in shop.status()["workers"]), "the request runs")
    shop.machine.systemctl("stop", shop.unit)
    client.join()
    assert answers[0][0] == 200, answers
    assert shop.machine.show(shop.unit, "Result") == "success"
    assert shop.machine.show(shop.unit, "ActiveState") == "inactive"
    assert shop.machine.run("pgrep", "-fc", f"chdir /srv/{shop.name} ", check=False).stdout.strip() == "0"


def test_killed_supervisor_is_restarted_and_no_waiting_connection_is_lost(service):
    shop = service().start()
    before = shop.main_pid()
    load = shop.machine.start_program("python3", "-c", LOAD, shop.address, "400")
    wait_for(lambda: load.stdout.readline().startswith("began"), "the load has begun")
    shop.kill_main()
    report = load.communicate(timeout=60)[0]
    assert report.strip() == "400 answers, 0 failures", report
    wait_for(lambda: shop.main_pid() not in (0, before), "another supervisor runs")
    wait_for(lambda: shop.machine.show(shop.unit, "ActiveState") == "active", "it is ready")
    wait_for(lambda: shop.status()["ready"] == 2, "both workers are ready again")


LOAD = """
import http.client, sys
from concurrent.futures import ThreadPoolExecutor
def answered(number):
    if number == 40:
        print("began", flush=True)
    try:
        connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
with ThreadPoolExecutor(8) as clients:
    answers = list(clients.map(answered, range(int(sys.argv[2]))))
print(f"{len(answers)} answers, {answers.count(False)} failures")
"""


def test_stop_ends_what_hangs_before_systemd_does(service):
    shop = service(APP.replace("time.sleep(1)", "time.sleep(600)"), options="-w 2 --graceful-timeout 2",
                   drop_in="[Service]\nTimeoutStopSec=20\n").start()
    client = threading.Thread(target=lambda: shop.get("/slow"))
    client.start()
    wait_for(lambda: any(worker["in_flight"] for worker in shop.status()["workers"]), "the request runs")
    began = time.monotonic()
    shop.machine.systemctl("stop", shop.unit)
    took = time.monotonic() - began
    client.join()
    assert took < 20, f"systemd had to end it, after {took:.1f} s"
    assert shop.machine.show(shop.unit, "Result") == "success"
    assert "has not drained within 2 s; killing it" in shop.journal()


def test_upgrade_keeps_the_main_pid(service):
    shop = service().start()
    before = shop.main_pid()
    shop.ctl("upgrade")
    assert shop.main_pid() == before
    assert shop.machine.show(shop.unit, "ActiveState") == "active"
    assert shop.get()[0] == 200


WATCHED = "[Service]\nWatchdogSec=2\n"


def test_supervisor_that_hangs_is_started_again(service):
    shop = service(drop_in=WATCHED).start()
    before = shop.main_pid()
    shop.kill_main("STOP")
    wait_for(lambda: shop.main_pid() not in (0, before), "another supervisor runs", shown=shop.shown)
    wait_for(lambda: shop.machine.show(shop.unit, "ActiveState") == "active", "it is ready", shown=shop.shown)
    assert "Watchdog timeout" in shop.journal()
    assert shop.get()[0] == 200


def test_supervisor_that_works_is_left_alone_by_the_watchdog_before_and_after_an_upgrade(service):
    shop = service(drop_in=WATCHED).start()
    before = shop.main_pid()
    for _ in range(2):
        for _ in range(3):
            heard = shop.machine.show(shop.unit, "WatchdogTimestampMonotonic")
            wait_for(lambda: shop.machine.show(shop.unit, "WatchdogTimestampMonotonic") != heard, "it speaks again", 30)
        shop.ctl("upgrade")
    assert shop.main_pid() == before
    assert shop.machine.show(shop.unit, "NRestarts") == "0"


def test_socket_activation_queues_the_first_request_until_the_service_is_there(service):
    shop = service("import time\ntime.sleep(1)\n" + APP)
    socket = shop.unit.replace(".service", ".socket")
    shop.machine.write(f"/etc/systemd/system/{socket}.d/test.conf", f"[Socket]\nListenStream=\nListenStream={shop.address}\n")
    shop.machine.systemctl("daemon-reload")
    shop.machine.systemctl("start", socket)
    try:
        assert shop.machine.show(shop.unit, "ActiveState") == "inactive"
        status, body = shop.get()
        assert (status, body.split(" ")[0]) == (200, "generation"), body
        assert shop.machine.show(shop.unit, "ActiveState") == "active"
        assert f"Listening at: http://{shop.address}" in shop.journal()
        shop.machine.systemctl("stop", shop.unit)
        assert shop.get()[0] == 200, "a request after a stop starts it again"
    finally:
        shop.machine.systemctl("stop", socket)


def entries(shop):
    """Of its journal, from the supervisor."""
    done = shop.machine.run("journalctl", "--no-pager", "-o", "json", "-u", shop.unit, f"_PID={shop.main_pid()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_journal_entries_about_a_worker_name_it_and_its_generation(service):
    shop = service(options="-w 1").start()
    first = shop.status()["workers"][0]["pid"]
    shop.machine.systemctl("reload", shop.unit)
    second = shop.status()["workers"][0]["pid"]

    def ready():
        return {(entry["GSERVE_WORKER"], entry["GSERVE_GENERATION"], entry["PRIORITY"]) for entry in entries(shop)
                if "worker ready" in entry["MESSAGE"]}

    wait_for(lambda: ready() == {(str(first), "1", "6"), (str(second), "2", "6")}, "both workers are in the journal",
             shown=lambda: str(ready()))
    found = shop.machine.run("journalctl", "--no-pager", "-o", "cat", f"GSERVE_WORKER={second}").stdout
    assert "worker ready" in found and str(first) not in found
    assert not [entry for entry in entries(shop) if "Listening at" in entry["MESSAGE"] and "GSERVE_WORKER" in entry]


def test_hardened_unit_serves_reloads_and_is_as_closed_as_it_says(service):
    with open(os.path.join(SOURCE, "packaging/systemd/hardened.conf"), encoding="utf-8") as file:
        hardened = file.read()
    shop = service(drop_in=hardened).start()
    exposure = shop.machine.run("systemd-analyze", "--no-pager", "security", "--threshold=20", shop.unit, check=False)
    assert exposure.returncode == 0, exposure.stdout
    assert shop.get()[0] == 200
    worker = shop.status()["workers"][0]["pid"]
    assert shop.machine.run("stat", "-c", "%u", f"/proc/{worker}").stdout.strip() not in ("0", "")
    shop.deploy(APP.replace("generation one", "generation two"))
    shop.machine.systemctl("reload", shop.unit)
    assert shop.get()[1].startswith("generation two")
    before = shop.main_pid()
    shop.ctl("upgrade")
    assert shop.main_pid() == before
    shop.kill_main()
    wait_for(lambda: shop.main_pid() not in (0, before), "another supervisor runs", shown=shop.shown)
    wait_for(lambda: shop.machine.show(shop.unit, "ActiveState") == "active", "it is ready", shown=shop.shown)
    assert shop.get()[0] == 200
    shop.machine.systemctl("stop", shop.unit)
    assert shop.machine.show(shop.unit, "Result") == "success"
    assert not [line for line in shop.journal().splitlines() if "[ERROR]" in line or "ermission" in line], shop.journal()
