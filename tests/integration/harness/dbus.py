# SPDX-License-Identifier: MIT
"""As much of the D-Bus wire format (D-Bus specification, "Message Protocol") as a hostile client needs. Standard library
only and in one file: it runs alone, too, as somebody else."""
import os
import random
import socket
import struct
import sys

METHODS = {"GetStatus": "", "GetConfig": "", "Stop": "s", "Restart": "", "Reload": "", "Rollback": "", "Refork": "",
           "ReopenLogs": "", "RestartWorker": "u", "KillWorker": "u", "Scale": "sib", "Upgrade": "s", "GetJob": "t",
           "ListIncidents": "", "GetIncident": "t"}
FORMATS = {"u": "<I", "i": "<i", "b": "<I", "t": "<Q"}


def _align(data, size):
    return data + b"\0" * (-len(data) % size)


def marshal(signature, values):
    data = b""
    for kind, value in zip(signature, values):
        if kind == "s":
            text = value.encode()
            data = _align(data, 4) + struct.pack("<I", len(text)) + text + b"\0"
        else:
            packed = struct.pack(FORMATS[kind], value)
            data = _align(data, len(packed)) + packed
    return data


def _field(code, kind, text):
    length = bytes([len(text)]) if kind == "g" else struct.pack("<I", len(text))
    return bytes([code, 1]) + kind.encode() + b"\0" + length + text.encode() + b"\0"


def call(member, signature="", values=(), interface="io.gserve.Supervisor1", path="/io/gserve", serial=1):
    """A method call, as bytes."""
    body = marshal(signature, values)
    fields = b""
    for field in (_field(1, "o", path), _field(2, "s", interface), _field(3, "s", member), _field(6, "s", "io.gserve")):
        fields = _align(fields, 8) + field
    if signature:
        fields = _align(fields, 8) + _field(8, "g", signature)
    head = b"l\x01\x00\x01" + struct.pack("<III", len(body), serial, len(fields)) + fields
    return _align(head, 8) + body


def connect(path, seconds):
    """A connection that has said who it is, whether it was believed or not."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(seconds)
    sock.connect(path)
    sock.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
    return sock


def random_value(dice, kind):
    if kind == "s":
        return dice.choice(["", "web", "graceful", "quick", "/bin/true", "\x7f" * 300, "x" * 70_000, "%s%n", "../../x"])
    return {"u": dice.choice([0, 1, os.getpid(), 2**31, 2**32 - 1]), "i": dice.choice([-2**31, -1, 0, 2**31 - 1]),
            "b": dice.choice([0, 1, 2]), "t": dice.choice([0, 1, 2**63, 2**64 - 1])}[kind]


def random_call(dice, right):
    """Of a method that there is, with the arguments it wants if `right`, else with some others."""
    member = dice.choice(list(METHODS))
    signature = METHODS[member] if right else "".join(dice.choices("suitb", k=dice.randrange(4)))
    return call(member, signature, [random_value(dice, kind) for kind in signature])


def main():
    """PATH COUNT SEED: calls as this user, each on a connection of its own; prints how many were answered."""
    path, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    answered = 0
    for _ in range(count):
        message = random_call(dice, dice.random() < 0.8)
        try:
            with connect(path, 30) as sock:
                sock.sendall(message)
                received = b""
                while chunk := sock.recv(65536):
                    received += chunk
                    if b"l\x02" in received:  # a method's return
                        answered += 1
                        break
        except (BrokenPipeError, ConnectionResetError):
            pass  # as it should be
    print(answered)


if __name__ == "__main__":
    main()
