"""Threads that cannot be started: an end with a reason, and a code that lets a supervisor try
again.
SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess

import pytest

from lib.system import BIN, Process

SOURCE = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <pthread.h>
    #include <stdatomic.h>
    #include <stdlib.h>
    static atomic_int s_started;
    int pthread_create (pthread_t *thread, const pthread_attr_t *attr, void *(*run) (void *),
                        void *arg) {
        if (atomic_fetch_add (&s_started, 1) >= atoi (getenv ("THREADS"))) return EAGAIN;
        return ((int (*) (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *))
            dlsym (RTLD_NEXT, "pthread_create")) (thread, attr, run, arg); }
"""


@pytest.mark.parametrize("program,most,words", [
    ("triage-broker", 7, ["--state-path", "state/broker.db"]),
    ("triage-worker", 2, ["--broker-endpoint", "tcp://127.0.0.1:1"]),
    ("triage-publisher", 1, ["--ingest-endpoint", "tcp://127.0.0.1:1", "events"]),
    ("triage-tap", 1, [])])
def test_threads_that_cannot_start_end_with_1_and_the_reason(system, program, most, words):
    library = system.root / "threads.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=SOURCE,
                   text=True, check=True)
    (system.root / "events").write_text("{}\n")
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    for number in range(most + 1):
        process = Process(system, f"{program}-{number}", [BIN / program, *words],
                          {"LD_PRELOAD": str(library), "THREADS": str(number),
                           "ASAN_OPTIONS": f"{sanitizer}:verify_asan_link_order=0"})
        assert process.wait(20) == 1, process.log_tail()
        assert "threads cannot be started" in process.log(), process.log_tail()
