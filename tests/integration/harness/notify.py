# SPDX-License-Identifier: MIT
import os
import socket
import threading

from .waiting import bound


class NotifySocket:
    """Plays the service manager: receives what sd_notify(3) sends, and keeps the descriptors that it is asked to keep
    (`stored`, by name)."""

    def __init__(self, path):
        self.path = str(path)
        self.messages = []
        self.stored = {}
        self._changed = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self):
        while True:
            data, fds, _, _ = socket.recv_fds(self._socket, 65536, 64)
            if data == b"harness=end":
                return
            fields = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            with self._changed:
                self._store(fields, fds)
                self.messages.append(fields)
                self._changed.notify_all()

    def _store(self, fields, fds):
        name = fields.get("FDNAME", "stored")
        if "FDSTORE" in fields:
            self.stored.setdefault(name, []).extend(fds)
        elif fields.get("FDSTOREREMOVE"):
            self.drop(name)

    def drop(self, name):
        for fd in self.stored.pop(name, []):
            os.close(fd)

    def mark(self):
        with self._changed:
            return len(self.messages)

    def find(self, name, value=None, after=0):
        for index, message in enumerate(self.messages[after:], after):
            if name in message and (value is None or message[name] == value):
                return index, message
        return None

    def wait(self, name, value=None, after=0, seconds=20, alive=lambda: True):
        """(index, message) of the first message after `after` with NAME=value; gives up early when not alive()."""
        with self._changed:
            for _ in range(int(bound(seconds) * 10)):
                found = self.find(name, value, after)
                if found:
                    return found
                if not alive():
                    raise AssertionError(f"gserve ended before it said {name}")
                self._changed.wait(0.1)
        raise AssertionError(f"no {name}={value or '...'} within {bound(seconds)} s: {self.messages[after:]}")

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"harness=end", self.path)
        self._thread.join()
        self._socket.close()
        for name in [*self.stored]:
            self.drop(name)
