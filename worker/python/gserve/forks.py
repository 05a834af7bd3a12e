# SPDX-License-Identifier: MIT
"""Fork hygiene: processes that the application forks keep nothing of the worker."""
import faulthandler
import os
import signal
import threading


class ForkGuard:
    """Registered before the application is imported, so that in a child it runs before the application's own hooks
    could open descriptors with the numbers of ours. The extension closes the server's descriptors itself, in
    pthread_atfork."""

    def __init__(self, launch, log_file, notifier, signals):
        self._launch = launch
        self._log_file = log_file
        self._notifier = notifier
        self._signals = signals
        self._masks = {}  # by thread: what to restore after its fork
        os.register_at_fork(before=self._block_signals, after_in_parent=self._restore_signals,
                            after_in_child=self._clean)

    def _block_signals(self):
        """A signal for the child that came before its handlers are reset would run ours, or be forgotten by Python's
        own clean-up: multiprocessing terminates children so soon, and then waits for them for ever."""
        self._masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals.numbers())

    def _restore_signals(self):
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.pop(threading.get_ident()))

    def _clean(self):
        try:
            self._drop_everything()
        finally:
            self._restore_signals()

    def _drop_everything(self):
        faulthandler.disable()
        self._signals.reset_in_child()
        self._notifier.close()
        self._log_file.fd = 2
        for fd in [*self._launch.open_fds(), self._signals.wakeup_fd]:
            try:
                os.close(fd)
            except OSError:
                pass  # the extension has closed it
