# SPDX-License-Identifier: MIT
"""A module whose import takes long."""
import sys
import time

print("import has begun", file=sys.stderr, flush=True)
time.sleep(60)
