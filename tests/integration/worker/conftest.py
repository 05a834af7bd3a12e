# SPDX-License-Identifier: MIT
import os
import shutil
import tempfile

import pytest

from worker_process import APPS, WorkerProcess


@pytest.fixture
def start_worker():
    """Starts workers as the supervisor does; whatever still runs at the end is killed."""
    started = []
    base = tempfile.mkdtemp(prefix="gserve-worker-")

    def start(app="basic:app", directory=APPS, **options):
        worker = WorkerProcess(os.path.join(base, str(len(started))), app, directory, **options)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()
    shutil.rmtree(base)
