# SPDX-License-Identifier: MIT
"""The hook process: runs the hooks of gunicorn's master. See "Hooks" in common/launch_contract.h.

It lives as long as the supervisor, reloads included, so what hooks start here (a server of metrics, say) lives on, as in
gunicorn's master.
"""
import json
import os
import signal
import socket

from gserve import _gserve, app_loader
from gserve.boot import flush_stdio, show_title
from gserve.configuration import OF_MASTER, Configuration
from gserve.hook_objects import NOBODY, OtherWorker, Server
from gserve.launch import read_json
from gserve.log import format_exception, open_error_log

EXIT_FAILED = 1
LARGEST = 1 << 20  # of a message
LONGEST_REASON = 32 * 1024
# Every process may be told at once what the supervisor is told: this one goes with the supervisor, not before.
NOT_FOR_US = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Hooks:
    """The hooks of one generation, and the server object that they see."""

    def __init__(self, settings):
        self.configuration = Configuration()
        self.configuration.load(settings, OF_MASTER)
        app_loader.set_import_path(settings)
        self.server = None


class HookProcess:
    def __init__(self, launch):
        self.launch = launch
        self.log = open_error_log(launch)
        self.control = socket.socket(fileno=launch.take("hooks"))
        self.control.setblocking(True)
        self.hooks = {}  # by generation
        self.latest = None
        self.workers = {}  # OtherWorkers by launch: pre_fork and child_exit get the same one

    def run(self):
        """The exit code."""
        _gserve.die_with_parent()
        for number in NOT_FOR_US:
            signal.signal(number, lambda *_: None)
        show_title("hooks", self.launch.settings)
        try:
            self.configure(self.launch.settings)
        except BaseException as error:
            self.log.exception("Cannot run the hooks of the configuration", error)
            return EXIT_FAILED
        self.say({"ready": True})
        while self.hear():
            pass
        return 0

    def configure(self, settings):
        hooks = Hooks(settings)
        if self.log.logger is None:
            from gserve import logging_setup  # hooks get the interface of gunicorn's logger
            logging_setup.set_up(self.log, self.launch, hooks.configuration.objects)
        hooks.server = Server(settings, self.log.logger)
        self.hooks[settings["launch"]["generation"]] = hooks
        self.latest = hooks

    # --- what the supervisor says ---
    def hear(self):
        """False when it has gone."""
        text, fds, _, _ = socket.recv_fds(self.control, LARGEST, 2, socket.MSG_CMSG_CLOEXEC)
        if not text:
            return False
        message = json.loads(text)
        try:
            if "call" in message:
                self.answer(message, fds)
            elif "logs" in message:
                self.log.reopened(fds[0])
            elif "forget" in message:
                self.hooks.pop(message["forget"], None)
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def answer(self, message, fds):
        reason = None
        try:
            if message["hook"] == "configure":
                self.configure(read_json(fds[0], "settings"))
            else:
                self.call(message)
        except BaseException as error:  # sys.exit() in a hook, too: gunicorn's master would end
            reason = format_exception(error)[-LONGEST_REASON:]
            self.log.exception(f"Exception in {message['hook']} hook", error)
        flush_stdio()
        self.say({"done": message["call"], "raised": reason})

    def call(self, message):
        hooks = self.hooks.get(message["generation"]) or self.latest
        function = hooks.configuration.functions.get(message["hook"])
        if function is None:
            return
        server = hooks.server
        server.num_workers = message["workers"]
        server.worker_age = max(server.worker_age, (message.get("worker") or {}).get("age", 0))
        server.WORKERS = {pid: self.worker(server, launch, pid, age) for launch, pid, age in message["present"]}
        if message["hook"] == "child_exit":
            server.WORKERS.pop(message["worker"]["pid"], None)
        try:
            function(server, *self.arguments(server, message))
        finally:
            if message["hook"] == "child_exit":
                self.workers.pop(message["worker"]["launch"], None)

    def arguments(self, server, message):
        if message["hook"] == "nworkers_changed":
            return message["workers"], message["before"]
        worker = message.get("worker")
        return [self.worker(server, worker["launch"], worker["pid"] or NOBODY, worker["age"])] if worker else []

    def worker(self, server, launch, pid, age):
        worker = self.workers.get(launch)
        if worker is None:
            worker = self.workers[launch] = OtherWorker(server, pid, age)
        worker.pid = pid
        return worker

    def say(self, message):
        self.control.sendall(json.dumps(message).encode())
