# SPDX-License-Identifier: MIT
import contextlib
import os
import socket
import subprocess

from .process import SOURCE
from .waiting import bound

PROGRAM = "/usr/sbin/nginx"
EXAMPLES = os.path.join(SOURCE, "examples/nginx")
# Debian's modules; everything that nginx writes is in its prefix.
MAIN = """
daemon off; pid pid; error_log error.log;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {}
"""
HTTP = """
http {
  access_log access.log; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  include %s;
}
"""


class Nginx:
    """An nginx with the configuration examples/nginx/EXAMPLE, in which `replace`, pairs of old and new text, is replaced.
    `old` must be there, so that it is the example that is tested."""

    def __init__(self, box, example, replace=()):
        self.prefix = box.directory("nginx")
        with open(os.path.join(EXAMPLES, example), encoding="utf-8") as file:
            text = file.read()
        for old, new in replace:
            assert old in text, f"{example} has no {old!r}"
            text = text.replace(old, new)
        box.write(f"nginx/{example}", text)
        is_http = not example.endswith("stream.conf")
        self.config = box.write("nginx/nginx.conf", MAIN + (HTTP % example if is_http else f"include {example};\n"))

    def check(self):
        """Lets nginx judge its configuration; returns its words."""
        done = subprocess.run([PROGRAM, "-t", "-p", self.prefix, "-c", self.config], capture_output=True, text=True,
                              timeout=bound(30), check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    @contextlib.contextmanager
    def serving(self, *listeners):
        """Runs it with these listening sockets, which its configuration names, too."""
        inherited = "".join(f"{listener.fileno()};" for listener in listeners)  # as in an upgrade of nginx
        process = subprocess.Popen([PROGRAM, "-p", self.prefix, "-c", self.config], env=os.environ | {"NGINX": inherited},
                                   pass_fds=[listener.fileno() for listener in listeners], stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.terminate()
            process.wait(bound(20))

    def errors(self):
        with open(os.path.join(self.prefix, "error.log"), encoding="utf-8") as file:
            return [line for line in file if "[error]" in line or "[emerg]" in line or "[alert]" in line]


def listener():
    """A socket on loopback that connections may wait at before nginx is up."""
    return socket.create_server(("127.0.0.1", 0))


def address_of(sock):
    return "%s:%d" % sock.getsockname()
