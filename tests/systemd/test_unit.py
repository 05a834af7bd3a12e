# SPDX-License-Identifier: MIT
"""packaging/systemd/gserve@.service under a real systemd."""
import re
import threading

from conftest import APP
from machine import wait_for


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
    load = shop.machine.start_program("python3", "-c", LOAD, shop.address, "200")
    wait_for(lambda: load.stdout.readline().startswith("began"), "the load has begun")
    shop.kill_main()
    report = load.communicate(timeout=60)[0]
    assert report.strip() == "200 answers, 0 failures", report
    wait_for(lambda: shop.main_pid() not in (0, before), "another supervisor runs")
    wait_for(lambda: shop.machine.show(shop.unit, "ActiveState") == "active", "it is ready")
    wait_for(lambda: shop.status()["ready"] == 2, "both workers are ready again")


LOAD = """
import http.client, sys
failures = 0
for number in range(int(sys.argv[2])):
    try:
        connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
        connection.request("GET", "/")
        failures += connection.getresponse().status != 200
        connection.close()
    except OSError as error:
        failures += 1
    if number == 20:
        print("began", flush=True)
print(f"{number + 1} answers, {failures} failures")
"""


def test_upgrade_keeps_the_main_pid(service):
    shop = service().start()
    before = shop.main_pid()
    shop.ctl("upgrade")
    assert shop.main_pid() == before
    assert shop.machine.show(shop.unit, "ActiveState") == "active"
    assert shop.get()[0] == 200
