//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_HTTPS = 443 };

//  --- rules

static bool
s_is_name (const char *text, size_t size)
{
    static const char valid [] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
    return size > 0 && size < HOSTS_NAME && strspn (text, valid) >= size && text [0] != '.'
           && text [0] != '-' && !memchr (text, '_', 1);
}

static int
s_port (const char *text, uint16_t *ret_port)
{
    const size_t digits = strspn (text, "0123456789");
    const long port = digits > 0 && digits <= 5 && !text [digits] ? strtol (text, NULL, 10) : 0;
    if (port < 1 || port > UINT16_MAX)
        return ERR_PROTO;
    *ret_port = (uint16_t) port;
    return 0;
}

//  An IPv4 or IPv6 address in any form?
static bool
s_is_address (const char *name)
{
    struct in_addr four;
    struct in6_addr six;
    return inet_pton (AF_INET, name, &four) == 1 || inet_pton (AF_INET6, name, &six) == 1;
}

//  A name of digits and dots alone would be read as an address by resolvers: 127.1, 2130706433.
static bool
s_is_odd (const char *name)
{
    const char *last = strrchr (name, '.');
    last = last ? last + 1 : name;
    return !*last || !last [strspn (last, "0123456789")] || strncmp (last, "0x", 2) == 0;
}

int
hosts_parse (const char *text, uint16_t port, hosts_rule_t *ret_rule)
{
    hosts_rule_t rule = {.port = port};
    char name [HOSTS_NAME];
    const bool bracket = text [0] == '[';
    const size_t size = bracket ? strcspn (text, "]") : strcspn (text, ":");
    const char *rest = text + size + (bracket && text [size] == ']');
    const char *from = text + bracket;
    const size_t length = bracket ? size - 1 : size;
    if (length == 0 || length >= sizeof name || (bracket && text [size] != ']'))
        return ERR_PROTO;
    for (size_t i = 0; i < length; i++)
        name [i] = (char) (from [i] >= 'A' && from [i] <= 'Z' ? from [i] + 32 : from [i]);
    name [length] = 0;
    if (*rest && (*rest != ':' || s_port (rest + 1, &rule.port) < 0))
        return ERR_PROTO;
    rule.fixed = s_is_address (name);
    if (bracket ? !rule.fixed || !strchr (name, ':')
                : !rule.fixed && (!s_is_name (name, length) || s_is_odd (name)))
        return ERR_PROTO;
    if (rule.port == 0)
        return ERR_PROTO;
    snprintf (rule.name, sizeof rule.name, "%s", name);
    *ret_rule = rule;
    return 0;
}

int
hosts_add (hosts_t *self, const char *text, err_diag_t *diag)
{
    hosts_rule_t rule;
    const bool below = strncmp (text, "*.", 2) == 0;
    if (self->count == HOSTS_RULES) {
        err_diag (diag, "more than %d hosts", HOSTS_RULES);
        return ERR_LIMIT;
    }
    if (hosts_parse (below ? text + 2 : text, S_HTTPS, &rule) < 0 || (below && rule.fixed)) {
        err_diag (diag, "%s: HOST, HOST:PORT or *.DOMAIN is expected", text);
        return ERR_CONFIG;
    }
    rule.below = below;
    self->rules [self->count++] = rule;
    return 0;
}

const hosts_rule_t *
hosts_find (const hosts_t *self, const hosts_rule_t *asked)
{
    for (size_t i = 0; i < self->count; i++) {
        const hosts_rule_t *rule = &self->rules [i];
        const size_t whole = strlen (asked->name), part = strlen (rule->name);
        const bool same = strcmp (rule->name, asked->name) == 0;
        const bool below = rule->below && !asked->fixed && whole > part + 1
                           && asked->name [whole - part - 1] == '.'
                           && strcmp (asked->name + whole - part, rule->name) == 0;
        if (rule->port == asked->port && (rule->below ? below : same))
            return rule;
    }
    return NULL;
}

//  --- addresses

typedef enum { S_PUBLIC, S_PRIVATE, S_NEVER } kind_t;

typedef struct {
    uint32_t from;
    int bits;
    kind_t kind;
} range_t;

//  Src: IANA special-purpose address registry; metadata services of clouds.  The first one counts.
static const range_t s_ranges [] = {
    {0x00000000, 8, S_NEVER},    //  0/8 this host
    {0x0a000000, 8, S_PRIVATE},  //  10/8
    {0x646464c8, 32, S_NEVER},   //  100.100.100.200, metadata of Alibaba Cloud
    {0x64400000, 10, S_PRIVATE}, //  100.64/10 carrier, also of clusters
    {0x7f000000, 8, S_NEVER},    //  127/8
    {0xa83f8110, 32, S_NEVER},   //  168.63.129.16, the host's agent on Azure
    {0xa9fe0000, 16, S_NEVER},   //  169.254/16, metadata services
    {0xac100000, 12, S_PRIVATE}, //  172.16/12
    {0xc0000000, 24, S_PRIVATE}, //  192.0.0/24
    {0xc0a80000, 16, S_PRIVATE}, //  192.168/16
    {0xc6120000, 15, S_PRIVATE}, //  198.18/15 benchmarks
    {0xe0000000, 3, S_NEVER},    //  multicast, reserved, broadcast
};

static kind_t
s_kind_four (uint32_t address)
{
    for (size_t i = 0; i < sizeof s_ranges / sizeof s_ranges [0]; i++)
        if ((address ^ s_ranges [i].from) >> (32 - s_ranges [i].bits) == 0)
            return s_ranges [i].kind;
    return S_PUBLIC;
}

static uint32_t
s_four_in (const struct in6_addr *six, int at)
{
    const uint8_t *b = six->s6_addr + at;
    return (uint32_t) b [0] << 24 | (uint32_t) b [1] << 16 | (uint32_t) b [2] << 8 | b [3];
}

static kind_t
s_kind_six (const struct in6_addr *six)
{
    static const uint8_t nat64 [12] = {0x00, 0x64, 0xff, 0x9b};
    static const uint8_t aws [16] = {
        0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}; //  fd00:ec2::254, its metadata
    const uint8_t *b = six->s6_addr;
    if (IN6_IS_ADDR_V4MAPPED (six) || memcmp (b, nat64, sizeof nat64) == 0)
        return s_kind_four (s_four_in (six, 12));
    if (memcmp (b, aws, sizeof aws) == 0)
        return S_NEVER;
    if (b [0] == 0x20 && b [1] == 0x02) //  6to4
        return s_kind_four (s_four_in (six, 2));
    if ((b [0] & 0xfe) == 0xfc || (b [0] == 0xfe && (b [1] & 0xc0) == 0xc0))
        return S_PRIVATE;                               //  fc00::/7, fec0::/10
    return (b [0] & 0xe0) == 0x20 ? S_PUBLIC : S_NEVER; //  2000::/3 is all that is routed
}

//  Is the rule this very address?
static bool
s_is_rule (const hosts_rule_t *rule, const struct sockaddr *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (address->sa_family == AF_INET && inet_pton (AF_INET, rule->name, &four) == 1)
        return four.s_addr
               == ((const struct sockaddr_in *) (const void *) address)->sin_addr.s_addr;
    return address->sa_family == AF_INET6 && inet_pton (AF_INET6, rule->name, &six) == 1
           && memcmp (&six, &((const struct sockaddr_in6 *) (const void *) address)->sin6_addr,
                      sizeof six)
                  == 0;
}

bool
hosts_address (const hosts_rule_t *rule, const struct sockaddr *address)
{
    kind_t kind = S_NEVER;
    if (rule->fixed)
        return s_is_rule (rule, address);
    if (address->sa_family == AF_INET)
        kind = s_kind_four (
            ntohl (((const struct sockaddr_in *) (const void *) address)->sin_addr.s_addr));
    else if (address->sa_family == AF_INET6)
        kind = s_kind_six (&((const struct sockaddr_in6 *) (const void *) address)->sin6_addr);
    return kind == S_PUBLIC || (kind == S_PRIVATE && !rule->below);
}
