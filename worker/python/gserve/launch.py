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

    def give(self, name, fd):
        self._fds[name] = [fd]

    def take(self, name):
        """The descriptor called `name`, which is the caller's from now on."""
        return self._fds.pop(name)[0]

    def close(self, name):
        for fd in self._fds.pop(name, []):
            os.close(fd)

    def take_tls(self):
        """Certificates and keys, or None without TLS. Once: nothing of them stays in Python's memory."""
        fd = self.fd("tls")
        if fd < 0:
            return None
        try:
            return read_json(fd, "tls")
        finally:
            self.close("tls")

    def open_fds(self):
        return [fd for fds in self._fds.values() for fd in fds]


def started_by_supervisor(environ):
    return "settings" in environ.get("LISTEN_FDNAMES", "").split(":")


def take_launch(environ):
    """Reads the contract out of `environ` and removes it from there, so that neither the application nor its
    subprocesses see it."""
    names, fds = _passed(environ)
    launch = make_launch(names, fds, environ.get("NOTIFY_SOCKET"), environ.get("GSERVE_LAUNCH_ID", ""))
    leave_import_path(environ)
    for name in OWN_VARIABLES:
        environ.pop(name, None)
    return launch


def make_launch(names, fds, notify_socket, launch_id):
    """The launch that gets `fds`, named in this order. Reads and closes its settings. Raises LaunchError."""
    named = {}
    for name, fd in zip(names, fds):
        named.setdefault(name, []).append(fd)
    for name in REQUIRED:
        if name not in named:
            raise LaunchError(f"LISTEN_FDNAMES names no '{name}' descriptor")
    launch = Launch(named, read_json(named["settings"][0], "settings"), notify_socket, launch_id)
    launch.close("settings")
    return launch


def _passed(environ):
    if environ.get("LISTEN_PID") != str(os.getpid()):
        raise LaunchError("LISTEN_PID is not this process; a worker is started by gserve, not by hand")
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    if environ.get("LISTEN_FDS") != str(len(names)):
        raise LaunchError("LISTEN_FDS does not match LISTEN_FDNAMES")
    fds = range(FIRST_FD, FIRST_FD + len(names))
    for fd in fds:
        os.set_inheritable(fd, False)
    return names, fds


def read_json(fd, name):
    """What the memory file `fd` holds. Raises LaunchError."""
    size = os.fstat(fd).st_size
    data = os.pread(fd, size, 0)
    try:
        return json.loads(data)
    except ValueError as error:
        raise LaunchError(f"the {name} snapshot is no JSON: {error}") from None


def leave_import_path(environ):
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
