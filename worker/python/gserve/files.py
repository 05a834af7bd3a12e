# SPDX-License-Identifier: MIT
"""Which file-likes can be sent with sendfile(2), and the socket that an application can ask for."""
import io
import os
import socket
import stat

# Exactly these: a subclass, or a buffer over something else than a file (gzip), may read other bytes than the
# descriptor holds.
BUFFERED = (io.BufferedReader, io.BufferedRandom)


def file_region(filelike):
    """(descriptor, offset, size) of what is left to read in a regular file, or None: read it in blocks then."""
    raw = filelike.raw if type(filelike) in BUFFERED else filelike
    if type(raw) is not io.FileIO or not raw.readable():
        return None
    try:
        offset = filelike.tell()  # not the descriptor's own offset, which runs ahead of a buffered reader
        status = os.fstat(raw.fileno())
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return raw.fileno(), offset, max(0, status.st_size - offset)


def no_region(_filelike):
    """Without sendfile."""
    return None


def duplicate_socket(fd):
    return socket.socket(fileno=os.dup(fd))
