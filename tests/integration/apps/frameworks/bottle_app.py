# SPDX-License-Identifier: MIT
"""What Bottle offers an application, a route for each."""
import os

import bottle
from bottle import abort, redirect, request, response, static_file, template

app = bottle.Bottle()
SECRET = "of the tests"


@app.get("/hello/<name>")
def hello(name):
    return template("<b>Hello {{name}}</b>", name=name)


@app.get("/number/<number:int>")
def number(number):
    return {"number": number, "query": dict(request.query)}


@app.post("/form")
def form():
    return {"field": request.forms.get("field"), "host": request.urlparts.netloc, "ip": request.remote_addr}


@app.post("/upload")
def upload():
    file = request.files.get("file")
    return {"name": file.filename, "size": len(file.file.read()), "comment": request.forms.comment}


@app.put("/json")
def echo_json():
    return request.json


@app.get("/stream")
def stream():
    response.content_type = "text/plain"
    for line in range(1000):
        yield f"line {line}\n"


@app.get("/count")
def count():
    visits = int(request.get_cookie("visits", secret=SECRET, default=0)) + 1
    response.set_cookie("visits", visits, secret=SECRET)
    return str(visits)


@app.get("/old")
def old():
    redirect("/hello/there")


@app.get("/forbidden")
def forbidden():
    abort(403, "Not for you.")


@app.get("/empty")
def empty():
    response.status = 204


@app.get("/static/<name>")
def static(name):
    return static_file(name, root=os.path.dirname(os.path.abspath(__file__)))


@app.error(404)
def not_found(error):
    return "nothing here"
