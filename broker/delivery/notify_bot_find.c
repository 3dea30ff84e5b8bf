//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/notify_bot_find.h"

#include <stdio.h>
#include <string.h>

static const char s_type [] = "k8s_triage_incident";

json_t *
notify_bot_find_metadata (const notify_bot_find_t *about, const char *part)
{
    if (*about->incident)
        return json_pack ("{s:s,s:{s:s,s:s}}", "event_type", s_type, "event_payload", "incident",
                          about->incident, "part", part);
    return json_pack ("{s:s,s:{s:s,s:I,s:s}}", "event_type", s_type, "event_payload", "alert",
                      about->alert, "since", (json_int_t) about->since_ms, "part", part);
}

//  Does the message carry this name?
static bool
s_is (const notify_bot_find_t *about, const json_t *message, const char *part)
{
    const json_t *metadata = json_object_get (message, "metadata");
    const json_t *payload = json_object_get (metadata, "event_payload");
    return strcmp (json_member_text (metadata, "event_type", ""), s_type) == 0
           && strcmp (json_member_text (payload, "incident", ""), about->incident) == 0
           && strcmp (json_member_text (payload, "alert", ""), about->alert) == 0
           && (*about->incident || json_member_int (payload, "since", -1) == about->since_ms)
           && strcmp (json_member_text (payload, "part", ""), part) == 0;
}

bool
notify_bot_find_ts (const char *text)
{
    const size_t whole = strspn (text, "0123456789");
    if (whole == 0 || text [whole] != '.')
        return false;
    const size_t part = strspn (text + whole + 1, "0123456789");
    return part > 0 && !text [whole + 1 + part] && whole + 1 + part < ROW_NAME;
}

bool
notify_bot_find_message (const notify_bot_find_t *about, const json_t *answer,
                         char ret_ts [ROW_NAME])
{
    size_t i = 0;
    const json_t *message = NULL;
    json_array_foreach (json_object_get (answer, "messages"), i, message)
    {
        const char *ts = json_member_text (message, "ts", "");
        if (!s_is (about, message, "message") || !notify_bot_find_ts (ts))
            continue;
        snprintf (ret_ts, ROW_NAME, "%s", ts);
        return true;
    }
    return false;
}

int64_t
notify_bot_find_parts (const notify_bot_find_t *about, const json_t *answer, const char *file)
{
    size_t i = 0, k = 0;
    int64_t parts = 0;
    const json_t *message = NULL, *one = NULL;
    json_array_foreach (json_object_get (answer, "messages"), i, message)
    {
        if (s_is (about, message, "detail"))
            parts |= ROW_PART_DETAIL;
        json_array_foreach (json_object_get (message, "files"), k, one)
        {
            if (strcmp (json_member_text (one, "name", ""), file) == 0)
                parts |= ROW_PART_FILE;
        }
    }
    return parts;
}

bool
notify_bot_find_next (const json_t *answer, char ret_cursor [NOTIFY_BOT_FIND_CURSOR])
{
    const json_t *more = json_object_get (answer, "response_metadata");
    const char *cursor = json_member_text (more, "next_cursor", "");
    if (!*cursor || strlen (cursor) >= NOTIFY_BOT_FIND_CURSOR)
        return false;
    snprintf (ret_cursor, NOTIFY_BOT_FIND_CURSOR, "%s", cursor);
    return true;
}
