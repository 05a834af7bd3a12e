# SPDX-License-Identifier: MIT
"""The hooks pre_request and post_request, and the request and response that they see. Only where one of them is set."""
from gserve.hook_signatures import argument_count


class Request:
    """gunicorn's Request, with what hooks look at. A change of `headers` in pre_request reaches the application."""

    def __init__(self, environ, headers, path, cfg):
        self.method = environ["REQUEST_METHOD"]
        self.uri = environ["RAW_URI"]
        self.path = path
        self.query = environ["QUERY_STRING"]
        self.fragment = ""
        self.version = tuple(map(int, environ["SERVER_PROTOCOL"].removeprefix("HTTP/").split(".")))
        self.headers = headers
        self.trailers = []
        self.scheme = environ["wsgi.url_scheme"]
        self.remote_addr = (environ["REMOTE_ADDR"], int(environ.get("REMOTE_PORT") or -1))
        self.peer_addr = self.remote_addr
        self.body = environ["wsgi.input"]
        self.cfg = cfg


class Response:
    """gunicorn's Response, when all has been sent, or as far as it came."""

    def __init__(self, request, status, headers, headers_sent, sent):
        self.req = request
        self.cfg = request.cfg
        self.status = status
        self.headers = [(name, value.strip()) for name, value in headers or ()]
        self.headers_sent = headers_sent
        self.sent = sent
        lengths = [value for name, value in self.headers if name.lower() == "content-length"]
        self.response_length = int(lengths[0]) if lengths and lengths[0].isdigit() else None

    @property
    def status_code(self):
        return int(self.status.split(None, 1)[0]) if self.status else None


class RequestHooks:
    """What the extension calls around the application: `begin` before it, `end` when the answer is sent or has failed."""

    def __init__(self, functions, worker, log):
        self._worker = worker
        self._log = log
        self._before = functions.get("pre_request")
        self._after = functions.get("post_request")
        self._count = argument_count("post_request", self._after) if self._after else 0

    def begin(self, environ, fields, path):
        """The request, for end(). What the hook raises fails the request, as in gunicorn."""
        headers = [(name.upper(), value) for name, value in fields if "_" not in name or key_of(name.upper()) in environ]
        request = Request(environ, list(headers), path, self._worker.cfg)
        if self._before:
            try:
                self._before(self._worker, request)
            except BaseException:
                self._call_after(request, environ, None)
                raise
            if request.headers != headers:
                apply_changes(environ, variables(headers), variables(request.headers))
        return request

    def end(self, request, environ, status, headers, headers_sent, sent):
        if self._after:
            self._call_after(request, environ, Response(request, status, headers, headers_sent, sent))

    def _call_after(self, request, environ, response):
        if not self._after:
            return
        try:
            self._after(*(self._worker, request, environ, response)[:self._count])
        except Exception as error:
            self._log.exception("Exception in post_request hook", error)


def key_of(name):
    key = name.replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key


def variables(headers):
    """The environ's variables for these fields; repeated ones are joined."""
    found = {}
    for name, value in headers:
        key = key_of(name.upper())
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def apply_changes(environ, before, after):
    for key in before.keys() - after.keys():
        environ.pop(key, None)
    for key, value in after.items():
        if before.get(key) != value:
            environ[key] = value
