//  gateway_host - one run of the gateway by itself, for tests with real peers.
//
//      gateway_host PROVIDER BASE_URL KEY [HOST...]
//
//  It prints the port, serves until its standard input ends, and prints what it saw as JSON.
//  The token is "run-token-1".
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/gateway.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main (int argc, char **argv)
{
    err_diag_t diag = {{0}};
    gateway_run_t *run = NULL;
    gateway_report_t report;
    char byte;
    if (argc < 4)
        return 2;
    gateway_spec_t spec = {.name = "host",
                           .token = "run-token-1",
                           .keys = {{.provider = argv [1], .base_url = argv [2], .key = argv [3]}},
                           .key_count = 1};
    for (int i = 4; i < argc && spec.host_count < GATEWAY_HOSTS; i++)
        spec.hosts [spec.host_count++] = argv [i];
    gateway_t *gateway = gateway_new ();
    if (!gateway || gateway_open (gateway, &spec, &run, &diag) != 0) {
        fprintf (stderr, "%s\n", diag.text);
        return 1;
    }
    printf ("%d\n", gateway_port (run));
    fflush (stdout);
    while (read (STDIN_FILENO, &byte, 1) > 0)
        ;
    gateway_close (gateway, &run, &report);
    gateway_destroy (&gateway);
    printf ("{\"calls\": %ld, \"failed\": %ld, \"input\": %ld, \"output\": %ld, \"class\": \"%s\", "
            "\"sentence\": \"%s\", \"allowed\": %ld, \"refused\": %ld}\n",
            (long) report.calls, (long) report.failed_calls, (long) report.input,
            (long) report.output, run_class_name (report.failure.class), report.failure.sentence,
            (long) report.hosts_allowed, (long) report.hosts_refused);
    return 0;
}
