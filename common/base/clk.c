//  clk - the two clocks of the project, and a stopwatch.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/clk.h"
#include "common/base/err.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLK_WALL_MAX_MS INT64_C (253402300799999) //  9999-12-31T23:59:59.999Z

struct clk {
    bool manual;                      //  test clock: only clk_advance moves it
    _Atomic int64_t boot_ms, wall_ms; //  the time of a manual clock
};

clk_t *
clk_new (void)
{
    return calloc (1, sizeof (clk_t));
}

clk_t *
clk_new_manual (int64_t boot_ms, int64_t wall_ms)
{
    clk_t *self = clk_new ();
    if (!self)
        return NULL;
    self->manual = true;
    self->boot_ms = boot_ms;
    self->wall_ms = wall_ms;
    return self;
}

void
clk_destroy (clk_t **self_p)
{
    assert (self_p);
    free (*self_p);
    *self_p = NULL;
}

static int64_t
s_read_ms (clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime (id, &ts);
    assert (rc == 0);
    (void) rc;
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

clk_now_t
clk_now (const clk_t *self)
{
    assert (self);
    if (self->manual)
        return (clk_now_t){.boot_ms = self->boot_ms, .wall_ms = self->wall_ms};
    return (clk_now_t){.boot_ms = s_read_ms (CLOCK_BOOTTIME),
                       .wall_ms = s_read_ms (CLOCK_REALTIME)};
}

void
clk_advance (clk_t *self, int64_t boot_delta_ms, int64_t wall_delta_ms)
{
    assert (self && self->manual && boot_delta_ms >= 0);
    self->boot_ms += boot_delta_ms;
    self->wall_ms += wall_delta_ms;
}

int64_t
clk_us (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

bool
clk_wall_valid (int64_t wall_ms)
{
    return wall_ms >= -CLK_WALL_MAX_MS && wall_ms <= CLK_WALL_MAX_MS;
}

void
clk_text (int64_t wall_ms, char *ret_text, size_t size)
{
    assert (size >= CLK_TEXT);
    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > CLK_WALL_MAX_MS)
        wall_ms = CLK_WALL_MAX_MS;
    time_t seconds = (time_t) (wall_ms / 1000);
    struct tm tm;
    (void) gmtime_r (&seconds, &tm);
    size_t length = strftime (ret_text, size, "%Y-%m-%dT%H:%M:%S", &tm);
    (void) snprintf (ret_text + length, size - length, ".%03dZ", (int) (wall_ms % 1000));
}

//  Exactly `digits` decimal digits within min..max; moves *text_p past them.

static bool
s_number (const char **text_p, int digits, int min, int max, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*text_p) [i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    if (value < min || value > max)
        return false;
    *text_p += digits;
    *ret_value = value;
    return true;
}

static bool
s_expect (const char **text_p, const char *any)
{
    for (; *any; any++) {
        if (**text_p == *any) {
            (*text_p)++;
            return true;
        }
    }
    return false;
}

//  ".5", ".123456789": at least one digit; digits below a millisecond are dropped.

static bool
s_fraction (const char **text_p, int *ret_ms)
{
    if (!s_expect (text_p, "."))
        return true;
    int scale = 100, ms = 0, digits = 0;
    for (; **text_p >= '0' && **text_p <= '9'; (*text_p)++, digits++) {
        ms += (**text_p - '0') * scale;
        scale /= 10;
    }
    *ret_ms = ms;
    return digits > 0;
}

static bool
s_offset (const char **text_p, int *ret_minutes)
{
    if (s_expect (text_p, "Zz"))
        return true;
    bool west = **text_p == '-';
    int hours = 0, minutes = 0;
    if (!s_expect (text_p, "+-") || !s_number (text_p, 2, 0, 23, &hours) || !s_expect (text_p, ":")
        || !s_number (text_p, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

int
clk_parse (const char *text, int64_t *ret_ms)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, offset = 0;
    const char *p = text;
    bool date = s_number (&p, 4, 0, 9999, &year) && s_expect (&p, "-")
                && s_number (&p, 2, 1, 12, &month) && s_expect (&p, "-")
                && s_number (&p, 2, 1, 31, &day) && s_expect (&p, "Tt ");
    bool clock = date && s_number (&p, 2, 0, 23, &hour) && s_expect (&p, ":")
                 && s_number (&p, 2, 0, 59, &minute) && s_expect (&p, ":")
                 && s_number (&p, 2, 0, 60, &second) && s_fraction (&p, &ms)
                 && s_offset (&p, &offset);
    if (!clock || *p)
        return ERR_PROTO;
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    time_t seconds = timegm (&tm);
    if (second < 60 && tm.tm_mday != day) //  timegm turned 31 April into 1 May
        return ERR_PROTO;
    *ret_ms = (int64_t) seconds * 1000 + ms - (int64_t) offset * 60000;
    return 0;
}
