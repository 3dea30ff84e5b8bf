//  SPDX-License-Identifier: Apache-2.0
#include "common/client/client.h"

#include "common/base/own.h"
#include "common/wire/link.h"

void
client_check (conf_check_t *check, const char *const *keys_dir, curve_role_t role,
              const char *const *const *endpoints, size_t count)
{
    own (curve_wipe) curve_keys_t keys = {0};
    err_diag_t diag = {""};
    const int rc = curve_load_peer (*keys_dir, role, &keys, &diag);
    conf_check_result (check, keys_dir, rc, &diag);
    for (size_t i = 0; i < count; i++) {
        diag = (err_diag_t){""};
        const int used = link_check_connect (*endpoints [i], rc == 0 ? &keys : NULL, &diag);
        conf_check_result (check, endpoints [i], used, &diag);
        conf_check_network (check, "broker", *endpoints [i]);
    }
}
