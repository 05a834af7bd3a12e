# SPDX-License-Identifier: MIT
"""Factories that a PasteDeploy file names."""


def make_app(global_conf, greeting="none", **local_conf):
    def app(environ, start_response):
        body = f"{greeting} {environ.get('site.filter', 'unfiltered')} {environ['SCRIPT_NAME']}".encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return app


def make_filter(global_conf, mark):
    def wrap(app):
        def filtered(environ, start_response):
            environ["site.filter"] = mark
            return app(environ, start_response)

        return filtered

    return wrap
