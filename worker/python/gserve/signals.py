# SPDX-License-Identifier: MIT
"""The worker's signals, as Python handlers: applications may look at them with signal.getsignal and replace them."""
import os
import signal

DRAIN = (signal.SIGTERM,)
STOP = (signal.SIGINT, signal.SIGQUIT)
REOPEN = (signal.SIGUSR1,)
# Not SIG_IGN, which the programs that the application starts would inherit.
IGNORED = (signal.SIGHUP, signal.SIGWINCH)
# These must not interrupt system calls of the application's C libraries: nothing is in a hurry.
UNHURRIED = DRAIN + REOPEN + IGNORED


class Signals:
    """Handles the signals from now on. The numbers of signals that arrive can be read from `wakeup_fd`: the I/O
    thread reads them there and wakes the main thread."""

    def __init__(self, on_drain, on_stop, on_reopen):
        self.wakeup_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers = {}
        self.handle(on_drain, on_stop, on_reopen)

    def handle(self, on_drain, on_stop, on_reopen):
        """From now on like this, whoever handled them before."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        self._handle(DRAIN, lambda number, frame: on_drain())
        self._handle(STOP, lambda number, frame: on_stop())
        self._handle(REOPEN, lambda number, frame: on_reopen())
        self._handle(IGNORED, _ignore)
        for number in UNHURRIED:
            signal.siginterrupt(number, False)

    def handle_abort(self, on_abort):
        """In place of faulthandler, which does not see what waits in an event loop."""
        self._handle((signal.SIGABRT,), lambda number, frame: on_abort())

    def leave_abort(self):
        """To whoever handles it next. Whether it was handled here."""
        handled = self._handlers.pop(signal.SIGABRT, None) is not None
        if handled:
            signal.signal(signal.SIGABRT, signal.SIG_DFL)
        return handled

    def _handle(self, numbers, handler):
        for number in numbers:
            signal.signal(number, handler)
            self._handlers[number] = handler

    def numbers(self):
        """The signals that are handled."""
        return self._handlers.keys()

    def reset_in_child(self):
        """A forked child of the application takes its signals as a new process does."""
        wakeup = signal.set_wakeup_fd(-1)
        if wakeup != self._write_fd:
            signal.set_wakeup_fd(wakeup)  # the application's own
        os.close(self._write_fd)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _ignore(number, frame):
    pass
