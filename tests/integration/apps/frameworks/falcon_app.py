# SPDX-License-Identifier: MIT
"""What Falcon offers an application, a resource for each."""
import os

import falcon


class Things:
    def on_get(self, request, response, name):
        response.media = {"name": name, "x": request.get_param_as_int("x", required=True)}

    def on_put(self, request, response, name):
        response.media = {"got": request.get_media()}
        response.status = falcon.HTTP_201
        response.location = f"/things/{name}"


class Upload:
    def on_post(self, request, response):
        parts = request.get_media()
        response.media = {part.name: [part.secure_filename if part.filename else None, len(part.stream.read())]
                          for part in parts}


class Stream:
    def on_get(self, request, response):
        response.stream = (f"line {number}\n".encode() for number in range(1000))


class Body:
    def on_post(self, request, response):
        response.data = request.bounded_stream.read()


class Cookies:
    def on_get(self, request, response):
        visits = int(request.cookies.get("visits", 0)) + 1
        response.set_cookie("visits", str(visits), secure=False)
        response.text = str(visits)


class Redirect:
    def on_get(self, request, response):
        raise falcon.HTTPFound("/things/there?x=1")


class Failure:
    def on_get(self, request, response):
        raise falcon.HTTPConflict(title="Conflict", description="on purpose")


class Nothing:
    def on_delete(self, request, response):
        response.status = falcon.HTTP_204


app = falcon.App()
app.add_route("/things/{name}", Things())
app.add_route("/upload", Upload())
app.add_route("/stream", Stream())
app.add_route("/body", Body())
app.add_route("/cookies", Cookies())
app.add_route("/redirect", Redirect())
app.add_route("/failure", Failure())
app.add_route("/nothing", Nothing())
app.add_static_route("/static", os.path.dirname(os.path.abspath(__file__)))
