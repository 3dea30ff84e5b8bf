//  box - what a run is enclosed in: its copy of the kubeconfig.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/base/home.h"
#include "worker/base/kubeconfig.h"
#include "worker/base/settings.h"

typedef struct {
    const settings_t *settings;
    const char *workspace; //  absolute
    const char *cluster;
} box_spec_t;

typedef struct {
    char kubeconfig [HOME_PATH + sizeof KUBECONFIG_COPY]; //  path of the copy; "" = none
} box_t;

//  Make all that a run needs around it.  Err: -errno, ERR_PROTO, ERR_LIMIT; diag says what is
//  missing.
int
box_open (box_t *self, const box_spec_t *spec, err_diag_t *diag) must_check;
