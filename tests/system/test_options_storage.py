"""The broker's options of Azure storage: what fits together, what is refused, what is shown.
SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess

import pytest

from lib.system import BIN

KEY = ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw"
       "==")
EMULATOR = "UseDevelopmentStorage=true"


def broker(folder, *words, **env):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    return subprocess.run([BIN / "triage-broker", *words], cwd=folder, env=kept | env, text=True,
                          capture_output=True, timeout=30, check=False)


def check(folder, **env):
    """The exit code of --check-config, and what it says."""
    done = broker(folder, "--check-config", **env)
    assert KEY[:20] not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("text, part", [
    (EMULATOR, "Azure Blob Storage http://127.0.0.1:10000/devstoreaccount1"),
    (f"AccountName=abc;AccountKey={KEY}", "Azure Blob Storage https://abc.blob.core.windows.net"),
    (f"AccountName=abc;AccountKey={KEY[:-1]}x", "AccountKey is no base64 text"),
    (f"AccountName=abc;AcountKey={KEY}", "unknown key AcountKey"),
    (KEY, "has no known key"), ("AccountName=abc", "neither AccountKey nor"),
])
def test_option_broker_azure_storage_connection_string(tmp_path, text, part):
    code, said = check(tmp_path, AZURE_STORAGE_CONNECTION_STRING=text,
                       AZURE_STORAGE_CONTAINER="incidents")
    assert code == (0 if part.startswith("Azure Blob") else 78)
    assert part in said
    secret = tmp_path / "secret"
    secret.write_text(text + "\n")
    printed = broker(tmp_path, "--azure-storage-connection-string-file", secret, "--print-config",
                     AZURE_STORAGE_CONTAINER="incidents")
    assert text not in printed.stdout + printed.stderr
    assert printed.returncode == 0  # what is printed need not fit


def test_a_signature_cannot_sign_links_and_the_start_says_so(tmp_path):
    text = "BlobEndpoint=http://127.0.0.1:1/a;SharedAccessSignature=sv=1&sig="
    code, said = check(tmp_path, AZURE_STORAGE_CONNECTION_STRING=text + "hidden",
                       AZURE_STORAGE_CONTAINER="incidents")
    assert code == 0 and said.count("no link can be signed") == 1 and "hidden" not in said


def test_option_broker_azure_storage_account(tmp_path):
    code, said = check(tmp_path, AZURE_STORAGE_ACCOUNT="abc", AZURE_STORAGE_KEY=KEY,
                       AZURE_STORAGE_CONTAINER="incidents")
    assert code == 0 and "Azure Blob Storage https://abc.blob.core.windows.net" in said
    code, said = check(tmp_path, AZURE_STORAGE_ACCOUNT="abc", AZURE_STORAGE_CONTAINER="incidents")
    assert code == 78 and "azure_storage_key is not: set both, or neither" in said
    code, said = check(tmp_path, AZURE_STORAGE_ACCOUNT="Not_A_Host", AZURE_STORAGE_KEY=KEY,
                       AZURE_STORAGE_CONTAINER="incidents")
    assert code == 78 and "3 to 24 lower-case letters and digits" in said
    code, said = check(tmp_path, AZURE_STORAGE_CONNECTION_STRING=EMULATOR,
                       AZURE_STORAGE_ACCOUNT="abc", AZURE_STORAGE_CONTAINER="incidents")
    assert code == 78 and "is for another account than azure_storage_account" in said


def test_option_broker_azure_storage_key(tmp_path):
    code, said = check(tmp_path, AZURE_STORAGE_KEY=KEY)
    assert code == 78 and "azure_storage_account is not: set both, or neither" in said
    code, said = check(tmp_path, AZURE_STORAGE_ACCOUNT="abc", AZURE_STORAGE_KEY=KEY[3:],
                       AZURE_STORAGE_CONTAINER="incidents")
    assert code == 78 and "azure_storage_key" in said.lower() and "is no base64 text" in said
    printed = broker(tmp_path, "--print-config", AZURE_STORAGE_ACCOUNT="abc", AZURE_STORAGE_KEY=KEY,
                     AZURE_STORAGE_CONTAINER="incidents").stdout
    assert "azure_storage_key" in printed and KEY not in printed


@pytest.mark.parametrize("name, part", [
    ("", "must name the container"), ("Incidents", "has upper-case letters"),
    ("in", "3 to 63 lower-case"), ("in_cidents", "3 to 63 lower-case"), ("incidents", None),
])
def test_option_broker_azure_storage_container(tmp_path, name, part):
    code, said = check(tmp_path, AZURE_STORAGE_CONNECTION_STRING=EMULATOR,
                       AZURE_STORAGE_CONTAINER=name)
    assert code == (78 if part else 0) and (part or "configuration ok") in said
    # Alone it does nothing: incidents stay on the filesystem.
    assert check(tmp_path, AZURE_STORAGE_CONTAINER=name)[0] == 0


@pytest.mark.parametrize("text, code", [
    ("1m", 0), ("24h", 0), ("168h", 0), ("0", 0), ("-1m", 78), ("soon", 78), ("87601h", 78)])
def test_option_broker_azure_sas_expiry(tmp_path, text, code):
    assert check(tmp_path, AZURE_SAS_EXPIRY=text)[0] == code
