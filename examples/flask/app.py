# SPDX-License-Identifier: MIT
"""A small Flask application. Every answer names the worker process that gave it in X-Worker-Pid."""
import os
import time

from flask import Flask, jsonify, request

GREETING = "Hello from gserve"

app = Flask(__name__)


@app.after_request
def name_the_worker(response):
    response.headers["X-Worker-Pid"] = str(os.getpid())
    return response


@app.get("/")
def hello():
    return f"{GREETING}! I am worker {os.getpid()}.\n", {"Content-Type": "text/plain"}


@app.get("/slow")
def slow():
    """/slow?s=0.5 takes half a second, as a slow database would."""
    time.sleep(min(float(request.args.get("s", "0.5")), 60))
    return "done\n"


@app.post("/echo")
def echo():
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.get("/headers")
def headers():
    return jsonify(dict(request.headers))
