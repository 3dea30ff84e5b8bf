"""What a workspace holds: channels, messages, files, and how much of each method is allowed.

SPDX-License-Identifier: Apache-2.0
"""
import math
import threading
import time
from dataclasses import dataclass, field

from slack_rules import Refused

MINUTE_S = 60
#  Calls a minute; None: a post, one a second for each channel, with short bursts.
TIERS = {"auth.test": 300, "chat.postMessage": None, "webhook": None, "chat.update": 50,
         "conversations.history": 50, "conversations.replies": 50, "conversations.info": 50,
         "files.getUploadURLExternal": 100, "files.completeUploadExternal": 100}


class Clock:
    """Seconds since 1970; they may pass faster than here."""

    def __init__(self, speed=1.0):
        self.speed, self.begun, self.wall = speed, time.monotonic(), time.time()

    def now(self):
        return self.wall + (time.monotonic() - self.begun) * self.speed


class Rates:
    """How long a caller must wait, by method and channel."""

    def __init__(self, clock, burst):
        self.clock, self.burst, self.used = clock, burst, {}

    def wait_s(self, method, channel):
        """0: the call is taken and counted; else seconds of the caller's clock."""
        now, limit = self.clock.now(), TIERS.get(method, 20)
        if limit is None:
            room, last = self.used.get((method, channel), (self.burst, now))
            room = min(self.burst, room + now - last)
            self.used[method, channel] = (room - (room >= 1), now)
            return 0 if room >= 1 else self.real(1 - room)
        recent = [at for at in self.used.get(method, []) if at > now - MINUTE_S]
        if len(recent) >= limit:
            return self.real(recent[0] + MINUTE_S - now)
        self.used[method] = recent + [now]
        return 0

    def real(self, seconds):
        return max(1, math.ceil(seconds / self.clock.speed))


@dataclass
class Channel:
    """A conversation.  messages: of channel and threads, in the order of their ts."""
    id: str
    name: str
    private: bool = False
    member: bool = True
    archived: bool = False
    messages: list = field(default_factory=list)
    last_us: int = 0

    def find(self, ts):
        return next((one for one in self.messages if one["ts"] == ts), None)

    def top(self):
        """What the channel shows: no replies but those that were broadcast."""
        return [one for one in self.messages if one.get("thread_ts", one["ts"]) == one["ts"]
                or one.get("subtype") == "thread_broadcast"]

    def thread(self, ts):
        return [one for one in self.messages if one.get("thread_ts") == ts or one["ts"] == ts]


@dataclass
class File:
    """A file on its way, or shared."""
    id: str
    name: str
    length: int
    data: bytes = None
    title: str = ""
    shared: str = ""  # "CHANNEL/ts of its message"


class Workspace:
    """All state; its lock is held by whoever serves a request."""

    def __init__(self, speed, burst):
        self.lock = threading.RLock()
        self.clock = Clock(speed)
        self.rates = Rates(self.clock, burst)
        self.channels, self.files, self.count = {}, {}, 0

    def add_channel(self, id, name, **how):
        self.channels[id] = Channel(id, name, **how)
        return self.channels[id]

    def channel(self, given, by_name=False, write=True):
        """The channel of an id, for posts also of a name, if the bot may do this there."""
        found = self.channels.get(given)
        if not found and by_name:
            name = str(given).lstrip("#")
            found = next((one for one in self.channels.values() if one.name == name), None)
        if not found or found.private and not found.member:
            raise Refused("channel_not_found")
        if not found.member:
            raise Refused("not_in_channel")
        if write and found.archived:
            raise Refused("is_archived")
        return found

    def stamp(self, channel):
        """A new ts: unique, and later than all before it in its channel."""
        channel.last_us = max(channel.last_us + 1, int(self.clock.now() * 1_000_000))
        return f"{channel.last_us // 1_000_000}.{channel.last_us % 1_000_000:06d}"

    def parent(self, channel, ts):
        """The message that a thread hangs on."""
        found = channel.find(ts)
        if not found or found.get("thread_ts", ts) != ts:
            raise Refused("thread_not_found", str(ts))
        return found

    def add_message(self, channel, fields, thread_ts=None):
        message = {"type": "message", "ts": self.stamp(channel), **fields}
        if thread_ts:
            parent = self.parent(channel, thread_ts)
            parent["thread_ts"], message["thread_ts"] = thread_ts, thread_ts
            parent["reply_count"] = parent.get("reply_count", 0) + 1
        channel.messages.append(message)
        return message

    def add_file(self, name, length):
        self.count += 1
        file = File(f"F0FAKE{self.count:04d}", name, length)
        self.files[file.id] = file
        return file
