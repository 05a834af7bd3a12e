# SPDX-License-Identifier: MIT
"""Logging settings that only configuration files carry."""
import json
import os

import pytest

from worker_process import APPS

LOGS = os.path.join(os.path.dirname(os.path.dirname(APPS)), "apps/logs")
CONFIG = {
    "formatters": {"mine": {"format": "MINE %(name)s %(message)s"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "mine"}},
    "root": {"handlers": ["err"]},
    "loggers": {"gunicorn.error": {"handlers": ["err"], "level": "INFO", "propagate": False},
                "gunicorn.access": {"handlers": ["err"], "level": "INFO", "propagate": False}},
}


@pytest.mark.parametrize("snapshot", [CONFIG, json.dumps(CONFIG)])
def test_logconfig_dict_configures_all_loggers(start_worker, snapshot):
    worker = start_worker("app:app", LOGS, logconfig_dict=snapshot, access_log_format="%(m)s %(U)s %(s)s")
    worker.get("/log")
    worker.log.wait("^MINE gunicorn.access GET /log 200$")
    worker.log.wait("^MINE shop the shop says$")
    assert worker.stop() == 0


def test_logconfig_dict_leaves_out_what_the_user_does_not_say(start_worker):
    """The formatters, handlers and loggers of gunicorn's own configuration stay."""
    worker = start_worker("app:app", LOGS, logconfig_dict={"root": {"level": "ERROR", "handlers": ["error_console"]}})
    worker.get("/missing")
    worker.log.wait(r'^\[.*\] \[\d+\] \[INFO\] 127\.0\.0\.1 - - .*"GET /missing HTTP/1\.1" 404')
    assert worker.stop() == 0


def test_a_wrong_logconfig_dict_says_where(start_worker):
    worker = start_worker("app:app", LOGS, logconfig_dict={"handlers": {"x": {"class": "no.such.Handler"}}}, wait=False)
    assert worker.wait_exit() == 3
    worker.log.wait(r"\[ERROR\] Cannot set up logging as the setting logconfig_dict says: ValueError: Unable to configure "
                    r"handler 'x' \(.*no")


def test_without_a_configuration_no_thread_reads_records(start_worker):
    worker = start_worker("app:app", LOGS)
    assert len(os.listdir(f"/proc/{worker.pid}/task")) == 2  # the main thread, the I/O thread
    assert worker.stop() == 0
