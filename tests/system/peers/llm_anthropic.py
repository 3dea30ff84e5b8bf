"""The dialect of POST /v1/messages: SSE streams, whole messages, errors.  See llm_scenarios.
SPDX-License-Identifier: Apache-2.0
"""
import json

import llm_scenarios

KINDS = {"auth": "authentication_error", "forbidden": "permission_error",
         "credit": "invalid_request_error", "too_long": "invalid_request_error",
         "model": "not_found_error", "rate": "rate_limit_error",
         "quota": "rate_limit_error",
         "overloaded": "overloaded_error", "internal": "api_error"}
ENDLESS = {"endless_text": ("text", "text", "text_delta"),
           "endless_thinking": ("thinking", "thinking", "thinking_delta")}
FIRST_TOKENS = 1  # output tokens that message_start tells; the rest comes at the end


def key_of(call):
    return call.headers.get("x-api-key") or \
        call.headers.get("authorization", "").removeprefix("Bearer ")


def is_model_call(call):
    return call.path.split("?")[0] == "/v1/messages"


def error(kind, text):
    return {"type": "error", "error": {"type": KINDS[kind], "message": text},
            "request_id": "req_scripted"}


def turn_of(request):
    """How many tools have answered so far."""
    return sum(isinstance(message.get("content"), list)
               and any(part.get("type") == "tool_result" for part in message["content"])
               for message in request.get("messages", []))


def tokens_in(call):
    """A number that depends on the prompt."""
    return 100 + len(call.body) // 1000


class Message:
    """One answer of the model, as a stream or whole."""

    def __init__(self, answer, call, block, reason, tokens=7):
        self.answer, self.call, self.block, self.reason = answer, call, block, reason
        self.tokens, self.usage = tokens, {"input_tokens": tokens_in(call), "output_tokens": 0,
                                           "cache_read_input_tokens": 3,
                                           "cache_creation_input_tokens": 0}

    def document(self, content, reason, output):
        return {"id": f"msg_{id(self):x}", "type": "message", "role": "assistant",
                "model": json.loads(self.call.body).get("model", "scripted"),
                "content": content, "stop_reason": reason, "stop_sequence": None,
                "usage": {**self.usage, "output_tokens": output}}

    def event(self, name, data):
        self.answer.piece(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n")

    def bill_start(self):
        self.answer.bill(input=self.usage["input_tokens"],
                         cache_read=self.usage["cache_read_input_tokens"], output=FIRST_TOKENS)

    def start(self):
        self.bill_start()
        self.event("message_start", {"message": self.document([], None, FIRST_TOKENS)})

    def begin_block(self, index, block):
        self.event("content_block_start", {"index": index, "content_block": block})

    def delta(self, index, delta):
        self.event("content_block_delta", {"index": index, "delta": delta})

    def stop(self):
        self.answer.bill(output=self.tokens - FIRST_TOKENS)
        self.event("message_delta", {"delta": {"stop_reason": self.reason, "stop_sequence": None},
                                     "usage": {"output_tokens": self.tokens}})
        self.event("message_stop", {})
        self.answer.end()

    def stream(self):
        self.start()
        block = self.block
        if block["type"] == "tool_use":
            self.begin_block(0, {**block, "input": {}})
            self.delta(0, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])})
        else:
            self.begin_block(0, {"type": "text", "text": ""})
            self.delta(0, {"type": "text_delta", "text": block["text"]})
        self.event("content_block_stop", {"index": 0})
        self.stop()

    def whole(self):
        self.bill_start()
        self.answer.bill(output=self.tokens - FIRST_TOKENS)
        self.answer.json(self.document([self.block], self.reason, self.tokens))

    def endless(self, kind):
        """Pieces of one block until the client hangs up."""
        block, key, delta = ENDLESS[kind]
        self.start()
        self.begin_block(0, {"type": block, key: ""})
        while True:
            self.delta(0, {"type": delta, key: "more and more "})
            self.answer.wait()


def text_block(text):
    return {"type": "text", "text": text}


def broken(answer, call, message):
    """A stream that is not what it should be."""
    if call.scenario == "html":
        return answer.whole(200, "text/html", "<html><body>Sign in to the proxy</body></html>")
    message.start()
    if call.scenario == "malformed":
        answer.piece("event: content_block_delta\ndata: {\"type\": \"content_blo\n\n\x00{[\n\n")
        return answer.end()
    if call.scenario == "sse_error":
        message.event("error", error("overloaded", "Overloaded"))
        return answer.end()
    message.begin_block(0, text_block(""))
    message.delta(0, {"type": "text_delta", "text": "The pod was "})
    return answer.cut()


def waiting(answer, call, message):
    """Nothing, or pings, until the client hangs up."""
    if call.scenario == "pings":
        message.start()
    while True:
        if call.scenario == "pings":
            message.event("ping", {})
        answer.wait()


def scripted(answer, call, request, scenario):
    command, text = llm_scenarios.command_of(scenario, turn_of(request), call.body)
    if not request.get("tools"):  # a side matter of the CLI
        command, text = None, "Investigation"
    if command:
        turn = turn_of(request)
        tool = ("Bash", {"command": command, "description": "as scripted"})
        if isinstance(command, tuple):
            tool = (f"mcp__kubernetes__{command[0]}", command[1])
        block = {"type": "tool_use", "id": f"toolu_{turn + 1}", "name": tool[0], "input": tool[1]}
        return Message(answer, call, block, "tool_use", 20 + turn)
    if text:
        return Message(answer, call, text_block(text), "end_turn")
    return Message(answer, call, text_block(""), "end_turn").endless("endless_text")


def answer(answer, call):
    scenario = call.scenario
    if not is_model_call(call):
        if call.path.split("?")[0] == "/v1/messages/count_tokens":
            return answer.json({"input_tokens": tokens_in(call)})
        return answer.json(error("model", "no such path"), 404)
    if scenario in llm_scenarios.ERRORS:
        status, kind, text, headers = llm_scenarios.ERRORS[scenario]
        return answer.json(error(kind, text), status, headers)
    request = json.loads(call.body)
    message = Message(answer, call, text_block("I cannot help with that."), scenario)
    if scenario in ENDLESS:
        return message.endless(scenario)
    if scenario in ("pings", "silent"):
        return waiting(answer, call, message)
    streamed = request.get("stream")
    if scenario == "cut" or streamed and scenario in ("malformed", "sse_error", "html"):
        return broken(answer, call, message)
    if scenario not in ("refusal", "max_tokens"):
        turns = scenario if scenario in llm_scenarios.TURNS else "ok"
        message = scripted(answer, call, request, turns)
    return message.stream() if streamed else message.whole()
