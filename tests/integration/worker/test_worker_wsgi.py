# SPDX-License-Identifier: MIT
"""PEP 3333 as the application and the client see it."""
import json
import signal
import socket

import pytest

from harness import web
from harness.waiting import wait_for
from worker_process import APPS


@pytest.fixture(params=["sync", "gevent"])  # Debian's gevent: the interpreter is Debian's
def worker(start_worker, request):
    return start_worker(worker_class=request.param)


def head_of(answer):
    return answer.partition(b"\r\n\r\n")[0].decode("latin-1")


def test_application_answers(worker):
    answer = worker.get("/hello")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["Content-Length"] == "5", "the only element of a list is the whole body"


def test_environ_has_every_variable(worker):
    request = (b"GET /describe/a%20b%2Fc/caf%C3%A9?x=1&y=%20 HTTP/1.1\r\nHost: example.org:81\r\nX-Twice: one\r\n"
               b"X-Under_Score: dropped\r\nx-twice: two\r\nContent-Type: text/x\r\nContent-Length: 0\r\n"
               b"X-Latin: caf\xe9\r\nX-Empty:\r\nx-empty: 2\r\nConnection: close\r\n\r\n")
    answer = worker.raw(request)
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    host, port = worker.listener.getsockname()
    assert int(seen.pop("REMOTE_PORT")) > 0
    assert seen.pop("wsgi.errors").startswith("<gserve.log.ErrorStream")
    assert seen.pop("wsgi.input").startswith("<_gserve.Input object")
    assert seen.pop("wsgi.file_wrapper") == "<class '_gserve.FileWrapper'>"
    assert seen.pop("wsgi.early_hints").startswith("<built-in method early_hints")
    assert "gunicorn.socket" in seen
    del seen["gunicorn.socket"]
    assert seen == {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/describe/a b/c/caf\u00c3\u00a9",
        "QUERY_STRING": "x=1&y=%20", "RAW_URI": "/describe/a%20b%2Fc/caf%C3%A9?x=1&y=%20",
        "SERVER_NAME": host, "SERVER_PORT": str(port), "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gserve/0.1.0", "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "0",
        "HTTP_HOST": "example.org:81", "HTTP_X_TWICE": "one,two", "HTTP_X_LATIN": "caf\u00e9", "HTTP_X_EMPTY": ",2",
        "HTTP_CONNECTION": "close", "wsgi.version": "(1, 0)", "wsgi.url_scheme": "http", "wsgi.multithread": worker.settings["worker_class"] == "gevent",
        "wsgi.multiprocess": False, "wsgi.run_once": False, "wsgi.input_terminated": True}


def test_environ_of_a_unix_socket_takes_the_server_from_the_host_field(start_worker):
    worker = start_worker(unix=True, workers=4)
    seen = json.loads(worker.get("/describe", headers={"Host": "[::1]:8080"}).body)
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"], seen["REMOTE_ADDR"]) == ("::1", "8080", "")
    assert "REMOTE_PORT" not in seen and seen["wsgi.multiprocess"] is True
    seen = json.loads(worker.get("/describe", headers={"Host": "example.org"}).body)
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == ("example.org", "80")
    answer = worker.raw(b"GET /describe HTTP/1.0\r\n\r\n")
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (seen["SERVER_NAME"], seen["SERVER_PORT"]) == (worker.listener.getsockname(), "")
    assert seen["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_script_name_of_the_environment_is_taken_off_the_path(start_worker):
    worker = start_worker(env={"SCRIPT_NAME": "/shop"})
    seen = json.loads(worker.get("/shop/describe").body)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["RAW_URI"]) == ("/shop", "/describe", "/shop/describe")
    assert worker.get("/elsewhere").status == 500
    worker.log.wait(r"\[INFO\] refused a request from 127.0.0.1: 500, the path does not start with SCRIPT_NAME")


def described(worker, *fields, path="/describe"):
    """The environ that the application sees, or the status that the request is refused with."""
    lines = [f"GET {path} HTTP/1.1", "Host: a", "Connection: close", *fields, "", ""]
    answer = worker.raw("\r\n".join(lines).encode())
    status = int(answer.split(b" ")[1])
    return json.loads(answer.partition(b"\r\n\r\n")[2]) if status == 200 else status


def test_trusted_proxy_says_where_the_application_is_mounted(worker):
    seen = described(worker, "SCRIPT_NAME: /shop", "Path_Info: /x", "REMOTE_USER: eve", path="/shop/describe")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["HTTP_SCRIPT_NAME"]) == ("/shop", "/describe", "/shop")
    assert seen["HTTP_PATH_INFO"] == "/x" and "HTTP_REMOTE_USER" not in seen
    assert described(worker, "SCRIPT_NAME: /shop") == 500
    assert described(worker)["SCRIPT_NAME"] == "", "nothing stays from the request before"


def test_stranger_cannot_say_where_the_application_is_mounted(start_worker):
    worker = start_worker(forwarded_allow_ips="192.0.2.1", header_map="dangerous")
    assert described(worker, "SCRIPT_NAME: /describe")["SCRIPT_NAME"] == ""


@pytest.mark.parametrize("forwarder_headers, passed", [("REMOTE_USER", True), ("remote_user , X_Y", True), ("*", True),
                                                       ("SCRIPT_NAME", False), ("", False)])
def test_proxies_may_send_the_listed_names_with_underscores(start_worker, forwarder_headers, passed):
    worker = start_worker(forwarder_headers=forwarder_headers)
    assert ("HTTP_REMOTE_USER" in described(worker, "Remote_User: eve")) is passed


def test_names_with_underscores_are_dropped_refused_or_taken_for_those_with_dashes(start_worker):
    fields = ("X-Name: a", "X_Name: b", "x-name: c", "Content_Length: 5")
    for header_map, joined in (("drop", "a,c"), ("dangerous", "a,b,c")):
        seen = described(start_worker(header_map=header_map, forwarder_headers=""), *fields)
        assert seen["HTTP_X_NAME"] == joined and "CONTENT_LENGTH" not in seen
        assert ("HTTP_CONTENT_LENGTH" in seen) is (header_map == "dangerous")
    worker = start_worker(header_map="refuse")
    assert described(worker, *fields) == 400
    worker.log.wait(r"\[INFO\] refused a request from 127.0.0.1: 400, header field name with an underscore")
    assert described(worker, "SCRIPT_NAME: ")["HTTP_SCRIPT_NAME"] == "", "a forwarder's header is not refused"


def test_scheme_headers_are_a_setting(start_worker):
    worker = start_worker(secure_scheme_headers={"X-TLS": "1"})
    assert scheme(worker, "X-Tls: 1") == "https" and scheme(worker, "X-Forwarded-Proto: https") == "http"
    worker = start_worker(secure_scheme_headers={})
    assert scheme(worker, "X-Forwarded-Proto: https") == "http"


def scheme(worker, *fields):
    seen = described(worker, *fields)
    return seen["wsgi.url_scheme"] if isinstance(seen, dict) else seen


def test_scheme_of_a_trusted_proxy_is_believed(worker):
    assert scheme(worker) == "http"
    assert scheme(worker, "X-Forwarded-Proto: https") == "https"
    assert scheme(worker, "x-forwarded-ssl: on", "X-FORWARDED-PROTO: https") == "https"
    assert scheme(worker, "X-Forwarded-Proto: http") == "http"
    assert scheme(worker, "X-Forwarded-Ssl: off", "X-Forwarded-Proto: https") == 400
    worker.log.wait(r"\[INFO\] refused a request from 127.0.0.1: 400, contradictory scheme headers")


def test_scheme_of_a_stranger_is_not_believed(start_worker):
    worker = start_worker(env={"FORWARDED_ALLOW_IPS": "192.0.2.1"})
    assert scheme(worker, "X-Forwarded-Proto: https") == "http"
    assert scheme(worker, "X-Forwarded-Ssl: off", "X-Forwarded-Proto: https") == "http"


@pytest.mark.parametrize("trusted, believed", [("127.0.0.0/8", "https"), ("*", "https"), ("10.0.0.0/8,::/0", "http"), ("", "http")])
def test_proxies_are_trusted_by_their_network(start_worker, trusted, believed):
    worker = start_worker(env={"FORWARDED_ALLOW_IPS": trusted})
    assert scheme(worker, "X-Forwarded-Proto: https") == believed


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("path, method, body, answer", [
    ("/no_content", "GET", None, b""), ("/not_modified", "GET", None, b""), ("/stream", "GET", None, b"one,two"),
    ("/stream", "HEAD", None, b""), ("/", "GET", None, b"valid"), ("/", "HEAD", None, b""), ("/", "PUT", b"", b"valid"),
    ("/read", "POST", b"a body", b"a body"), ("/lines", "POST", b"a\nb\n", b"a\nb\n"),
    ("/readline", "POST", b"a\nb", b"a\n|b"), ("/file", "GET", None, b"content of a file"),
    ("/write", "GET", None, b"written,valid")])
def test_validator_finds_nothing(start_worker, path, method, body, answer, threads):
    status = {"/no_content": 204, "/not_modified": 304}.get(path, 200)
    worker = start_worker("validated:app", threads=threads)
    for sent in (body, iter([body[:1], body[1:]])) if body else (body,):  # an iterator is sent in chunks
        got = worker.get(path, method=method, body=sent, headers={"Content-Type": "text/plain"})
        assert (got.status, got.body) == (status, answer), worker.log.text()
    assert worker.log.find("AssertionError|Warning|Error") is None, worker.log.text()


BODY = b"first\nsecond\n\nlast"


@pytest.mark.parametrize("calls, results", [
    ("read()", [BODY]), ("read(-1)", [BODY]), ("read(None)", [BODY]),
    ("read(0);read(3);read(100)", [b"", b"fir", BODY[3:]]),
    ("readline();readline(3);readline();read()", [b"first\n", b"sec", b"ond\n", b"\nlast"]),
    ("readline(0);readline(-1);read(2);readline(None)", [b"", b"first\n", b"se", b"cond\n"]),
    ("readlines()", [[b"first\n", b"second\n", b"\n", b"last"]]), ("readlines(7)", [[b"first\n", b"second\n"]]),
    ("__iter__()", [[b"first\n", b"second\n", b"\n", b"last"]]), ("read();read();readline()", [BODY, b"", b""])])
def test_input_reads_like_a_file(worker, calls, results):
    for body in (BODY, iter([BODY[:8], BODY[8:9], BODY[9:]])):
        answer = worker.get(f"/input_calls?calls={calls}", method="POST", body=body)
        assert answer.text == "|".join(map(repr, results))


def test_input_of_a_request_without_a_body_is_empty(worker):
    assert worker.get("/input_calls?calls=read();readline();readlines()").text == "b''|b''|[]"


def test_large_bodies_come_whole_both_ways(worker):
    body = bytes(range(256)) * 40_000
    assert worker.get("/echo", method="POST", body=body).body == body
    chunks = (body[at:at + 100_001] for at in range(0, len(body), 100_001))
    assert worker.get("/echo", method="POST", body=chunks).body == body
    assert len(worker.get(f"/big?{1 << 28}", timeout=60).body) == 1 << 28


def test_kept_alive_connection_serves_one_request_after_the_other(worker):
    conn = web.connection(worker.address)
    for number in range(100):
        path = ("/hello", "/echo")[number % 2]
        assert web.exchange(conn, path, method="POST", body=b"hello").body == b"hello"
    conn.close()


def test_blocks_are_sent_as_they_are_yielded(worker):
    with web.raw_socket(worker.address) as sock:
        sock.sendall(b"GET /generator HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while b"first," not in received:
            received += sock.recv(4096)
        worker.send_signal(signal.SIGUSR2)
        while chunk := sock.recv(4096):
            received += chunk
    assert received.endswith(b"\r\n6\r\nfirst,\r\n6\r\nsecond\r\n0\r\n\r\n"), received


@pytest.mark.parametrize("path, status, body, length", [
    ("/writer", 200, b"written,returned", None), ("/empty", 200, b"", "0"), ("/empty_generator", 200, b"", "0"),
    ("/no_content", 204, b"", None), ("/length_one", 200, b"only", "4"), ("/replaces_head", 503, b"replaced", "8")])
def test_bodies_are_framed(worker, path, status, body, length):
    answer = worker.get(path)
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (status, body, length)
    if path == "/replaces_head":
        assert answer.headers["X-Replaced"] == "yes" and answer.headers["Content-Type"] is None


def test_head_has_the_fields_and_no_body(worker):
    answer = worker.raw(b"HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /writer HTTP/1.1\r\nHost: a\r\n"
                        b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2 and b"hello" not in answer and b"written" not in answer
    assert b"Content-Length: 5" in answer


def test_file_wrapper_sends_what_is_left_of_the_file(worker):
    content = bytes(range(256)) * 4096
    assert worker.get("/sendfile").body == content[1024:]
    assert worker.get("/sendfile_length").body == content[1024:6024]
    assert worker.get("/file_in_memory").body == content


def test_early_hints_precede_the_answer(worker):
    answer = worker.raw(b"GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    assert answer.startswith(hints + b"HTTP/1.1 200 OK"), answer
    answer = worker.raw(b"GET /hints HTTP/1.0\r\n\r\n")
    assert b" 103 " not in answer and b"hinted" in answer


def test_socket_of_the_client_can_be_asked(worker):
    peer, local, has_fd = json.loads(worker.get("/peer_name").body)
    assert peer[0] == "127.0.0.1" and local == list(worker.listener.getsockname()) and has_fd


def test_start_response_refuses_misuse(worker):
    answer = worker.get("/misuse")
    assert answer.text.splitlines() == [
        "status bytes: TypeError", "status alone: TypeError", "name no str: TypeError", "value no str: TypeError",
        "value not latin-1: UnicodeEncodeError", "value with line: ValueError", "no pair: TypeError",
        "status word: ValueError", "status with line: ValueError", "name with line: ValueError", "value with NUL: ValueError",
        "hop by hop: ValueError: start_response(): hop-by-hop headers are the server's; only Connection: close is allowed "
        "(header 'Transfer-Encoding')", "unknown keyword: TypeError", "second call: AssertionError", "write str: TypeError"]
    assert answer.headers["X-Latin"] == "caf\u00e9" and answer.headers["X-List"] == "pair"
    assert answer.headers["Connection"] == "close", "the one hop-by-hop field that an application may set"


@pytest.mark.parametrize("path, text", [
    ("/raises", "RuntimeError: failed on purpose"),
    ("/raises_after_start", "RuntimeError: failed after start_response"),
    ("/no_start", "AssertionError: .* before it called start_response"),
    ("/no_start_empty", "AssertionError: .* did not call start_response"),
    ("/yields_str", "TypeError: .* must yield bytes, not <class 'str'>"),
    ("/returns_none", "TypeError: 'NoneType' object is not iterable"), ("/chain", "LookupError: outer")])
def test_failing_application_is_answered_with_500_and_logged(worker, path, text):
    mark = worker.log.mark()
    assert worker.get(path).status == 500
    worker.log.wait(text, after=mark)
    assert worker.log.count(rf"\[ERROR\] Error handling request GET {path} HTTP/1.1", after=mark) == 1
    assert worker.log.count("Traceback", after=mark) >= (path in ("/raises", "/chain"))
    assert worker.get("/hello").body == b"hello", "the worker goes on"


@pytest.mark.parametrize("path, text", [
    ("/raises_in_body", "failed in the body"), ("/replaces_too_late", "found out too late")])
def test_failure_after_the_head_cuts_the_connection(worker, path, text):
    answer = worker.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 OK") and b"some" in answer and not answer.endswith(b"0\r\n\r\n")
    worker.log.wait(text)
    assert worker.get("/hello").body == b"hello"


def test_iterable_is_closed_however_it_ends(worker):
    assert worker.get("/closing").body == b"ab"
    assert worker.raw(b"GET /closing_raises HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    with web.raw_socket(worker.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(b"GET /closing_endless HTTP/1.1\r\nHost: a\r\n\r\n")
        assert sock.recv(100)
    assert worker.get("/what_was_closed").text == "whole,raised,client gone"
    worker.log.wait("Error handling request")
    assert worker.log.count("Error handling request") == 1, "a client that goes away is no error of the application"


def test_errors_stream_goes_to_the_error_log(worker):
    assert worker.get("/errors_stream").body == b"logged"
    for line in ("to the errors stream", "one two", "printed"):
        worker.log.wait(f"^{line}$")


def test_things_of_a_request_that_is_over_cannot_be_used(worker):
    worker.get("/keeps_input")
    lines = worker.get("/keeps_input").text.splitlines()
    over = "RuntimeError: the request is over"
    assert lines[0] == "worked", "an empty body stays readable"
    assert lines[1].startswith("AssertionError: start_response() was already called")
    assert lines[2:] == [over, over]


def test_another_thread_may_read_the_input(worker):
    body = b"x" * 1_000_000
    assert worker.get("/thread_reads_input", method="POST", body=body).body == b"begun,1000000"


def test_flask_application_works(start_worker):
    worker = start_worker("flask_app:app")
    assert worker.get("/").body == b"hello from flask"
    boundary = "b0undary"
    form = (f'--{boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="upload"; filename="f"\r\n\r\n{"y" * 700_000}\r\n--{boundary}--\r\n')
    answer = worker.get("/form", method="POST", body=form.encode(),
                        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert json.loads(answer.body) == {"field": "value", "size": 700_000, "remote": "127.0.0.1"}
    assert worker.get("/stream").text == "".join(f"{number}\n" for number in range(1000))
    with open(APPS + "/flask_app.py", "rb") as file:
        source = file.read()
    assert worker.get("/download").body == source
    partial = worker.get("/download", headers={"Range": "bytes=10-19"})
    assert (partial.status, partial.body) == (206, source[10:20])
    assert worker.get("/memory").body == b"in memory"
    assert worker.get("/fail").status == 500
    assert worker.get("/nowhere").status == 404


def test_client_that_leaves_while_its_body_is_awaited_harms_nobody(worker):
    with web.raw_socket(worker.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
    assert worker.get("/hello").body == b"hello"
    assert wait_for(lambda: worker.log.count("Error handling request") == 0, "no error")
