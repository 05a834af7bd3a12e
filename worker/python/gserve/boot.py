# SPDX-License-Identifier: MIT
"""What a worker and a template have in common: their life, loading the application, and the exit codes."""
import contextlib
import sys

from gserve import _gserve, app_loader
from gserve.code_watch import FailingApp
from gserve.configuration import OF_WORKERS, UnusableConfiguration
from gserve.log import ConfigurationError, format_exception

EXIT_DRAINED = 0
EXIT_FAILED = 1
EXIT_BOOT_FAILED = 3
EXIT_APP_NOT_FOUND = 4
EXIT_INTERRUPTED = 130


class StopNow(SystemExit):
    """Raised by a signal's handler, wherever the main thread is."""


class BootFailure(Exception):
    """Why the worker cannot serve, for the log and the supervisor."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code = code
        self.reason = reason

    @classmethod
    def by(cls, error):
        return cls(EXIT_BOOT_FAILED, "Exception in worker process\n" + format_exception(error))


def load_app(launch, log, configuration, before_import=lambda: None):
    """Loads `configuration`, sets up logging, imports and returns the application, or with `--reload` what stands in for
    one that cannot be loaded. Raises BootFailure."""
    try:
        return import_app(launch, log, configuration, before_import)
    except BootFailure as failure:
        if not launch.settings.get("reload"):
            raise
        return FailingApp(failure.reason, failure)


def import_app(launch, log, configuration, before_import):
    settings = launch.settings
    with boot_failures():
        configuration.load(settings, OF_WORKERS)
        app_loader.set_import_path(settings)
        from gserve import logging_setup  # not earlier: it imports what gevent patches
        logging_setup.set_up(log, launch, configuration.objects)
        if settings.get("spew"):
            from gserve import spew
            spew.start()
        before_import()
        return app_loader.load_configured(settings)


@contextlib.contextmanager
def boot_failures():
    """What is raised inside means that the worker cannot serve: it goes on as a BootFailure."""
    try:
        yield
    except (StopNow, BootFailure):
        raise
    except (ConfigurationError, UnusableConfiguration) as error:
        raise BootFailure(EXIT_BOOT_FAILED, str(error)) from None
    except app_loader.AppImportError as error:
        raise BootFailure(EXIT_APP_NOT_FOUND, str(error)) from None
    except BaseException as error:  # sys.exit() in a module is a failure to load it, too
        raise BootFailure.by(error) from None


def status_of(leaving):
    """The exit status that Python gives a SystemExit."""
    code = leaving.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return EXIT_FAILED


def show_title(role, settings):
    """What ps shows of this process, in the room of its arguments."""
    del sys.argv[1:]  # only there to make room
    _gserve.set_process_title(f"gserve: {role} [{settings.get('proc_name') or '?'}]")


def flush_stdio():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed or replaced by the application


def live(role):
    """Lives `role` and what follows from it: a worker may become a template, and in each process that a template forks
    a worker follows. Returns the exit code. A loop: nothing may pile up where that goes on for ever."""
    while True:
        following = role.run()
        if following is None:
            return role.code
        role = following


def hide_main_module():
    """multiprocessing's spawn and forkserver import the main module again in their children. Ours is not on their
    path, and nothing of the application is in it."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__
