//  tap - triage-tap: watch the event stream, one line per record, and report missing records.
//
//  Live records come from the stream socket.  With a url, missing records are read from the
//  broker's HTTP API.  Those still missing become a warning in the log, and {"gap": ...} in JSON.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/process.h"
#include "common/base/ready.h"
#include "common/base/threads.h"
#include "common/client/client.h"
#include "common/conf/conf_check.h"
#include "common/wire/link.h"
#include "tools/request.h"
#include "tools/tap_view.h"
#include "tools/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

extern char **environ;

enum { S_THREADS = 2 }; //  libzmq's

enum {
    TAP_PAGES = 500,        //  pages of one catch-up: 100,000 records
    TAP_PATIENCE_MS = 5000, //  then it reports that the broker is not reached
    TAP_FILTERS = 32
};

typedef struct {
    conf_common_t common;
    const char *stream_endpoint, *url, *keys_dir, *topic;
    bool json;
    int color;
    int64_t count, after;
} settings_t;

static const conf_option_t s_rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "stream_endpoint",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, stream_endpoint),
     .env = "TRIAGE_STREAM_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5571",
     .flags = CONF_ENDPOINT,
     .help = "The broker's address for taps (its stream_endpoint)."},
    {.key = "url",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, url),
     .env = "TRIAGE_URL",
     .fallback = "http://127.0.0.1:5580",
     .help = "Address of the broker's HTTP API, where records that were missed are read again.  "
             "Empty: they are not."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "Folder with broker.key and the tap's own keys.  Connections are encrypted (CURVE) "
             "when it exists."},
    {.key = "topic",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, topic),
     .env = "TRIAGE_TOPIC",
     .help =
         "Only topics with this prefix, for example incident/prod/.  Separate several by commas."},
    {.key = "json",
     .type = CONF_BOOL,
     .offset = offsetof (settings_t, json),
     .env = "TRIAGE_JSON",
     .fallback = "false",
     .help = "One JSON object a line, with every field."},
    TERM_COLOR_ROW (settings_t, color),
    {.key = "count",
     .type = CONF_INT,
     .offset = offsetof (settings_t, count),
     .env = "TRIAGE_COUNT",
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX >> 1,
     .help = "End after this many records.  0 means never."},
    {.key = "after",
     .type = CONF_INT,
     .offset = offsetof (settings_t, after),
     .env = "TRIAGE_AFTER",
     .fallback = "-1",
     .min = -1,
     .max = INT64_MAX >> 1,
     .help =
         "First show the records after this sequence number.  -1: only what happens from now on."},
    {.key = NULL},
};

static void
s_check (const conf_t *conf, conf_check_t *check)
{
    const settings_t *settings = conf_settings (conf);
    const char *const *at [] = {&settings->stream_endpoint};
    client_check (check, &settings->keys_dir, CURVE_ROLE_TAP, at, sizeof at / sizeof at [0]);
}

static const conf_spec_t s_spec = {
    .program = "triage-tap",
    .summary = "Watch the event stream of a broker.",
    .examples = "triage-tap\n"
                "triage-tap --topic incident/,worker/ --json\n"
                "triage-tap --after 0 --count 5\n",
    .rows = s_rows,
    .settings_size = sizeof (settings_t),
    .check = s_check,
};

typedef struct {
    const settings_t *settings;
    link_t *link;
    tap_watch_t *watch;
    int signal_fd;
    bool color, curve;
    bool ended;       //  by a signal
    bool topics_full; //  reported once
    int64_t shown;
    char *filters [TAP_FILTERS];
    size_t filter_count;
} tap_t;

//  Is it over: a signal, enough records, or no reader any more?
static bool
s_over (tap_t *self)
{
    struct signalfd_siginfo info;
    if (read (self->signal_fd, &info, sizeof (info)) == (ssize_t) sizeof (info))
        self->ended = true;
    return self->ended || ferror (stdout)
           || (self->settings->count > 0 && self->shown >= self->settings->count);
}

static void
s_show (tap_t *self, const json_t *record)
{
    if (s_over (self))
        return;
    own (buf_fini) buf_t line = buf_init (LIMIT_KIB (256));
    int rc = self->settings->json ? tap_view_json (record, &line)
                                  : tap_view_line (record, self->color, &line);
    if (rc == 0 || rc == ERR_LIMIT) {
        printf ("%s\n", line.data);
        fflush (stdout);
    }
    self->shown++;
    if (tap_watch_shown (self->watch, record) && !self->topics_full) {
        self->topics_full = true;
        log_warn ("too many topics, gaps of new ones go unseen");
    }
}

static void
s_notice (tap_t *self, const char *topic, int64_t last, int64_t prev)
{
    log_warn ("a gap: records are missing", kv ("topic", topic), kv ("after", last),
              kv ("upto", prev));
    if (!self->settings->json)
        return;
    own (json_drop) json_t *gap = json_pack ("{s:{s:s,s:I,s:I}}", "gap", "topic", topic, "after",
                                             (json_int_t) last, "upto", (json_int_t) prev);
    own (buf_fini) buf_t line = buf_init (LIMIT_KIB (4));
    if (gap && tap_view_json (gap, &line) == 0) {
        printf ("%s\n", line.data);
        fflush (stdout);
    }
}

//  --- reading missing records

static bool
s_wanted (const tap_t *self, const char *topic)
{
    for (size_t i = 0; i < self->filter_count; i++)
        if (strncmp (topic, self->filters [i], strlen (self->filters [i])) == 0)
            return true;
    return self->filter_count == 0;
}

//  Show the wanted records of the page: of one topic (NULL for all) and below `before`.  Returns
//  the seq of its last record, or `after` when the page is empty.
static int64_t
s_page (tap_t *self, const buf_t *page, const char *topic, int64_t after, int64_t before)
{
    int64_t last = after;
    const char *at = page->data;
    for (const char *end = strchr (at, '\n'); end && !s_over (self);
         at = end + 1, end = strchr (at, '\n')) {
        own (json_drop) json_t *record = NULL;
        int64_t seen_last = 0;
        if (json_parse (at, (size_t) (end - at), &record, NULL))
            continue;
        last = json_member_int (record, "seq", last);
        const char *its = json_member_text (record, "topic", "");
        if (last >= before || !(topic ? strcmp (its, topic) == 0 : s_wanted (self, its)))
            continue;
        tap_seen_t seen = tap_watch_look (self->watch, record, &seen_last);
        if (seen == TAP_GAP) //  earlier records are no longer kept
            s_notice (self, its, seen_last, json_member_int (record, "prev", 0));
        if (seen != TAP_OLD)
            s_show (self, record);
    }
    return last;
}

//  Read the records between `after` and `before` again.  Returns the seq up to which all are shown.
static int64_t
s_replay (tap_t *self, const char *topic, int64_t after, int64_t before)
{
    for (int page = 0; page < TAP_PAGES && !s_over (self); page++) {
        char url [1024];
        int status = 0;
        err_diag_t diag = {.text = ""};
        own (buf_fini) buf_t body = buf_init (LIMIT_HTTP_REPLY_BYTES);
        int length = snprintf (url, sizeof (url), "%s/api/v1/stream?after=%" PRId64,
                               self->settings->url, after);
        const request_t what = {.method = "GET", .url = url, .total_ms = REQUEST_TOTAL_MS};
        int rc = length < 0 || (size_t) length >= sizeof (url)
                     ? -EINVAL
                     : request_run (&what, &body, &status, &diag);
        if (rc || status != 200) {
            log_warn ("could not read the stream again", kv ("url", (const char *) url),
                      kv ("status", status), kv ("reason", (const char *) diag.text));
            return after;
        }
        int64_t last = s_page (self, &body, topic, after, before);
        if (last == after || last + 1 >= before)
            return last;
        after = last;
    }
    return after;
}

static void
s_take (tap_t *self, const json_t *record)
{
    int64_t last = 0;
    const char *topic = json_member_text (record, "topic", "");
    tap_seen_t seen = tap_watch_look (self->watch, record, &last);
    if (seen == TAP_GAP && self->settings->url [0]) {
        s_replay (self, topic, last, json_member_int (record, "seq", 0));
        seen = tap_watch_look (self->watch, record, &last);
    }
    if (seen == TAP_OLD || s_over (self))
        return;
    if (seen == TAP_GAP)
        s_notice (self, topic, last, json_member_int (record, "prev", 0));
    s_show (self, record);
}

//  --- live

static void
s_receive (tap_t *self)
{
    link_msg_t msg = {.held_ = NULL};
    while (!s_over (self)) {
        err_diag_t diag = {.text = ""};
        int rc = link_recv (self->link, &msg, &diag);
        if (rc == -EAGAIN)
            break;
        if (rc || msg.frame.type != MSG_RECORD) {
            log_warn ("record not understood", kv ("reason", (const char *) diag.text));
            continue;
        }
        own (json_drop) json_t *record = tap_record (msg.topic, &msg.msg.record);
        if (record)
            s_take (self, record);
    }
    link_msg_fini (&msg);
}

static void
s_watch (tap_t *self)
{
    const settings_t *settings = self->settings;
    if (settings->after >= 0 && settings->url [0]) {
        tap_watch_floor (self->watch, settings->after);
        tap_watch_floor (self->watch, s_replay (self, NULL, settings->after, INT64_MAX));
    }
    own (clk_destroy) clk_t *clk = clk_new ();
    if (!clk)
        return;
    const int64_t until_ms = clk_now (clk).boot_ms + TAP_PATIENCE_MS;
    bool told = false;
    while (!s_over (self)) {
        link_wait_t items [] = {{.link = self->link, .fd = -1}, {.fd = self->signal_fd}};
        //  Failed tries make it readable too.
        const bool reached = link_connections (self->link) > 0;
        const int64_t left_ms = until_ms - clk_now (clk).boot_ms;
        if (!reached && !told && left_ms <= 0) {
            log_warn ("the broker's stream is not reached, it is tried again",
                      kv ("endpoint", settings->stream_endpoint), kv ("curve", self->curve));
            told = true;
        }
        (void) link_wait (items, 2, reached || told ? -1 : left_ms);
        if (items [0].readable)
            s_receive (self);
    }
}

//  --- setting up

static int
s_subscribe (tap_t *self)
{
    own (own_mem) char *list = strdup (self->settings->topic);
    char *rest = list;
    while (rest && *rest) {
        char *filter = strsep (&rest, ",");
        if (!filter [0])
            continue;
        if (self->filter_count == TAP_FILTERS)
            return ERR_LIMIT;
        self->filters [self->filter_count] = strdup (filter);
        if (!self->filters [self->filter_count])
            return -ENOMEM;
        self->filter_count++;
        int rc = link_subscribe (self->link, filter);
        if (rc)
            return rc;
    }
    return self->filter_count == 0 ? link_subscribe (self->link, "") : 0;
}

static int
s_fail (int code, const char *text)
{
    fprintf (stderr, "triage-tap: %s\n", text);
    return code;
}

static int
s_tap (tap_t *self)
{
    err_diag_t diag = {.text = ""};
    curve_keys_t keys = {.enabled = false};
    if (curve_load_peer (self->settings->keys_dir, CURVE_ROLE_TAP, &keys, &diag))
        return s_fail (EXIT_CONFIG, diag.text);
    own (link_destroy) link_t *link =
        link_connect (LINK_STREAM, self->settings->stream_endpoint, &keys, &diag);
    self->curve = keys.enabled;
    curve_wipe (&keys);
    if (!link)
        return s_fail (EXIT_CONFIG, diag.text);
    own (tap_watch_destroy) tap_watch_t *watch = tap_watch_new ();
    self->link = link;
    self->watch = watch;
    int rc = watch ? s_subscribe (self) : -ENOMEM;
    if (rc == 0)
        rc = ready_write (self->settings->common.ready_file, "tap=subscribed\n");
    if (rc)
        return s_fail (EXIT_RUNTIME, err_str (rc));
    s_watch (self);
    return 0;
}

int
main (int argc, char **argv)
{
    process_hide ();
    own (own_fd) int signal_fd = process_signals (false);
    own (conf_destroy) conf_t *conf = NULL;
    int rc = conf_load (&s_spec, argc, argv, environ, &conf);
    if (rc)
        return rc > 0 ? 0 : rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    tap_t self = {.settings = conf_settings (conf), .signal_fd = signal_fd};
    log_set_level ((enum log_level) self.settings->common.log_level);
    log_set_format ((enum log_format) self.settings->common.log_format);
    self.color = !self.settings->json && term_color (stdout, (term_color_t) self.settings->color);
    rc = threads_check (S_THREADS) < 0 ? EXIT_RUNTIME : s_tap (&self);
    for (size_t i = 0; i < self.filter_count; i++)
        free (self.filters [i]);
    return rc;
}
