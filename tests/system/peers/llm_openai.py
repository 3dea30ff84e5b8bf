"""The dialects of OpenAI: POST /responses (codex) and POST /chat/completions (opencode, qwen).

See llm_provider for what a dialect is, llm_scenarios for what it plays.
SPDX-License-Identifier: Apache-2.0
"""
import json

import llm_scenarios

CODES = {"auth": "invalid_api_key", "forbidden": "unsupported_country", "model": "model_not_found",
         "credit": "billing_hard_limit_reached", "too_long": "context_length_exceeded",
         "rate": "rate_limit_exceeded", "quota": "insufficient_quota",
         "overloaded": "server_is_overloaded", "internal": "server_error"}
CACHED = 40  # tokens of each prompt
OUTPUT = 20


def key_of(call):
    return call.headers.get("authorization", "").removeprefix("Bearer ")


def path_of(call):
    return call.path.split("?")[0].removeprefix("/v1")


def is_model_call(call):
    return path_of(call) in ("/responses", "/chat/completions")


def error(kind, text):
    code = CODES[kind]
    if kind == "model":  # the CLI knows this text
        text = "The model `gpt-none` does not exist or you do not have access to it."
    return {"error": {"message": text, "type": code, "param": None, "code": code}}


def tokens_in(call):
    """A number that depends on the prompt."""
    return 100 + len(call.body) // 1000


def bill(answer, call):
    answer.bill(input=tokens_in(call) - CACHED, cache_read=CACHED, output=OUTPUT)


class Responses:
    """An answer of the Responses API, which is always a stream."""

    def __init__(self, answer, call):
        self.answer, self.call, self.request = answer, call, json.loads(call.body)

    def tools(self):
        """By name; some models have them as a part of the conversation."""
        tools = list(self.request.get("tools") or [])
        for item in self.request["input"]:
            if item.get("type") == "additional_tools":
                for space in item["tools"]:
                    tools += space.get("tools", [space])
        return {tool.get("name"): tool for tool in tools}

    def turn(self):
        return sum(item.get("type") in ("function_call_output", "custom_tool_call_output")
                   for item in self.request["input"])

    def event(self, name, data):
        self.answer.piece(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n")

    def response(self, **more):
        return {"id": f"resp_{self.turn()}", "object": "response", "status": "in_progress",
                "output": [], **more}

    def start(self):
        self.event("response.created", {"response": self.response()})

    def message(self, text):
        return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}

    def call_of(self, command):
        """As this model's tools want it: a shell, or a script that calls one."""
        turn = self.turn()
        ids = {"id": f"fc_{turn}", "call_id": f"call_{turn}"}
        if isinstance(command, tuple):
            return {"type": "function_call", **ids, "namespace": "mcp__kubernetes",
                    "name": command[0], "arguments": json.dumps(command[1])}
        if self.tools().get("exec", {}).get("type") == "custom":
            script = f"text(await tools.exec_command({json.dumps({'cmd': command})}))"
            return {"type": "custom_tool_call", **ids, "name": "exec", "input": script}
        return {"type": "function_call", **ids, "name": "exec_command",
                "arguments": json.dumps({"cmd": command})}

    def finish(self, item, **more):
        bill(self.answer, self.call)
        usage = {"input_tokens": tokens_in(self.call), "output_tokens": OUTPUT,
                 "input_tokens_details": {"cached_tokens": CACHED},
                 "output_tokens_details": {"reasoning_tokens": 0},
                 "total_tokens": tokens_in(self.call) + OUTPUT}
        self.event("response.output_item.added", {"output_index": 0, "item": item})
        self.event("response.output_item.done", {"output_index": 0, "item": item})
        name = more.get("status", "completed")
        self.event(f"response.{name}", {"response": self.response(
            **{"status": name, "output": [item], "usage": usage, **more})})
        self.answer.end()

    def play(self, command, text):
        self.start()
        self.finish(self.call_of(command) if command else self.message(text))

    def limit(self, reason):
        self.start()
        self.finish(self.message("I cannot"), status="incomplete",
                    incomplete_details={"reason": reason})

    def begin_text(self):
        self.start()
        self.event("response.output_item.added", {"output_index": 0, "item": {
            **self.message(""), "content": [], "status": "in_progress"}})

    def part(self, text):
        self.event("response.output_text.delta", {"item_id": "msg_1", "output_index": 0,
                                                  "content_index": 0, "delta": text})


class Chat:
    """An answer of the chat completions, as a stream or whole."""

    def __init__(self, answer, call):
        self.answer, self.call, self.request = answer, call, json.loads(call.body)

    def tools(self):
        return {tool["function"]["name"]: tool for tool in self.request.get("tools") or []}

    def turn(self):
        return sum(message.get("role") == "tool" for message in self.request["messages"])

    def document(self, kind, **more):
        return {"id": "chatcmpl_1", "object": kind, "created": 1, "model": self.request["model"],
                **more}

    def chunk(self, delta, reason=None, **more):
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}] if delta is not None \
            else []
        data = self.document("chat.completion.chunk", choices=choices, **more)
        self.answer.piece(f"data: {json.dumps(data)}\n\n")

    def call_of(self, command):
        name = "bash" if "bash" in self.tools() else "run_shell_command"
        arguments = {"command": command, "description": "as scripted"}
        if isinstance(command, tuple):
            prefix = "kubernetes_" if name == "bash" else "mcp__kubernetes__"
            name, arguments = prefix + command[0], command[1]
        elif name != "bash":
            arguments["is_background"] = False
        return {"index": 0, "id": f"call_{self.turn()}", "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)}}

    def finish(self, message, reason):
        bill(self.answer, self.call)
        usage = {"prompt_tokens": tokens_in(self.call), "completion_tokens": OUTPUT,
                 "total_tokens": tokens_in(self.call) + OUTPUT,
                 "prompt_tokens_details": {"cached_tokens": CACHED}}
        if not self.request.get("stream"):
            self.answer.json(self.document("chat.completion", usage=usage, choices=[
                {"index": 0, "message": message, "finish_reason": reason}]))
            return
        self.chunk(message)
        self.chunk({}, reason)
        self.chunk(None, usage=usage)
        self.answer.piece("data: [DONE]\n\n")
        self.answer.end()

    def play(self, command, text):
        message = {"role": "assistant", "content": text}
        if command:
            message = {"role": "assistant", "tool_calls": [self.call_of(command)]}
        self.finish(message, "tool_calls" if command else "stop")

    def limit(self, reason):
        self.finish({"role": "assistant", "content": "I cannot"},
                    "length" if reason == "max_output_tokens" else reason)

    def begin_text(self):
        self.chunk({"role": "assistant", "content": ""})

    def part(self, text):
        self.chunk({"content": text})


def answer(answer, call):
    scenario = call.scenario
    if not is_model_call(call):
        return answer.json(error("model", "no such path"), 404)
    if scenario in llm_scenarios.ERRORS:
        status, kind, text, headers = llm_scenarios.ERRORS[scenario]
        return answer.json(error(kind, text), status, headers)
    reply = (Responses if path_of(call) == "/responses" else Chat)(answer, call)
    if scenario in llm_scenarios.LIMITS:
        return reply.limit(llm_scenarios.LIMITS[scenario])
    if scenario in ("cut", "endless_text"):
        return llm_scenarios.speak(answer, reply, scenario)
    turns = scenario if scenario in llm_scenarios.TURNS else "ok"
    command, text = llm_scenarios.command_of(turns, reply.turn(), call.body)
    if not reply.tools():  # a side matter of the CLI
        command, text = None, "Investigation"
    if not command and not text:
        return llm_scenarios.speak(answer, reply, "endless_text")
    return reply.play(command, text)
