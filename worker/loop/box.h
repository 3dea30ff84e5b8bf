//  box - what a run is enclosed in: its kubeconfig, its way to the network, its sandbox.
//
//  It serves all runs of an attempt.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runner/sandbox/sandbox.h"
#include "worker/base/home.h"
#include "worker/base/kubeconfig.h"
#include "worker/base/settings.h"
#include "worker/gateway/gateway.h"
#include "worker/keeper/redact.h"
#include "worker/loop/driver.h"
#include "worker/loop/read_paths.h"

enum { BOX_TOKEN = 64, BOX_NAME = 128 };

typedef struct {
    const settings_t *settings;
    const driver_t *driver;
    const char *runtime; //  name of the one to use
    gateway_t *gateway;
    const char *script;      //  absolute path of the agent script
    const char *program_dir; //  absolute
    const home_t *home;
    const char *workspace; //  absolute
    const char *incident;
    int64_t attempt;
    const char *cluster;
    const char *allowed_tools; //  the broker's agent_allowed_tools
    redact_t *granted;         //  gets the secrets of the kubeconfig
} box_spec_t;

//  Own: sandbox borrows from self, which must not move while it is open.
typedef struct {
    char kubeconfig [HOME_PATH + sizeof KUBECONFIG_COPY]; //  path of the copy; "" = none
    char runtime [DRIVER_WORD];                           //  "" = not open
    char token [BOX_TOKEN]; //  what the agent gets in place of a key; "" = it gets the key
    char pass [BOX_TOKEN];  //  what it shows to the gateway for a tunnel; "" = nothing is asked for
    char key_env [DRIVER_WORD], base_url_env [DRIVER_WORD]; //  the driver's; key_env may be ""
    uint16_t port; //  of the gateway on the agent's loopback; 0 = the host's network
    sandbox_spec_t sandbox;
    bool engine; //  it is a container
    char name [BOX_NAME], cgroup [HOME_CGROUP], owner [HOME_CGROUP];
    char socket [GATEWAY_SOCKET];
    read_paths_t read; //  that sandbox borrows
    gateway_t *gateway;
    gateway_run_t *run;
} box_t;

//  Make all that a run needs around it.  Err: -errno, ERR_PROTO, ERR_LIMIT, ERR_CONFIG; diag says
//  what is missing.  Call box_close also on failure.
int
box_open (box_t *self, const box_spec_t *spec, err_diag_t *diag) must_check;
//  End the way to the network and free all.  *ret_report (may be NULL) is what the gateway saw
//  of all runs; zeros without one.  May run twice, and on zeros.
void
box_close (box_t *self, gateway_report_t *ret_report);
