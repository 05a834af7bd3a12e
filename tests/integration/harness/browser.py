# SPDX-License-Identifier: MIT
"""What a person's browser does: keeps cookies, fills in forms, follows redirects if told to."""
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from .waiting import bound
from .web import Response

BOUNDARY = "b0undary-of-the-tests"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    def __init__(self, address):
        self.address = address
        self.cookies = CookieJar()
        no_proxy = urllib.request.ProxyHandler({})
        keep_cookies = urllib.request.HTTPCookieProcessor(self.cookies)
        self._follow = urllib.request.build_opener(no_proxy, keep_cookies)
        self._stay = urllib.request.build_opener(no_proxy, keep_cookies, _Stay)

    def cookie(self, name):
        return next((cookie.value for cookie in self.cookies if cookie.name == name), None)

    def open(self, path, data=None, headers=None, method=None, follow=False):
        request = urllib.request.Request(self.address + path, data, headers or {}, method=method)
        opener = self._follow if follow else self._stay
        try:
            answer = opener.open(request, timeout=bound(30))
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Response(answer.status, answer.headers, answer.read())

    def get(self, path, follow=False, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.open(path, headers=fields, follow=follow)

    def post(self, path, follow=False, **fields):
        return self.open(path, urllib.parse.urlencode(fields).encode(), follow=follow)

    def upload(self, path, files, **fields):
        """`files`: (file name, bytes) by field name."""
        parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
        parts += [(f'name="{name}"; filename="{file}"', data) for name, (file, data) in files.items()]
        body = b"".join(f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
                        for head, data in parts) + f"--{BOUNDARY}--\r\n".encode()
        return self.open(path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    def csrf_token(self, path):
        """That of Django's form on the page."""
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path).text).group(1)
