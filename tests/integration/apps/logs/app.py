# SPDX-License-Identifier: MIT
"""An application that logs through gunicorn's handlers, as many do, and configures what its environment says."""
import logging
import logging.config
import os
import sys
import time

GUNICORN = logging.getLogger("gunicorn.error")
LOG = logging.getLogger("shop")
LOG.handlers = GUNICORN.handlers
LOG.setLevel(GUNICORN.level)
LOG.propagate = False
KEPT = GUNICORN.handlers[0] if GUNICORN.handlers else None

if os.environ.get("APP_DISABLES_LOGGERS"):
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
if os.environ.get("APP_LOG_FILE"):
    handler = logging.FileHandler(os.environ["APP_LOG_FILE"])
    logging.getLogger("app.file").addHandler(handler)


def app(environ, start_response):
    path = environ["PATH_INFO"]
    status = "200 OK"
    if path == "/fail":
        raise RuntimeError("the application failed on purpose")
    if path == "/missing":
        status = "404 Not Found"
    elif path == "/log":
        LOG.debug("a detail of the shop")
        LOG.warning("the shop says\nhello")
        KEPT.handle(LOG.makeRecord("shop", logging.INFO, __file__, 1, "by the kept handler", (), None))
    elif path == "/file":
        logging.getLogger("app.file").warning("in the application's file")
    elif path == "/print":
        print("printed to stdout", flush=True)
        print("printed to stderr", file=sys.stderr)
        os.system("echo echoed by a child")
    elif path == "/fork":
        child = os.fork()
        if child == 0:
            LOG.warning("from the fork %d", os.getpid())
            os._exit(0)
        os.waitpid(child, 0)
    elif path == "/slow":
        time.sleep(0.05)
    body = f"{GUNICORN.propagate} {logging.getLevelName(GUNICORN.level)} {len(GUNICORN.handlers)}\n".encode()
    start_response(status, [("Content-Length", str(len(body))), ("X-Shop", "Café".encode().decode("latin-1"))])
    return [body]
