//  load - drives a broker as publishers and workers do, and prints what it saw as one line of JSON.
//
//  Usage: see s_usage.  Ends when every event is acknowledged and, with workers, has its verdict.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load_source.h"
#include "tests/bench/load_worker.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MAX = 512, WAITS_MAX = 64, FLUSH_MS = 5 };

typedef struct {
    const char *ingest, *work, *files, *publisher_keys, *worker_keys;
    int64_t jobs, window, workers, first, slots, report_bytes;
    bool one_by_one, hold;
} options_t;

typedef struct {
    options_t options;
    load_source_t source;
    load_worker_t workers [WORKERS_MAX];
    link_wait_t waits [WAITS_MAX]; //  the rest is looked at every FLUSH_MS
    size_t wait_count;
    bench_samples_t assign_us; //  one by one: EVENT to ASSIGN
    char *report;
} load_t;

static volatile sig_atomic_t s_stop;

static void
s_on_term (int number)
{
    s_stop = 1;
}

static void
s_usage (void)
{
    bench_die ("usage: bench-load --ingest E [--publisher-keys DIR] --jobs N [--window N]\n"
               "                  [--work E [--files E --report BYTES] --workers N --slots N\n"
               "                   [--worker-keys PREFIX]] [--one-by-one] [--hold]\n"
               "--worker-keys: worker i has its keys in PREFIX<i>, i from --first N.\n"
               "--hold: stay until TERM.");
}

static int64_t
s_number (const char *text)
{
    char *end = NULL;
    const int64_t number = strtoll (text, &end, 10);
    if (*end || number < 0)
        bench_die ("not a number: %s", text);
    return number;
}

static options_t
s_options (int argc, char **argv)
{
    static const struct option table [] = {
        {"ingest", 1, NULL, 'i'},         {"work", 1, NULL, 'w'},
        {"files", 1, NULL, 'f'},          {"jobs", 1, NULL, 'j'},
        {"window", 1, NULL, 'W'},         {"workers", 1, NULL, 'n'},
        {"slots", 1, NULL, 's'},          {"report", 1, NULL, 'r'},
        {"publisher-keys", 1, NULL, 'p'}, {"worker-keys", 1, NULL, 'k'},
        {"first", 1, NULL, 'F'},          {"one-by-one", 0, NULL, 'o'},
        {"hold", 0, NULL, 'h'},           {0}};
    options_t options = {.window = 256, .slots = 64};
    for (int option; (option = getopt_long (argc, argv, "", table, NULL)) != -1;)
        switch (option) {
            case 'i': options.ingest = optarg; break;
            case 'w': options.work = optarg; break;
            case 'f': options.files = optarg; break;
            case 'j': options.jobs = s_number (optarg); break;
            case 'W': options.window = s_number (optarg); break;
            case 'n': options.workers = s_number (optarg); break;
            case 'F': options.first = s_number (optarg); break;
            case 's': options.slots = s_number (optarg); break;
            case 'r': options.report_bytes = s_number (optarg); break;
            case 'p': options.publisher_keys = optarg; break;
            case 'k': options.worker_keys = optarg; break;
            case 'o': options.one_by_one = true; break;
            case 'h': options.hold = true; break;
            default: s_usage ();
        }
    if (!options.ingest || options.window < 1 || options.workers > WORKERS_MAX
        || (options.workers && !options.work) || (options.report_bytes && !options.files))
        s_usage ();
    return options;
}

static curve_keys_t
s_keys (const char *dir, curve_role_t role)
{
    curve_keys_t keys = {0};
    err_diag_t diag = {""};
    if (dir && curve_load_peer (dir, role, &keys, &diag) < 0)
        bench_die ("%s", diag.text);
    return keys;
}

static char *
s_report (int64_t bytes)
{
    if (bytes == 0)
        return NULL;
    char *report = malloc ((size_t) bytes + 1);
    if (!report)
        bench_die ("out of memory");
    static const char line [] = "## Root Cause\n\nThe container was killed: out of memory.\n";
    for (int64_t i = 0; i < bytes; i++)
        report [i] = line [(size_t) i % (sizeof line - 1)];
    report [bytes] = '\0';
    return report;
}

static void
s_watch (load_t *self, link_t *link)
{
    if (link && self->wait_count < WAITS_MAX)
        self->waits [self->wait_count++] = (link_wait_t){.link = link, .fd = -1};
}

static void
s_connect (load_t *self)
{
    const options_t *options = &self->options;
    curve_keys_t keys = s_keys (options->publisher_keys, CURVE_ROLE_PUBLISHER);
    load_source_init (&self->source, options->ingest, &keys, options->jobs, options->window);
    s_watch (self, self->source.link);
    self->report = s_report (options->report_bytes);
    for (int64_t i = 0; i < options->workers; i++) {
        char dir [4096], name [32];
        snprintf (dir, sizeof dir, "%s%" PRId64, options->worker_keys ? options->worker_keys : "",
                  options->first + i);
        snprintf (name, sizeof name, "bench-%" PRId64, options->first + i);
        keys = s_keys (options->worker_keys ? dir : NULL, CURVE_ROLE_WORKER);
        load_worker_init (&self->workers [i], options->work, options->files, &keys, name,
                          options->slots, self->report);
        s_watch (self, self->workers [i].work);
        s_watch (self, self->workers [i].files);
    }
}

static int64_t
s_done (const load_t *self)
{
    int64_t done = 0;
    for (int64_t i = 0; i < self->options.workers; i++)
        done += self->workers [i].done;
    return done;
}

static bool
s_welcome (const load_t *self)
{
    for (int64_t i = 0; i < self->options.workers; i++)
        if (!self->workers [i].welcome)
            return false;
    return true;
}

//  Between two messages: what came, what is due.
static void
s_turn (load_t *self, int64_t limit)
{
    load_source_receive (&self->source);
    for (int64_t i = 0; i < self->options.workers; i++)
        load_worker_turn (&self->workers [i]);
    load_source_send (&self->source, limit);
    link_wait (self->waits, self->wait_count, FLUSH_MS);
}

static void
s_note_assign (load_t *self, int64_t number)
{
    for (int64_t i = 0; i < self->options.workers; i++)
        if (self->workers [i].assigned_us > self->source.sent_us [number])
            bench_samples_add (&self->assign_us,
                               self->workers [i].assigned_us - self->source.sent_us [number]);
}

static bool
s_finished (const load_t *self, int64_t count)
{
    return self->source.acked >= count && (!self->options.workers || s_done (self) >= count);
}

static void
s_print (load_t *self, double welcome_s, double seconds)
{
    printf ("{\"jobs\": %" PRId64 ", \"welcome_s\": %.3f, \"seconds\": %.3f, \"per_s\": %.1f, "
            "\"refused\": %" PRId64 ", \"ack_p50_us\": %" PRId64 ", \"ack_p99_us\": %" PRId64
            ", \"assign_p50_us\": %" PRId64 ", \"assign_p99_us\": %" PRId64 "}\n",
            self->options.jobs, welcome_s, seconds,
            seconds > 0 ? (double) self->options.jobs / seconds : 0, self->source.refused,
            bench_samples_at (&self->source.ack_us, 500),
            bench_samples_at (&self->source.ack_us, 990), bench_samples_at (&self->assign_us, 500),
            bench_samples_at (&self->assign_us, 990));
    fflush (stdout);
}

static void
s_run (load_t *self)
{
    const int64_t jobs = self->options.jobs, begin_us = bench_now_us ();
    while (!s_welcome (self) && !s_stop)
        s_turn (self, 0);
    const int64_t start_us = bench_now_us ();
    for (int64_t count = self->options.one_by_one ? 1 : jobs; count <= jobs && jobs; count++) {
        while (!s_finished (self, count) && !s_stop)
            s_turn (self, count);
        if (self->options.one_by_one)
            s_note_assign (self, count - 1);
    }
    s_print (self, (double) (start_us - begin_us) / 1e6,
             (double) (bench_now_us () - start_us) / 1e6);
    while (self->options.hold && !s_stop)
        s_turn (self, jobs);
}

int
main (int argc, char **argv)
{
    static load_t self; //  large
    signal (SIGTERM, s_on_term);
    self.options = s_options (argc, argv);
    bench_samples_init (&self.assign_us, (size_t) self.options.jobs);
    s_connect (&self);
    s_run (&self);
    load_source_fini (&self.source);
    for (int64_t i = 0; i < self.options.workers; i++)
        load_worker_fini (&self.workers [i]);
    bench_samples_fini (&self.assign_us);
    free (self.report);
    return s_stop && !self.options.hold ? 1 : 0;
}
