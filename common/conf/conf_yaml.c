//  conf_yaml - reads the YAML file of a configuration; the port to libyaml.
//
//  libyaml's loader does not recurse and nests at most 1000 deep; the walk here stops at
//  CONF_YAML_DEPTH.  A node that is reached twice is an alias.  Aliases are refused, because they
//  could blow up the walk.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/conf/conf_part.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct {
    conf_t *conf;
    conf_errors_t *errors;
    const char *file;
    yaml_document_t *document;
    bool *visited; //  a cell per node, in the conf's memory
} walk_t;

//  The struct that a map's keys set: the settings or one item of a table.
typedef struct {
    const conf_option_t *rows;
    void *base;
    unsigned char *seen; //  a cell per row: bits of enum seen
    const char *label;   //  "" or "clusters[2].", put before keys in messages
} target_t;

enum seen { SEEN_VALUE = 1, SEEN_FILE = 2 };

static void
s_where (const walk_t *walk, const yaml_node_t *node, const char *label, const char *key,
         char ret_where [CONF_WHERE])
{
    (void) snprintf (ret_where, CONF_WHERE, "%.280s:%zu: %.60s%.120s", walk->file,
                     node->start_mark.line + 1, label, key);
}

//  The scalar's text, or NULL with an error.  Aliases are detected here and in s_open.

static bool
s_visit (walk_t *walk, const yaml_node_t *node, const char *where)
{
    size_t index = (size_t) (node - walk->document->nodes.start);
    if (walk->visited [index]) {
        conf_error (walk->errors, where, "expected a plain value, got a YAML alias");
        return false;
    }
    walk->visited [index] = true;
    return true;
}

static const char *
s_scalar_text (const yaml_node_t *node)
{
    return (const char *) node->data.scalar.value;
}

static bool
s_is_null (const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const char *text = s_scalar_text (node);
    return !*text || strcmp (text, "~") == 0 || strcmp (text, "null") == 0;
}

static const char *
s_type_name (const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a map"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a value";
}

static bool
s_is_repeated (const walk_t *walk, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
    const yaml_node_t *key = yaml_document_get_node (walk->document, pair->key);
    for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
        const yaml_node_t *other = yaml_document_get_node (walk->document, p->key);
        if (other->type == YAML_SCALAR_NODE
            && strcmp (s_scalar_text (other), s_scalar_text (key)) == 0)
            return true;
    }
    return false;
}

static void
s_map (walk_t *walk, const target_t *target, const char *prefix, const yaml_node_t *node,
       size_t depth);

//  --- tables

//  One item, which errors call `name`.
static void
s_item (walk_t *walk, const conf_option_t *row, void *base, const yaml_node_t *node,
        const char *name)
{
    char label [CONF_NAME], where [CONF_WHERE];
    s_where (walk, node, "", name, where);
    conf_value_defaults (walk->conf, row->rows, base, NULL);
    if (!s_visit (walk, node, where))
        return;
    if (node->type != YAML_MAPPING_NODE) {
        conf_error (walk->errors, where, "expected a map, got %s", s_type_name (node));
        return;
    }
    (void) snprintf (label, sizeof (label), "%.156s.", name);
    const conf_option_t *rows = row->rows + ((row->flags & CONF_KEYED) != 0);
    size_t count = conf_row_count (rows);
    target_t target = {
        .rows = rows, .base = base, .label = label, .seen = conf_alloc (walk->conf, count + 1)};
    s_map (walk, &target, "", node, 2);
    for (size_t i = 0; i < count; i++) {
        if (!(rows [i].flags & CONF_REQUIRED) || target.seen [i])
            continue;
        s_where (walk, node, label, rows [i].key, where);
        conf_error (walk->errors, where, "required, but not set");
    }
}

//  The line of the item that repeats an earlier one's value.
static void
s_unique (walk_t *walk, const conf_option_t *row, const char *items, size_t index,
          const yaml_node_t *node)
{
    for (const conf_option_t *inner = row->rows; inner->key; inner++) {
        for (size_t i = 0; inner->flags & CONF_UNIQUE && i < index; i++) {
            const char *item = items + index * row->item_size;
            const char *text = *(const char *const *) (const void *) (item + inner->offset);
            if (!*text || !conf_value_same (inner, items + i * row->item_size, item))
                continue;
            char label [CONF_NAME], where [CONF_WHERE];
            (void) snprintf (label, sizeof (label), "%.100s[%zu].", row->key, index);
            s_where (walk, node, label, inner->key, where);
            conf_error (walk->errors, where, "given twice: \"%s\" is also that of %s[%zu]", text,
                        row->key, i);
            break;
        }
    }
}

static void
s_list (walk_t *walk, const conf_option_t *row, char *items, const yaml_node_t *node)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    for (size_t i = 0; item < node->data.sequence.items.top; item++, i++) {
        const yaml_node_t *at = yaml_document_get_node (walk->document, *item);
        char name [CONF_NAME];
        (void) snprintf (name, sizeof (name), "%.100s[%zu]", row->key, i);
        s_item (walk, row, items + i * row->item_size, at, name);
        s_unique (walk, row, items, i, at);
    }
}

//  The items of a CONF_KEYED table.  Each key sets the first row of its item.
static void
s_keyed (walk_t *walk, const conf_option_t *row, char *items, const yaml_node_t *node)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (size_t i = 0; pair < node->data.mapping.pairs.top; pair++, i++) {
        const yaml_node_t *key = yaml_document_get_node (walk->document, pair->key);
        char name [CONF_NAME], where [CONF_WHERE];
        s_where (walk, key, "", row->key, where);
        char *item = items + i * row->item_size;
        const bool named = key->type == YAML_SCALAR_NODE;
        (void) snprintf (name, sizeof (name), "%.60s.%.90s", row->key,
                         named ? s_scalar_text (key) : "?");
        s_item (walk, row, item, yaml_document_get_node (walk->document, pair->value), name);
        if (!named)
            conf_error (walk->errors, where, "expected a key, got %s", s_type_name (key));
        else if (s_is_repeated (walk, node, pair))
            conf_error (walk->errors, where, "given twice: \"%s\"", s_scalar_text (key));
        else {
            char place [CONF_WHERE];
            s_where (walk, key, "", name, place);
            conf_origin_set (walk->conf, row->rows, item, place, NULL);
            (void) conf_value_set (walk->conf, row->rows, item, s_scalar_text (key), where,
                                   walk->errors);
        }
    }
}

static void
s_table (walk_t *walk, const conf_option_t *row, void *base, const yaml_node_t *node,
         const char *where)
{
    const bool keyed = row->flags & CONF_KEYED;
    if (node->type != (keyed ? YAML_MAPPING_NODE : YAML_SEQUENCE_NODE)) {
        conf_error (walk->errors, where, "expected a %s of maps, got %s", keyed ? "map" : "list",
                    s_type_name (node));
        return;
    }
    size_t count = keyed
                       ? (size_t) (node->data.mapping.pairs.top - node->data.mapping.pairs.start)
                       : (size_t) (node->data.sequence.items.top - node->data.sequence.items.start);
    if (count > row->item_max) {
        conf_error (walk->errors, where, "expected at most %zu items, got %zu", row->item_max,
                    count);
        return;
    }
    char *items = conf_alloc (walk->conf, count * row->item_size + 1);
    if (keyed)
        s_keyed (walk, row, items, node);
    else
        s_list (walk, row, items, node);
    *(conf_table_t *) (void *) ((char *) base + row->offset) =
        (conf_table_t){.items = items, .count = count};
}

//  --- maps of texts

//  Is it a scalar of at most max bytes?  If not, an error is recorded.

static bool
s_fits (walk_t *walk, const yaml_node_t *node, const char *what, size_t max, const char *where)
{
    if (node->type != YAML_SCALAR_NODE) {
        conf_error (walk->errors, where, "expected %s of at most %zu bytes, got %s", what, max,
                    s_type_name (node));
        return false;
    }
    size_t size = node->data.scalar.length;
    if (size <= max && strlen (s_scalar_text (node)) == size)
        return true;
    if (size > max)
        conf_error (walk->errors, where, "expected %s of at most %zu bytes, got %zu", what, max,
                    size);
    else
        conf_error (walk->errors, where, "expected %s, got a NUL byte", what);
    return false;
}

static void
s_text_pair (walk_t *walk, const target_t *target, const conf_option_t *row, const yaml_node_t *map,
             const yaml_node_pair_t *pair, conf_table_t *pairs)
{
    const yaml_node_t *key = yaml_document_get_node (walk->document, pair->key);
    const yaml_node_t *value = yaml_document_get_node (walk->document, pair->value);
    char path [CONF_NAME], where [CONF_WHERE];
    s_where (walk, key, target->label, row->key, where);
    if (!s_fits (walk, key, "a key", LIMIT_MAP_KEY_BYTES, where))
        return;
    (void) snprintf (path, sizeof (path), "%s.%s", row->key, s_scalar_text (key));
    s_where (walk, key, target->label, path, where);
    if (!*s_scalar_text (key)) {
        conf_error (walk->errors, where, "expected a key, got none");
        return;
    }
    if (s_is_repeated (walk, map, pair)) {
        conf_error (walk->errors, where, "given twice");
        return;
    }
    if (!s_visit (walk, value, where) || s_is_null (value)
        || !s_fits (walk, value, "text", LIMIT_MAP_VALUE_BYTES, where))
        return;
    ((conf_pair_t *) pairs->items) [pairs->count++] = (conf_pair_t){
        .key = conf_copy (walk->conf, s_scalar_text (key), key->data.scalar.length),
        .value = conf_copy (walk->conf, s_scalar_text (value), value->data.scalar.length)};
}

static void
s_text_map (walk_t *walk, const target_t *target, const conf_option_t *row, const yaml_node_t *node,
            const char *where)
{
    if (node->type != YAML_MAPPING_NODE) {
        conf_error (walk->errors, where, "expected a map of texts, got %s", s_type_name (node));
        return;
    }
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    size_t count = (size_t) (node->data.mapping.pairs.top - pair);
    if (count > row->item_max) {
        conf_error (walk->errors, where, "expected at most %zu items, got %zu", row->item_max,
                    count);
        return;
    }
    conf_table_t pairs = {.items = conf_alloc (walk->conf, count * sizeof (conf_pair_t) + 1)};
    for (; pair < node->data.mapping.pairs.top; pair++)
        s_text_pair (walk, target, row, node, pair, &pairs);
    *(conf_table_t *) (void *) ((char *) target->base + row->offset) = pairs;
}

//  --- values

static void
s_value (walk_t *walk, const target_t *target, const conf_option_t *row, bool from_file,
         const yaml_node_t *node, const char *where)
{
    size_t index = (size_t) (row - target->rows);
    unsigned char bit = from_file ? SEEN_FILE : SEEN_VALUE;
    if (target->seen [index] & bit) {
        conf_error (walk->errors, where, "given twice");
        return;
    }
    if (!s_visit (walk, node, where) || s_is_null (node))
        return;
    if (target->seen [index]) {
        conf_error (walk->errors, where, "give either %s or %s_file, not both", row->key, row->key);
        return;
    }
    target->seen [index] |= bit;
    if (target->base == walk->conf->settings)
        walk->conf->from [index] = CONF_FROM_FILE;
    conf_origin_set (walk->conf, row, target->base, where,
                     from_file && node->type == YAML_SCALAR_NODE ? s_scalar_text (node) : NULL);
    if (row->type == CONF_TABLE) {
        s_table (walk, row, target->base, node, where);
        return;
    }
    if (row->type == CONF_MAP) {
        s_text_map (walk, target, row, node, where);
        return;
    }
    if (node->type != YAML_SCALAR_NODE
        || strlen (s_scalar_text (node)) != node->data.scalar.length) {
        own (buf_fini) buf_t expected = buf_init (LIMIT_LOG_VALUE_BYTES);
        conf_value_expected (row, &expected);
        conf_error (walk->errors, where, "expected %s, got %s", expected.data,
                    node->type == YAML_SCALAR_NODE ? "a NUL byte" : s_type_name (node));
        return;
    }
    const char *text = s_scalar_text (node);
    if (from_file) {
        (void) conf_value_set_file (walk->conf, row, target->base, text, where, walk->errors);
    }
    else {
        (void) conf_value_set (walk->conf, row, target->base, text, where, walk->errors);
    }
}

static bool
s_is_file_of (const conf_option_t *row, const char *key)
{
    size_t size = strlen (row->key);
    return (row->flags & CONF_SECRET) && strncmp (row->key, key, size) == 0
           && strcmp (key + size, "_file") == 0;
}

static bool
s_is_prefix (const target_t *target, const char *key)
{
    size_t size = strlen (key);
    for (const conf_option_t *row = target->rows; row->key; row++) {
        if (strncmp (row->key, key, size) == 0 && row->key [size] == '.')
            return true;
    }
    return false;
}

static void
s_unknown (walk_t *walk, const target_t *target, const char *key, const char *where)
{
    const char *best = NULL;
    size_t distance = 0;
    for (const conf_option_t *row = target->rows; row->key; row++)
        conf_nearest (key, row->key, &best, &distance);
    if (best) {
        conf_error (walk->errors, where, "unknown key, did you mean \"%s\"?", best);
    }
    else {
        conf_error (walk->errors, where, "unknown key");
    }
}

static void
s_pair (walk_t *walk, const target_t *target, const char *path, const yaml_node_t *key,
        const yaml_node_t *value, size_t depth)
{
    char where [CONF_WHERE];
    s_where (walk, key, target->label, path, where);
    for (const conf_option_t *row = target->rows; row->key; row++) {
        bool from_file = s_is_file_of (row, path);
        if (from_file || strcmp (row->key, path) == 0) {
            s_value (walk, target, row, from_file, value, where);
            return;
        }
    }
    if (!s_is_prefix (target, path)) {
        s_unknown (walk, target, path, where);
        return;
    }
    if (s_is_null (value))
        return;
    if (value->type != YAML_MAPPING_NODE) {
        conf_error (walk->errors, where, "expected a map, got %s", s_type_name (value));
        return;
    }
    if (s_visit (walk, value, where))
        s_map (walk, target, path, value, depth + 1);
}

static void
s_map (walk_t *walk, const target_t *target, const char *prefix, const yaml_node_t *node,
       size_t depth)
{
    char path [CONF_NAME], where [CONF_WHERE];
    if (depth > CONF_YAML_DEPTH) {
        s_where (walk, node, target->label, prefix, where);
        conf_error (walk->errors, where, "nested deeper than %d", CONF_YAML_DEPTH);
        return;
    }
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top && !conf_errors_full (walk->errors); pair++) {
        const yaml_node_t *key = yaml_document_get_node (walk->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node (walk->document, pair->value);
        if (key->type != YAML_SCALAR_NODE) {
            s_where (walk, key, target->label, prefix, where);
            conf_error (walk->errors, where, "expected a key, got %s", s_type_name (key));
            continue;
        }
        (void) snprintf (path, sizeof (path), "%s%s%.100s", prefix, *prefix ? "." : "",
                         s_scalar_text (key));
        if (s_is_repeated (walk, node, pair)) {
            s_where (walk, key, target->label, path, where);
            conf_error (walk->errors, where, "given twice");
            continue;
        }
        s_pair (walk, target, path, key, value, depth);
    }
}

//  --- the file

static void
s_root (conf_t *self, const char *file, yaml_document_t *document, conf_errors_t *errors)
{
    const yaml_node_t *root = yaml_document_get_root_node (document);
    if (!root || s_is_null (root))
        return;
    walk_t walk = {.conf = self, .errors = errors, .file = file, .document = document};
    size_t nodes = (size_t) (document->nodes.top - document->nodes.start);
    walk.visited = conf_alloc (self, nodes);
    if (root->type != YAML_MAPPING_NODE) {
        char where [CONF_WHERE];
        s_where (&walk, root, "", "file", where);
        conf_error (errors, where, "expected a map of options, got %s", s_type_name (root));
        return;
    }
    size_t count = conf_row_count (self->spec->rows);
    target_t target = {.rows = self->spec->rows,
                       .base = self->settings,
                       .label = "",
                       .seen = conf_alloc (self, count + 1)};
    s_map (&walk, &target, "", root, 1);
}

static void
s_syntax_error (conf_t *self, const yaml_parser_t *parser, const char *file, conf_errors_t *errors)
{
    self->unread = true;
    char where [CONF_WHERE];
    size_t line = parser->problem_mark.line + 1;
    (void) snprintf (where, sizeof (where), "%.400s:%zu", file, line);
    conf_error (errors, where, "expected YAML: %s",
                parser->problem ? parser->problem : "the parser gave up");
}

static void
s_documents (conf_t *self, const char *file, yaml_parser_t *parser, conf_errors_t *errors)
{
    yaml_document_t document, second;
    if (!yaml_parser_load (parser, &document)) {
        s_syntax_error (self, parser, file, errors);
        return;
    }
    s_root (self, file, &document, errors);
    bool ended = !yaml_document_get_root_node (&document);
    yaml_document_delete (&document);
    if (ended)
        return;
    if (!yaml_parser_load (parser, &second)) {
        s_syntax_error (self, parser, file, errors);
        return;
    }
    if (yaml_document_get_root_node (&second)) {
        char where [CONF_WHERE];
        (void) snprintf (where, sizeof (where), "%.400s:%zu", file, second.start_mark.line + 1);
        conf_error (errors, where, "expected one YAML document, got a second one");
    }
    yaml_document_delete (&second);
}

void
conf_yaml_load (conf_t *self, const char *file, conf_errors_t *errors)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_CONFIG_BYTES);
    int rc = conf_value_read (file, &text);
    char where [CONF_WHERE];
    (void) snprintf (where, sizeof (where), "%.400s", file);
    if (rc == ERR_LIMIT) {
        conf_error (errors, where, "expected a file of at most %d bytes", LIMIT_CONFIG_BYTES);
    }
    else if (rc < 0) {
        conf_error (errors, where, "cannot be read: %s", err_str (rc));
    }
    self->unread = rc < 0;
    if (rc < 0)
        return;
    yaml_parser_t parser;
    int ok = yaml_parser_initialize (&parser);
    assert (ok);
    (void) ok;
    yaml_parser_set_input_string (&parser, (const unsigned char *) text.data, text.size);
    s_documents (self, file, &parser, errors);
    yaml_parser_delete (&parser);
    if (text.size)
        explicit_bzero (text.data, text.size);
}
