# SPDX-License-Identifier: MIT
"""Never finishes importing: what --boot-timeout is for."""
import threading

threading.Event().wait()
