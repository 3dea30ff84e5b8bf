//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_stream.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/tap_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const ctl_t *ctl;
    bool color;
    int64_t seq;  //  seq of the last record shown
    int64_t left; //  records still to show
    tap_watch_t *watch;
} replay_t;

//  Records missing before a topic's first one were deleted by age.
static int
s_gap (const replay_t *self, const json_t *record, int64_t after)
{
    const char *topic = json_member_text (record, "topic", "");
    const int64_t upto = json_member_int (record, "prev", 0);
    (void) ctl_fail (CTL_OK,
                     "records of %s after %" PRId64 " up to %" PRId64 " are not kept any more",
                     topic, after, upto);
    if (!ctl_json (self->ctl))
        return CTL_OK;
    own (json_drop) json_t *gap = json_pack ("{s:{s:s,s:I,s:I}}", "gap", "topic", topic, "after",
                                             (json_int_t) after, "upto", (json_int_t) upto);
    return gap ? ctl_print_line (gap) : ctl_fail (CTL_FAILED, "out of memory");
}

static int
s_show (replay_t *self, const json_t *record)
{
    own (buf_fini) buf_t line = buf_init (LIMIT_KIB (256));
    int64_t seq = json_member_int (record, "seq", 0), after = 0;
    if (seq <= self->seq)
        return ctl_fail (CTL_UNREACHED, "record %" PRId64 " came after %" PRId64, seq, self->seq);
    int code = CTL_OK;
    if (tap_watch_look (self->watch, record, &after) == TAP_GAP)
        code = s_gap (self, record, after);
    if (code)
        return code;
    //  Gaps in topics beyond its bound are not reported.
    (void) tap_watch_shown (self->watch, record);
    self->seq = seq;
    self->left--;
    if (ctl_json (self->ctl))
        return ctl_print_line (record);
    if (tap_view_line (record, self->color, &line) == 0)
        printf ("%8" PRId64 "  %s\n", seq, line.data);
    return CTL_OK;
}

//  Returns an exit code; *ret_any: was there a record?
static int
s_page (replay_t *self, bool *ret_any)
{
    char path [128];
    err_diag_t diag = {.text = ""};
    own (buf_fini) buf_t body = buf_init (LIMIT_HTTP_RESPONSE_BYTES);
    snprintf (path, sizeof (path), "/api/v1/stream?after=%" PRId64 "&limit=%" PRId64, self->seq,
              self->left < LIMIT_HTTP_PAGE_ROWS ? self->left : LIMIT_HTTP_PAGE_ROWS);
    *ret_any = false;
    int code = ctl_fetch (self->ctl, "GET", path, &body, &diag);
    if (code)
        return ctl_fail (code, "%s", diag.text);
    const char *at = body.data, *stop = body.data + body.size;
    while (code == CTL_OK && at < stop && self->left > 0) {
        const char *end = memchr (at, '\n', (size_t) (stop - at));
        own (json_drop) json_t *record = NULL;
        if (!end || json_parse (at, (size_t) (end - at), &record, NULL))
            return ctl_fail (CTL_UNREACHED, "%s sends what is no record", self->ctl->settings->url);
        code = s_show (self, record);
        *ret_any = true;
        at = end + 1;
    }
    return code;
}

int
ctl_stream_replay (const ctl_t *self)
{
    const ctl_settings_t *settings = self->settings;
    own (tap_watch_destroy) tap_watch_t *watch = tap_watch_new ();
    if (!watch)
        return ctl_fail (CTL_FAILED, "out of memory");
    tap_watch_floor (watch, settings->after);
    replay_t replay = {.ctl = self,
                       .color = ctl_color (self),
                       .seq = settings->after,
                       .left = conf_given (self->conf, "limit") ? settings->limit : INT64_MAX,
                       .watch = watch};
    bool any = true;
    int code = CTL_OK;
    while (code == CTL_OK && any && replay.left > 0 && !ferror (stdout))
        code = s_page (&replay, &any);
    return code;
}
