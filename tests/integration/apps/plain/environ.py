# SPDX-License-Identifier: MIT
"""Answers with those variables of the environ that are text."""
import json


def app(environ, start_response):
    body = json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
