//  conf_case - a program with one option of each kind, loaded once with its output captured.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *name;
    const char *url;
    int64_t weight;
    bool enabled;
    conf_table_t tags; //  conf_pair_t
} case_item_t;

typedef struct {
    const char *name, *code, *bell;
} case_door_t;

typedef struct {
    conf_common_t common;
    const char *plain, *url, *endpoint, *listen, *token, *deep;
    bool flag, quiet;
    int64_t count, wait, size, share;
    int mode;
    conf_table_t items;
    conf_table_t models; //  case_item_t, by their names
    conf_table_t doors;  //  case_door_t, by their names
    const char *derived; //  by a hook `fit`
} case_settings_t;

typedef struct {
    int rc;
    conf_t *conf;
    const case_settings_t *settings; //  NULL unless rc is 0
    char out [32768], err [32768];
} case_t;

extern const conf_spec_t case_spec;

void
case_write (const char *path, const char *text);
void
case_read (const char *path, char *ret_text, size_t size);
//  Redirect a standard stream to a file; returns the old one, for case_restore.
int
case_redirect (int fd, const char *path);
void
case_restore (int fd, int saved);
//  Load with a YAML text (NULL = none), "A=1" entries and arguments; both lists end with NULL.
void
case_load (case_t *self, const conf_spec_t *spec, const char *yaml, const char *const *env,
           const char *const *args);
void
case_drop (case_t *self);
//  Check that a YAML text gives exactly these error lines.
void
case_refused (const char *yaml, const char *lines);

#define CASE_LIST(...) ((const char *const []){__VA_ARGS__, NULL})
