//  CZMQ's zcert handles the certificates, our own thread the ZAP answers.  CZMQ's certificate store
//  would read its folder again for every handshake.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/curve_part.h"

#include "common/base/own.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <errno.h>
#include <sys/stat.h>

enum { S_PATH = CURVE_PATH, S_NAME = 64 };

static const char *const s_roles [CURVE_ROLE_COUNT] = {"worker", "publisher", "tap"};

const char *
curve_role_name (curve_role_t role)
{
    return role < CURVE_ROLE_COUNT ? s_roles [role] : "?";
}

bool
curve_role_parse (const char *name, curve_role_t *ret_role)
{
    for (int i = 0; i < CURVE_ROLE_COUNT; i++) {
        if (strcmp (s_roles [i], name) == 0) {
            *ret_role = (curve_role_t) i;
            return true;
        }
    }
    return false;
}

//  --- certificates on disk

bool
curve_path (char *ret_path, const char *dir, const char *name, err_diag_t *diag)
{
    int size = snprintf (ret_path, S_PATH, "%s/%s", dir, name);
    if (size > 0 && size < S_PATH)
        return true;
    err_diag (diag, "path too long: %s/%s", dir, name);
    return false;
}

//  The role whose key the folder holds, NULL = none.
static const char *
s_holder (const char *dir)
{
    static const char *const holders [] = {"worker", "publisher", "tap", "broker"};
    for (size_t i = 0; i < sizeof holders / sizeof holders [0]; i++) {
        char name [S_NAME], path [S_PATH];
        snprintf (name, sizeof name, "%s.key_secret", holders [i]);
        if (curve_path (path, dir, name, NULL) && access (path, F_OK) == 0)
            return holders [i];
    }
    return NULL;
}

//  Report a wrong key: whose it is, whose it should be, and how to make one.  role NULL: the
//  broker's.
static void
s_say_wanted (const char *dir, const char *holder, const char *role, err_diag_t *diag)
{
    char found [S_NAME] = "no key";
    if (holder)
        snprintf (found, sizeof found, "a %.20s's key", holder);
    if (role)
        err_diag (
            diag,
            "--keys-dir %.80s holds %s, a %s's is wanted; on the broker's host run: triagectl "
            "key new --role %s --name NAME --out FOLDER (and copy FOLDER here)",
            dir, found, role, role);
    else
        err_diag (diag,
                  "--keys-dir %.80s holds %s, the broker's own is wanted; make it with: triagectl "
                  "key new --keys-dir FOLDER --role worker --name NAME --out OTHER",
                  dir, found);
}

//  True if it is a regular file or does not exist.
static bool
s_plain (const char *path)
{
    struct stat status;
    return stat (path, &status) != 0 || S_ISREG (status.st_mode);
}

//  NULL: the file holds no key.  Only regular files are opened: opening a FIFO would block forever.
//  CZMQ opens the secret's file first.
static zcert_t *
s_cert (const char *path)
{
    char secret [S_PATH + 8];
    snprintf (secret, sizeof secret, "%s_secret", path);
    return s_plain (secret) && s_plain (path) ? zcert_load (path) : NULL;
}

//  Load a pair; only its owner may be able to read the secret file.  role NULL: the broker's.
static zcert_t *
s_load_pair (const char *dir, const char *path, const char *role, err_diag_t *diag)
{
    char secret [S_PATH + 8];
    snprintf (secret, sizeof secret, "%s_secret", path);
    struct stat status;
    if (stat (secret, &status)) {
        if (errno == ENOENT)
            s_say_wanted (dir, s_holder (dir), role, diag);
        else
            err_diag (diag, "%s: %s", secret, strerror (errno));
        return NULL;
    }
    if (status.st_mode & 077) {
        err_diag (diag, "%s: others may read it; run: chmod 600 %s", secret, secret);
        return NULL;
    }
    own (zcert_destroy) zcert_t *cert = s_cert (path);
    if (!cert) {
        err_diag (diag, "%s: not a key file; make another one with: triagectl key new", secret);
        return NULL;
    }
    const char *holder =
        zcert_meta (cert, "role"); //  the role counts, even if the file was renamed
    if (holder && *holder && strcmp (holder, role ? role : "broker") != 0) {
        s_say_wanted (dir, holder, role, diag);
        return NULL;
    }
    return own_take (cert);
}

static void
s_take_pair (curve_keys_t *keys, const zcert_t *cert)
{
    //  zcert's accessors take a non-const self but change nothing
    zcert_t *self = (zcert_t *) (uintptr_t) cert;
    snprintf (keys->public_key, sizeof keys->public_key, "%s", zcert_public_txt (self));
    snprintf (keys->secret_key, sizeof keys->secret_key, "%s", zcert_secret_txt (self));
    keys->enabled = true;
}

//  1: the folder exists; 0: it does not; ERR_CONFIG: it cannot be examined.
static int
s_folder (const char *dir, err_diag_t *diag)
{
    struct stat status;
    if (stat (dir, &status) == 0 && S_ISDIR (status.st_mode))
        return 1;
    if (errno == ENOENT)
        return 0;
    err_diag (diag, "keys_dir %s: not a readable folder", dir);
    return ERR_CONFIG;
}

static int
s_load (const char *keys_dir, const char *name, const char *role, curve_keys_t *ret_keys,
        err_diag_t *diag)
{
    memset (ret_keys, 0, sizeof *ret_keys);
    int rc = s_folder (keys_dir, diag);
    if (rc <= 0)
        return rc;
    char path [S_PATH];
    if (!curve_path (path, keys_dir, name, diag))
        return ERR_CONFIG;
    own (zcert_destroy) zcert_t *cert = s_load_pair (keys_dir, path, role, diag);
    if (!cert)
        return ERR_CONFIG;
    s_take_pair (ret_keys, cert);
    return 0;
}

int
curve_load_broker (const char *keys_dir, curve_keys_t *ret_keys, err_diag_t *diag)
{
    return s_load (keys_dir, "broker.key", NULL, ret_keys, diag);
}

int
curve_load_peer (const char *keys_dir, curve_role_t role, curve_keys_t *ret_keys, err_diag_t *diag)
{
    char name [S_NAME], path [S_PATH];
    snprintf (name, sizeof name, "%s.key", curve_role_name (role));
    int rc = s_load (keys_dir, name, curve_role_name (role), ret_keys, diag);
    if (rc || !ret_keys->enabled)
        return rc;
    if (!curve_path (path, keys_dir, "broker.key", diag))
        return ERR_CONFIG;
    own (zcert_destroy) zcert_t *server = s_cert (path);
    if (!server) {
        err_diag (diag,
                  "%s: the broker's public key is missing; it is in the folder that `triagectl key "
                  "new --out` made",
                  path);
        curve_wipe (ret_keys);
        return ERR_CONFIG;
    }
    snprintf (ret_keys->server_key, sizeof ret_keys->server_key, "%s", zcert_public_txt (server));
    return 0;
}

void
curve_wipe (curve_keys_t *keys)
{
    explicit_bzero (keys, sizeof *keys);
}

//  --- making keys

static int
s_make_dir (const char *dir, err_diag_t *diag)
{
    if (mkdir (dir, 0700) == 0 || errno == EEXIST)
        return 0;
    int rc = -errno;
    err_diag (diag, "%s: %s", dir, strerror (errno));
    return rc;
}

//  Save both halves; zcert makes the secret file 0600.
static int
s_save_pair (zcert_t *cert, const char *path, err_diag_t *diag)
{
    if (zcert_save (cert, path) == 0)
        return 0;
    err_diag (diag, "%s: cannot write", path);
    return ERR_CONFIG;
}

static int
s_save_public (zcert_t *cert, const char *path, err_diag_t *diag)
{
    if (zcert_save_public (cert, path) == 0)
        return 0;
    err_diag (diag, "%s: cannot write", path);
    return ERR_CONFIG;
}

//  Return the broker's certificate; make it on first use.
static zcert_t *
s_broker_cert (const char *keys_dir, err_diag_t *diag)
{
    char path [S_PATH], clients [S_PATH];
    if (s_make_dir (keys_dir, diag) || !curve_path (path, keys_dir, "broker.key", diag)
        || !curve_path (clients, keys_dir, "clients", diag) || s_make_dir (clients, diag))
        return NULL;
    if (access (path, F_OK) == 0)
        return s_load_pair (keys_dir, path, NULL, diag);
    zcert_t *cert = zcert_new ();
    if (!cert)
        return NULL;
    zcert_set_meta (cert, "role", "%s", "broker");
    if (s_save_pair (cert, path, diag))
        zcert_destroy (&cert);
    return cert;
}

static bool
s_name_ok (const char *name)
{
    size_t size =
        strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return size > 0 && size < S_NAME && !name [size] && name [0] != '.';
}

static int
s_write_peer (zcert_t *cert, zcert_t *broker, curve_role_t role, const char *out_dir,
              err_diag_t *diag)
{
    char pair [S_PATH], server [S_PATH], name [S_NAME];
    snprintf (name, sizeof name, "%s.key", curve_role_name (role));
    if (s_make_dir (out_dir, diag) || !curve_path (pair, out_dir, name, diag)
        || !curve_path (server, out_dir, "broker.key", diag))
        return ERR_CONFIG;
    if (access (pair, F_OK) == 0) {
        err_diag (diag, "%s is there already; give another --out folder", pair);
        return -EEXIST;
    }
    int rc = s_save_pair (cert, pair, diag);
    return rc ? rc : s_save_public (broker, server, diag);
}

static bool
s_same_folder (const char *a, const char *b)
{
    struct stat one, other;
    return stat (a, &one) == 0 && stat (b, &other) == 0 && one.st_dev == other.st_dev
           && one.st_ino == other.st_ino;
}

//  Is out_dir the broker's folder or below it?  The folder is copied to a peer's host, which must
//  not receive the broker's secret.
static bool
s_in_broker_dir (const char *keys_dir, const char *out_dir)
{
    char path [S_PATH];
    snprintf (path, sizeof path, "%s", out_dir);
    for (int up = 0; up < 64; up++) { //  up to the root
        if (s_same_folder (path, keys_dir))
            return true;
        if (access (path, F_OK) == 0)
            break;
        char *slash = strrchr (path, '/'); //  does not exist yet: look at its parent
        snprintf (slash ? slash : path, 2, slash == path ? "/" : slash ? "" : ".");
    }
    for (int up = 0; up < 64 && !s_same_folder (path, "/"); up++) {
        if (s_same_folder (path, keys_dir))
            return true;
        const size_t size = strlen (path);
        if (size + 4 > sizeof path)
            break;
        memcpy (path + size, "/..", 4);
    }
    return false;
}

int
curve_key_new (const char *keys_dir, curve_role_t role, const char *name, const char *out_dir,
               err_diag_t *diag)
{
    char file [S_NAME * 2 + 16], enrolled [S_PATH];
    if (!s_name_ok (name)) {
        err_diag (diag, "name \"%s\": use 1 to 63 of A-Z a-z 0-9 . _ - and no leading dot", name);
        return ERR_CONFIG;
    }
    own (zcert_destroy) zcert_t *broker = s_broker_cert (keys_dir, diag);
    if (!broker)
        return ERR_CONFIG;
    if (s_in_broker_dir (keys_dir, out_dir)) {
        err_diag (diag, "--out %s is in the broker's folder of keys, %s; give a folder of its own",
                  out_dir, keys_dir);
        return ERR_CONFIG;
    }
    snprintf (file, sizeof file, "clients/%s-%s.key", curve_role_name (role), name);
    if (!curve_path (enrolled, keys_dir, file, diag))
        return ERR_CONFIG;
    if (access (enrolled, F_OK) == 0) {
        err_diag (diag, "%s is enrolled already; delete it first to replace the key", enrolled);
        return -EEXIST;
    }
    own (zcert_destroy) zcert_t *cert = zcert_new ();
    if (!cert)
        return -ENOMEM;
    zcert_set_meta (cert, "role", "%s", curve_role_name (role));
    zcert_set_meta (cert, "name", "%s", name);
    //  Enrolled last: the peer's files are complete before the broker knows the key.
    int rc = s_write_peer (cert, broker, role, out_dir, diag);
    return rc ? rc : s_save_public (cert, enrolled, diag);
}

bool
curve_endpoint_local (const char *endpoint)
{
    if (strncmp (endpoint, "ipc://", 6) == 0 || strncmp (endpoint, "inproc://", 9) == 0)
        return true;
    if (strncmp (endpoint, "tcp://", 6) != 0)
        return false;
    const char *host = endpoint + 6, *colon = strrchr (host, ':');
    size_t size = colon ? (size_t) (colon - host) : strlen (host);
    char text [64];
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy (text, host, size);
    text [size] = 0;
    struct in_addr address;
    if (inet_pton (AF_INET, text, &address) == 1)
        return ntohl (address.s_addr) >> 24 == 127;
    return strcmp (text, "localhost") == 0 || strcmp (text, "[::1]") == 0;
}

int
curve_endpoint_check (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    if (keys->enabled || curve_endpoint_local (endpoint))
        return 0;
    err_diag (diag,
              "%.100s: without keys only loopback and ipc endpoints may be used; make keys with "
              "`triagectl key new`, and name their folder by keys_dir",
              endpoint);
    return ERR_CONFIG;
}
