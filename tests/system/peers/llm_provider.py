"""A scripted stand-in for the provider behind Claude Code: POST /v1/messages as
an SSE stream, on loopback.

The first answer has the agent write its report by its shell, the next one ends the turn.
Every request is kept.
SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import threading

REPORT = "# Report\\n\\n## Root Cause\\n\\nThe memory limit of the container is too low for its " \
         "heap.\\n\\n**Confidence:** HIGH\\n\\n" \
         "## Evidence\\n\\nExit code 137 and OOMKilled in the last state.\\n"
WRITE = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}}


def events(block, delta, reason):
    usage = {"input_tokens": 10, "output_tokens": 5}
    yield "message_start", {"message": {"id": "msg_1", "type": "message", "role": "assistant",
                                        "model": "scripted", "content": [],
                                        "stop_reason": None, "stop_sequence": None, "usage": usage}}
    yield "content_block_start", {"index": 0, "content_block": block}
    yield "content_block_delta", {"index": 0, "delta": delta}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}
    yield "message_stop", {}


def answer(request):
    """Has the tool been used?  A request without tools is a side matter of the CLI."""
    used = any(isinstance(message.get("content"), list)
               and any(part.get("type") == "tool_result" for part in message["content"])
               for message in request.get("messages", []))
    if used or not request.get("tools"):
        return events({"type": "text", "text": ""}, {"type": "text_delta", "text": "Done."},
                      "end_turn")
    command = json.dumps({"command": f"printf '{REPORT}' > output/investigation.md",
                          "description": "write the report"})
    return events(WRITE, {"type": "input_json_delta", "partial_json": command}, "tool_use")


class Provider:
    """Own: close() it."""

    def __init__(self):
        self.requests = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200)
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                provider.requests.append((self.path, body))
                streamed = self.path.split("?")[0] == "/v1/messages"
                self.send_response(200 if streamed else 404)
                self.send_header("Content-Type", "text/event-stream" if streamed
                                 else "application/json")
                self.end_headers()
                if not streamed:
                    self.wfile.write(b"{}")
                    return
                for name, data in answer(json.loads(body)):
                    self.wfile.write(
                        f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def bodies(self):
        return b"\n".join(body for _, body in self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
