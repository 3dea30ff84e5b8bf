"""The dialect of Gemini: POST /v1beta/models/M:generateContent and :streamGenerateContent.

See llm_provider for what a dialect is, llm_scenarios for what it plays.
SPDX-License-Identifier: Apache-2.0
"""
import json

import llm_scenarios

KINDS = {"auth": "UNAUTHENTICATED", "forbidden": "PERMISSION_DENIED", "model": "NOT_FOUND",
         "credit": "FAILED_PRECONDITION", "too_long": "INVALID_ARGUMENT",
         "rate": "RESOURCE_EXHAUSTED", "quota": "RESOURCE_EXHAUSTED",
         "overloaded": "UNAVAILABLE", "internal": "INTERNAL"}
REASONS = {"content_filter": "SAFETY", "max_output_tokens": "MAX_TOKENS"}
CACHED = 40  # tokens of each prompt
OUTPUT = 20


def key_of(call):
    return call.headers.get("x-goog-api-key", "")


def is_model_call(call):
    return "enerateContent" in call.path


def error(status, kind, text):
    if kind == "model":  # the CLI knows this text
        text = "models/none is not found for API version v1beta, or is not supported for it."
    return {"error": {"code": status, "message": text, "status": KINDS[kind]}}


def tokens_in(call):
    """A number that depends on the prompt."""
    return 100 + len(call.body) // 1000


class Content:
    """One answer, as a stream or whole."""

    def __init__(self, answer, call):
        self.answer, self.call, self.request = answer, call, json.loads(call.body)
        self.streamed = ":stream" in call.path

    def tools(self):
        return {function["name"] for tool in self.request.get("tools", [])
                for function in tool.get("functionDeclarations", [])}

    def turn(self):
        return sum("functionResponse" in part for content in self.request["contents"]
                   for part in content["parts"])

    def document(self, part, reason=None):
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0}
        document = {"candidates": [candidate], "modelVersion": "scripted", "responseId": "r1"}
        if reason:
            candidate["finishReason"] = reason
            document["usageMetadata"] = {
                "promptTokenCount": tokens_in(self.call), "cachedContentTokenCount": CACHED,
                "candidatesTokenCount": OUTPUT, "totalTokenCount": tokens_in(self.call) + OUTPUT}
        return document

    def piece(self, document):
        self.answer.piece(f"data: {json.dumps(document)}\n\n")

    def finish(self, part, reason="STOP"):
        self.answer.bill(input=tokens_in(self.call) - CACHED, cache_read=CACHED, output=OUTPUT)
        if not self.streamed:
            return self.answer.json(self.document(part, reason))
        self.piece(self.document({"text": "I look "}))
        self.piece(self.document({"text": "at it. "}))
        self.piece(self.document(part, reason))
        return self.answer.end()

    def play(self, command, text):
        if not command:
            return self.finish({"text": text})
        tool = ("run_shell_command", {"command": command, "description": "as scripted"})
        if isinstance(command, tuple):
            tool = (f"mcp_kubernetes_{command[0]}", command[1])
        return self.finish({"functionCall": {"name": tool[0], "args": tool[1]}})

    def limit(self, reason):
        return self.finish({"text": "I cannot"}, REASONS[reason])

    def begin_text(self):
        pass

    def part(self, text):
        self.piece(self.document({"text": text}))


def answer(answer, call):
    scenario = call.scenario
    if not is_model_call(call):
        return answer.json(error(404, "model", "no such path"), 404)
    if scenario in llm_scenarios.ERRORS:
        status, kind, text, headers = llm_scenarios.ERRORS[scenario]
        return answer.json(error(status, kind, text), status, headers)
    reply = Content(answer, call)
    if scenario in llm_scenarios.LIMITS:
        return reply.limit(llm_scenarios.LIMITS[scenario])
    if scenario in ("cut", "endless_text"):
        return llm_scenarios.speak(answer, reply, scenario)
    turns = scenario if scenario in llm_scenarios.TURNS else "ok"
    command, text = llm_scenarios.command_of(turns, reply.turn(), call.body)
    if not reply.tools():  # a side matter of the CLI
        command, text = None, "{}"
    if not command and not text:
        return llm_scenarios.speak(answer, reply, "endless_text")
    return reply.play(command, text)
