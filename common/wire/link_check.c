//  link_check - checks an endpoint before it is used.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/reach.h"
#include "common/wire/link.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { S_HOST = 256 };

//  Copy the part between "tcp://" and the port, without the brackets of IPv6.
static void
s_host (const char *endpoint, char ret_host [S_HOST])
{
    const char *host = endpoint + strlen ("tcp://"), *colon = strrchr (host, ':');
    const int size = colon ? (int) (colon - host) : (int) strlen (host);
    const bool brackets = size >= 2 && host [0] == '[' && host [size - 1] == ']';
    snprintf (ret_host, S_HOST, "%.*s", brackets ? size - 2 : size, host + (brackets ? 1 : 0));
}

static bool
s_numeric (const char *host)
{
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    const bool good = getaddrinfo (host, NULL, &hints, &list) == 0;
    if (good)
        freeaddrinfo (list);
    return good;
}

//  libzmq binds to addresses and interfaces; link_bind handles localhost.
static int
s_tcp_bind (const char *endpoint, err_diag_t *diag)
{
    char host [S_HOST];
    s_host (endpoint, host);
    if (strcmp (host, "*") == 0 || strcmp (host, "localhost") == 0 || s_numeric (host)
        || if_nametoindex (host) != 0)
        return 0;
    err_diag (diag, "%.100s: an address, an interface of this host, localhost or * is expected",
              endpoint);
    return ERR_CONFIG;
}

static int
s_tcp_connect (const char *endpoint, err_diag_t *diag)
{
    const char *port = strrchr (endpoint, ':') + 1;
    if (*port != '*' && strspn (port, "0") < strlen (port))
        return 0;
    err_diag (diag, "%.100s: a port to connect to is expected", endpoint);
    return ERR_CONFIG;
}

//  Names that begin with @ are not files.  For "*" libzmq makes a name.
static int
s_ipc (const char *endpoint, bool binds, err_diag_t *diag)
{
    const char *path = endpoint + strlen ("ipc://");
    char folder [PATH_MAX];
    if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path) {
        err_diag (diag, "%.100s...: the path of a unix socket has at most %zu bytes", endpoint,
                  sizeof ((struct sockaddr_un *) NULL)->sun_path - 1);
        return ERR_CONFIG;
    }
    if (!binds || *path == '@' || strcmp (path, "*") == 0)
        return 0;
    int rc = reach_above (path, folder);
    if (rc == 0 && access (folder, F_OK) != 0)
        rc = -errno;
    if (rc < 0)
        err_diag (diag, "%.100s: %.100s: %s", endpoint, folder, err_str (rc));
    return rc < 0 ? rc : reach_folder (folder, false, diag);
}

static bool
s_begins (const char *endpoint, const char *scheme)
{
    return strncmp (endpoint, scheme, strlen (scheme)) == 0;
}

//  Checks for both ends: the form, and keys when the address is not of this host.
static int
s_form (const char *endpoint, const curve_keys_t *keys, bool *ret_tcp, err_diag_t *diag)
{
    *ret_tcp = s_begins (endpoint, "tcp://");
    if (!*ret_tcp && !s_begins (endpoint, "ipc://")) { //  an option may be empty
        err_diag (diag, "\"%.100s\": an endpoint is expected", endpoint);
        return ERR_CONFIG;
    }
    return keys ? curve_endpoint_check (endpoint, keys, diag) : 0;
}

int
link_check_bind (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    bool tcp = false;
    const int rc = s_form (endpoint, keys, &tcp, diag);
    if (rc < 0)
        return rc;
    return tcp ? s_tcp_bind (endpoint, diag) : s_ipc (endpoint, true, diag);
}

int
link_check_connect (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    bool tcp = false;
    const int rc = s_form (endpoint, keys, &tcp, diag);
    if (rc < 0)
        return rc;
    return tcp ? s_tcp_connect (endpoint, diag) : s_ipc (endpoint, false, diag);
}
