//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/store/store_case.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

int
store_case_setup (void **state)
{
    store_case_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    snprintf (self->dir, sizeof self->dir, "/tmp/store_case.XXXXXX");
    assert_non_null (mkdtemp (self->dir));
    snprintf (self->path, sizeof self->path, "%s/state/broker.db", self->dir);
    assert_int_equal (store_open (self->path, &self->store, &self->diag), 0);
    *state = self;
    return 0;
}

static int
s_remove (const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    return remove (path);
}

int
store_case_teardown (void **state)
{
    store_case_t *self = *state;
    store_destroy (&self->store);
    store_destroy (&self->store); //  once more is no harm
    const int rc = nftw (self->dir, s_remove, 8, FTW_DEPTH | FTW_PHYS);
    free (self);
    return rc;
}
