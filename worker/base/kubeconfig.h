//  kubeconfig - reads kubeconfig files, and makes the one copy that an agent gets.
//
//  The copy needs no other file of the host: certificates, keys and tokens that the files name are
//  written into it, as `kubectl config view --flatten` does.  Several files are merged as kubectl
//  merges them: of two entries with one name the first counts, and the first current context.
//  Only the current context, its cluster and its user are copied, so that an agent gets no access
//  to other clusters.  Without a current context all are.
//  Src: client-go, tools/clientcmd.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/json.h"

#include <limits.h>

//  Below the workspace of an agent.
#define KUBECONFIG_COPY ".home/.kube/config"

enum { KUBECONFIG_SERVERS = 64, KUBECONFIG_HOST = 256 };

typedef struct {
    char host [KUBECONFIG_HOST]; //  as written, without the brackets of IPv6
    int port;
    bool loopback; //  this host itself
} kubeconfig_server_t;

typedef struct {
    json_t *doc;
    kubeconfig_server_t servers [KUBECONFIG_SERVERS]; //  API servers, each once
    size_t server_count;
    //  A way to log in that calls a program, and so cannot work where that program is not: "exec"
    //  or "auth-provider".  NULL = none.
    const char *helper;
} kubeconfig_t;

//  Parse one file.  Own: fresh in *ret_doc.  Err: -errno, ERR_LIMIT: it is too large; ERR_PROTO: it
//  is no kubeconfig.  diag says why and names the file.
int
kubeconfig_read (const char *path, json_t **ret_doc, err_diag_t *diag) must_check;
//  Read a file that a kubeconfig names; a relative path begins in the kubeconfig's folder.
//  Err: -errno, ERR_LIMIT.
int
kubeconfig_read_file (const char *kubeconfig, const char *name, buf_t *text) must_check;
//  Make the copy of a list of files, separated by colons.  Own: fresh; kubeconfig_fini, also on
//  failure.  Err: as kubeconfig_read, and ERR_LIMIT: too many API servers.
int
kubeconfig_load (const char *list, kubeconfig_t *ret_copy, err_diag_t *diag) must_check;
void
kubeconfig_fini (kubeconfig_t *self);
//  Write the copy to KUBECONFIG_COPY below a workspace, mode 0600.  Err: -errno, -ENOMEM.
int
kubeconfig_put (const kubeconfig_t *self, const char *workspace) must_check;
