# SPDX-License-Identifier: MIT
"""What only Python can hold of the configuration: hooks, and values that are objects. A file in Python is run again in
each process that needs them; the supervisor knows only where they are defined."""
import json
import os
import sys

from gserve.hook_signatures import ARGUMENTS

OF_WORKERS = ("post_fork", "post_worker_init", "worker_int", "worker_abort", "pre_request", "post_request", "worker_exit")
OF_MASTER = ("on_starting", "on_reload", "when_ready", "pre_fork", "pre_exec", "child_exit", "nworkers_changed", "on_exit")
OBJECT = "__object__"  # what stands for an object in the JSON of the settings, with its repr
CONFIG_MODULE = "__config__"


class UnusableConfiguration(Exception):
    """The file could be read by the supervisor's evaluation, but not here; the text says why, with the traceback."""


class Configuration:
    """`functions`: hooks by name; `objects`: settings whose value is an object, by name."""

    def __init__(self):
        self.functions = {}
        self.objects = {}

    def load(self, settings, hooks):
        """Runs the file if it defines one of `hooks` or an object. Raises UnusableConfiguration."""
        wanted = [name for name in hooks if settings.get(name)]
        objects = objects_in(settings)
        if not wanted and not objects:
            return
        from gserve import config_file  # its imports are paid for only where it is used
        location = settings["config"]
        try:
            enter_directory((settings.get("launch") or {}).get("directory"))
            module = config_file.load(location)
            self.functions = {name: config_file.find_hook(name, getattr(module, name)) for name in wanted}
            self.objects = {name: getattr(module, name) for name in objects}
        except config_file.Unreadable as error:
            raise UnusableConfiguration(f"cannot read the configuration: {error}") from None
        except Exception as error:
            raise UnusableConfiguration(config_file.failure(location, error)) from None


def objects_in(settings):
    """Names of settings whose value the snapshot cannot hold."""
    found = []
    if OBJECT in json.dumps(settings.get("logconfig_dict") or {}):
        found.append("logconfig_dict")
    if (settings.get("logger_class") or "").startswith(CONFIG_MODULE + "."):
        found.append("logger_class")
    return found


def enter_directory(directory):
    """Where gserve was started, as for the file's first evaluation. The workers' user may not be allowed there: then the
    file has to do without."""
    if not directory:
        return
    try:
        os.chdir(directory)
    except OSError:
        return
    if directory not in sys.path:
        sys.path.insert(0, directory)


def describes_hooks(settings, hooks):
    """Whether one of `hooks` is set."""
    return any(settings.get(name) for name in hooks)


assert set(OF_WORKERS + OF_MASTER) == set(ARGUMENTS)
