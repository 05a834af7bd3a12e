# SPDX-License-Identifier: MIT
"""gunicorn's signals, sent to the supervisor."""
import os
import signal
import time

import pytest

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"


def start_request(server, path):
    """A request under way: its connection, to be answered later."""
    conn = web.connection(server.address)
    conn.request("GET", path)
    wait_for(lambda: any(worker["in_flight"] for worker in server.status()["workers"]), "the request runs")
    return conn


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stop_signals_exit_with_zero(box, number):
    server = box.gserve(workers=2, chdir=PLAIN)
    assert server.stop(number) == 0
    server.notify.wait("STOPPING", "1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_quick_stop_does_not_wait_for_requests(box, number):
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = start_request(server, "/slow?s=30")
    begin = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - begin < 15
    conn.close()


def test_quick_stop_cuts_a_drain_short(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = start_request(server, "/slow?s=30")
    server.send_signal(signal.SIGTERM)
    server.notify.wait("STOPPING", "1")
    begin = time.monotonic()
    assert server.stop(signal.SIGINT) == 0
    assert time.monotonic() - begin < 15
    conn.close()


def test_graceful_timeout_ends_a_worker_that_does_not_finish(box):
    box.expect_log("SIGKILL", "graceful", "killed", "timeout")
    server = box.gserve("--graceful-timeout", "1", workers=1, chdir=PLAIN)
    conn = start_request(server, "/slow?s=60")
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < 20
    conn.close()


def test_ttin_and_ttou_change_the_number_of_workers_but_never_below_one(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    server.send_signal(signal.SIGTTIN)
    assert len(server.wait_workers(2)) == 2
    server.send_signal(signal.SIGTTOU)
    server.wait_workers(1)
    server.send_signal(signal.SIGTTOU)
    assert server.status()["target"] == 1
    server.send_signal(signal.SIGTTIN)  # were it down to zero, this would make it one
    server.wait_workers(2)


def test_hup_reloads_code_and_configuration_and_keeps_the_scale(box):
    folder = box.copy_app(PLAIN)
    server = box.gserve(workers=2, chdir=folder)
    server.ctl("scale", "3")
    old = set(server.workers())
    with open(folder + "/app.py", "a", encoding="utf-8") as file:
        file.write("\nGREETING = 'generation two'\n")
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.status()["generation"] == 2 and not old & set(server.workers()), "a new generation")
    server.wait_workers(3)
    assert server.get().text.startswith("generation two")


def test_hup_to_a_worker_is_ignored(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    worker = server.workers()[0]
    os.kill(worker, signal.SIGHUP)
    assert server.get().status == 200
    assert server.workers() == [worker]


def test_a_terminated_worker_finishes_its_request_and_is_replaced(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    worker = server.workers()[0]
    conn = start_request(server, "/slow?s=0.5")
    os.kill(worker, signal.SIGTERM)
    answer = conn.getresponse()
    assert (answer.status, answer.read()) == (200, b"xxxxx")
    conn.close()
    wait_for(lambda: worker not in server.workers(), "the old worker left")
    server.wait_workers(1)
    assert server.get().status == 200


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_usr1_reopens_the_logs_for_the_supervisor_and_its_workers(box):
    error_log, access_log = box.path("error.log"), box.path("access.log")
    server = box.prepare("-w", 2, "--error-logfile", error_log, "--access-logfile", access_log, chdir=PLAIN)
    server.start()
    server.notify.wait("READY", "1", alive=server.running)
    address = wait_for(lambda: [line for line in read(error_log).splitlines() if "Listening at: " in line],
                       "the address is in the log file")[0].split("Listening at: ")[1].split()[0]
    server.addresses = [address]
    server.wait_workers(2)
    for path in (error_log, access_log):
        os.rename(path, path + ".1")
    server.send_signal(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(error_log) and os.path.exists(access_log), "new log files")

    def worker_logs_anew(worker):
        names = procfs.fds(worker).values()
        return error_log in names and access_log in names and error_log + ".1" not in names

    for worker in server.workers():
        wait_for(lambda: worker_logs_anew(worker), "the worker has the new descriptors")
    assert server.get("/fail").status == 500
    assert server.get("/?after=rotation").status == 200
    wait_for(lambda: "failed on purpose" in read(error_log), "the worker's error is in the new file")
    wait_for(lambda: "GET /?after=rotation" in read(access_log), "the request is in the new file")
    assert "failed on purpose" not in read(error_log + ".1")
    assert "after=rotation" not in read(access_log + ".1")


def test_a_storm_of_signals_leaves_a_working_service(box):
    server = box.gserve(workers=2, chdir=PLAIN)
    with Load(server.address, clients=4, pause=0.01) as load:
        for _ in range(20):
            for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGCHLD):
                server.send_signal(number)
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: server.status()["generation"] >= 2, "the reload happened", 30)
        wait_for(lambda: server.status()["state"] == "running", "the reload ended", 30)
        load.wait_answers(50)
        load.stop()
    assert not load.bad(), load.summary()


def test_second_sigterm_cuts_a_drain_short(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = start_request(server, "/slow?s=30")
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.notify.wait("STOPPING", "1")
    wait_for(lambda: time.monotonic() - begin > 1.2, "the second SIGTERM is no repetition of the first")
    assert server.stop() == 0
    assert time.monotonic() - begin < 15
    conn.close()


def test_sigterm_delivered_twice_at_once_is_still_graceful(box):
    server = box.gserve(workers=1, chdir=PLAIN)
    conn = start_request(server, "/slow?s=1.5")
    server.send_signal(signal.SIGTERM)
    server.send_signal(signal.SIGTERM)
    assert conn.getresponse().read() == b"xxxxx"
    assert server.wait_exit() == 0
    conn.close()


def test_service_answers_new_clients_until_the_pre_stop_delay_is_over(box):
    server = box.gserve("--pre-stop-delay", "2", workers=2, chdir=PLAIN)
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.notify.wait("STOPPING", "1")
    while time.monotonic() - begin < 1.8:
        assert server.get().status == 200
    assert server.status()["state"] == "stopping"
    assert server.wait_exit() == 0
    assert time.monotonic() - begin >= 2
