# SPDX-License-Identifier: MIT
"""Fork hygiene: processes that the application forks keep nothing of the worker."""
import faulthandler
import os
import signal
import threading


class ForkGuard:
    """Made before the application is imported, so that in a child it runs before the application's own hooks could
    open descriptors with the numbers of ours. The extension closes the server's descriptors itself, in
    pthread_atfork. One for each process; what it protects may change: a template becomes a worker."""

    def __init__(self):
        self._own = None  # launch, log_file, notifier, signals of this process
        self._greenlets = None
        self._masks = {}  # by thread: what to restore after its fork
        os.register_at_fork(before=self._block_signals, after_in_parent=self._restore_signals,
                            after_in_child=self._clean)

    def protect(self, launch, log_file, notifier, signals, greenlets=None):
        self._own = launch, log_file, notifier, signals
        self._greenlets = greenlets

    def release(self):
        """From now on, a fork is one of ours: the child keeps everything. Returns what protect() takes."""
        own, self._own = self._own, None
        return own

    def _block_signals(self):
        """A signal for the child that came before its handlers are reset would run ours, or be forgotten by Python's
        own clean-up: multiprocessing terminates children so soon, and then waits for them for ever."""
        if self._own:
            signals = self._own[-1]
            self._masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, signals.numbers())

    def _restore_signals(self):
        mask = self._masks.pop(threading.get_ident(), None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _clean(self):
        own = self.release()  # children of this child have nothing of ours to let go of
        if not own:
            return
        try:
            if self._greenlets:
                self._greenlets.forget()
            drop(*own)
        finally:
            self._restore_signals()


def drop(launch, log_file, notifier, signals):
    """Lets go, in a forked child, of everything that belongs to its parent as a process of gserve."""
    faulthandler.disable()
    signals.reset_in_child()
    notifier.close()
    log_file.let_go()
    for fd in [*launch.open_fds(), signals.wakeup_fd]:
        try:
            os.close(fd)
        except OSError:
            pass  # the extension has closed it
