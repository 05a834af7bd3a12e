# SPDX-License-Identifier: MIT
"""Certificates made by openssl(1) for one test, and what a server shows."""
import os
import socket
import ssl
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit

from .waiting import bound


@dataclass
class Certificate:
    cert: str  # files
    key: str

    def copy_to(self, cert, key):
        """Takes the place of other files, as a renewal does."""
        for source, target in ((self.cert, cert), (self.key, key)):
            with open(source, "rb") as new, open(target + ".new", "wb") as file:
                file.write(new.read())
            os.replace(target + ".new", target)


def make(box, name, hosts=("localhost",), issuer=None):
    """Signed by `issuer`, else by itself. The common name is `name`."""
    folder = box.directory("certificates")
    made = Certificate(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
               "2", "-subj", "/CN=" + name, "-keyout", made.key, "-out", made.cert]
    if hosts:
        command += ["-addext", "subjectAltName=" + ",".join("DNS:" + host for host in hosts)]
    if issuer:
        command += ["-CA", issuer.cert, "-CAkey", issuer.key, "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True, timeout=bound(30))
    return made


def client_context(trusted=None, shown=None):
    """`trusted`: what the server's certificate must be; None: anything goes. `shown`: the client's own."""
    context = ssl.create_default_context(cafile=trusted.cert if trusted else None)
    if trusted is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if shown:
        context.load_cert_chain(shown.cert, shown.key)
    return context


def connect(address, context=None, host="localhost", timeout=15):
    parts = urlsplit(address)
    plain = socket.create_connection((parts.hostname, parts.port), timeout=bound(timeout))
    return (context or client_context()).wrap_socket(plain, server_hostname=host)


def shown_name(address, host="localhost"):
    """Common name in the certificate that a client which asks for `host` is shown."""
    with connect(address, host=host) as sock:
        pem = ssl.DER_cert_to_PEM_cert(sock.getpeercert(binary_form=True))
    text = subprocess.run(["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline"], input=pem, text=True,
                          capture_output=True, check=True, timeout=bound(30)).stdout
    return text.split("commonName")[1].split("=")[1].split("\n")[0].strip()
