# SPDX-License-Identifier: MIT
"""The worker process of gserve: runs one instance of a WSGI application."""

__version__ = "@PROJECT_VERSION@"
