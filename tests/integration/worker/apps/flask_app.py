# SPDX-License-Identifier: MIT
import io

import flask

app = flask.Flask(__name__)


@app.route("/")
def index():
    return "hello from flask"


@app.route("/form", methods=["POST"])
def form():
    upload = flask.request.files["upload"]
    return {"field": flask.request.form["field"], "size": len(upload.read()), "remote": flask.request.remote_addr}


@app.route("/stream")
def stream():
    return flask.Response((f"{number}\n" for number in range(1000)), mimetype="text/plain")


@app.route("/download")
def download():
    return flask.send_file(__file__, mimetype="text/x-python", conditional=True)


@app.route("/memory")
def memory():
    return flask.send_file(io.BytesIO(b"in memory"), mimetype="text/plain")


@app.route("/fail")
def fail():
    raise RuntimeError("a flask view failed")
