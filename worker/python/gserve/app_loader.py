# SPDX-License-Identifier: MIT
"""Finds the application: module:variable, module:factory(arguments), dotted attributes."""
import ast
import importlib
import os
import sys


class AppImportError(Exception):
    """The module was imported, but there is no application in it by that name."""


def set_import_path(settings):
    """The working directory and the directories of the pythonpath setting lead sys.path, as in gunicorn."""
    directory = settings.get("chdir") or os.getcwd()
    os.chdir(directory)
    additions = [directory]
    additions += [os.path.abspath(path) for path in (settings.get("pythonpath") or "").split(",") if path]
    for path in additions:
        if path not in sys.path:
            sys.path.insert(0, path)


def load_app(reference):
    """Imports and returns the WSGI callable that `reference` stands for. Raises AppImportError, or whatever the
    module raises on import."""
    module_name, _, expression = reference.partition(":")
    expression = expression or "application"
    module = _import(module_name, expression)
    names, call = _parse(expression)
    target = _attribute(module, module_name, names)
    app = target if call is None else _call(target, expression, call)
    if app is None:
        raise AppImportError(f"Failed to find application object: {expression!r}")
    if not callable(app):
        raise AppImportError("Application object must be callable.")
    return app


def _import(name, expression):
    try:
        return importlib.import_module(name)
    except ImportError:
        if name.endswith(".py") and os.path.exists(name):
            raise ImportError(f"Failed to find application, did you mean '{name[:-3]}:{expression}'?") from None
        raise


def _parse(expression):
    """The dotted name as a list, and the call node if it is called."""
    problem = AppImportError(f"Failed to parse {expression!r} as an attribute name or function call.")
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise problem from None
    call = node if isinstance(node, ast.Call) else None
    if call:
        node = call.func
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        if call:
            raise AppImportError(f"Function reference must be a simple or dotted name: {expression!r}")
        raise problem
    return [node.id, *names], call


def _attribute(module, module_name, names):
    target = module
    for name in names:
        try:
            target = getattr(target, name)
        except AttributeError:
            raise AppImportError(f"Failed to find attribute {'.'.join(names)!r} in {module_name!r}.") from None
    return target


def _call(factory, expression, call):
    try:
        args = [ast.literal_eval(arg) for arg in call.args]
        kwargs = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise AppImportError(f"Failed to parse arguments as literal values: {expression!r}") from None
    try:
        return factory(*args, **kwargs)
    except TypeError as error:
        if _was_entered(factory, error):
            raise
        raise AppImportError(f"TypeError: {error}") from None


def _was_entered(factory, error):
    """Whether the error came from inside the call, rather than from arguments that do not fit."""
    code = getattr(factory, "__code__", None)
    trace = error.__traceback__.tb_next
    while trace is not None:
        if code is None or trace.tb_frame.f_code is code:
            return True
        trace = trace.tb_next
    return False
