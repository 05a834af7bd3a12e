# SPDX-License-Identifier: MIT
import contextlib
import http.client
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from . import certificates
from .waiting import bound


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self):
        return self.body.decode()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection(address, timeout=15, context=None):
    """An unopened connection to an address as gserve logs it: http://HOST:PORT, http://[V6]:PORT, the same with https, or
    unix:PATH. `context`: of TLS; None trusts everybody."""
    if address.startswith("unix:"):
        return UnixConnection(address[len("unix:"):], bound(timeout))
    parts = urlsplit(address)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=bound(timeout),
                                           context=context or certificates.client_context())
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=bound(timeout))


def exchange(conn, path="/", method="GET", body=None, headers=None):
    """One request on an open or new connection, the whole answer read (IncompleteRead if it is cut)."""
    conn.request(method, path, body=body, headers=headers or {})
    answer = conn.getresponse()
    data = answer.read()
    return Response(answer.status, answer.headers, data)


def request(address, path="/", method="GET", body=None, headers=None, timeout=15):
    conn = connection(address, timeout)
    try:
        return exchange(conn, path, method, body, headers)
    finally:
        conn.close()


def raw_socket(address, timeout=15):
    """A connected stream socket to the address."""
    conn = connection(address, timeout)
    conn.connect()
    return conn.sock


def raw_exchange(address, data, timeout=15):
    """Sends bytes, shuts the sending side down and returns everything that comes back until the end of file."""
    with raw_socket(address, timeout) as sock:
        received = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            sock.sendall(data)
            with contextlib.suppress(OSError):  # reset already: ENOTCONN; what came before can still be read
                sock.shutdown(socket.SHUT_WR)
            while chunk := sock.recv(65536):
                received += chunk
        return received
