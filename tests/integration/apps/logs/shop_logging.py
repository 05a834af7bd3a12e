# SPDX-License-Identifier: MIT
"""Logger classes, formatters and handlers as users write them."""
import json
import logging
import time

from gunicorn import glogging


class ShopLogger(glogging.Logger):
    """Leaves health checks out and writes its own lines."""

    def setup(self, cfg):
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logging.Formatter("SHOP %(levelname)s %(message)s"))

    def access(self, resp, req, environ, request_time):
        if req.path != "/health":
            self.error_log.info("%s %s?%s %s %d bytes %s %s %s", req.method, req.path, req.query, resp.status, resp.sent,
                                environ["HTTP_X_FROM"], dict(resp.headers)["X-Shop"], request_time.total_seconds() > 0.01)


class BrokenLogger(glogging.Logger):
    def access(self, resp, req, environ, request_time):
        raise LookupError("no such shelf")


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if isinstance(record.args, dict):
            line |= {"status": record.args["s"], "agent": record.args["{user-agent}i"], "ms": record.args["M"] >= 0}
        return json.dumps(line)


class SlowHandler(logging.Handler):
    def emit(self, record):
        time.sleep(1)
