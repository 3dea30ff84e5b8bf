"""A Kubernetes API server on loopback with one pod and its event: enough for kubectl and the MCP
server to read them.  It speaks TLS, because clients send a token over nothing else, and keeps
what was asked.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import http.server
import json
import ssl
import subprocess
import threading

TOKEN = "token-of-the-reader-1"
POD = {"apiVersion": "v1", "kind": "Pod",
       "metadata": {"name": "checkout-7d9f", "namespace": "payments", "uid": "u-1",
                    "resourceVersion": "7", "creationTimestamp": "2026-01-02T03:04:05Z"},
       "spec": {"nodeName": "node-3", "containers": [{"name": "app", "image": "checkout:1.4"}]},
       "status": {"phase": "Running", "containerStatuses": [
           {"name": "app", "restartCount": 12, "ready": False, "image": "checkout:1.4",
            "imageID": "", "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}}
EVENT = {"apiVersion": "v1", "kind": "Event", "reason": "BackOff", "type": "Warning",
         "message": "Back-off restarting failed container", "count": 12,
         "metadata": {"name": "checkout-7d9f.1", "namespace": "payments"},
         "involvedObject": {"kind": "Pod", "name": "checkout-7d9f", "namespace": "payments"}}
RESOURCES = [{"name": name, "singularName": "", "namespaced": spaced, "kind": kind,
              "verbs": ["get", "list"]}
             for name, kind, spaced in (("pods", "Pod", True), ("pods/log", "Pod", True),
                                        ("events", "Event", True), ("nodes", "Node", False),
                                        ("namespaces", "Namespace", False))]


def listed(kind, items):
    return {"apiVersion": "v1", "kind": f"{kind}List", "metadata": {"resourceVersion": "9"},
            "items": items}


def document(path):
    """What is at a path, or None."""
    fixed = {"/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
             "/api": {"kind": "APIVersions", "versions": ["v1"]},
             "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
             "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": RESOURCES},
             "/api/v1/namespaces": listed("Namespace", [{"metadata": {"name": "payments"}}])}
    name = path.rstrip("/").split("/")[-1]
    if path in fixed:
        return fixed[path]
    return {"pods": listed("Pod", [POD]), "events": listed("Event", [EVENT]),
            "checkout-7d9f": POD}.get(name)


def certificate(folder):
    """A key and a certificate for 127.0.0.1."""
    key, cert = folder / "kube-api.key", folder / "kube-api.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=kube-api",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True, timeout=60)
    return key, cert


class KubeApi:
    """Own: close() it.  Its key and certificate lie in `folder`."""

    def __init__(self, folder):
        self.asked = []
        key, self.cert = certificate(folder)
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.split("?")[0]
                allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                api.asked.append((path, allowed))
                found = document(path) if allowed else None
                status = 200 if found else 404 if allowed else 401
                if path.endswith("/log") and allowed:
                    return self.send(200, b"java.lang.OutOfMemoryError\n", "text/plain")
                body = found or {"kind": "Status", "apiVersion": "v1", "status": "Failure",
                                 "code": status, "message": "no", "reason": "NotFound"}
                return self.send(status, json.dumps(body).encode(), "application/json")

            def send(self, status, body, kind):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def kubeconfig(self, path):
        """Write one that reads with the token, and return its path."""
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {
                "server": self.url,
                "certificate-authority-data": base64.b64encode(self.cert.read_bytes()).decode()}}],
            "users": [{"name": "reader", "user": {"token": TOKEN}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "reader"}}]}))
        return path

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
