# SPDX-License-Identifier: MIT
"""gunicorn's hooks, and what each is called with."""
import inspect

ARGUMENTS = {
    "on_starting": ("server",),
    "on_reload": ("server",),
    "when_ready": ("server",),
    "pre_fork": ("server", "worker"),
    "post_fork": ("server", "worker"),
    "post_worker_init": ("worker",),
    "worker_int": ("worker",),
    "worker_abort": ("worker",),
    "pre_exec": ("server",),
    "pre_request": ("worker", "req"),
    "post_request": ("worker", "req", "environ", "resp"),
    "child_exit": ("server", "worker"),
    "worker_exit": ("server", "worker"),
    "nworkers_changed": ("server", "new_value", "old_value"),
    "on_exit": ("server",),
}
FEWEST = {"post_request": 2}  # as in gunicorn, which passes as many as it takes


def argument_count(name, function):
    """How many of its arguments the hook `function` is called with. Raises ValueError when it cannot be called so."""
    names = ARGUMENTS[name]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return len(names)  # not written in Python: it does not say
    for count in range(len(names), FEWEST.get(name, len(names)) - 1, -1):
        if _takes(signature, count):
            return count
    raise ValueError(f"must be a function that can be called with ({', '.join(names)})")


def _takes(signature, count):
    try:
        signature.bind(*range(count))
        return True
    except TypeError:
        return False
