//  fuzz_listing - the answer of List Blobs, read from hostile bytes.
//
//  Holds: each name is ended, not empty and not too long; the marker too; the same
//  bytes give the same names.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/azure/azure_list.h"

typedef struct {
    fuzz_chance_t names; //  a digest of them
    size_t count;
} seen_t;

static void
s_each (void *arg, const char *name)
{
    seen_t *seen = arg;
    const size_t size = strnlen (name, AZURE_LIST_NAME);
    assert (size > 0 && size < AZURE_LIST_NAME);
    const fuzz_chance_t one = fuzz_chance ((const uint8_t *) name, size);
    seen->names.state = seen->names.state * 31 + one.state;
    seen->count++;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    seen_t seen [2] = {{.count = 0}};
    char markers [2][AZURE_LIST_MARKER];
    int rc [2];
    for (int i = 0; i < 2; i++)
        rc [i] = azure_list_read ((const char *) data, size, s_each, &seen [i], markers [i]);
    assert (rc [0] == rc [1] && (rc [0] == 0 || rc [0] == ERR_PROTO));
    assert (seen [0].count == seen [1].count && seen [0].names.state == seen [1].names.state);
    assert (strnlen (markers [0], AZURE_LIST_MARKER) < AZURE_LIST_MARKER);
    assert (strcmp (markers [0], markers [1]) == 0);
    assert (seen [0].count <= size / strlen ("<Name>a</Name>"));
    return 0;
}
