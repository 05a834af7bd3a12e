# SPDX-License-Identifier: MIT
"""The worker's life: take over what the supervisor passed, load the application, serve, drain, end.

Started as `python3 -P -m gserve.worker`.
"""
import faulthandler
import os
import sys

from gserve import _gserve, app_loader, files, server_settings
from gserve.forks import ForkGuard
from gserve.launch import LaunchError, take_launch
from gserve.log import ErrorLog, ErrorStream, LogFile, format_exception
from gserve.notify import Notifier
from gserve.signals import Signals

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


class Worker:
    def __init__(self, launch):
        self.launch = launch
        self.log = ErrorLog(LogFile(launch.fd("errorlog")), launch.settings.get("loglevel") or "info")
        self.notifier = Notifier(launch.notify_socket, launch.launch_id)
        self.server = None  # set while it runs
        self.starting = False  # the I/O thread may have accepted already, but nobody serves yet
        self.deferred = None  # what a signal asked for meanwhile
        self.stopping = False
        self.signals = Signals(self.drain, self.stop)
        ForkGuard(launch, self.log.file, self.notifier, self.signals)

    # --- signals: called between two bytecodes of whatever runs on the main thread ---
    def drain(self):
        if self.starting:
            self.deferred = self.deferred or self.drain
            return
        if self.server is None:
            self.stop()
        self.server.drain()
        self.notifier.stopping()

    def stop(self):
        if self.starting:
            self.deferred = self.stop
            return
        self.stopping = True
        if self.server is not None:
            self.server.stop()
        raise StopNow(EXIT_DRAINED)

    # --- life ---
    def run(self):
        """Serves until there is nothing more to do and returns the exit code."""
        try:
            self.dump_stacks_on_crash()
            app = self.load_app()
            self.dump_stacks_on_crash()  # the application may have set handlers of its own
            self.check_health(app)
            return self.serve(app)
        except BootFailure as failure:
            self.log.error(failure.reason)
            self.notifier.boot_error(failure.reason)
            return failure.code
        except SystemExit as leaving:
            return self.exit_code(leaving)
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except Exception as error:
            self.log.exception("Exception in worker process", error)
            return EXIT_FAILED

    def load_app(self):
        try:
            app_loader.set_import_path(self.launch.settings)
            return app_loader.load_app(self.launch.settings.get("wsgi_app") or "")
        except StopNow:
            raise
        except app_loader.AppImportError as error:
            raise BootFailure(EXIT_APP_NOT_FOUND, str(error)) from None
        except BaseException as error:  # sys.exit() in a module is a failure to load it, too
            raise BootFailure.by(error) from None

    def check_health(self, app):
        target = self.launch.settings.get("health_check")
        if not target:
            return
        from gserve import health  # its imports are paid for only where it is used
        try:
            health.check(app, target, ErrorStream(self.log.file))
        except StopNow:
            raise
        except health.Unhealthy as problem:
            raise BootFailure(EXIT_BOOT_FAILED, str(problem)) from None
        except BaseException as error:
            raise BootFailure.by(error) from None

    def start_server(self):
        """A signal in here waits: leaving at once would drop connections that the I/O thread has accepted."""
        self.starting = True
        try:
            self.server = self.make_server()
        finally:
            self.starting = False

    def make_server(self):
        for listener in self.launch.listeners:
            os.set_blocking(listener, False)
        try:
            server = _gserve.Server(self.server_config(),
                                    server_settings.environ_config(self.launch.settings, self.log.file), self.hooks())
            server.start()
            return server
        except Exception as error:
            raise BootFailure.by(error) from None

    def server_config(self):
        return server_settings.server_config(self.launch, self.log, self.notifier, self.signals.wakeup_fd)

    def serve(self, app):
        self.start_server()
        server = self.server
        try:
            if self.deferred:
                self.deferred()
            self.notifier.ready()
            server.run_sync(app)
            return EXIT_DRAINED
        except BaseException:
            server.stop()
            raise
        finally:
            server.join()

    def dump_stacks_on_crash(self):
        incident = self.launch.fd("incident")
        if incident >= 0:
            faulthandler.enable(file=incident, all_threads=True)

    # --- what the extension calls ---
    def hooks(self):
        return {
            "on_error": self.on_error,
            "on_stray_child": self.on_stray_child,
            "file_region": files.file_region,
            "make_socket": files.duplicate_socket,
        }

    def on_error(self, line, error, head_sent):
        if self.stopping and isinstance(error, StopNow):
            self.log.warning(f"Request cut by a quick stop: {line}")
            return
        answer = "cut, for its head was sent" if head_sent else "500"
        self.log.exception(f"Error handling request {line} (answer: {answer})", error)

    def on_stray_child(self, error):
        """A process that the application forked inside a request came back into the server: it must not answer."""
        code = EXIT_DRAINED
        if isinstance(error, SystemExit):
            code = status_of(error)
        elif error is not None:
            self.log.exception("Exception in a process forked by the application", error)
            code = EXIT_FAILED
        flush_stdio()
        os._exit(code)

    def exit_code(self, leaving):
        code = status_of(leaving)
        if code in (EXIT_BOOT_FAILED, EXIT_APP_NOT_FOUND):
            self.log.warning(f"The application ended the worker with exit code {code}, which would mean that it failed "
                             f"to boot; using {EXIT_FAILED}")
            return EXIT_FAILED
        return code


def status_of(leaving):
    """The exit status that Python gives a SystemExit."""
    code = leaving.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return EXIT_FAILED


def flush_stdio():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # closed or replaced by the application


def forget_main_module():
    """multiprocessing's spawn and forkserver import the main module again in their children. Ours is not on their
    path, and nothing of the application is in it."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__


def main():
    try:
        launch = take_launch(os.environ)
    except LaunchError as error:
        print(f"gserve.worker: {error}", file=sys.stderr)
        return EXIT_FAILED
    forget_main_module()
    worker = Worker(launch)
    code = worker.run()
    # Finalization waits for the application's threads; if they never end, the stacks go to the log and so do we.
    limit = launch.settings.get("graceful_timeout") or 30
    faulthandler.dump_traceback_later(limit, exit=True, file=worker.log.file.fd)
    return code


if __name__ == "__main__":
    sys.exit(main())
