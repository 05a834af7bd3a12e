# SPDX-License-Identifier: MIT
"""Reads what the supervisor passes to a worker: the launch contract (common/launch_contract.h)."""
import json
import os
import sys

FIRST_FD = 3
OWN_VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "GSERVE_LAUNCH_ID", "GSERVE_PYTHON_DIR")
REQUIRED = ("settings",)


class LaunchError(Exception):
    """The process was not started by the rules of the launch contract."""


class Launch:
    """The descriptors, settings and addresses of this launch."""

    def __init__(self, fds, settings, notify_socket, launch_id):
        self.listeners = fds.get("listener", [])
        self._fds = fds
        self.settings = settings
        self.notify_socket = notify_socket
        self.launch_id = launch_id

    def fd(self, name):
        """The descriptor called `name`, or -1."""
        return self._fds.get(name, [-1])[0]

    def close(self, name):
        for fd in self._fds.pop(name, []):
            os.close(fd)

    def open_fds(self):
        return [fd for fds in self._fds.values() for fd in fds]


def take_launch(environ):
    """Reads the contract out of `environ` and removes it from there, so that neither the application nor its
    subprocesses see it."""
    fds = _named_fds(environ)
    for name in REQUIRED:
        if name not in fds:
            raise LaunchError(f"LISTEN_FDNAMES names no '{name}' descriptor")
    launch = Launch(fds, _read_settings(fds["settings"][0]), environ.get("NOTIFY_SOCKET"),
                    environ.get("GSERVE_LAUNCH_ID", ""))
    launch.close("settings")
    _leave_import_path(environ)
    for name in OWN_VARIABLES:
        environ.pop(name, None)
    return launch


def _named_fds(environ):
    if environ.get("LISTEN_PID") != str(os.getpid()):
        raise LaunchError("LISTEN_PID is not this process; a worker is started by gserve, not by hand")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    if environ.get("LISTEN_FDS") != str(len(names)):
        raise LaunchError("LISTEN_FDS does not match LISTEN_FDNAMES")
    fds = {}
    for fd, name in enumerate(names, FIRST_FD):
        os.set_inheritable(fd, False)
        fds.setdefault(name, []).append(fd)
    return fds


def _read_settings(fd):
    size = os.fstat(fd).st_size
    data = os.pread(fd, size, 0)
    try:
        return json.loads(data)
    except ValueError as error:
        raise LaunchError(f"the settings snapshot is no JSON: {error}") from None


def _leave_import_path(environ):
    """Takes the directory of this package off the import path that the application gets. The package itself stays
    importable: its modules are found by its own __path__."""
    directory = environ.get("GSERVE_PYTHON_DIR")
    if not directory:
        return
    first, _, rest = environ.get("PYTHONPATH", "").partition(os.pathsep)
    if first == directory:
        if rest:
            environ["PYTHONPATH"] = rest
        else:
            del environ["PYTHONPATH"]
    if directory in sys.path:
        sys.path.remove(directory)
