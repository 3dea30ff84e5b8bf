//  gateway - what the worker's gateway adds to each event of a stream: RUNS runs at once, first
//  directly at a scripted provider, then through one gateway with a run for each.
//
//  Every event carries the time at which it was sent; a reader takes the time at which it came.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"
#include "tests/unit/worker/gateway/upstream.h"
#include "worker/gateway/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUNS = 32, EVENTS = 400, GAP_US = 5000, LINE = 512 };

static bool
s_stream (upstream_request_t *request)
{
    char text [LINE];
    upstream_text (request->fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (int i = 0; i < EVENTS; i++) {
        usleep (GAP_US);
        snprintf (text, sizeof text,
                  "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":"
                  "{\"type\":\"text_delta\",\"text\":\"T%" PRId64 " %0200d\"}}\n\n",
                  bench_now_us (), i);
        if (!upstream_text (request->fd, text))
            return false;
    }
    return false;
}

typedef struct {
    uint16_t port;
    bench_samples_t samples;
} reader_t;

//  Add the age of each time stamp in the text; returns what was used.
static size_t
s_stamps (reader_t *self, const char *text)
{
    const char *at = text, *stamp;
    while ((stamp = strstr (at, "\"T")) != NULL && strchr (stamp, ' ')) {
        bench_samples_add (&self->samples, bench_now_us () - strtoll (stamp + 2, NULL, 10));
        at = strchr (stamp, ' ');
    }
    return (size_t) (at - text);
}

static void *
s_read (void *arg)
{
    reader_t *self = arg;
    char text [64 * 1024];
    size_t size = 0;
    const int fd = upstream_connect (self->port);
    upstream_text (fd, "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: token\r\n"
                       "Connection: close\r\nContent-Length: 2\r\n\r\n{}");
    for (ssize_t got; (got = recv (fd, text + size, sizeof text - 1 - size, 0)) > 0;) {
        size += (size_t) got;
        text [size] = 0;
        const size_t used = s_stamps (self, text);
        size -= used;
        memmove (text, text + used, size + 1);
        if (size > sizeof text / 2) //  no stamp in it
            size = 0;
    }
    close (fd);
    return NULL;
}

//  All readers at once; all their samples.
static bench_samples_t
s_round (const uint16_t ports [RUNS])
{
    static reader_t readers [RUNS];
    pthread_t threads [RUNS];
    bench_samples_t all;
    bench_samples_init (&all, RUNS * EVENTS);
    for (int i = 0; i < RUNS; i++) {
        readers [i].port = ports [i];
        bench_samples_init (&readers [i].samples, EVENTS);
        if (pthread_create (&threads [i], NULL, s_read, &readers [i]) != 0)
            bench_die ("no thread");
    }
    for (int i = 0; i < RUNS; i++) {
        pthread_join (threads [i], NULL);
        for (size_t at = 0; at < readers [i].samples.count; at++)
            bench_samples_add (&all, readers [i].samples.values [at]);
        bench_samples_fini (&readers [i].samples);
    }
    if (all.count < RUNS * EVENTS)
        bench_die ("%zu of %d events came", all.count, RUNS * EVENTS);
    return all;
}

static void
s_open (gateway_t *gateway, const char *url, uint16_t ports [RUNS])
{
    err_diag_t diag;
    for (int i = 0; i < RUNS; i++) {
        gateway_run_t *run = NULL;
        const gateway_spec_t spec = {
            .name = "bench",
            .token = "token",
            .keys = {{.provider = "anthropic", .base_url = url, .key = "key"}},
            .key_count = 1};
        if (gateway_open (gateway, &spec, &run, &diag) != 0)
            bench_die ("%s", diag.text);
        ports [i] = gateway_port (run);
    }
}

int
main (void)
{
    upstream_t upstream;
    uint16_t ports [RUNS];
    gateway_t *gateway = gateway_new ();
    if (!gateway)
        bench_die ("no gateway");
    upstream_start (&upstream, s_stream, NULL);
    for (int i = 0; i < RUNS; i++)
        ports [i] = upstream.port;
    bench_samples_t direct = s_round (ports);
    s_open (gateway, upstream_url (&upstream), ports);
    bench_samples_t through = s_round (ports);
    gateway_destroy (&gateway);
    upstream_stop (&upstream);
    printf ("{\"runs\": %d, \"direct_p50_us\": %" PRId64 ", \"direct_p99_us\": %" PRId64
            ", \"through_p50_us\": %" PRId64 ", \"through_p99_us\": %" PRId64 "}\n",
            RUNS, bench_samples_at (&direct, 500), bench_samples_at (&direct, 990),
            bench_samples_at (&through, 500), bench_samples_at (&through, 990));
    bench_samples_fini (&direct);
    bench_samples_fini (&through);
    return 0;
}
