# SPDX-License-Identifier: MIT
"""The operating system's calls for gserve's own use. Taken before gevent could replace them in their modules: a template
and the notify socket must work whatever the application's event loop does. No module that gevent needs to be first in
(threading, socket, ssl, logging) is imported here."""
from _socket import socket as native_socket
from _thread import start_new_thread
from posix import fork, waitpid
from select import POLLIN, poll
from time import sleep

__all__ = ["POLLIN", "fork", "native_socket", "poll", "sleep", "start_new_thread", "waitpid"]
