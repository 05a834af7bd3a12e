# SPDX-License-Identifier: MIT
"""Runs a configuration file in Python and tells the supervisor, which never runs Python, what it sets.

Started as `python3 -P -m gserve.config_file`; see "Configuration" in common/launch_contract.h.
"""
import ast
import faulthandler
import importlib
import inspect
import json
import math
import os
import sys
import traceback
from importlib.machinery import SourcelessFileLoader, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location

from gserve.configuration import CONFIG_MODULE as MODULE  # gunicorn's name for it
from gserve.configuration import OBJECT
from gserve.hook_signatures import ARGUMENTS, argument_count
from gserve.launch import leave_import_path

REQUEST_FD = 3
REPLY_FD = 4
LONGEST_INTEGER = 1 << 63
OWN_FILE = __file__  # hidden later


class Unreadable(Exception):
    """Why there is nothing to run, in one line."""


# --- running the file, as gunicorn does ---
def load(location):
    """The module that PATH, file:PATH or python:MODULE stands for."""
    from gserve.logging_setup import stand_in_for_gunicorn  # what gevent patches is imported there
    stand_in_for_gunicorn()  # classes in the file may derive from its Logger
    kind, _, rest = location.partition(":")
    if kind == "python":
        return importlib.import_module(rest)
    return run_file(rest if kind == "file" else location)


def run_file(filename):
    if not os.path.exists(filename):
        raise Unreadable(f"{filename!r} doesn't exist")
    compiled = filename.endswith(".pyc")
    loader = (SourcelessFileLoader if compiled else SourceFileLoader)(MODULE, filename)
    spec = spec_from_file_location(MODULE, filename, loader=loader)
    module = module_from_spec(spec)
    sys.modules[MODULE] = module
    if compiled:
        loader.exec_module(module)
    else:
        # Not exec_module: cached bytecode passes for current when the file was edited twice within a second.
        exec(loader.source_to_code(loader.get_data(spec.origin), spec.origin), vars(module))
    return module


# --- what it sets ---
def assignments(module, kinds):
    lines = lines_of(module)
    file = os.path.abspath(getattr(module, "__file__", None) or "?")
    found = []
    for name, value in vars(module).items():
        if name not in kinds:
            continue
        where = f"{file}:{lines[name]}" if name in lines else file
        try:
            shape, value = described(name, kinds[name], value)
        except Exception as error:
            raise Unreadable(f"{where}: {name}: {error}") from None
        found.append({"name": name, "shape": shape, "value": value, "where": where})
    return found


def described(name, kind, value):
    """(shape, value), as FileValue has them (supervisor/config/file_values.h)."""
    if kind == "callable":
        return describe_function(name, value)
    if inspect.isclass(value):
        return "plain", f"{value.__module__}.{value.__qualname__}"
    if value is None or isinstance(value, bool):
        return "plain", value
    if isinstance(value, int) and -LONGEST_INTEGER <= value < LONGEST_INTEGER:
        return "plain", int(value)
    if isinstance(value, float) and math.isfinite(value):
        return "plain", value
    if is_text(value):
        return "plain", str(value)
    if isinstance(value, (list, tuple, set, frozenset)) and all(map(is_text, value)):
        return "plain", [str(item) for item in value]
    if isinstance(value, dict):
        return "dict", json.dumps(value, sort_keys=True, separators=(",", ":"), default=object_mark, skipkeys=True)
    return "other", repr(value)[:200].encode("ascii", "backslashreplace").decode()


def is_text(value):
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def object_mark(value):
    """What JSON cannot hold: workers run the file again for it (configuration.py)."""
    return {OBJECT: repr(value)}


def describe_function(name, value):
    """Where a hook is defined."""
    if value is None:
        return "plain", None
    value = find_hook(name, value)
    if not callable(value):
        return "other", repr(value)[:200].encode("ascii", "backslashreplace").decode()
    function = inspect.unwrap(value)
    code = getattr(function, "__code__", None)
    called = getattr(value, "__qualname__", type(value).__qualname__)
    return "callable", f"{os.path.abspath(code.co_filename)}:{code.co_firstlineno} {called}" if code else called


def find_hook(name, value):
    """The function that is the hook `name`. As in gunicorn it may be named: 'module.function'."""
    function = find_function(value) if isinstance(value, str) else value
    if callable(function) and name in ARGUMENTS:
        argument_count(name, function)
    return function


def find_function(path):
    module, _, name = path.rpartition(".")
    if not module:
        raise ValueError(f"{path!r} is no import path such as module.function")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cannot find {path!r}: {error}") from None


def lines_of(module):
    """The last line at which each name is assigned at the top level."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}
    lines = {}
    for statement in tree.body:
        for node in outer_nodes(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                lines[node.id] = node.lineno
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                lines[node.name] = node.lineno
            elif isinstance(node, ast.alias):
                lines[node.asname or node.name] = node.lineno
    return lines


def outer_nodes(node):
    """The node and what is below it, without what is local to a function or class."""
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from outer_nodes(child)


# --- what went wrong ---
def failure(location, error):
    """First where and why in one line, then the traceback, without our own frames."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not ours(frame.filename)]
    where = location
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{error.filename}:{error.lineno}"
    elif frames:
        of_file = [frame for frame in frames if frame.filename == config_path()] or frames
        where = f"{of_file[-1].filename}:{of_file[-1].lineno}"
    why = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    text = "".join(traceback.format_list(frames) + traceback.format_exception_only(error))
    return f"cannot read {where}: {why}\nTraceback (most recent call last):\n{text.rstrip()}"


def ours(filename):
    return filename == OWN_FILE or filename.startswith("<frozen importlib")


def config_path():
    return getattr(sys.modules.get(MODULE), "__file__", None)


def answer(request):
    location = request["location"]
    try:
        module = load(location)
        return {"settings": assignments(module, request["kinds"])}
    except Unreadable as error:
        return {"failure": f"cannot read the configuration: {error}"}
    except BaseException as error:  # sys.exit() in a configuration file is an error, too
        return {"failure": failure(location, error)}


def main():
    for fd in (REQUEST_FD, REPLY_FD):
        os.set_inheritable(fd, False)
    request = json.loads(os.pread(REQUEST_FD, os.fstat(REQUEST_FD).st_size, 0))
    leave_import_path(os.environ)
    for name in ("GSERVE_PYTHON_DIR", "LISTEN_PID"):
        os.environ.pop(name, None)
    from gserve.boot import hide_main_module  # not earlier: boot runs configuration files, too
    hide_main_module()
    if request["limit"] > 0:
        faulthandler.dump_traceback_later(request["limit"], exit=True, file=REPLY_FD)
    directory = os.environ.get("PWD") or os.getcwd()
    if directory not in sys.path:
        sys.path.insert(0, directory)
    reply = json.dumps(answer(request)).encode()
    faulthandler.cancel_dump_traceback_later()
    with open(REPLY_FD, "wb", closefd=False) as file:
        file.write(reply)
    sys.stdout.flush()
    os._exit(0)  # what the file started (threads, exit handlers) is not waited for


if __name__ == "__main__":
    main()
