#!/usr/bin/python3
"""A tap in Python, written from docs/protocol.md alone: pyzmq and msgpack.

    tap.py ENDPOINT [TOPIC] [KEYS]       prints one JSON object a record

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

import msgpack
import zmq

from worker import HEADER, read_key


def main(endpoint, topic="", keys=None):
    sock = zmq.Context.instance().socket(zmq.SUB)
    sock.rcvhwm = 100000
    if keys:
        sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
        sock.curve_publickey = read_key(f"{keys}/tap.key_secret", "public-key")
        sock.curve_secretkey = read_key(f"{keys}/tap.key_secret", "secret-key")
    sock.subscribe(topic.encode())
    sock.connect(endpoint)
    while True:
        got, header, body = sock.recv_multipart()
        magic, version, kind, *_ = HEADER.unpack(header)
        assert (magic, version, kind) == (b"K8T1", 1, 64)
        record = msgpack.unpackb(body, raw=False)
        assert got.decode() == f"{record['kind']}/{record['cluster']}/"
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
