"""The methods of Slack's Web API that a bot needs, one function each.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import email.parser
import email.policy
from dataclasses import dataclass
from typing import Callable

from slack_rules import UPDATE_TEXT_MAX, Refused, check_message, units

SCOPES = ("chat:write", "files:write", "channels:history", "groups:history")
SHOWN = ("text", "blocks", "attachments", "metadata")
MESSAGE = ("channel", "text", "blocks", "attachments", "metadata", "unfurl_links",
           "unfurl_media", "parse", "link_names", "mrkdwn")
READ = ("channel", "cursor", "include_all_metadata", "inclusive", "latest", "limit", "oldest")
FILE_MAX = 1 << 30
COMMENT_MAX = 4_000


@dataclass
class Method:
    """What a method takes and does.  scope (slack, args): the one it needs.  json: also as JSON."""
    run: Callable
    args: tuple
    scope: Callable = lambda slack, args: None
    json: bool = True


def writes(scope):
    return lambda slack, args: scope


def reads(slack, args):
    channel = slack.state.channels.get(args.get("channel"))
    return "groups:history" if channel and channel.private else "channels:history"


def looks(slack, args):
    channel = slack.state.channels.get(args.get("channel"))
    return "groups:read" if channel and channel.private else "channels:read"


def share(args, bot):
    """What a message keeps of a call's arguments."""
    fields = {name: copy.deepcopy(args[name]) for name in SHOWN if args.get(name)}
    return {"text": "", **fields, **bot}


def is_true(value):
    return value is True or str(value).lower() in ("true", "1")


def auth_test(slack, call):
    return {"url": "https://fake.slack.com/", "team": "fake", "user": "triage",
            "team_id": "T0FAKE", "user_id": slack.bot["user"], "bot_id": slack.bot["bot_id"],
            "is_enterprise_install": False}


def info(slack, call):
    """A public channel is shown to anybody, a private one to its members."""
    channel = slack.state.channels.get(call.args.get("channel"))
    if not channel or channel.private and not channel.member:
        raise Refused("channel_not_found")
    return {"channel": {"id": channel.id, "name": channel.name, "is_channel": not channel.private,
                        "is_private": channel.private, "is_archived": channel.archived,
                        "is_member": channel.member}}


def post_message(slack, call):
    args = call.args
    channel = slack.state.channel(args.get("channel"), by_name=True)
    check_message(args)
    if args.get("reply_broadcast") and not args.get("thread_ts"):
        raise Refused("invalid_arguments", "reply_broadcast without thread_ts")
    message = slack.state.add_message(channel, share(args, slack.bot), args.get("thread_ts"))
    if is_true(args.get("reply_broadcast", False)):
        message["subtype"] = "thread_broadcast"
    call.ts = message["ts"]
    return {"channel": channel.id, "ts": message["ts"], "message": shown(message, True)}


def update(slack, call):
    """Blocks, attachments and metadata stay where the call does not name them."""
    args = call.args
    channel = slack.state.channel(args.get("channel"))
    message = channel.find(args.get("ts"))
    if not message:
        raise Refused("message_not_found", str(args.get("ts")))
    if message.get("bot_id") != slack.bot["bot_id"]:
        raise Refused("cant_update_message")
    if "files" in message:
        raise Refused("cant_update_message", "a shared file")
    check_message(args, UPDATE_TEXT_MAX)
    for name in SHOWN:
        if name in args:
            message[name] = copy.deepcopy(args[name])
    message["edited"] = {"user": slack.bot["user"], "ts": f"{slack.state.clock.now():.6f}"}
    call.ts = message["ts"]
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"],
            "message": shown(message, True)}


def shown(message, whole):
    """A message as it is read; whole: with all metadata, else only with its type."""
    found = copy.deepcopy(message)
    if "metadata" in found and not found["metadata"]:
        del found["metadata"]
    if "metadata" in found and not whole:
        found["metadata"] = {"event_type": found["metadata"]["event_type"]}
    return found


def page(messages, args, key, most):
    """The part of a list that limit and cursor ask for."""
    limit = str(args.get("limit", 100))
    if not limit.isdigit() or not 1 <= int(limit) <= most:
        raise Refused("invalid_limit", limit)
    begin = 0
    if args.get("cursor"):
        ids = [one["ts"] for one in messages]
        name, _, ts = str(args["cursor"]).partition(":")
        if name != key or ts not in ids:
            raise Refused("invalid_cursor")
        begin = ids.index(ts)
    part, rest = messages[begin:begin + int(limit)], messages[begin + int(limit):]
    whole = is_true(args.get("include_all_metadata", False))
    answer = {"messages": [shown(one, whole) for one in part], "has_more": bool(rest)}
    if rest:
        answer["response_metadata"] = {"next_cursor": f"{key}:{rest[0]['ts']}"}
    return answer


def between(messages, args):
    """Those after oldest and before latest; inclusive: at them, too."""
    def number(name, other):
        try:
            return float(args.get(name) or other)
        except ValueError as error:
            raise Refused(f"invalid_ts_{name}") from error

    oldest, latest = number("oldest", 0), number("latest", 1e18)
    inclusive = is_true(args.get("inclusive", False))
    return [one for one in messages if oldest < float(one["ts"]) < latest
            or inclusive and float(one["ts"]) in (oldest, latest)]


def history(slack, call):
    """Without threads, the newest first."""
    channel = slack.state.channel(call.args.get("channel"), write=False)
    found = between(channel.top(), call.args)
    return page(found[::-1], call.args, "history", 999)


def replies(slack, call):
    """A thread with its parent, the oldest first."""
    channel = slack.state.channel(call.args.get("channel"), write=False)
    if not channel.find(call.args.get("ts")):
        raise Refused("thread_not_found")
    thread = channel.thread(call.args["ts"])
    return page(thread[:1] + between(thread[1:], call.args), call.args, "replies", 1000)


def get_upload_url(slack, call):
    name, length = call.args.get("filename", ""), str(call.args.get("length", ""))
    if not name or not length.isdigit() or not 0 < int(length) <= FILE_MAX:
        raise Refused("invalid_arguments", "filename and length")
    file = slack.state.add_file(name, int(length))
    return {"upload_url": f"{slack.base}/upload/v1/{file.id}", "file_id": file.id}


def upload(slack, call, target, kind, body):
    """Raw bytes, or the first part of a form."""
    file = slack.state.files.get(target.rpartition("/")[2])
    call.args = {"file": target, "size": len(body)}
    if not file or file.data is not None:
        raise Refused("file_not_found", target)
    if kind.startswith("multipart/form-data"):
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        body = next(whole.iter_parts()).get_payload(decode=True)
    if len(body) != file.length:
        raise Refused("file_length", f"{len(body)} bytes, not {file.length}")
    file.data = body
    return f"OK - {file.length}"


def complete_upload(slack, call):
    args = call.args
    wanted = args.get("files")
    if not isinstance(wanted, list) or not wanted:
        raise Refused("invalid_arguments", "files")
    files = [slack.state.files.get(one.get("id")) for one in wanted]
    if not all(file and file.data is not None and not file.shared for file in files):
        raise Refused("file_not_found", str(wanted))
    if units(args.get("initial_comment", "")) > COMMENT_MAX:
        raise Refused("invalid_arguments", "initial_comment")
    for file, one in zip(files, wanted):
        file.title = one.get("title", file.name)
    if "channel_id" in args:
        channel = slack.state.channel(args["channel_id"])
        said = [{"id": file.id, "name": file.name, "title": file.title, "size": file.length}
                for file in files]
        fields = {"text": args.get("initial_comment", ""), "files": said, **slack.bot}
        call.ts = slack.state.add_message(channel, fields, args.get("thread_ts"))["ts"]
    for file in files:
        file.shared = f"{args.get('channel_id', '-')}/{call.ts}"
    return {"files": [{"id": file.id, "title": file.title} for file in files]}


METHODS = {
    "auth.test": Method(auth_test, ()),
    "chat.postMessage": Method(post_message, MESSAGE + ("thread_ts", "reply_broadcast"),
                               writes("chat:write")),
    "chat.update": Method(update, MESSAGE + ("ts",), writes("chat:write")),
    "conversations.info": Method(info, ("channel", "include_locale", "include_num_members"), looks,
                                 json=False),
    "conversations.history": Method(history, READ, reads, json=False),
    "conversations.replies": Method(replies, READ + ("ts",), reads, json=False),
    "files.getUploadURLExternal": Method(get_upload_url, ("filename", "length", "alt_txt",
                                                          "snippet_type"),
                                         writes("files:write"), json=False),
    "files.completeUploadExternal": Method(complete_upload, ("files", "channel_id", "thread_ts",
                                                             "initial_comment"),
                                           writes("files:write")),
}
