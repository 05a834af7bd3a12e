# SPDX-License-Identifier: MIT
"""The worker's life: take over what the supervisor passed, load the application, serve, drain, end or become a
template.
"""
import faulthandler
import os
import signal

from gserve import _gserve, files, server_settings
from gserve.boot import (EXIT_APP_NOT_FOUND, EXIT_BOOT_FAILED, EXIT_DRAINED, EXIT_FAILED, EXIT_INTERRUPTED, BootFailure,
                         StopNow, boot_failures, flush_stdio, load_app, show_title, status_of)
from gserve.code_watch import CodeWatch, FailingApp
from gserve.configuration import Configuration
from gserve.executors import Executors
from gserve.hooks import WorkerHooks
from gserve.log import ErrorStream, open_error_log
from gserve.notify import Notifier
from gserve.patching import is_gevent
from gserve.signals import Signals
from gserve.template import Template

NOT_OF_A_TEMPLATE = ("listener", "handover_out", "handover_in", "scoreboard", "accesslog", "inotify")


class Worker:
    def __init__(self, launch, guard, app=None, log=None, configuration=None, problem=None):
        """`app`, `log`, `configuration`: the application, where a template has loaded it already, what it logs to, and its
        hooks. `problem`: why it cannot serve, found before."""
        self.problem = problem
        self.launch = launch
        self.guard = guard
        self.app = app
        self.code = EXIT_DRAINED
        self.log = log or open_error_log(launch)
        self.notifier = Notifier(launch.notify_socket, launch.launch_id)
        self.configuration = configuration or Configuration()
        self.hooks = WorkerHooks(self, self.configuration)
        self.server = None  # set while it runs
        self.access_records = None  # set while the logger is told of requests
        self.starting = False  # the I/O thread may have accepted already, but nobody serves yet
        self.deferred = None  # what a signal asked for meanwhile
        self.ending = False  # waiting for the other threads and the server: nothing may cut that short
        self.draining = False  # because of a signal
        self.stopping = False
        self.serving = False
        self.signals = Signals(self.drain, self.stop, self.reopen)
        self.greenlets = self.make_greenlets()
        guard.protect(launch, self.log.file, self.notifier, self.signals, self.greenlets)

    def make_greenlets(self):
        """With the worker class gevent: what runs requests."""
        if self.problem or not is_gevent(self.launch.settings):
            return None
        import gevent
        from gserve.greenlets import Greenlets  # only where there is gevent
        if self.app is not None:
            gevent.reinit()  # the template may have had a hub
        return Greenlets(self.log, self.launch.settings.get("graceful_timeout") or 30)

    # --- signals: called between two bytecodes of whatever runs on the main thread ---
    def drain(self):
        if self.starting:
            self.deferred = self.deferred or self.drain
            return
        if self.server is None:
            raise StopNow(EXIT_DRAINED)
        self.draining = True
        self.server.drain()
        self.notifier.stopping()

    def stop(self):
        if self.starting or self.ending:
            self.deferred = self.stop
            return
        if not self.stopping:
            self.stopping = True
            self.hooks.worker_int()
        if self.server is not None:
            self.server.stop()
            if self.serving and self.greenlets:
                return self.greenlets.stop_now()
        raise StopNow(EXIT_DRAINED)

    def reopen(self):
        if self.greenlets:
            self.greenlets.call_soon(self.log.reopen_files)  # it waits, which the hub may not
        else:
            self.log.reopen_files()

    def abort(self):
        """SIGABRT, where Python handles it: calls the hook, writes where greenlets wait, then lets faulthandler write the
        threads and end the process."""
        incident = self.launch.fd("incident")
        try:
            self.hooks.worker_abort()
            if self.greenlets and incident >= 0:
                self.greenlets.write_stacks(incident)
        finally:
            self.give_back_abort()
            os.kill(os.getpid(), signal.SIGABRT)

    def aborts_in_python(self):
        """Whether SIGABRT is to be handled here rather than by faulthandler."""
        return self.greenlets is not None or self.hooks.has("worker_abort")

    # --- life ---
    def run(self):
        """Serves until there is nothing more to do. Returns the template that this process becomes, or None: it ends
        with `code`."""
        try:
            self.load()
            self.serve(self.app)
            template = self.become_template()
            if template:
                return template
        except BootFailure as failure:
            self.log.error(failure.reason)
            self.notifier.boot_error(failure.reason)
            self.code = failure.code
        except SystemExit as leaving:
            self.code = self.exit_code(leaving)
        except KeyboardInterrupt:
            self.code = EXIT_INTERRUPTED
        except Exception as error:
            self.log.exception("Exception in worker process", error)
            self.code = EXIT_FAILED
        self.limit_the_end()  # finalization waits for the application's threads
        self.ending = True
        self.hooks.worker_exit()
        return None

    def load(self):
        show_title("worker", self.launch.settings)
        self.dump_stacks_on_crash()
        if self.problem:
            raise BootFailure(EXIT_BOOT_FAILED, self.problem)
        if self.app is None:
            self.app = load_app(self.launch, self.log, self.configuration, self.hooks.post_fork)
        else:
            with boot_failures():
                self.hooks.post_fork()
        self.dump_stacks_on_crash()  # the application may have set handlers of its own
        with boot_failures():
            self.hooks.post_worker_init(self.app)
        if self.launch.settings.get("reload"):
            self.watch_code()
        self.check_health(self.app)

    def watch_code(self):
        failure = None
        if isinstance(self.app, FailingApp):
            failure = self.app.failure
            self.log.error(self.app.reason)
        watch = CodeWatch(self.launch.settings, self.notifier.changed, self.log, failure)
        if watch.engine.fd >= 0:
            self.launch.give("inotify", watch.engine.fd)
        watch.start()

    def check_health(self, app):
        target = self.launch.settings.get("health_check")
        if not target or isinstance(app, FailingApp):
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
        self.executors = self.greenlets or Executors(server_settings.threads(self.launch.settings) - 1)
        try:
            self.server = self.make_server()
        finally:
            self.starting = False

    def make_server(self):
        from gserve.access_records import AccessRecords  # not earlier: they import what gevent patches
        from gserve.logging_setup import counts_requests, wants_access
        for listener in self.launch.listeners:
            os.set_blocking(listener, False)
        if wants_access(self.log.logger):
            self.access_records = AccessRecords(self.log)
        try:
            server = _gserve.Server(self.server_config(counts_requests(self.log.logger)),
                                    server_settings.environ_config(self.launch.settings, self.log.file),
                                    self.server_functions())
            server.start()
            return server
        except Exception as error:
            raise BootFailure.by(error) from None

    def server_config(self, logger_counts):
        """`logger_counts`: the metrics of requests are the logger's to send."""
        records = self.access_records.fd if self.access_records else -1
        return server_settings.server_config(self.launch, self.log, self.notifier, self.signals.wakeup_fd, records,
                                             not logger_counts, self.aborts_in_python())

    def serve(self, app):
        self.start_server()
        server = self.server
        executors = self.executors
        try:
            if self.deferred:
                self.deferred()
            executors.start(server, app)
            self.serving = True
            if self.aborts_in_python():
                self.signals.handle_abort(self.abort)
            self.notifier.ready()
            executors.run()
        except BaseException:
            server.stop()
            self.limit_the_end()  # other threads may still run requests
            raise
        finally:
            self.end(executors)
        executors.raise_failure()

    def end(self, executors):
        self.deferred = None
        self.ending = True
        executors.join()
        self.serving = False
        self.server.join()
        if self.access_records:
            self.access_records.close()
            self.access_records = None
        self.ending = False
        if self.deferred:
            self.deferred()

    def limit_the_end(self):
        """If it does not come to its end in time, the stacks go to the log and the process ends."""
        limit = self.launch.settings.get("graceful_timeout") or 30
        faulthandler.dump_traceback_later(limit, exit=True, file=self.log.file.fd)

    def become_template(self):
        """The template, if the drain was for that, and no signal has come since."""
        control = self.server.take_promotion()
        if control is None:
            return None
        self.give_back_abort()
        server, self.server = self.server, None  # from here on a signal ends the process at once
        if self.draining:
            raise StopNow(EXIT_DRAINED)
        server.close()
        if self.log.access_file:
            self.log.access_file.let_go()
        for name in NOT_OF_A_TEMPLATE:
            self.launch.close(name)
        if control < 0:
            raise BootFailure(EXIT_FAILED, "Cannot become a template: its control socket has not arrived (raise the limit "
                              "on open files if that is it)")
        self.launch.give("template", control)
        try:
            return Template(self.launch, self.guard, Worker, self)
        except OSError as error:
            raise BootFailure(EXIT_FAILED, f"Cannot become a template: {error}") from None

    def dump_stacks_on_crash(self):
        incident = self.launch.fd("incident")
        if incident >= 0:
            faulthandler.enable(file=incident, all_threads=True)

    def give_back_abort(self):
        """SIGABRT is faulthandler's again."""
        if self.signals.leave_abort():
            faulthandler.disable()  # else enable() would leave the handlers alone
            self.dump_stacks_on_crash()

    # --- what the extension calls ---
    def server_functions(self):
        begin_request, end_request = self.hooks.of_requests()
        return {
            "begin_request": begin_request,
            "end_request": end_request,
            "on_error": self.on_error,
            "on_stray_child": self.on_stray_child,
            "file_region": files.file_region if self.launch.settings.get("sendfile", True) else files.no_region,
            "make_socket": files.duplicate_socket,
            **self.executors.hooks(),
        }

    def on_error(self, line, error, head_sent):
        if self.stopping and isinstance(error, (StopNow, *self.executors.exits)):
            self.log.warning(f"Request cut by a quick stop: {line}")
            return
        answer = "cut, for its head was sent" if head_sent else "500"
        self.log.exception(f"Error handling request {line} (answer: {answer})", error)

    def on_stray_child(self, error):
        """A process that the application forked inside a request came back into the server: it must not answer."""
        if self.greenlets and self.greenlets.is_copy():
            self.greenlets.sleep_for_good()
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
