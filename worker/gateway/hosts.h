//  hosts - which hosts a run may reach through the proxy, and at which addresses.
//
//  A rule is "HOST" (port 443), "HOST:PORT" or "*.DOMAIN[:PORT]"; HOST is a name, an IPv4 address
//  or an IPv6 address in brackets.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { HOSTS_NAME = 254, HOSTS_RULES = 40 };

typedef struct {
    char name [HOSTS_NAME]; //  lower case; without brackets
    uint16_t port;
    bool below; //  "*.": every name below it
    bool fixed; //  the rule is an address, not a name
} hosts_rule_t;

typedef struct {
    hosts_rule_t rules [HOSTS_RULES];
    size_t count;
} hosts_t;

//  Read "HOST:PORT".  port: what stands for a missing one, 0 = it must be there.  Err: ERR_PROTO.
int
hosts_parse (const char *text, uint16_t port, hosts_rule_t *ret_rule) must_check;
//  Add a rule.  Err: ERR_CONFIG (diag says why), ERR_LIMIT.
int
hosts_add (hosts_t *self, const char *text, err_diag_t *diag) must_check;
//  The rule that allows this host, NULL: none does.  Own: borrowed.
const hosts_rule_t *
hosts_find (const hosts_t *self, const hosts_rule_t *asked);
//  May a host that this rule allows be reached at this address?  Loopback, link-local, multicast
//  and unspecified addresses never, unless the rule is that address.  Private ones only where the
//  rule names the host itself: an address, or a name that is not a pattern.
bool
hosts_address (const hosts_rule_t *rule, const struct sockaddr *address);
