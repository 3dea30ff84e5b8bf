//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_effects.h"

#include "common/base/own.h"

#include <string.h>

//  One channel; "effect" is null when nothing has failed.
static json_t *
s_lane (const step_lane_t *lane, int64_t wall_ms)
{
    json_t *effect =
        lane->id ? json_pack ("{s:I,s:o,s:I,s:I,s:I,s:o}", "id", (json_int_t) lane->id, "key",
                              json_any (lane->key), "tries", (json_int_t) lane->tries,
                              "next_try_ms", (json_int_t) lane->next_ms, "behind",
                              (json_int_t) lane->behind, "error", json_any (lane->error))
                 : json_null ();
    const int64_t since_ms = lane->blocked_ms ? wall_ms - lane->blocked_ms : 0;
    return json_pack ("{s:o,s:I,s:I,s:I,s:o,s:o,s:o}", "name", json_any (lane->name), "waiting",
                      (json_int_t) lane->effects, "failing", (json_int_t) lane->failing,
                      "blocked_ms", (json_int_t) lane->blocked_ms, "blocked_since",
                      json_time (since_ms), "effect", effect, "ok_at", json_time (lane->ok_ms));
}

static json_t *
s_lanes (const snapshot_data_t *data)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < data->lane_count; i++)
        json_array_append_new (list, s_lane (&data->lanes [i], data->wall_ms));
    return list;
}

json_t *
admin_effects_status (const admin_view_t *view)
{
    return json_pack ("{s:I,s:o,s:o}", "ready", (json_int_t) view->data.stats.effects_ready, "dead",
                      view->counted ? json_integer (view->counts.dead_effects) : json_null (),
                      "channels", s_lanes (&view->data));
}

static const char *const s_effect_states [] = {
    [ROW_EFFECT_READY] = "ready",         [ROW_EFFECT_DONE] = "done",
    [ROW_EFFECT_DEAD] = "dead",           [ROW_EFFECT_SENDING] = "sending",
    [ROW_EFFECT_CANCELLED] = "cancelled",
};
enum { EFFECT_STATES = sizeof s_effect_states / sizeof s_effect_states [0] };

json_t *
admin_effects_row (const row_effect_t *row)
{
    return json_pack ("{s:I,s:s,s:o,s:o,s:s,s:I,s:o,s:o}", "id", (json_int_t) row->id, "channel",
                      row_lane_name (row), "key", json_any (row->key), "incident",
                      json_any_or_null (row->incident.text), "state", s_effect_states [row->state],
                      "tries", (json_int_t) row->tries, "next_at",
                      row->state == ROW_EFFECT_READY ? json_time (row->next_ms) : json_null (),
                      "error", json_any_or_null (row->error));
}

void
admin_api_effects (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply)
{
    const char *asked = query->state ? query->state : s_effect_states [ROW_EFFECT_DEAD];
    int state = ROW_EFFECT_READY;
    while (state < EFFECT_STATES && strcmp (asked, s_effect_states [state]) != 0)
        state++;
    if (state == EFFECT_STATES) {
        admin_reply_error (reply, ADMIN_BAD, "bad_query",
                           "state: ready, sending, done, dead or cancelled expected");
        return;
    }
    int want = (int) query->limit + 1;
    own (own_mem) row_effect_t *rows = calloc ((size_t) want, sizeof (row_effect_t));
    if (!rows) {
        admin_reply_json (reply, ADMIN_INTERNAL, NULL);
        return;
    }
    int count = store_reader_effects_in (view->reader, (row_effect_state_t) state, query->before,
                                         rows, want);
    if (count < 0) {
        admin_reply_store (reply, "effects", count);
        return;
    }
    int shown = count == want ? want - 1 : count;
    json_t *list = json_array ();
    for (int i = 0; i < shown; i++)
        json_array_append_new (list, admin_effects_row (&rows [i]));
    json_t *next = count == want ? json_integer (rows [shown - 1].id) : json_null ();
    admin_reply_json (reply, ADMIN_OK,
                      json_pack ("{s:o,s:o,s:o}", "effects", list, "next", next, "channels",
                                 s_lanes (&view->data)));
}
