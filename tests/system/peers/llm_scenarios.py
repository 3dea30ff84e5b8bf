"""What a scripted provider does, whatever its dialect.
SPDX-License-Identifier: Apache-2.0
"""
REPORT = "# Report\\n\\n## Root Cause\\n\\nThe memory limit of the container is too low for its " \
         "heap.\\n\\n**Confidence:** HIGH\\n\\n" \
         "## Evidence\\n\\nExit code 137 and OOMKilled in the last state.\\n"
WRITE = f"printf '{REPORT}' > output/investigation.md"
DAEMON = "sleep 4711.25"  # what an agent leaves behind
# What the agent is told to run, turn by turn; a text ends the run.  None is an endless answer.
# A pair is a tool of the MCP server "kubernetes", and its arguments.
TURNS = {"ok": ["head -c 64 event.json", WRITE, "Done."],
         "kubectl": [f"{WRITE}; kubectl get pods --all-namespaces >> output/investigation.md 2>&1",
                     "Done."],
         "mcp": [("pods_list", {}), ("configuration_view", {"minified": False}), WRITE, "Done."],
         "badcall": [("no_such_tool", {}), WRITE, "Done."],
         "daemon": [f"{WRITE}; setsid {DAEMON} > daemon.log 2>&1 < /dev/null &", "Done."],
         "env": [f"{WRITE}; env >> output/investigation.md", "Done."],
         "b64": [f"{WRITE}; (env | base64 -w0; env | rev) >> output/investigation.md", "Done."],
         "outside": [f"{WRITE}; touch /outside ../outside ~/../../outside /etc/outside", "Done."],
         "nowrite": ["I see nothing."],
         "loops": "echo again",
         "report_endless": [WRITE, None],
         "report_resumed": [WRITE, None],  # it ends when the run is resumed
         "report_loops": [WRITE, "sleep 0.2; echo again"]}
WORDS = ("Done.", "I see nothing.")
# HTTP errors: status, kind, text, more headers
ERRORS = {"s401": (401, "auth", "invalid x-api-key", {}),
          "s403": (403, "forbidden", "Your account may not use this model", {}),
          "credit": (400, "credit", "Your credit balance is too low to access the API", {}),
          "s404": (404, "model", "model: no-such-model", {}),
          "s400_key": (400, "auth", "API key not valid. Please pass a valid API key.", {}),
          "s429": (429, "rate", "Too many requests", {}),
          "quota": (429, "quota", "You exceeded your current quota, please check your plan", {}),
          "s429_later": (429, "rate", "Too many requests", {"retry-after": "3600"}),
          "s529": (529, "overloaded", "Overloaded", {}),
          "s500": (500, "internal", "Internal server error", {}),
          "too_long": (400, "too_long", "prompt is too long: 210000 tokens > 200000 maximum", {})}
# Answers that do not end, or end in a wrong way
STREAMS = ("refusal", "max_tokens", "cut", "malformed", "sse_error", "html",
           "endless_text", "endless_thinking", "pings", "silent")
LIMITS = {"refusal": "content_filter", "max_tokens": "max_output_tokens"}
RESUMED = b"Finish now: write the report"  # what only a resumed run is asked
SCENARIOS = (*TURNS, *ERRORS, *STREAMS)


def command_of(scenario, turn, body):
    """What a scenario of TURNS does at this turn: (command, text); both None: never ends."""
    turns = TURNS[scenario]
    if scenario == "report_resumed" and RESUMED in body:
        return None, "Done."
    if isinstance(turns, str):
        return turns, None
    step = turns[min(turn, len(turns) - 1)]
    return (None, step) if step in (*WORDS, None) else (step, None)


def speak(answer, reply, scenario):
    """A text of many parts: the connection breaks after some, or it never ends.

    Each part is another one: a CLI may look for loops.
    """
    reply.begin_text()
    part = 0
    while scenario != "cut" or part < 3:
        part += 1
        reply.part(f"Pod {part * 7919} of node {part * 104729} is next. ")
        answer.wait()
    answer.cut()
