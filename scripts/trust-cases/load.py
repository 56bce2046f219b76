"""Gentle load on a server at $PORT: load.py http RATE [METHOD PATH] · tcp RATE TEXT · udp RATE HEX

Every second request keeps its connection; the others open a connection of their own. Lengths of connections
vary, so that the number of open ones does too.
"""

import http.client
import os
import random
import socket
import sys

from paced import paced

HOST, PORT = "127.0.0.1", int(os.environ["PORT"])


def http_load(method="GET", path="/"):
    kept, left, failures = None, 0, 0
    while True:
        if left == 0:
            if kept:
                kept.close()
            kept, left = http.client.HTTPConnection(HOST, PORT, timeout=20), random.randint(1, 60)
        left -= 1
        try:
            kept.request(method, path, body=b"x=1" if method == "POST" else None)
            response = kept.getresponse()
            response.read()
            failures = 0
        except (ConnectionError, http.client.RemoteDisconnected):
            # A worker that is replaced closes its connections.
            failures += 1
            if failures > 20:
                raise
            left = 0
        else:
            left = 0 if response.will_close else left
        yield


def tcp_load(text):
    text = text.encode().decode("unicode_escape").encode()
    while True:
        with socket.create_connection((HOST, PORT), 20) as client:
            for _ in range(random.randint(1, 30)):
                client.sendall(text)
                if not client.recv(65536):
                    break
                yield
        yield


def udp_load(question):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(10)
    while True:
        client.sendto(bytes.fromhex(question), (HOST, PORT))
        client.recv(65536)
        yield


def main():
    kind, rate, *words = sys.argv[1:]
    step = {"http": http_load, "tcp": tcp_load, "udp": udp_load}[kind](*words)
    for _ in paced(1 / float(rate)):
        next(step)


main()
