"""A TCP relay whose far side can vanish without a word, as a host does that loses its power.
SPDX-License-Identifier: Apache-2.0
"""
import select
import socket
import threading

from lib.system import wait_until


class Relay:
    """Passes bytes between its own endpoint and another one, from a thread of its own."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.peers, self.lost = {}, []  # socket -> its other half; what nobody answers any more
        self.silent = self.stopping = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def vanish(self):
        """Connections stay open and hear nothing more, new ones are taken
        and hear nothing at all."""
        self.silent = True
        wait_until(lambda: not self.peers, 10, "silence")

    def back(self):
        """New connections are passed on again; the others stay lost."""
        self.silent = False

    def close(self):
        self.stopping = True
        self.thread.join()
        for one in [self.listener, *self.peers, *self.lost]:
            one.close()

    def _run(self):
        while not self.stopping:
            if self.silent:
                self.lost += self.peers
                self.peers = {}
            for one in select.select([self.listener, *self.peers], [], [], 0.02)[0]:
                if one is self.listener:
                    self._accept()
                elif one in self.peers:
                    self._pass(one)

    def _accept(self):
        client, _ = self.listener.accept()
        if self.silent:
            self.lost.append(client)
            return
        try:
            server = socket.create_connection(self.target)
        except OSError:
            client.close()
            return
        self.peers.update({client: server, server: client})

    def _pass(self, one):
        try:
            some = one.recv(65536)
            self.peers[one].sendall(some)
        except OSError:
            some = b""
        if not some:
            other = self.peers.pop(one)
            del self.peers[other]
            one.close()
            other.close()
