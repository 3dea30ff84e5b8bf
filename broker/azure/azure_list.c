//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_list.h"

#include <libxml/xmlreader.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { S_DEPTH = 8 }; //  EnumerationResults/Blobs/Blob/Name, and a few more

typedef struct {
    xmlTextReader *reader;
    void (*each) (void *arg, const char *name);
    void *arg;
    char *marker;      //  of the caller
    bool rooted, done; //  the root has begun, has ended
    //  The text under way, of an element that we want; NULL = none.
    char *into;
    size_t used, size;
    bool encoded; //  the name is percent-encoded
    char name [AZURE_LIST_NAME];
} s_list_t;

static bool
s_is (const s_list_t *self, const char *name)
{
    const xmlChar *own = xmlTextReaderConstLocalName (self->reader);
    return own && strcmp ((const char *) own, name) == 0;
}

static int
s_digit (char byte)
{
    static const char digits [] = "0123456789abcdef";
    const char *at =
        byte ? strchr (digits, byte >= 'A' && byte <= 'F' ? byte - 'A' + 'a' : byte) : NULL;
    return at ? (int) (at - digits) : -1;
}

//  Decode "%41" in place.  Azure encodes names that XML cannot hold.
static void
s_decode (char *text)
{
    char *to = text;
    for (; *text; text++) {
        const int high = *text == '%' ? s_digit (text [1]) : -1;
        const int low = high >= 0 ? s_digit (text [2]) : -1;
        if (low < 0 || high * 16 + low == 0) {
            *to++ = *text;
            continue;
        }
        *to++ = (char) (high * 16 + low);
        text += 2;
    }
    *to = 0;
}

static int
s_begin (s_list_t *self, int depth)
{
    if (depth == 0) {
        self->rooted = s_is (self, "EnumerationResults");
        return self->rooted ? 0 : ERR_PROTO;
    }
    if (self->into)
        return ERR_PROTO; //  a name has no elements
    const bool empty = xmlTextReaderIsEmptyElement (self->reader) == 1;
    if (depth == 3 && s_is (self, "Name")) {
        self->into = empty ? NULL : self->name;
        self->size = sizeof self->name;
        xmlChar *encoded = xmlTextReaderGetAttribute (self->reader, (const xmlChar *) "Encoded");
        self->encoded = encoded && strcmp ((const char *) encoded, "true") == 0;
        xmlFree (encoded);
        return empty ? ERR_PROTO : 0;
    }
    if (depth == 1 && s_is (self, "NextMarker") && !empty) {
        self->into = self->marker;
        self->size = AZURE_LIST_MARKER;
    }
    self->used = 0;
    return 0;
}

static int
s_text (s_list_t *self)
{
    const xmlChar *value = xmlTextReaderConstValue (self->reader);
    const size_t size = value ? strlen ((const char *) value) : 0;
    if (!self->into)
        return 0;
    if (size >= self->size - self->used)
        return ERR_PROTO;
    memcpy (self->into + self->used, value, size);
    self->used += size;
    self->into [self->used] = 0;
    return 0;
}

static int
s_end (s_list_t *self, int depth)
{
    if (depth == 0)
        self->done = true;
    if (!self->into)
        return 0;
    if (self->into == self->name) {
        if (self->used == 0)
            return ERR_PROTO;
        if (self->encoded)
            s_decode (self->name);
        self->each (self->arg, self->name);
    }
    self->into = NULL;
    self->used = 0;
    return 0;
}

static int
s_node (s_list_t *self)
{
    const int depth = xmlTextReaderDepth (self->reader);
    if (depth > S_DEPTH)
        return ERR_PROTO;
    switch (xmlTextReaderNodeType (self->reader)) {
        case XML_READER_TYPE_ELEMENT: return s_begin (self, depth);
        case XML_READER_TYPE_END_ELEMENT: return s_end (self, depth);
        case XML_READER_TYPE_TEXT:
        case XML_READER_TYPE_CDATA:
        case XML_READER_TYPE_WHITESPACE:
        case XML_READER_TYPE_SIGNIFICANT_WHITESPACE: return s_text (self);
        case XML_READER_TYPE_DOCUMENT_TYPE:
        case XML_READER_TYPE_ENTITY_REFERENCE: return ERR_PROTO;
        default: return 0;
    }
}

int
azure_list_read (const char *xml, size_t size, void (*each) (void *arg, const char *name),
                 void *arg, char ret_marker [AZURE_LIST_MARKER])
{
    s_list_t self = {.each = each, .arg = arg, .marker = ret_marker};
    ret_marker [0] = 0;
    if (size == 0 || size > INT_MAX)
        return ERR_PROTO;
    self.reader = xmlReaderForMemory (xml, (int) size, NULL, "UTF-8",
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (!self.reader)
        return ERR_PROTO;
    int rc = 0, more = 1;
    while (rc == 0 && (more = xmlTextReaderRead (self.reader)) == 1)
        rc = s_node (&self);
    xmlFreeTextReader (self.reader);
    return rc < 0 || more < 0 || !self.rooted || !self.done ? ERR_PROTO : 0;
}
