# lib.jq - from a CLI's stream to steps and to one result, for all drivers.
#
# A driver defines `record`: one JSON record of its CLI -> any number of these items:
#   {text}                                what the model says
#   {delta}                               a part of what the model says; the next part goes on
#   {call: {id, tool, input}}             a tool is used
#   {reply: {id, output, exit}}           what the tool has answered
#   {turn: {id, usage}}                   usage of one call to the model; the same id replaces
#   {set: {session_id, model, version, ...}}   facts; later ones replace earlier ones
#   {warn}                                what a human should know; a line on standard error
#   {error: {text, class, retry_after_ms}}     an error; the last one counts
#   {end: {is_error, class, result, num_turns, usage, total_cost_usd, duration_ms,
#          retry_after_ms}}                    the CLI's own result
# (counts_on in `end` says that cost and usage of a resumed session have the earlier run in them)
# and may define `at_end`: facts -> facts, with $code and $stderr, when the CLI has ended.
# SPDX-License-Identifier: Apache-2.0

def room: 2097152;                  # bytes of a transcript
def part: 2048;                     # characters of the head, and of the tail, of an output

def as_text: if type == "string" then . elif . == null then "" else tojson end;

# The start of a text that may be a model's: short enough for any pattern.
def start_of_text: as_text | .[: 2 * part];

def cut($most):
    if length <= $most then .
    else .[: $most / 2 | floor] + "\n[... cut ...]\n" + .[- ($most / 2 | floor) :] end;

def output_parts:
    as_text | {head: .[: part], bytes: utf8bytelength,
               tail: (if length > part then .[- ([length - part, part] | min) :] else "" end)};

def input_part:
    tojson as $text
    | if ($text | length) <= 2 * part then .
      else {cut: ($text | cut(2 * part)), bytes: ($text | utf8bytelength)} end;

# The text of a content: a string, or a list of blocks.
def content_text:
    if type == "array"
    then map(if type == "object" then .text // "[\(.type // "?")]" else as_text end) | join("\n")
    else as_text end;

# The texts, calls and answers of tools in a message, as Claude Code and its like write them.
# An answer tells the exit code where $pattern finds "n".
def blocks($pattern):
    .message.content[]?
    | if .type == "text" then {text}
      elif .type == "tool_use" then {call: {id, tool: .name, input}}
      elif .type == "tool_result"
      then (.content | content_text) as $output
           | {reply: {id: .tool_use_id, output: $output,
                      exit: (($output | capture($pattern).n | tonumber)?
                             // (if .is_error then 1 else 0 end))}}
      else empty end;

# What an HTTP status and its text mean.
def class_of($status; $text):
    ($text | start_of_text | ascii_downcase) as $t
    | if $t | test("credit balance|insufficient_quota|quota exceeded|exceeded your current quota"
                   + "|billing_(error|hard_limit)|check your plan and billing")
      then "quota"
      elif $t | test("budget of [0-9.]+ usd would be exceeded") # our own gateway
      then "limit"
      elif $t | test("prompt is too long|prompt_too_long|context_length_exceeded|context window"
                     + "|maximum context length|input token count")
      then "too_large"
      elif $status == 401 or $status == 403 then "auth"
      elif $status == 402 then "quota"
      elif $status == 404 then "config"
      elif $status == 413 then "too_large"
      elif $status == 429 then "rate_limited"
      elif $status == 503 or $status == 529 then "overloaded"
      elif $status == 408 or ($status != null and $status >= 500) then "provider"
      else null end;

def add_usage($more):
    reduce ($more // {} | to_entries[] | select(.value | type == "number")) as $e
        (.; .[$e.key] = (.[$e.key] // 0) + $e.value);

# ---- the stream: lines -> "T" and a step, "F" and the facts so far, "W" and a warning

def keep($step):
    .n += 1
    | ({n} + $step | tojson) as $line
    | if .full then .
      elif .bytes + ($line | utf8bytelength) > room
      then .full = true
           | .out += ["T" + ({n, text: "[the transcript is full; later steps are not kept]"}
                             | tojson)]
      else .bytes += ($line | utf8bytelength) + 1 | .out += ["T" + $line] end;

def end_call($id; $reply):
    (.open[$id] // {tool: null, input: null, at: null}) as $call
    | del(.open[$id])
    | keep({tool: $call.tool, input: $call.input,
            output: (if $reply == null then null else $reply.output | output_parts end),
            exit: ($reply.exit? // null),
            ms: (if $call.at then (now - $call.at) * 1000 | floor else null end)});

def on_call($call):
    if .open | length >= 64 then end_call(.open | keys_unsorted[0]; null) else . end
    | .open[$call.id | tostring] = {tool: ($call.tool | as_text | .[: 200]),
                                    input: ($call.input | input_part), at: now};

def on_turn($turn):
    if $turn.id == null or $turn.id != .facts.turn_id
    then .facts.turn_usage as $last | .facts.usage |= add_usage($last) | .facts.turns += 1
    else . end
    | .facts.turn_id = ($turn.id | if . == null then null else as_text | .[: 200] end)
    | .facts.turn_usage = ($turn.usage // {} | map_values(numbers));

def say($text):
    if $text == "" then .
    else .facts.said = ($text | cut(2 * part)) | keep({text: ($text | cut(4 * part))}) end;

# What has been said in parts is one step, which ends before the next one.
def end_delta: .delta as $text | .delta = "" | say($text);

def take_whole($item):
    if $item.text then say($item.text | as_text)
    elif $item.call then on_call($item.call)
    elif $item.reply then end_call($item.reply.id | tostring; $item.reply)
    elif $item.turn then on_turn($item.turn)
    elif $item.set then .facts += ($item.set | map_values(if type == "string" then .[: 200]
                                                          else . end))
    elif $item.warn
    then .out += ["W" + ($item.warn | as_text | .[: 300] | gsub("[[:cntrl:]]"; " "))]
    elif $item.error then .facts.error = ($item.error | .text = (.text | as_text | cut(part)))
    elif $item.end then .facts.end = ($item.end | .result = (.result | as_text | cut(2 * part)))
    else . end;

def take($item):
    if $item.delta
    then ($item.delta | as_text | cut(3 * part)) as $more
         | if .delta + $more | length > 4 * part then end_delta else . end | .delta += $more
    else end_delta | take_whole($item) end;

def stream(record):
    {n: $lines, bytes: $bytes, full: ($bytes > room), open: {}, out: [], delta: "",
     facts: {turns: 0, usage: {}, turn_usage: {}, turn_id: null, error: null, end: null}} as $start
    | foreach (inputs, null) as $line ($start;
        .out = [] | (.facts | del(.said)) as $before
        | if $line == null
          then end_delta | reduce (.open | keys_unsorted[]) as $id (.; end_call($id; null))
          else (try ($line | fromjson | [record]) catch []) as $items
               | reduce $items[] as $item (.; . as $whole | try take($item) catch $whole) end
        | if $line == null or (.facts | del(.said)) != $before
          then .out += ["F" + (.facts | tojson)] else . end;
        .out[]);

# ---- the result: the last facts -> the class, then the record of agent-result.json

def usage_shape($usage):
    {input_tokens: null, output_tokens: null, cache_read_input_tokens: null,
     cache_creation_input_tokens: null}
    | map_values(null) as $none
    | reduce keys_unsorted[] as $key ($none; .[$key] = ($usage[$key] // null));

# The sum of two runs; what is unknown of one is unknown of both.
def plus($earlier):
    if type == "number" and ($earlier | type) == "number" then . + $earlier else null end;

def last_line: split("\n") | map(select(test("[^\\s]"))) | last // null;

def result(at_end):
    ([inputs | fromjson? | objects] | last // {usage: {}, turn_usage: {}, turns: null}) as $facts
    | ([$before | fromjson? | objects] | last) as $earlier
    | ($facts | at_end) as $facts
    | ($facts.end // {}) as $own
    | ($stopped != "" and $facts.end == null) as $cut
    | (if $facts.end then $own.is_error // false else $code != 0 or $stopped != "" end)
      as $is_error
    | (if $cut or ($is_error | not) then null else $own.class // $facts.error.class // null end)
      as $class
    | ($own.usage // ($facts.usage | add_usage($facts.turn_usage))) as $usage
    | (if ($own.result // "") != "" then $own.result
       elif $is_error and $facts.error then $facts.error.text
       elif $cut then null
       elif $is_error then $stderr | last_line
       else $facts.said end) as $sentence
    | {type: "result", $agent, version: ($facts.version // (if $version == "" then null
                                                          else $version end)),
       model: ($facts.model // (if $model == "" then null else $model end)),
       is_error: $is_error, class: $class, result: $sentence, exit_code: $code,
       num_turns: ($own.num_turns // (if $facts.turns > 0 then $facts.turns
                                      elif $earlier and $cut then 0 else null end)
                   | if $earlier then plus($earlier.num_turns) else . end),
       session_id: ($facts.session_id // $earlier.session_id),
       usage: (usage_shape($usage)
               | if $earlier and ($own.counts_on | not)
                 then ($earlier.usage | objects // {}) as $first
                      | with_entries(.key as $key | .value |= plus($first[$key]))
                 else . end),
       total_cost_usd: ($own.total_cost_usd
                        | if $earlier and ($own.counts_on | not)
                          then plus($earlier.total_cost_usd) else . end),
       duration_ms: ($own.duration_ms // $elapsed
                     | if $earlier then plus($earlier.duration_ms) else . end),
       retry_after_ms: ($own.retry_after_ms // $facts.error.retry_after_ms // null)}
    | (.class // "none"), tojson;
