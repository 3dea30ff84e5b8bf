//  SPDX-License-Identifier: Apache-2.0
#include "common/conf/yaml_tree.h"

#include "common/base/own.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

enum { YAML_TREE_DEPTH = 32, YAML_TREE_VALUES = 65536 };

typedef struct {
    yaml_document_t *document;
    err_diag_t *diag;
    int values;
    int rc;
} walk_t;

static json_t *
s_fail (walk_t *walk, const yaml_node_t *node, int rc, const char *why)
{
    err_diag (walk->diag, "line %zu: %s", node->start_mark.line + 1, why);
    walk->rc = rc;
    return NULL;
}

static json_t *
s_scalar (const yaml_node_t *node)
{
    const char *text = (const char *) node->data.scalar.value;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        if (!*text || strcmp (text, "~") == 0 || strcmp (text, "null") == 0)
            return json_null ();
        if (strcmp (text, "true") == 0 || strcmp (text, "false") == 0)
            return json_boolean (*text == 't');
    }
    return json_any_bytes (text, node->data.scalar.length);
}

static json_t *
s_node (walk_t *walk, int index, int depth);

static json_t *
s_map (walk_t *walk, const yaml_node_t *node, int depth)
{
    json_t *map = json_object ();
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; map && !walk->rc && pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node (walk->document, pair->key);
        const char *name =
            key->type == YAML_SCALAR_NODE ? (const char *) key->data.scalar.value : NULL;
        if (!name || json_object_get (map, name)) {
            (void) s_fail (walk, key, ERR_PROTO,
                           name ? "the key stands twice" : "the key is no text");
            break;
        }
        json_t *value = s_node (walk, pair->value, depth + 1);
        if (value && json_object_set_new (map, name, value) != 0)
            walk->rc = json_utf8_valid (name, strlen (name)) ? -ENOMEM : ERR_PROTO;
    }
    return map;
}

static json_t *
s_list (walk_t *walk, const yaml_node_t *node, int depth)
{
    json_t *list = json_array ();
    const yaml_node_item_t *item = node->data.sequence.items.start;
    for (; list && !walk->rc && item < node->data.sequence.items.top; item++) {
        json_t *value = s_node (walk, *item, depth + 1);
        if (value && json_array_append_new (list, value) != 0)
            walk->rc = -ENOMEM;
    }
    return list;
}

static json_t *
s_node (walk_t *walk, int index, int depth)
{
    const yaml_node_t *node = yaml_document_get_node (walk->document, index);
    if (depth > YAML_TREE_DEPTH || ++walk->values > YAML_TREE_VALUES)
        return s_fail (walk, node, ERR_LIMIT, "too deep, or too many values");
    json_t *value = node->type == YAML_MAPPING_NODE    ? s_map (walk, node, depth)
                    : node->type == YAML_SEQUENCE_NODE ? s_list (walk, node, depth)
                                                       : s_scalar (node);
    if (!value && !walk->rc)
        walk->rc = -ENOMEM;
    return value;
}

int
yaml_tree_parse (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize (&parser))
        return -ENOMEM;
    yaml_parser_set_input_string (&parser, (const unsigned char *) bytes, size);
    if (!yaml_parser_load (&parser, &document)) {
        const bool memory = parser.error == YAML_MEMORY_ERROR;
        err_diag (diag, "line %zu: %s", parser.problem_mark.line + 1,
                  parser.problem ? parser.problem : "no YAML");
        yaml_parser_delete (&parser);
        return memory ? -ENOMEM : ERR_PROTO;
    }
    walk_t walk = {.document = &document, .diag = diag};
    const bool any = yaml_document_get_root_node (&document) != NULL;
    own (json_drop) json_t *doc = any ? s_node (&walk, 1, 0) : json_null ();
    yaml_document_delete (&document);
    yaml_parser_delete (&parser);
    if (walk.rc == 0)
        *ret_doc = own_take (doc);
    return walk.rc;
}
