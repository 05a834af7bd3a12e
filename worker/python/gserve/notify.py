# SPDX-License-Identifier: MIT
"""Tells the supervisor how the worker is: datagrams as sd_notify(3) sends them."""
import json
import select
import socket
import time

PATIENCE = 0.5  # seconds; the socket's queue holds only a few datagrams
LARGEST = 60 * 1024 - 256  # of a boot error, encoded


class Notifier:
    def __init__(self, path, launch_id):
        self._launch_id = launch_id
        self._path = "\0" + path[1:] if path and path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if path else None
        if self._socket:
            self._socket.setblocking(False)

    def ready(self):
        self._send("READY=1")

    def stopping(self):
        self._send("STOPPING=1")

    def boot_error(self, text):
        self._send("X_GSERVE_BOOT_ERROR=" + _encode(text))

    def close(self):
        """In a forked child: what the application does there is not the worker's state."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _send(self, message):
        """Never blocks for long: the supervisor watches the process too, so a lost message delays but does not harm."""
        if not self._socket:
            return
        data = f"{message}\nX_GSERVE_WORKER={self._launch_id}\n".encode()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self._socket.sendto(data, self._path)
                return
            except BlockingIOError:
                # A datagram socket without a peer always polls writable, so this waits a little and tries again.
                select.select([], [], [], 0.005)
            except OSError:
                return  # the supervisor is gone


def _encode(text):
    """`text` as a JSON string of at most LARGEST bytes. What is cut is the middle: a traceback's beginning and end say
    the most."""
    encoded = json.dumps(text)
    keep = LARGEST
    while len(encoded) > LARGEST:
        encoded = json.dumps(f"{text[:keep // 4]}\n[...]\n{text[-(keep * 3 // 4):]}")
        keep //= 2
    return encoded
