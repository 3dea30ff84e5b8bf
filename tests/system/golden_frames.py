"""Golden bad frames: bytes that no broker may act on, and the ERROR code each is answered with.

None: the connection is cut or nothing is answered.  SPDX-License-Identifier: Apache-2.0
"""
import struct

SESSION = 0x1122334455667788


def header(kind, magic=b"K8T1", version=1, seq=1):
    return struct.pack("<4sBBHQQQ", magic, version, kind, 0, SESSION, seq, 0)


HELLO_BODY = bytes.fromhex("84" "a970726f746f5f6d696e01" "a970726f746f5f6d617801" "a46e616d65a27777"
                           "a5736c6f747301")

#  with one more key to come
VERDICT_BODY = b"\x85\xa8incident\xa1x\xa7attempt\x01\xa7outcome\xa5agent\xa9exit_code\x01"
CREDIT_BODY = b"\x84\xa6number\x01\xa5total\x00\xa4free\x00"

#  name, frames, ERROR code
BAD = [
    ("one frame only", [header(1)], "malformed"),
    ("three frames", [header(1), b"\x80", b"\x80"], "malformed"),
    ("nine frames", [header(1)] + [b"\x80"] * 8, "malformed"),
    ("short header", [header(1)[:31], b"\x80"], "malformed"),
    ("long header", [header(1) + b"\0", b"\x80"], "malformed"),
    ("wrong magic", [header(1, magic=b"K8T2"), b"\x80"], "malformed"),
    ("version from the future", [header(1, version=9), b"\x80"], "version"),
    ("unknown type", [header(250), b"\x80"], "unknown_type"),
    ("empty body", [header(1), b""], "malformed"),
    ("not a map", [header(1), b"\x91\x01"], "malformed"),
    ("truncated map", [header(1), HELLO_BODY[:-3]], "malformed"),
    ("bytes behind the map", [header(1), HELLO_BODY + b"\xc0"], "malformed"),
    ("missing key", [header(1), b"\x80"], "malformed"),
    ("wrong type of a key", [header(1), HELLO_BODY[:-1] + b"\xa1x"], "malformed"),
    ("key twice", [header(13), b"\x82\xa1a\x01\xa1a\x02"], "malformed"),
    ("key that is not text", [header(13), b"\x81\x01\x01"], "malformed"),
    ("text that is not UTF-8", [header(13), b"\x81\xa1a\xa2\xc3\x28"], "malformed"),
    ("float", [header(13), b"\x81\xa6now_ms\xcb" + b"\0" * 8], "malformed"),
    ("extension type", [header(13), b"\x81\xa1a\xd4\x01\x00"], "malformed"),
    ("array of 67 million", [header(13), b"\x81\xa1a\xdd\x04\x00\x00\x00"], "malformed"),
    ("map of 67 million", [header(13), b"\xdf\x04\x00\x00\x00"], "malformed"),
    ("text of 4 GiB", [header(13), b"\x81\xa1a\xdb\xff\xff\xff\xff"], "malformed"),
    ("nested 40 deep", [header(13), b"\x81\xa1a" + b"\x91" * 40 + b"\xc0"], "malformed"),
    ("65 pairs", [header(13), b"\xde\x00\x41" + b"".join(b"\xa2%02d\x01" % i for i in range(65))],
     "malformed"),
    ("message of the other direction", [header(2), b"\x80"], "malformed"),
    ("no HELLO before", [header(13), b"\x80"], "hello_first"),
    ("usage that is no map", [header(9), VERDICT_BODY + b"\xa5usage\x90"], "malformed"),
    ("usage of a text", [header(9), VERDICT_BODY + b"\xa5usage\x81\xa5calls\xa11"], "malformed"),
    ("usage below unknown", [header(9), VERDICT_BODY + b"\xa5usage\x81\xa5calls\xfe"],
     "malformed"),
    ("class as a number", [header(9), VERDICT_BODY + b"\xa5class\x03"], "malformed"),
    ("wait before now", [header(9), VERDICT_BODY + b"\xa8retry_ms\xff"], "malformed"),
    ("held as a number", [header(3), CREDIT_BODY + b"\xa4held\x01"], "malformed"),
    ("class of CREDIT as a number", [header(3), CREDIT_BODY + b"\xa5class\x01"], "malformed"),
    ("class from the future, no HELLO", [header(9), VERDICT_BODY + b"\xa5class\xa6melted"],
     "hello_first"),
    ("attempt 0", [header(5), b"\x82\xa8incident\xa1x\xa7attempt\xff"], "malformed"),
]
