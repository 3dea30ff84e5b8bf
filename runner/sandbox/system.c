//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/system.h"

#include <stddef.h>

const char *const system_folders [] = {"/usr",   "/bin",   "/sbin",   "/lib",
                                       "/lib32", "/lib64", "/libx32", NULL};

const char *const system_etc [] = {"/etc/alternatives",    "/etc/bash.bashrc",
                                   "/etc/ca-certificates", "/etc/ca-certificates.conf",
                                   "/etc/gai.conf",        "/etc/group",
                                   "/etc/host.conf",       "/etc/hosts",
                                   "/etc/ld.so.cache",     "/etc/ld.so.conf",
                                   "/etc/ld.so.conf.d",    "/etc/locale.alias",
                                   "/etc/localtime",       "/etc/magic",
                                   "/etc/mime.types",      "/etc/nsswitch.conf",
                                   "/etc/passwd",          "/etc/profile",
                                   "/etc/protocols",       "/etc/resolv.conf",
                                   "/etc/services",        "/etc/ssl/certs",
                                   "/etc/ssl/openssl.cnf", "/etc/terminfo",
                                   "/etc/timezone",        NULL};
