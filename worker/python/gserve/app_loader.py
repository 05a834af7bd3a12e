# SPDX-License-Identifier: MIT
"""Finds the application: module:variable, module:factory(arguments), dotted attributes."""
import ast
import importlib
import os
import re
import sys
from dataclasses import dataclass, field


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


@dataclass
class Reference:
    """`module:path.to.variable` or `module:path.to.factory(arguments)`; without a colon the variable is `application`."""
    FORM = re.compile(r"(?P<names>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*(?P<arguments>\(.*\))?", re.DOTALL)

    module: str
    path: str
    names: list
    called: bool = False
    args: list = field(default_factory=list)
    kwargs: dict = field(default_factory=dict)

    @classmethod
    def parse(cls, text):
        """Raises AppImportError when `text` is no reference."""
        module, _, path = text.partition(":")
        path = path.strip() or "application"
        form = cls.FORM.fullmatch(path)
        if not form:
            raise AppImportError(f"Cannot read the application reference {path!r}: give a name, a dotted name, or a call "
                                 "of one with literal arguments, as in module:factory('production')")
        reference = cls(module, path, form["names"].split("."))
        if form["arguments"]:
            reference.called = True
            reference.args, reference.kwargs = literal_arguments(path, form["arguments"])
        return reference

    def follow(self, module):
        """The object that the names lead to."""
        target = module
        for depth, name in enumerate(self.names, 1):
            try:
                target = getattr(target, name)
            except AttributeError:
                reached = ".".join(self.names[:depth])
                raise AppImportError(f"Cannot find {reached!r} in the module {self.module!r}, looking for the application "
                                     f"{self.path!r}") from None
        return target


def literal_arguments(path, arguments):
    """(args, kwargs) of the text "(...)". Only literals: what is on the command line is not run as code."""
    try:
        call = ast.parse("factory" + arguments, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("more than one call")
        if any(keyword.arg is None for keyword in call.keywords):
            raise ValueError("** is no literal")
        return ([ast.literal_eval(arg) for arg in call.args],
                {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords})
    except (SyntaxError, ValueError):
        raise AppImportError(f"Cannot read the arguments of the application factory {path!r}: only literals can be given "
                             "(strings, numbers, True, None, lists, ...)") from None


def load_configured(settings):
    """The application that the settings name."""
    if settings.get("paste"):
        return load_paste_app(settings["paste"], settings.get("raw_paste_global_conf") or [])
    return load_app(settings.get("wsgi_app") or "")


def load_paste_app(location, variables):
    """The application of a PasteDeploy file, FILE or FILE#NAME, relative to the working directory."""
    try:
        from paste.deploy import loadapp
    except ImportError as error:
        raise AppImportError(f"--paste needs the package PasteDeploy, which {sys.executable} cannot import ({error}): install it "
                             "there (pip install PasteDeploy, or Debian's python3-pastedeploy)") from None
    if not os.path.exists(location.partition("#")[0]):
        raise AppImportError(f"There is no PasteDeploy file {os.path.abspath(location.partition('#')[0])!r}: give --paste the "
                             "path of one, from the directory that --chdir names")
    return loadapp("config:" + os.path.abspath(location), global_conf=dict(map(paste_variable, variables)))


def paste_variable(text):
    """NAME=VALUE, where \\= is no separator."""
    name, value = re.split(r"(?<!\\)=", text, maxsplit=1)
    return name.replace("\\=", "="), value.replace("\\=", "=")


def load_app(text):
    """Imports and returns the WSGI callable that the reference `text` stands for. Raises AppImportError, or whatever
    the module or the factory raises."""
    reference = Reference.parse(text)
    found = reference.follow(import_module(reference.module))
    app = make_app(found, reference) if reference.called else found
    if app is None:
        raise AppImportError(f"The application {text!r} is None")
    if not callable(app):
        raise AppImportError(f"The application {text!r} is not callable: it is of type {type(app).__name__}")
    return app


def import_module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        if name.endswith(".py") and os.path.exists(name):
            raise ImportError(f"Cannot import {name!r}: give the module's name, {name[:-3]!r}, not its file") from None
        raise


def make_app(factory, reference):
    try:
        return factory(*reference.args, **reference.kwargs)
    except TypeError as error:
        if error.__traceback__.tb_next is not None:
            raise  # from inside the factory
        # Raised by the call itself: it cannot be called, or not with these arguments.
        raise AppImportError(f"Cannot call the application factory {reference.path!r}: {error}") from None
