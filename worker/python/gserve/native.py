# SPDX-License-Identifier: MIT
"""The operating system's calls for gserve's own use. Taken before gevent could replace them in their modules: a template
and the notify socket must work whatever the application's event loop does. No module that gevent needs to be first in
(threading, socket, ssl, logging) is imported here."""
from _socket import socket as native_socket
from posix import fork, waitpid
from select import poll
from time import sleep

__all__ = ["fork", "native_socket", "poll", "sleep", "waitpid"]
