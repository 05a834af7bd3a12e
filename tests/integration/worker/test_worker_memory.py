# SPDX-License-Identifier: MIT
"""Nothing grows: memory, descriptors, references."""
import json

from harness import procfs, web

PATHS = ("/hello", "/raises", "/generator_free", "/closing_raises_early", "/writer", "/misuse", "/sendfile_closed",
         "/describe?x=1", "/echo")


def ask(worker, conn, number):
    path = PATHS[number % len(PATHS)]
    headers = {f"X-Header-{number}": "a header name that never comes again"}
    return web.exchange(conn, path, method="POST", body=b"x" * 100, headers=headers)


def ask_many(worker, count):
    conn = web.connection(worker.address)
    for number in range(count):
        ask(worker, conn, number)
    conn.close()


def test_memory_and_references_stay_flat(start_worker):
    worker = start_worker("counting:app", env={"PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}, loglevel="critical")
    ask_many(worker, 3000)
    before, blocks = procfs.rss_bytes(worker.pid), json.loads(worker.get("/objects").body)
    fds = len(worker.fds())
    ask_many(worker, 20_000)
    after, blocks_after = procfs.rss_bytes(worker.pid), json.loads(worker.get("/objects").body)
    assert after - before < procfs.growth(1), f"{(after - before) // 1024} KiB more"
    assert blocks_after["objects"] - blocks["objects"] < 50, (blocks, blocks_after)
    assert {name: count for name, count in blocks_after["refs"].items() if count > blocks["refs"][name] + 5} == {}
    assert len(worker.fds()) <= fds + 1
