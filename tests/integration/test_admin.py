# SPDX-License-Identifier: MIT
"""--admin: health, metrics and the dashboard, answered by the supervisor itself."""
import contextlib
import json
import os
import re
import signal
import socket
import stat
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import procfs, web
from harness.box import APPS
from harness.load import Load
from harness.waiting import wait_for

PLAIN = APPS + "/plain"
ADMIN = re.compile(r"Admin address: (\S+)")
MIB = 1 << 20


def admin_of(server):
    return server.log.wait(ADMIN).group(1)


def with_admin(box, *args, workers=1, **options):
    server = box.gserve("--admin", "127.0.0.1:0", *args, workers=workers, chdir=PLAIN, **options)
    return server, admin_of(server)


def metrics(admin):
    """{name: [(labels, value)]} as Prometheus would read it."""
    answer = web.request(admin, "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(admin, name, **labels):
    for found, number in metrics(admin)[name]:
        if found | labels == found:
            return number
    raise AssertionError(f"no {name}{labels}")


def exits(admin):
    return {labels["reason"]: number for labels, number in metrics(admin)["gserve_worker_exits_total"] if number}


# --- where ---
@pytest.mark.parametrize("address", ["0.0.0.0:9000", ":9000", "192.0.2.1:9000", "[::]:9000", "example.com:9000", "fd://3",
                                     "localhost:port"])
def test_address_that_others_can_reach_is_refused(box, address):
    server = box.prepare("--admin", address, chdir=PLAIN).start()
    assert server.wait_exit() == 1
    server.log.wait("--admin.*(must be|the port must be)")


def test_address_in_use_is_one_clear_line(box):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = box.prepare("--admin", f"127.0.0.1:{port}", chdir=PLAIN).start()
        assert server.wait_exit() == 1
    server.log.wait(rf"--admin: cannot listen on \('127.0.0.1', {port}\): Address already in use")


def test_unix_socket_is_for_owner_and_group_and_leaves_with_the_service(box):
    path = box.path("admin.sock")
    server = box.gserve("--admin", f"unix:{path}", workers=1, chdir=PLAIN)
    assert admin_of(server) == f"unix:{path}"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert web.request(f"unix:{path}", "/readyz", headers={"Host": "anything"}).status == 200
    assert server.stop() == 0
    assert not os.path.exists(path)


# --- health ---
def test_readyz_says_no_while_the_service_boots_and_livez_says_yes(box):
    app = box.copy_app(PLAIN)
    os.mkfifo(f"{app}/gate")
    with open(f"{app}/app.py", "a", encoding="utf-8") as code:
        code.write("\nopen(os.path.join(os.path.dirname(__file__), 'gate')).read()\n")
    server = box.prepare("--admin", "127.0.0.1:0", "-w", 1, chdir=app).start()
    admin = admin_of(server)
    assert web.request(admin, "/livez").status == 200
    answer = web.request(admin, "/readyz")
    assert (answer.status, answer.text) == (503, "starting: 0 of 1 workers ready\n")
    with open(f"{app}/gate", "w", encoding="ascii"):
        pass
    server.wait_ready(1)
    assert web.request(admin, "/readyz").text == "ok\n"


def test_readyz_fails_first_in_a_graceful_stop_while_everything_is_still_served(box):
    server, admin = with_admin(box, "--pre-stop-delay", "30")
    server.send_signal(signal.SIGTERM)
    wait_for(lambda: web.request(admin, "/readyz").status == 503, "it is not ready any more")
    assert web.request(admin, "/readyz").text == "stopping\n"
    assert web.request(admin, "/livez").status == 200
    assert server.get().status == 200
    assert server.stop(signal.SIGQUIT) == 0


def test_health_is_answered_while_every_worker_is_busy(box):
    server, admin = with_admin(box)
    conn = web.connection(server.address)
    conn.request("GET", "/slow?s=5")
    wait_for(lambda: value(admin, "gserve_busy_ratio") == 1, "the only worker is busy")
    assert value(admin, "gserve_requests_in_flight") == 1
    assert web.request(admin, "/readyz").status == 200
    status = json.loads(web.request(admin, "/status.json").text)
    assert status["workers"][0]["request"] == "GET /slow?s=5 HTTP/1.1"
    assert conn.getresponse().status == 200
    conn.close()


def test_service_without_a_ready_worker_is_alive_and_not_ready(box):
    box.expect_log(r"Exception in worker process|worker exited|WORKER|failed to boot|Traceback|Error|raise|on purpose")
    app = box.copy_app(PLAIN)
    server = box.gserve("--admin", "127.0.0.1:0", workers=1, chdir=app)
    admin = admin_of(server)
    with open(f"{app}/app.py", "a", encoding="utf-8") as code:
        code.write("\nraise RuntimeError('broken on purpose')\n")
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_for(lambda: web.request(admin, "/readyz").text == "not serving: 0 of 1 workers ready\n", "it is not ready")
    assert web.request(admin, "/livez").status == 200
    wait_for(lambda: exits(admin).get("boot-failure", 0) >= 1, "failed boots are counted")
    assert exits(admin)["crash"] == 1


# --- what it tells ---
def keys(thing):
    if isinstance(thing, dict):
        return {name: keys(each) for name, each in thing.items()}
    return [keys(each) for each in thing[:1]] if isinstance(thing, list) else None


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_status_has_the_keys_and_words_of_gservectl(box, options):
    server, admin = with_admin(box, *options, workers=2)
    told, shown = server.status(), json.loads(web.request(admin, "/status.json").text)
    assert keys(shown) == keys(told)
    for name in ("name", "pid", "version", "generation", "target", "ready", "state", "listeners", "pools", "last_incident"):
        assert shown[name] == told[name]
    assert [worker["pid"] for worker in shown["workers"]] == [worker["pid"] for worker in told["workers"]]


def test_requests_durations_and_errors_are_counted(box):
    box.expect_log("on purpose|Traceback|Error")
    server, admin = with_admin(box)
    before = value(admin, "gserve_requests_total")
    for path in ("/", "/", "/slow?s=0.3", "/fail"):
        server.get(path)
    wait_for(lambda: value(admin, "gserve_requests_total") == before + 4, "four requests are counted")
    assert value(admin, "gserve_request_errors_total") == 1
    assert value(admin, "gserve_request_duration_seconds_count") == before + 4
    fast = value(admin, "gserve_request_duration_seconds_bucket", le="0.25")
    assert value(admin, "gserve_request_duration_seconds_bucket", le="+Inf") - fast >= 1
    assert value(admin, "gserve_request_duration_seconds_sum") >= 0.3
    assert value(admin, "gserve_connections_total") >= 4


def test_no_count_goes_back_when_workers_go_or_the_program_is_upgraded(box):
    server, admin = with_admin(box)
    for _ in range(5):
        server.get()
    wait_for(lambda: value(admin, "gserve_requests_total") == 5, "five requests are counted")
    server.ctl("reload")
    server.wait_workers(1)
    assert value(admin, "gserve_requests_total") == 5
    os.kill(server.workers()[0], signal.SIGKILL)
    box.expect_log("killed by SIGKILL")
    server.log.wait("killed by SIGKILL")
    server.wait_workers(1)
    server.ctl("upgrade")
    server.get()
    wait_for(lambda: value(admin, "gserve_requests_total") == 6, "the sixth request is counted")
    assert value(admin, "gserve_request_duration_seconds_count") == 6
    assert exits(admin) == {"drained": 1, "crash": 1}
    assert value(admin, "gserve_jobs_total", kind="reload", result="done") == 1
    assert value(admin, "gserve_jobs_total", kind="upgrade", result="done") == 1
    assert value(admin, "gserve_incidents_total") == 1


def test_exits_are_counted_by_reason(box):
    box.expect_log("WORKER TIMEOUT|after its timeout|left its stacks|Fatal Python error|File|Thread|broken on purpose|Traceback"
                   "|failed to boot|reload failed|Error|Exception in worker process|worker exited with code 3")
    app = box.copy_app(PLAIN)
    server = box.gserve("--admin", "127.0.0.1:0", "--timeout", "4", "--max-requests", "3", workers=1, chdir=app)
    admin = admin_of(server)
    with contextlib.suppress(OSError):
        server.get("/lock")
    wait_for(lambda: exits(admin) == {"timeout": 1}, "the timeout is counted", 30)
    server.wait_workers(1)
    for _ in range(3):
        server.get()
    wait_for(lambda: exits(admin) == {"timeout": 1, "recycled": 1}, "the recycled worker is counted", 30)
    with open(f"{app}/app.py", "a", encoding="utf-8") as code:
        code.write("\nraise RuntimeError('broken on purpose')\n")
    server.ctl("reload", expect=1)
    wait_for(lambda: value(admin, "gserve_jobs_total", kind="reload", result="failed") == 1, "the reload is counted")
    assert exits(admin)["boot-failure"] == 1


def test_workers_are_told_by_state_with_their_slots_and_memory(box):
    server, admin = with_admin(box, "--threads", "3", workers=2)
    assert value(admin, "gserve_workers", state="ready") == 2
    assert {labels["state"] for labels, _ in metrics(admin)["gserve_workers"]} == {
        "starting", "ready", "draining", "aborting", "killing", "spare"}
    assert value(admin, "gserve_workers_target") == 2
    assert value(admin, "gserve_request_slots") == 6
    assert value(admin, "gserve_workers_resident_memory_bytes") > 5 * MIB
    assert value(admin, "process_resident_memory_bytes") > MIB
    assert value(admin, "gserve_state", state="running") == 1
    assert server.running()


def test_waiting_connections_are_told_by_listener(box):
    server, admin = with_admin(box, "--worker-connections", "1")
    busy = web.connection(server.address)
    busy.request("GET", "/slow?s=5")
    wait_for(lambda: value(admin, "gserve_busy_ratio") == 1, "the worker is busy")
    waiting = [web.raw_socket(server.address) for _ in range(3)]
    wait_for(lambda: value(admin, "gserve_accept_queue_connections", listener=server.address) >= 3, "three wait")
    for each in waiting:
        each.close()
    assert busy.getresponse().status == 200
    busy.close()


# --- how ---
@pytest.mark.parametrize("request_line, headers, status", [
    ("GET /nowhere HTTP/1.1", "Host: localhost", 404), ("POST /livez HTTP/1.1", "Host: localhost", 405),
    ("GET /livez HTTP/1.1", "Host: evil.example", 403), ("GET /livez HTTP/1.1", "Host: 127.0.0.1:80", 200),
    ("GET /livez HTTP/1.1", "Host: [::1]:80", 200), ("HEAD /metrics HTTP/1.1", "Host: localhost", 200),
    ("GET /livez?x=1 HTTP/1.0", "X: y", 200), ("GET /livez HTTP/9.9", "Host: localhost", 400), ("nonsense", "X: y", 400),
    ("GET /livez HTTP/1.1", "X: " + "y" * 9000, 400), ("POST /livez HTTP/1.1", "Content-Length: 5", 400)])
def test_requests_that_are_not_wanted_are_answered_so(box, request_line, headers, status):
    server, admin = with_admin(box)
    answer = web.raw_exchange(admin, f"{request_line}\r\n{headers}\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == str(status).encode(), answer
    if request_line.startswith("HEAD"):
        assert body == b"" and re.search(rb"Content-Length: [1-9]", head)
    assert web.request(admin, "/livez").status == 200
    assert server.running()


def test_connection_is_kept_for_the_next_request(box):
    _, admin = with_admin(box)
    conn = web.connection(admin)
    for path in ("/livez", "/metrics", "/status.json", "/"):
        assert web.exchange(conn, path).status == 200
    conn.close()


def test_silent_clients_keep_nobody_out(box):
    server, admin = with_admin(box)
    silent = [web.raw_socket(admin) for _ in range(40)]
    assert web.request(admin, "/livez").status == 200
    for each in silent:
        each.close()
    assert server.get().status == 200


def test_greedy_clients_neither_stop_the_supervision_nor_take_more_than_a_part_of_its_time(box):
    server, admin = with_admin(box, workers=2)
    stop = threading.Event()

    def greedy():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                web.request(admin, "/metrics")

    clients = [threading.Thread(target=greedy) for _ in range(8)]
    for each in clients:
        each.start()
    try:
        before = server.workers()[0]
        os.kill(before, signal.SIGKILL)
        box.expect_log("killed by SIGKILL")
        wait_for(lambda: before not in server.workers() and len(server.workers()) == 2, "the dead worker is replaced", 20)
        server.ctl("reload")
    finally:
        stop.set()
        for each in clients:
            each.join()
    server.wait_workers(2)


def test_address_survives_an_upgrade_under_load(box):
    server, admin = with_admin(box, workers=2)
    with Load(server.address, clients=4) as load:
        load.wait_answers(50)
        server.ctl("upgrade")
        load.wait_answers(100)
        load.stop()
    assert web.request(admin, "/readyz").text == "ok\n"
    assert value(admin, "gserve_requests_total") >= 100
    assert json.loads(web.request(admin, "/status.json").text)["pid"] == server.pid


def test_use_of_the_admin_address_leaves_nothing_in_the_supervisors_memory(box):
    server, admin = with_admin(box, workers=4)

    def use(times):
        for path in ("/", "/metrics", "/status.json", "/livez", "/nowhere") * times:
            web.request(admin, path)
        return procfs.rss_bytes(server.pid)

    before = use(10)
    assert use(60) - before < procfs.growth(1)


def test_dashboard_is_one_page_that_loads_nothing_from_elsewhere(box):
    _, admin = with_admin(box)
    first, second = web.request(admin, "/"), web.request(admin, "/")
    policy = first.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy).group(1)
    assert f'<script nonce="{nonce}">' in first.text and f'<style nonce="{nonce}">' in first.text
    assert "@NONCE@" not in first.text and nonce not in second.text
    assert policy.startswith("default-src 'none'") and "connect-src 'self'" in policy
    assert not re.search(r"(src|href)=\"(?!data:)", first.text) and "//" not in re.sub(r"// .*", "", first.text)
