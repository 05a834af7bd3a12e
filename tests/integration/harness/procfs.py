# SPDX-License-Identifier: MIT
"""What /proc tells about processes. Every function copes with a process that ends meanwhile."""
import ctypes
import os
import signal

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """Orphans of the tests become our children, so that none can hide."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def state(pid):
    """One letter as ps shows it (Z is a zombie); empty when there is no such process."""
    stat = _read(pid, "stat").decode(errors="replace")
    return stat.rpartition(")")[2].split()[0] if stat else ""


def alive(pid):
    return state(pid) not in ("", "Z", "X")


def parent(pid):
    stat = _read(pid, "stat").decode(errors="replace")
    return int(stat.rpartition(")")[2].split()[1]) if stat else 0


def memory(pid):
    """proc_pid_smaps_rollup(5), in bytes by name."""
    lines = _read(pid, "smaps_rollup").decode().splitlines()[1:]
    return {name: int(value.split()[0]) * 1024 for name, value in (line.split(":") for line in lines)}


def children(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        found += [int(child) for child in _read(pid, f"task/{thread}/children").split()]
    return sorted(found)


def with_environment(entry):
    """Pids of the processes started with NAME=VALUE in their environment."""
    needle = entry.encode()
    return [pid for pid in all_pids() if pid != os.getpid() and needle in _read(pid, "environ").split(b"\0")]


def command(pid):
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def fds(pid):
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return found


def maps(pid):
    """The lines of proc_pid_maps(5)."""
    return _read(pid, "maps").decode().splitlines()


def rss_bytes(pid):
    return int(_read(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(mebibytes):
    """By how much rss_bytes() may grow where nothing leaks, in bytes. The address sanitizer holds back what is freed (its
    quarantine, see ./dev)."""
    return (mebibytes + (32 if os.environ.get("GSERVE_PRELOAD") else 0)) << 20


def reap_orphans():
    """Collects exited children of ours that nobody waits for any more."""
    me = os.getpid()
    for pid in children(me):
        if state(pid) == "Z":
            os.waitpid(pid, os.WNOHANG)


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
