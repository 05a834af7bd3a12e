# SPDX-License-Identifier: MIT
import os
import re
import threading

from .waiting import bound


class LogFollower:
    """Reads the other end of gserve's standard error, line by line, in a thread. It reaches the end only when no
    process holds the log any more, so `ended` also tells that nobody was left behind."""

    def __init__(self):
        self.lines = []
        self.ended = threading.Event()
        self._changed = threading.Condition()
        self._read_fd, self.write_fd = os.pipe()
        os.set_inheritable(self.write_fd, True)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def started(self):
        """The child holds the write end now."""
        os.close(self.write_fd)
        self.write_fd = -1

    def _follow(self):
        with open(self._read_fd, encoding="utf-8", errors="backslashreplace") as lines:
            for line in lines:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        self.ended.set()
        with self._changed:
            self._changed.notify_all()

    def mark(self):
        """A position for `after=`: only later lines count."""
        with self._changed:
            return len(self.lines)

    def find(self, pattern, after=0):
        for line in self.lines[after:]:
            match = re.search(pattern, line)
            if match:
                return match
        return None

    def count(self, pattern, after=0):
        return sum(1 for line in self.lines[after:] if re.search(pattern, line))

    def wait(self, pattern, after=0, seconds=10, times=1):
        """The first match in a line after `after`, once `times` lines match."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: self.count(pattern, after) >= times or self.ended.is_set(), bound(seconds))
            if not found or self.count(pattern, after) < times:
                raise AssertionError(f"not in the log within {bound(seconds)} s: {pattern!r}\n{self.text()}")
            return self.find(pattern, after)

    def text(self):
        return "--- log of gserve ---\n" + "\n".join(self.lines) + "\n--- end of log ---"
