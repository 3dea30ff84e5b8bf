//  SPDX-License-Identifier: Apache-2.0
#include "publisher/values.h"

#include "common/base/err.h"
#include "publisher/form.h"

#include <string.h>

//  The event that began ends before `at`.
static int
s_end (values_t *self, size_t at, size_t *ret_from, size_t *ret_size)
{
    self->begun = false;
    *ret_from = self->from;
    *ret_size = at - self->from;
    return 1;
}

static void
s_begin (values_t *self, size_t at, char c)
{
    if (self->begun || self->rest || self->depth != self->inside)
        return;
    if (c != '{')
        self->wrong = self->inside > 0 ? "an array of other things than events"
                                       : "JSON with other text behind it";
    self->begun = true;
    self->from = at;
    self->line = self->lines + 1;
}

//  Is the last text of the outermost object this one?
static bool
s_word_is (const values_t *self, const char *text)
{
    return strlen (text) == self->word_size && memcmp (self->word, text, self->word_size) == 0;
}

static void
s_in_text (values_t *self, char c)
{
    if (!self->escape && c == '"') {
        self->text = false;
        if (self->depth == 1 && self->kind) {
            self->kinded = true;
            self->list_kind = self->word_size >= sizeof self->tail
                              && memcmp (self->tail, "List", sizeof self->tail) == 0;
            self->kind = false;
        }
        return;
    }
    self->escape = !self->escape && c == '\\';
    if (self->depth != 1)
        return;
    if (self->word_size < sizeof self->word)
        self->word [self->word_size] = c;
    self->word_size++;
    memmove (self->tail, self->tail + 1, sizeof self->tail - 1);
    self->tail [sizeof self->tail - 1] = c;
}

//  Is this a List?  If it has no kind, it must have no other keys either.
static bool
s_is_list (const values_t *self)
{
    return self->told || (self->kinded ? self->list_kind : !self->other);
}

//  A colon of the outermost object.
static void
s_key (values_t *self)
{
    const size_t size = self->word_size < VALUES_WORD ? self->word_size : VALUES_WORD;
    self->other = self->other || !form_list_key (self->word, size);
    self->kind = s_word_is (self, "kind");
    self->list = s_word_is (self, "items") && s_is_list (self);
    self->items = self->items || s_word_is (self, "items");
    self->word_size = 0;
}

//  An array of events, or `items` of a List: its elements are the events.
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
        s_begin (self, at, c);
    if (self->depth == 0)
        self->items = self->kinded = self->list_kind = self->other = false;
    self->kinded = self->kinded || (self->kind && self->depth == 1);
    self->depth++;
    self->list = self->kind = false;
}

//  The end of an outermost object whose items came before the keys that identify it.
static void
s_look_back (values_t *self)
{
    if (self->told)
        return;
    if (self->rest && !s_is_list (self))
        self->wrong = "an event whose own items stand in front of its other keys";
    else if (self->begun && self->items && self->kinded && self->list_kind)
        self->wrong = "a List with other keys in front of its items and its kind";
}

//  Returns 1 when an event ends with this bracket, 2 when one ended before it.
static int
s_close (values_t *self, char c)
{
    if (self->depth == 0 || (self->depth == self->inside && c != ']'))
        self->wrong = "JSON with a bracket that closes nothing";
    if (self->depth == 1 && self->inside == 0)
        s_look_back (self);
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
            s_in_text (self, c);
            self->lines += c == '\n';
            continue;
        }
        //  A bare word or number ends here.
        const bool opens = c == '{' || c == '[';
        const bool ends =
            self->begun && self->depth == self->inside && (space || opens || c == ',');
        const bool bracket = c == '}' || c == ']';
        const int closed = bracket ? s_close (self, c) : 0;
        if (ends || closed)
            s_end (self, closed == 1 ? at + 1 : at, ret_from, ret_size);
        if (opens)
            s_open (self, c, at);
        else if (c == ':' && self->depth == 1)
            s_key (self);
        else if (c == ',' && self->depth == 1) {
            self->kinded = self->kinded || self->kind; //  its kind is not a text
            self->kind = self->list = false;
        }
        else if (c == '"') {
            s_begin (self, at, c);
            self->text = true;
            self->word_size = 0;
        }
        else if (!space && c != ',' && !bracket)
            s_begin (self, at, c);
        self->lines += c == '\n';
        if (self->wrong)
            return ERR_PROTO;
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
}
