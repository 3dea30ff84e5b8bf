//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/box.h"

#include "common/base/own.h"

#include <stdio.h>

static int
s_kubeconfig (box_t *self, const box_spec_t *spec, err_diag_t *diag)
{
    const char *list = settings_kubeconfig (spec->settings, spec->cluster);
    own (kubeconfig_fini) kubeconfig_t copy = {0};
    if (!*list)
        return 0;
    int rc = kubeconfig_load (list, &copy, diag);
    if (rc == 0) {
        rc = kubeconfig_put (&copy, spec->workspace);
        if (rc < 0)
            err_diag (diag, "%s/" KUBECONFIG_COPY ": %s", spec->workspace, err_str (rc));
    }
    if (rc == 0)
        snprintf (self->kubeconfig, sizeof self->kubeconfig, "%s/" KUBECONFIG_COPY,
                  spec->workspace);
    return rc;
}

int
box_open (box_t *self, const box_spec_t *spec, err_diag_t *diag)
{
    *self = (box_t){0};
    return s_kubeconfig (self, spec, diag);
}
