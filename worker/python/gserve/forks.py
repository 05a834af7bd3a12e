# SPDX-License-Identifier: MIT
"""Fork hygiene: processes that the application forks keep nothing of the worker."""
import faulthandler
import os


class ForkGuard:
    """Registered before the application is imported, so that in a child it runs before the application's own hooks
    could open descriptors with the numbers of ours. The extension closes the server's descriptors itself, in
    pthread_atfork."""

    def __init__(self, launch, log_file, notifier, signals):
        self._launch = launch
        self._log_file = log_file
        self._notifier = notifier
        self._signals = signals
        os.register_at_fork(after_in_child=self._clean)

    def _clean(self):
        faulthandler.disable()
        self._signals.reset_in_child()
        self._notifier.close()
        self._log_file.fd = 2
        for fd in [*self._launch.open_fds(), self._signals.wakeup_fd]:
            try:
                os.close(fd)
            except OSError:
                pass  # the extension has closed it
