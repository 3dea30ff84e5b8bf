//  values - see values.h.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/values.h"

#include "publisher/form.h"

#include <string.h>

//  The end of an event that began, before `at`.
static int
s_end (values_t *self, size_t at, size_t *ret_from, size_t *ret_size)
{
    self->begun = false;
    *ret_from = self->from;
    *ret_size = at - self->from;
    return 1;
}

static void
s_begin (values_t *self, size_t at)
{
    if (self->begun || self->rest || self->depth != self->inside)
        return;
    self->begun = true;
    self->from = at;
    self->line = self->lines + 1;
}

static void
s_in_text (values_t *self, const char *bytes, size_t at)
{
    const char c = bytes [at];
    if (self->escape)
        self->escape = false;
    else if (c == '\\')
        self->escape = true;
    else if (c == '"') {
        self->text = false;
        self->key_list = form_list_key (bytes + self->word, at - self->word);
        self->key_items = self->depth == 1 && at - self->word == 5
                          && memcmp (bytes + self->word, "items", 5) == 0;
    }
}

//  A colon of the outermost object.  One that has other keys than a List before its `items` is an event itself.
static void
s_key (values_t *self)
{
    self->other = self->other || !self->key_list;
    self->list = self->key_items && !self->other;
}

//  An array of events, or `items` of a List: what stands inside are the events.
static void
s_open (values_t *self, char c, size_t at)
{
    const bool array = c == '[' && self->depth == 0;
    const bool items = c == '[' && self->depth == 1 && self->inside == 0 && self->list;
    if (array || items) {
        self->inside = array ? 1 : 2;
        self->begun = false;
    }
    else
        s_begin (self, at);
    self->other = self->other && self->depth > 0;
    self->depth++;
    self->list = false;
}

//  Returns 1 when an event ends with this bracket, 2 when one ended before it.
static int
s_close (values_t *self)
{
    if (self->depth > 0)
        self->depth--;
    int ended = 0;
    if (self->begun && self->depth == self->inside)
        ended = 1;
    else if (self->begun && self->depth < self->inside)
        ended = 2;
    if (self->depth < self->inside) {
        self->rest = self->inside == 2;
        self->inside = 0;
    }
    if (self->depth == 0)
        self->rest = false;
    return ended;
}

int
values_next (values_t *self, const char *bytes, size_t size, size_t *at_p, size_t *ret_from,
             size_t *ret_size)
{
    for (size_t at = *at_p; at < size; at++) {
        const char c = bytes [at];
        const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        *at_p = at + 1;
        if (self->text) {
            s_in_text (self, bytes, at);
            self->lines += c == '\n';
            continue;
        }
        //  a bare word or number ends here
        const bool opens = c == '{' || c == '[';
        const bool ends =
            self->begun && self->depth == self->inside && (space || opens || c == ',');
        const bool bracket = c == '}' || c == ']';
        const int closed = bracket ? s_close (self) : 0;
        if (ends || closed)
            s_end (self, closed == 1 ? at + 1 : at, ret_from, ret_size);
        if (opens)
            s_open (self, c, at);
        else if (c == ':' && self->depth == 1)
            s_key (self);
        else if (c == '"') {
            s_begin (self, at);
            self->text = true;
            self->word = at + 1;
        }
        else if (!space && c != ',' && !bracket)
            s_begin (self, at);
        if (!space && c != ':' && c != '"')
            self->key_items = false;
        self->lines += c == '\n';
        if (ends || closed)
            return 1;
    }
    *at_p = size;
    return 0;
}

bool
values_whole (const values_t *self)
{
    return self->depth == 0 && !self->text;
}

void
values_consumed (values_t *self, size_t count)
{
    self->from -= count < self->from ? count : self->from;
    self->word -= count < self->word ? count : self->word;
}
