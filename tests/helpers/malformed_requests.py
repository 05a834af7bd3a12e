# SPDX-License-Identifier: MIT
"""Malformed HTTP requests, each with the status that it must be refused with.

A pure function of its seed: families of faults, each planted at random into an otherwise valid request. Every request
is wrong as it stands: no more bytes could make it right, so a server answers at once and closes the connection.
"""
import random
from typing import Callable, List, NamedTuple


class Malformed(NamedTuple):
    family: str
    data: bytes
    status: int


METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"HEAD"]
TARGETS = [b"/", b"/a/b?c=d", b"//x", b"/%00", b"/\xc3\xa4", b"http://a/b"]
HARMLESS = [b"Accept: */*", b"User-Agent: test \t 1", b"Cookie: a=b", b"X_Y: 1", b"Connection: keep-alive", b"Empty:"]
CONTROLS = [bytes([c]) for c in range(0x20) if c not in b"\t\r\n"] + [b"\x7f"]
NOT_IN_NAMES = [b" ", b"\t", b"(", b")", b'"', b"/", b"@", b"[", b"{", b"\x80", b"\xff"] + CONTROLS


class Request:
    """A valid request's parts, for a fault to be planted in."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.method, self.target, self.version = rng.choice(METHODS), rng.choice(TARGETS), b"HTTP/1.1"
        self.fields = [b"Host: a"] + rng.sample(HARMLESS, rng.randrange(4))
        rng.shuffle(self.fields)
        self.body = b""

    def add(self, *lines: bytes) -> None:
        """Puts lines among the fields, their order kept."""
        at = 0
        for line in lines:
            at = self.rng.randint(at, len(self.fields))
            self.fields.insert(at, line)
            at += 1

    def line(self) -> bytes:
        return b" ".join((self.method, self.target, self.version))

    def render(self, line: bytes = None) -> bytes:
        lines = [self.line() if line is None else line] + self.fields
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def inside(rng: random.Random, text: bytes, extra: bytes) -> bytes:
    """`text` with `extra` somewhere in it, neither first nor last."""
    at = rng.randrange(1, len(text))
    return text[:at] + extra + text[at:]


def noise(rng):
    size = rng.randrange(1, 200)
    return rng.choice(CONTROLS) + bytes(rng.randrange(256) for _ in range(size)), 400


def control_in_line(rng):
    request = Request(rng)
    return request.render(inside(rng, request.line(), rng.choice(CONTROLS))), 400


def control_in_field(rng):
    request = Request(rng)
    request.add(inside(rng, b"X-Name: some value", rng.choice(CONTROLS)))
    return request.render(), 400


def bare_line_end(rng):
    """One CRLF of the head is LF or CR only; a CR at the very end would leave the server waiting."""
    head = Request(rng).render()
    at = rng.choice([i for i in range(len(head) - 3) if head[i:i + 2] == b"\r\n"])
    return head[:at] + rng.choice([b"\n", b"\r"]) + head[at + 2:], 400


def broken_request_line(rng):
    request = Request(rng)
    method, target, version = request.method, request.target, request.version
    line = rng.choice([
        b"  ".join((method, target, version)), method + b"  " + target + b" " + version, request.line() + b" ",
        b" " + request.line(), b"\t".join((method, target, version)), method + b" " + target, method,
        method + b" " + version, request.line() + b" x"])
    return request.render(line), 400


def broken_method(rng):
    request = Request(rng)
    request.method = rng.choice([b"get", b"Get", b"GE", b"G", b"GET:", b"G(T", b"G#T", b"\xc4ET", b"A" * 21, b"<GET>"])
    return request.render(), 400


def connect(rng):
    request = Request(rng)
    request.method, request.target = b"CONNECT", rng.choice([b"a:443", b"/", b"http://a/"])
    return request.render(), 501


def broken_target(rng):
    request = Request(rng)
    request.target = rng.choice([b"a", b"*", b"/a#b", b"#", b"?", b"a:80", b"ftp://a/", b"http:///", b"http://u@a/",
                                 b"http://a:x/", b"http:/a", b"https://[::1/", b"/a\tb", b"\xc3\xa4"])
    return request.render(), 400


def broken_version(rng):
    request = Request(rng)
    request.version = rng.choice([b"HTTP/1", b"http/1.1", b"HTTP/1.x", b"HTTP/11", b"HTTP/1.11", b"HTP/1.1", b"HTTP 1.1",
                                  b"HTTP/1,1", b"1.1", b"HTTP/-1.1"])
    return request.render(), 400


def other_version(rng):
    request = Request(rng)
    request.version = b"HTTP/" + rng.choice([b"0.9", b"1.2", b"1.9", b"2.0", b"3.0", b"9.9"])
    return request.render(), 505


def broken_name(rng):
    request = Request(rng)
    bad = rng.choice(NOT_IN_NAMES)
    request.add(rng.choice([b": x", b"Name", b"Content-Length : 1", inside(rng, b"Name", bad) + b": x", b"Name" + bad + b": x"]))
    return request.render(), 400


def folded(rng):
    request = Request(rng)
    request.add(rng.choice([b" ", b"\t", b"  \t "]) + rng.choice([b"", b"folded", b"Host: b"]))
    return request.render(), 400


def wrong_host(rng):
    request = Request(rng)
    request.fields = [field for field in request.fields if not field.startswith(b"Host")]
    hosts = rng.choice([[], [b"a", b"a"], [b"a", b"b"], [b"a b"], [b"a/b"], [b"u@a"], [b"a:b"], [b"a:65536"], [b":80"],
                        [b"[::1"], [b"[]"], [b"::1"], [b"\xc3\xa4"], [b"a%zz"], [b"<a>"], [b"a\\b"]])
    request.add(*[rng.choice([b"Host", b"host", b"HOST"]) + b": " + host for host in hosts])
    return request.render(), 400


def repeated_content_type(rng):
    request = Request(rng)
    request.add(b"Content-Type: text/plain", b"content-type: " + rng.choice([b"text/plain", b"a/b", b""]))
    return request.render(), 400


def wrong_length(rng):
    request = Request(rng)
    lengths = rng.choice([[b""], [b"+1"], [b"-1"], [b"0x1"], [b"1.0"], [b"1 1"], [b"1,1"], [b"1_0"], [b"\xb2"],
                          [b"9" * 19], [b"1" + b"0" * 400], [b"1", b"1"], [b"1", b"2"]])
    request.add(*[b"Content-Length: " + length for length in lengths])
    return request.render(), 400


def wrong_coding(rng):
    request = Request(rng)
    value, status = rng.choice([
        (b"", 400), (b"chunked, chunked", 400), (b"chunked, gzip", 400), (b", chunked", 400), (b"gzip", 501),
        (b"gzip, chunked", 501), (b"xchunked", 501), (b"chunkedx", 501), (b"identity", 501), (b"chunked;q=1", 501),
        (b'"chunked"', 501), (b"chunked\xa0", 501)])
    request.add(b"Transfer-Encoding: " + value)
    return request.render(), status


def contradicting_framing(rng):
    request = Request(rng)
    both = rng.choice([[b"Transfer-Encoding: chunked", b"Content-Length: 5"], [b"content-length: 0", b"transfer-encoding: CHUNKED"],
                       [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
                       [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"]])
    request.add(*both)
    request.body = b"0\r\n\r\n"
    return request.render(), 400


def chunked_in_old_version(rng):
    request = Request(rng)
    request.version = b"HTTP/1.0"
    request.add(b"Transfer-Encoding: chunked")
    return request.render(), 400


def wrong_expectation(rng):
    request = Request(rng)
    request.add(b"Expect: " + rng.choice([b"", b"miracles", b"100-continue, x", b"200-ok", b"100"]))
    return request.render(), 417


def too_large(rng):
    """Beyond the default limits, complete or not."""
    kind = rng.randrange(3)
    request = Request(rng)
    if kind == 0:
        request.target = b"/" + b"a" * rng.choice([4094, 5000, 70000])
    elif kind == 1:
        request.add(b"Big: " + b"a" * rng.choice([8190, 9000, 70000]))
    else:
        request.fields += [b"X-%d: y" % i for i in range(rng.randrange(100, 300))]
    data = request.render()
    return data if rng.random() < 0.7 else data[:-2], 414 if kind == 0 else 431


def broken_chunks(rng):
    request = Request(rng)
    request.method = b"POST"
    request.add(b"Transfer-Encoding: chunked")
    request.body = rng.choice([b"", b"5\r\nhello\r\n"]) + rng.choice([
        b"x\r\n", b"\r\n", b"0x5\r\nhello\r\n", b"-5\r\n", b" 5\r\nhello\r\n", b"5 \r\nhello\r\n", b"5\nhello\r\n",
        b"5\rhello", b"0000000000000005\r\nhello\r\n", b"f" * 20 + b"\r\n", b"5;a\nhello\r\n", b"5;" + b"a" * 2000,
        b"5\r\nhelloo\r\n", b"5\r\nhello\n", b"0\n\n", b"0\r\n\n", b"0\r\nno colon\r\n\r\n", b"0\r\nA : b\r\n\r\n",
        b"0\r\nA: b\r\n c\r\n\r\n", b"5;\0\r\nhello\r\n"])
    return request.render(), 400


FAMILIES: List[Callable] = [
    noise, control_in_line, control_in_field, bare_line_end, broken_request_line, broken_method, connect, broken_target,
    broken_version, other_version, broken_name, folded, wrong_host, repeated_content_type, wrong_length, wrong_coding,
    contradicting_framing, chunked_in_old_version, wrong_expectation, too_large, broken_chunks]


def malformed_requests(seed: int, count: int = 1000) -> List[Malformed]:
    """`count` requests, the families in turn, the same for the same seed."""
    rng = random.Random(seed)
    requests = []
    for i in range(count):
        family = FAMILIES[i % len(FAMILIES)]
        data, status = family(rng)
        requests.append(Malformed(family.__name__, data, status))
    return requests
