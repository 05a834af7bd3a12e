# SPDX-License-Identifier: MIT
"""gevent's monkey patching: done before anything that it replaces is imported, by gserve or by the application."""
import sys

from gserve import native

TAKEN_BEFORE = native  # what it holds is what the patching replaces
CLASSES = ("gevent", "gevent_wsgi", "gevent_pywsgi")  # gunicorn's names; all the same here


def is_gevent(settings):
    return settings.get("worker_class") in CLASSES


def patch(settings):
    """Patches if the worker class wants it. Returns None, or why that cannot be."""
    if not is_gevent(settings):
        return None
    try:
        from gevent import monkey
    except ImportError as error:
        return (f"The worker class {settings['worker_class']} needs the package gevent, which {sys.executable} cannot import "
                f"({error}): install it there (pip install gevent, or Debian's python3-gevent), or choose another class "
                "(-k gthread)")
    monkey.patch_all()
    return None
