# SPDX-License-Identifier: MIT
"""Starts the programs where pip has installed them: inside this package, from a wheel.

A process of Python becomes the program (execve(2)): its pid and its descriptors stay."""
import os
import sys

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")


def run(name):
    """Becomes the program `name`. Workers run in the interpreter that this is, unless $GSERVE_PYTHON or --python say
    another one."""
    path = os.path.join(DIRECTORY, name)
    os.environ.setdefault("GSERVE_PYTHON", sys.executable)
    try:
        os.execv(path, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: cannot run {path}: {error.strerror}; is it installed by pip? Else run {name} itself")


def gserve():
    run("gserve")


def gservectl():
    run("gservectl")
