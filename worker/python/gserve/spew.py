# SPDX-License-Identifier: MIT
"""--spew: prints every line of Python that runs, to standard output."""
import linecache
import sys
import threading


def start():
    """In this thread and in those that it starts."""
    threading.settrace(trace)
    sys.settrace(trace)


def trace(frame, event, _arg):
    if event == "line":
        code = frame.f_code
        line = linecache.getline(code.co_filename, frame.f_lineno).rstrip()
        print(f"{frame.f_globals.get('__name__', '?')}:{frame.f_lineno}: {line}")
    return trace
