# SPDX-License-Identifier: MIT
"""Tells the supervisor how the worker is: datagrams as sd_notify(3) sends them."""
import _socket
import json

from gserve.native import native_socket

PATIENCE = 0.5  # seconds; the socket's queue holds only a few datagrams
LARGEST = 60 * 1024 - 256  # of a boot error, encoded


class Notifier:
    def __init__(self, path, launch_id):
        self._launch_id = launch_id
        self._socket = _connected(path) if path else None

    @property
    def fd(self):
        """The connected socket, for the extension; -1 when nobody listens."""
        return self._socket.fileno() if self._socket else -1

    def message(self, text):
        """The datagram that says `text`."""
        return f"{text}\nX_GSERVE_WORKER={self._launch_id}\n"

    def ready(self):
        self._send("READY=1")

    def stopping(self):
        self._send("STOPPING=1")

    def boot_error(self, text):
        self._send("X_GSERVE_BOOT_ERROR=" + _encode(text))

    def changed(self, path, stamp):
        """A file that was loaded is another one now."""
        self._send("X_GSERVE_CHANGED=" + json.dumps(f"{stamp} {path}"))

    def wants_to_leave(self):
        """A hook has said so: another worker is to take the place of this one first."""
        self._send("X_GSERVE_RECYCLE=hook")

    def close(self):
        """In a forked child: what the application does there is not the worker's state."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _send(self, message):
        """Never blocks for long: the supervisor watches the process too, so a lost message delays but does not harm."""
        if not self._socket:
            return
        try:
            self._socket.send(self.message(message).encode())
        except OSError:
            pass  # the supervisor is gone, or has not read for too long


def _connected(path):
    notify_socket = native_socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    notify_socket.settimeout(PATIENCE)
    try:
        notify_socket.connect("\0" + path[1:] if path.startswith("@") else path)
    except OSError:  # the supervisor is gone
        notify_socket.close()
        return None
    return notify_socket


def _encode(text):
    """`text` as a JSON string of at most LARGEST bytes. What is cut is the middle: a traceback's beginning and end say
    the most."""
    encoded = json.dumps(text)
    keep = LARGEST
    while len(encoded) > LARGEST:
        encoded = json.dumps(f"{text[:keep // 4]}\n[...]\n{text[-(keep * 3 // 4):]}")
        keep //= 2
    return encoded
