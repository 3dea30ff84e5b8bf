//  replay - the main of a fuzz target where libFuzzer is not: runs the target on every file of its
//  corpus.
//
//      fuzz_NAME FOLDER...     exit 0; a property that does not hold aborts; no file at all is 1
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

static int
s_visible (const struct dirent *entry)
{
    return entry->d_name [0] != '.';
}

static int
s_run (const char *folder, const char *name)
{
    char path [1024];
    snprintf (path, sizeof path, "%s/%s", folder, name);
    own (buf_fini) buf_t bytes = buf_init (LIMIT_MIB (1));
    int rc = buf_read_file (&bytes, path);
    if (rc) {
        fprintf (stderr, "%s: %s\n", path, err_str (rc));
        return rc;
    }
    //  A block of exactly this size, so that a sanitizer sees a read behind it.
    own (own_mem) uint8_t *block = malloc (bytes.size ? bytes.size : 1);
    assert (block);
    memcpy (block, bytes.data, bytes.size);
    fprintf (stderr, "%s\n", path); //  the last one named is the one that failed
    return LLVMFuzzerTestOneInput (block, bytes.size);
}

int
main (int argc, char **argv)
{
    int count = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **names = NULL;
        int found = scandir (argv [i], &names, s_visible, alphasort);
        for (int at = 0; at < found; at++) {
            failed += s_run (argv [i], names [at]->d_name) != 0;
            free (names [at]);
        }
        free (names);
        count += found > 0 ? found : 0;
    }
    printf ("%d inputs, %d failed\n", count, failed);
    return count == 0 || failed;
}
