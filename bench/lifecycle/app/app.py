# SPDX-License-Identifier: MIT
"""The application of the lifecycle benchmarks: Flask, some import time, and as much data as $BENCH_MIB says."""
import os
import random
import time

from flask import Flask

time.sleep(float(os.environ.get("BENCH_IMPORT_SECONDS", "0")))
DATA = [bytes([number % 251]) * 1024 for number in range(1024 * int(os.environ.get("BENCH_MIB", "0")))]
app = Flask(__name__)


@app.get("/")
def hello():
    part = random.choice(DATA) if DATA else b""  # a look into the data: its reference count is written
    return f"{os.getpid()} {len(part)}\n", {"X-Worker-Pid": str(os.getpid())}
