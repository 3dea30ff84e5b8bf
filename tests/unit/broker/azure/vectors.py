#!/usr/bin/python3
"""vectors.py - the known answers of test_azure_sign and test_azure_link, by Microsoft's library.

Debian's python3-azure-multiapi-storage makes them: its policy signs requests, its generate_blob_sas
makes links.  To make them anew:

  cd tests/unit/broker/azure && /usr/bin/python3 vectors.py | clang-format >vectors.h
SPDX-License-Identifier: Apache-2.0
"""
import base64
from urllib.parse import quote

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.multiapi.storagev2.blob.v2021_08_06 import generate_blob_sas
from azure.multiapi.storagev2.blob.v2021_08_06._shared import authentication

HEAD = """\
//  vectors - signatures made by Microsoft's library; vectors.py says how, and what was signed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

typedef struct {
    const char *account, *name; //  "path" or "host"; of the request
    const char *url;            //  of the request, or of the blob
    const char *signed_;        //  the header Authorization, or the link's query
} vector_t;
"""
NOW = "Mon, 30 Nov 2026 21:05:06 GMT"
VERSION = "2021-08-06"
ACCOUNTS = {
    "path": ("devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1",
             "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeks"
             "oGMGw=="),
    "host": ("myaccount", "https://myaccount.blob.core.windows.net",
             base64.b64encode(bytes(range(64))).decode()),
}
# name, method, path below the endpoint, query, headers, size of the body
REQUESTS = [
    ("put", "PUT", "/incidents/0199/output/investigation.md", {},
     {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "text/markdown; charset=utf-8",
      "x-ms-blob-content-disposition": "inline; filename=\"investigation.md\"",
      "Content-Type": "application/octet-stream", "If-None-Match": "*",
      "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 1234),
    ("block", "PUT", "/incidents/a%20b/%C3%BC%2B%25.log",
     {"comp": "block", "blockid": "QUFBQQ%3D%3D"}, {}, 5),
    ("empty", "PUT", "/incidents", {"restype": "container"}, {}, 0),
    ("list", "GET", "/incidents",
     {"restype": "container", "comp": "list", "prefix": "0199%2F", "marker": "2%21a%20b",
      "maxresults": "100"}, {}, 0),
    ("account", "GET", "/", {"comp": "list"}, {}, 0),
    ("delete", "DELETE", "/incidents/0199/event.json", {}, {"If-Match": "\"0x8D\""}, 0),
]
LINKS = [
    ("plain", "incidents", "0199/output/investigation.html", {}),
    ("typed", "incidents", "0199/output/investigation.html",
     {"content_disposition": "inline", "content_type": "text/html; charset=utf-8"}),
    ("strange", "incidents", "a b/\u00fc+%.log", {}),
]


def authorization(account, request):
    name, endpoint, key = ACCOUNTS[account]
    _, method, path, query, headers, size = request
    url = endpoint + path + ("?" + "&".join(f"{n}={v}" for n, v in query.items()) if query else "")
    message = HttpRequest(method, url)
    message.headers.update(headers)
    message.headers.update({"x-ms-date": NOW, "x-ms-version": VERSION,
                            "Content-Length": str(size)})
    wrapped = PipelineRequest(message, PipelineContext(None))
    authentication.SharedKeyCredentialPolicy(name, key).on_request(wrapped)
    return url, message.headers["Authorization"]


def link(account, row):
    name, endpoint, key = ACCOUNTS[account]
    _, container, blob, more = row
    return generate_blob_sas(
        name, container, blob, account_key=key, permission="r", start="2026-11-30T20:50:06Z",
        expiry="2026-12-07T21:05:06Z", protocol="https" if endpoint.startswith("https") else None,
        **more)


def text(value):
    """A C string in lines of at most 80 characters."""
    value = value.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'"{value[i:i + 80]}"' for i in range(0, len(value), 80)]
    return "(" + "\n     ".join(lines) + ")"


def main():
    print(HEAD)
    print("static const vector_t vector_requests [] = {")
    for account in ACCOUNTS:
        for request in REQUESTS:
            url, value = authorization(account, request)
            print(f'    {{"{account}", "{request[0]}",\n     {text(url)},\n     {text(value)}}},')
    print("};\nstatic const vector_t vector_links [] = {")
    for account, (_, endpoint, _) in ACCOUNTS.items():
        for row in LINKS:
            url = f"{endpoint}/{row[1]}/{quote(row[2])}"
            print(f'    {{"{account}", "{row[0]}",\n     {text(url)},\n'
                  f"     {text(link(account, row))}}},")
    print("};")


main()
