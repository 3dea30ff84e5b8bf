"""What Slack takes: the documented rules of messages, blocks, texts and metadata.  Pure.

Characters are counted as UTF-16 units: whichever way Slack counts, it does not count more.
Src: docs.slack.dev, reference/block-kit, messaging/formatting-message-text, messaging/metadata.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import unicodedata

TEXT_MAX = 40_000  # of a message; Slack cuts a longer one, which nobody wants
UPDATE_TEXT_MAX = 4_000  # of an edit, which is refused
BLOCKS_MAX = 50
ATTACHMENTS_MAX = 100
METADATA_BYTES = 8_192
COLORS = {"good", "warning", "danger"}
HALF = re.compile("[\0\ud800-\udfff]")
NAME = re.compile(r"[A-Za-z0-9_]{1,255}\Z")


class Refused(Exception):
    """An error of Slack, and what it says of it."""

    def __init__(self, error, *details):
        super().__init__(error, *details)
        self.error, self.details = error, list(details)


def units(text):
    """The length of a text as the strictest reader counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse_json(data):
    """A JSON object from bytes; strict where Slack is, and where it does not say."""
    def unique(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Refused("invalid_json", "a name stands twice")
        return found

    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=unique)
    except UnicodeDecodeError as error:
        raise Refused("invalid_charset", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Refused("invalid_json", str(error)) from error
    check_characters(document)
    return document


def check_characters(value):
    """No half characters, and no NUL."""
    if isinstance(value, str):
        if HALF.search(value):
            raise Refused("invalid_charset", repr(value[:80]))
    elif isinstance(value, dict):
        for name, part in value.items():
            check_characters(name)
            check_characters(part)
    elif isinstance(value, list):
        for part in value:
            check_characters(part)


# --- blocks

def bad(where, why):
    raise Refused("invalid_blocks", f"{why} [json-pointer:{where}]")


def check_names(value, where, required, allowed):
    if not isinstance(value, dict):
        bad(where, "must be an object")
    for name in required:
        if name not in value:
            bad(where, f"missing required field: {name}")
    for name in value:
        if name not in required and name not in allowed:
            bad(f"{where}/{name}", f"additional property: {name}")


def check_length(text, where, most, least=1):
    if not isinstance(text, str):
        bad(where, "must be a string")
    if units(text) > most:
        bad(where, f"must be less than {most + 1} characters")
    if len(text) < least:
        bad(where, f"must be more than {least - 1} characters")


def check_text(part, where, most, kinds=("mrkdwn", "plain_text")):
    """A text object."""
    check_names(part, where, ("type", "text"), ("emoji", "verbatim"))
    if part["type"] not in kinds:
        bad(f"{where}/type", f"must be one of {', '.join(kinds)}")
    if "emoji" in part and part["type"] != "plain_text":
        bad(f"{where}/emoji", "only of plain_text")
    if "verbatim" in part and part["type"] != "mrkdwn":
        bad(f"{where}/verbatim", "only of mrkdwn")
    for name in ("emoji", "verbatim"):
        if not isinstance(part.get(name, False), bool):
            bad(f"{where}/{name}", "must be a boolean")
    check_length(part["text"], f"{where}/text", most)


def check_url(url, where, most=3000):
    check_length(url, where, most)
    if not re.match(r"https?://[^\s/]", url) or re.search(r"[\s<>\"]", url):
        bad(where, "must be a valid URL")


def check_list(parts, where, most):
    if not isinstance(parts, list) or not parts:
        bad(where, "must be a list with at least 1 item")
    if len(parts) > most:
        bad(where, f"no more than {most} items allowed")


def check_header(block, where):
    check_names(block, where, ("type", "text"), ("block_id",))
    check_text(block["text"], f"{where}/text", 150, ("plain_text",))


def check_section(block, where):
    check_names(block, where, ("type",), ("block_id", "text", "fields", "accessory", "expand"))
    if "text" not in block and "fields" not in block:
        bad(where, "missing required field: text or fields")
    if "text" in block:
        check_text(block["text"], f"{where}/text", 3000)
    if "fields" in block:
        check_list(block["fields"], f"{where}/fields", 10)
        for at, field in enumerate(block["fields"]):
            check_text(field, f"{where}/fields/{at}", 2000)
    if "accessory" in block:
        check_element(block["accessory"], f"{where}/accessory")


def check_image(block, where):
    check_names(block, where, ("type", "image_url", "alt_text"), ("block_id", "title"))
    check_url(block["image_url"], f"{where}/image_url")
    check_length(block["alt_text"], f"{where}/alt_text", 2000)


def check_context(block, where):
    check_names(block, where, ("type", "elements"), ("block_id",))
    check_list(block["elements"], f"{where}/elements", 10)
    for at, part in enumerate(block["elements"]):
        if isinstance(part, dict) and part.get("type") == "image":
            check_image(part, f"{where}/elements/{at}")
        else:
            check_text(part, f"{where}/elements/{at}", 3000)


def check_element(part, where):
    """A button, or an image beside a section."""
    if isinstance(part, dict) and part.get("type") == "image":
        check_image(part, where)
        return
    check_names(part, where, ("type", "text"),
                ("action_id", "url", "value", "style", "confirm", "accessibility_label"))
    if part["type"] != "button":
        bad(f"{where}/type", "unsupported type")
    check_text(part["text"], f"{where}/text", 75, ("plain_text",))
    if "url" in part:
        check_url(part["url"], f"{where}/url")
    for name, most in (("action_id", 255), ("value", 2000), ("accessibility_label", 75)):
        if name in part:
            check_length(part[name], f"{where}/{name}", most)
    if part.get("style", "primary") not in ("primary", "danger"):
        bad(f"{where}/style", "must be primary or danger")


def check_actions(block, where):
    check_names(block, where, ("type", "elements"), ("block_id",))
    check_list(block["elements"], f"{where}/elements", 25)
    seen = set()
    for at, part in enumerate(block["elements"]):
        check_element(part, f"{where}/elements/{at}")
        name = part.get("action_id")
        if name in seen and name is not None:
            bad(f"{where}/elements/{at}/action_id", f"`action_id` already exists: {name}")
        seen.add(name)


def check_divider(block, where):
    check_names(block, where, ("type",), ("block_id",))


BLOCKS = {"header": check_header, "section": check_section, "context": check_context,
          "actions": check_actions, "divider": check_divider, "image": check_image}


def check_blocks(blocks, where="/blocks"):
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format", f"must be a list [json-pointer:{where}]")
    if len(blocks) > BLOCKS_MAX:
        bad(where, f"no more than {BLOCKS_MAX} items allowed")
    seen = set()
    for at, block in enumerate(blocks):
        here = f"{where}/{at}"
        if not isinstance(block, dict) or block.get("type") not in BLOCKS:
            bad(f"{here}/type", "unsupported type")
        BLOCKS[block["type"]](block, here)
        if "block_id" in block:
            check_length(block["block_id"], f"{here}/block_id", 255)
            if block["block_id"] in seen:
                bad(f"{here}/block_id", f"`block_id` already exists: {block['block_id']}")
            seen.add(block["block_id"])


# --- messages

def check_attachments(parts):
    if not isinstance(parts, list):
        raise Refused("invalid_attachments", "must be a list")
    if len(parts) > ATTACHMENTS_MAX:
        raise Refused("too_many_attachments")
    for at, part in enumerate(parts):
        if not isinstance(part, dict) or not part.get("blocks", part.get("text")):
            raise Refused("invalid_attachments", f"nothing to show in {at}")
        color = part.get("color", "good")
        if color not in COLORS and not re.match(r"#?[0-9A-Fa-f]{6}\Z", str(color)):
            raise Refused("invalid_attachments", f"color {color}")
        check_blocks(part.get("blocks", []), f"/attachments/{at}/blocks")


def check_metadata(metadata):
    """{event_type, event_payload}; {} removes it."""
    if not isinstance(metadata, dict):
        raise Refused("invalid_metadata_format", "must be an object")
    if not metadata:
        return
    if set(metadata) != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_format", "event_type and event_payload")
    if not NAME.match(str(metadata["event_type"])):
        raise Refused("invalid_metadata_format", "event_type is letters, digits and _")
    payload = metadata["event_payload"]
    if not isinstance(payload, dict):
        raise Refused("invalid_metadata_format", "event_payload is an object")
    for name, value in payload.items():
        parts = value if isinstance(value, list) else [value]
        flat = [one for part in parts for one in (part.values() if isinstance(part, dict)
                                                  else [part])]
        if not NAME.match(name) or not all(isinstance(one, (str, int, float)) for one in flat):
            raise Refused("invalid_metadata_format", f"event_payload/{name}")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise Refused("metadata_too_large")


def check_message(body, text_max=TEXT_MAX, fallback=True):
    """A whole message; fallback: a text must stand beside blocks, as Slack urges."""
    text = body.get("text", "")
    if not isinstance(text, str):
        raise Refused("invalid_arguments", "text is a string")
    if units(text) > text_max:
        raise Refused("msg_too_long", f"{units(text)} characters")
    check_blocks(body.get("blocks", []))
    check_attachments(body.get("attachments", []))
    if not text.strip() and (fallback or not body.get("blocks") and not body.get("attachments")):
        raise Refused("no_text")
    if "metadata" in body:
        check_metadata(body["metadata"])


# --- what a reader sees

SPECIAL = re.compile(r"<([^<>]*)>")
ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
BARE_LINK = re.compile(r"(?i)\b(?:[a-z]+://|mailto:|www\.)[^\s\u200b]|\w\.[a-z]{2,}")
INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
                       "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
                       "\U000e0000-\U000e0fff]")
CALL = re.compile(r"(?i)@(?:channel|here|everyone|group)")


def references(text):
    """All (kind, target, label) that mrkdwn makes of a text: user, channel, group, all, date,
    link.  Text without < is never one."""
    found = []
    for inside in SPECIAL.findall(text):
        target, _, label = inside.partition("|")
        kind = ("user" if re.match(r"@", target) else "channel" if target.startswith("#")
                else "group" if target.startswith("!subteam") else
                "date" if target.startswith("!date") else "all" if target.startswith("!")
                else "link")
        found.append((kind, target.lstrip("@#!"), label))
    return found


def calls(text):
    """Words of a plain text that call everybody where mentions are looked for: @here."""
    found = CALL.finditer(text) if "@" in text else ()
    return [("all", match.group().strip(), "") for match in found]


def addresses(text):
    """What Slack makes a link of in a plain text."""
    return [("bare", match.group(), "") for match in BARE_LINK.finditer(text)]


def unescaped(text):
    """The & < > that are neither an entity nor part of a reference."""
    rest = SPECIAL.sub("", text)
    return ENTITY.findall(rest) + re.findall("[<>]", rest)


def balanced(text):
    """Are code fences and code spans closed?"""
    fences = text.split("```")
    spans = "".join(fences[::2])
    return len(fences) % 2 == 1 and spans.count("`") % 2 == 0


def parts_of(body):
    """Every text object of a message, with its kind; the notification as ("text", ...)."""
    def inside(value):
        if isinstance(value, dict):
            if value.get("type") in ("mrkdwn", "plain_text"):
                yield value
                return
            value = list(value.values())
        if isinstance(value, list):
            for part in value:
                yield from inside(part)

    yield {"type": "text", "text": body.get("text", "")}
    yield from inside(body.get("blocks", []))
    yield from inside(body.get("attachments", []))


def urls_of(body):
    """The addresses of buttons."""
    blocks = body.get("blocks", []) + [block for part in body.get("attachments", [])
                                       for block in part.get("blocks", [])]
    return [part["url"] for block in blocks if block["type"] == "actions"
            for part in block["elements"] if "url" in part]


def forged(body, allowed=()):
    """Mentions and links of a message that are not among the allowed targets.  Unseen characters
    and other widths hide none.  Also text that is not escaped, and code that is not closed."""
    found = []
    for part in parts_of(body):
        text = part["text"]
        mrkdwn = part["type"] != "plain_text"
        if mrkdwn:
            found += [ref for ref in references(text) if ref[1] not in allowed]
            found += [("unescaped", one, text[:80]) for one in unescaped(text)]
            if not balanced(text):
                found.append(("unbalanced", text[:80], ""))
        if mrkdwn and not part.get("verbatim"):
            found += addresses(SPECIAL.sub("", text))
        if "@" in text or not text.isascii():
            plain = unicodedata.normalize("NFKC", SPECIAL.sub("", text))
            seen = INVISIBLE.sub("", plain.replace("@\u200b", "#"))
            found += calls(plain) + calls(seen) + (references(plain) if mrkdwn else [])
    return found + [("button", url, "") for url in urls_of(body) if url not in allowed]
