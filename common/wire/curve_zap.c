//  curve_zap - the ZAP thread: enrolled keys in memory, see curve.h.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/curve_part.h"

#include "common/base/actor.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <uthash.h>

enum {
    S_PATH = CURVE_PATH,
    S_RAW_KEY = 32,
    S_MINUTE_MS = 60000,
    S_REFRESH_MS = 250,
    S_HALF_MS = 500, //  a key that is being overwritten is complete by then
    S_HALF_LOOK_MS = 20,
    //  Looking at all files may take a twentieth of the time.
    S_LOOK_SHARE = 20,
    //  A folder's mtime advances in steps of some milliseconds; a younger mtime may hide a later
    //  change.
    S_SETTLED_MS = 100
};

static const char s_zap_endpoint [] = "inproc://zeromq.zap.01"; //  RFC 27

//  The roles allowed on each socket; the domain is the socket's name.
static const struct {
    const char *domain;
    curve_role_t role;
} s_rights [] = {
    {"work", CURVE_ROLE_WORKER},     {"files", CURVE_ROLE_WORKER}, {"ingest", CURVE_ROLE_PUBLISHER},
    {"files", CURVE_ROLE_PUBLISHER}, {"stream", CURVE_ROLE_TAP},
};

typedef struct {
    char key [CURVE_KEY];
    curve_role_t role;
    UT_hash_handle hh;
} curve_entry_t;

struct curve_zap {
    char *keys_dir;
    const clk_t *clk;       //  borrowed
    pthread_mutex_t lock;   //  guards the members down to `revoked`
    curve_entry_t *entries; //  by public key
    int64_t loads, loaded;  //  loads started; the load that entries come from
    unsigned revoked;       //  roles that have lost a key
    int revoked_fd;         //  eventfd: readable while `revoked` is not 0
    //  The mtime of clients/.  seen: at the last complete load.  tried: at the last load, not
    //  repeated before again_ms.  logged: at the last incomplete load, which was logged.
    //  ZAP thread only.
    struct timespec seen, tried, logged;
    int64_t again_ms;
    uint64_t files;           //  fingerprint of the files in clients/ when they were last read
    int64_t files_ms;         //  boot time when the files are next looked at
    _Atomic int64_t round_ms; //  boot time of the thread's last round
    _Atomic int64_t refused;  //  handshakes refused
    //  Boot time when the current minute of refusals began; ZAP thread only.
    int64_t minute_ms;
    int64_t minute_count; //  refusals in that minute
    zsock_t *socket;      //  used by the ZAP thread only, once it runs
    actor_t *actor;       //  has no mailbox
};

static void
s_entries_free (curve_entry_t **entries_p)
{
    curve_entry_t *entry, *next;
    HASH_ITER (hh, *entries_p, entry, next) {
        HASH_DEL (*entries_p, entry);
        free (entry);
    }
}

//  NULL = none.  Only regular files are opened: a FIFO would block forever and nobody could
//  connect.  Not by zcert, which would open the secret's file.
static zconfig_t *
s_client_key (const char *path)
{
    struct stat st;
    return stat (path, &st) == 0 && S_ISREG (st.st_mode) ? zconfig_load (path) : NULL;
}

static int
s_entry_add (curve_entry_t **entries_p, const char *path, err_diag_t *diag)
{
    own (zconfig_destroy) zconfig_t *file = s_client_key (path);
    const char *key = file ? zconfig_get (file, "curve/public-key", "") : "";
    uint8_t raw_key [S_RAW_KEY];
    curve_role_t role;
    if (strlen (key) != CURVE_KEY - 1 || !zmq_z85_decode (raw_key, key)
        || !curve_role_parse (zconfig_get (file, "metadata/role", ""), &role)) {
        err_diag (diag,
                  "%s: not an enrolled key (role worker, publisher or tap); make it with triagectl "
                  "key new",
                  path);
        return ERR_CONFIG;
    }
    curve_entry_t *entry = calloc (1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    snprintf (entry->key, sizeof entry->key, "%s", key);
    entry->role = role;
    curve_entry_t *old = NULL;
    HASH_REPLACE_STR (*entries_p, key, entry, old);
    free (old);
    return 0;
}

static void
s_dir_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
}

//  *ret_bad: 0, or ERR_CONFIG when a file holds no key; diag names one.
static int
s_entries_load (const char *keys_dir, curve_entry_t **ret_entries, int *ret_bad, err_diag_t *diag)
{
    int bad = 0;
    char clients [S_PATH], path [S_PATH];
    if (!curve_path (clients, keys_dir, "clients", diag))
        return ERR_CONFIG;
    own (s_dir_close) DIR *dir = opendir (clients);
    if (!dir) {
        err_diag (diag, "%s: %s; enrol peers with: triagectl key new", clients, strerror (errno));
        return ERR_CONFIG;
    }
    own (s_entries_free) curve_entry_t *entries = NULL;
    for (struct dirent *item = readdir (dir); item;
         item = readdir (dir)) { // NOLINT(concurrency-mt-unsafe): own DIR
        size_t size = strlen (item->d_name);
        if (size < 5 || strcmp (item->d_name + size - 4, ".key") != 0)
            continue;
        if (!curve_path (path, clients, item->d_name, diag))
            return ERR_CONFIG;
        if (HASH_COUNT (entries) >= LIMIT_KEYS) {
            err_diag (diag, "%s: more than %d keys", clients, LIMIT_KEYS);
            return ERR_LIMIT;
        }
        int rc = s_entry_add (&entries, path, diag);
        if (rc == -ENOMEM)
            return rc;
        bad = bad ? bad : rc; //  go on: one bad file must not keep a revoked key alive
    }
    *ret_entries = own_take (entries);
    *ret_bad = bad;
    return 0;
}

//  The roles of keys in `before` that `after` lacks or has with another role.
static unsigned
s_lost (curve_entry_t *before, curve_entry_t *after)
{
    unsigned roles = 0;
    for (const curve_entry_t *entry = before; entry; entry = entry->hh.next) {
        curve_entry_t *found = NULL;
        HASH_FIND_STR (after, entry->key, found);
        if (!found || found->role != entry->role)
            roles |= 1U << entry->role;
    }
    return roles;
}

//  Is this raw key enrolled with a role allowed in this domain?  ret_role: CURVE_ROLE_COUNT if it
//  is not enrolled.
static bool
s_allowed (curve_zap_t *self, const char *domain, const uint8_t *raw_key,
           char ret_identity [CURVE_IDENTITY], curve_role_t *ret_role)
{
    char key [CURVE_KEY];
    zmq_z85_encode (key, raw_key, S_RAW_KEY);
    curve_entry_t *entry = NULL;
    pthread_mutex_lock (&self->lock);
    HASH_FIND_STR (self->entries, key, entry);
    const curve_role_t role = entry ? entry->role : CURVE_ROLE_COUNT;
    pthread_mutex_unlock (&self->lock);
    *ret_role = role;
    for (size_t i = 0; i < sizeof s_rights / sizeof s_rights [0]; i++) {
        if (s_rights [i].role == role && strcmp (s_rights [i].domain, domain) == 0) {
            snprintf (ret_identity, CURVE_IDENTITY, "%s:%s", curve_role_name (role), key);
            return true;
        }
    }
    return false;
}

static bool
s_same_time (const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int64_t
s_boot_ms (const curve_zap_t *self)
{
    return clk_now (self->clk).boot_ms;
}

//  Is this mtime so old that a later change cannot have the same one?
static bool
s_settled (const curve_zap_t *self, const struct timespec *time)
{
    const int64_t then_ms = (int64_t) time->tv_sec * 1000 + time->tv_nsec / 1000000;
    const int64_t age_ms = clk_now (self->clk).wall_ms - then_ms;
    return age_ms < 0 || age_ms > S_SETTLED_MS;
}

//  Read clients/ again if a key came or went.  If a file holds no key, or not yet, the next look
//  tries again.
static void
s_refresh (curve_zap_t *self)
{
    char clients [S_PATH];
    struct stat status;
    err_diag_t diag = {{0}};
    if (!curve_path (clients, self->keys_dir, "clients", NULL) || stat (clients, &status)
        || s_same_time (&status.st_mtim, &self->seen))
        return;
    bool settled = s_settled (self, &status.st_mtim);
    if (settled && s_same_time (&status.st_mtim, &self->tried) && s_boot_ms (self) < self->again_ms)
        return;
    int rc = curve_zap_reload (self, &diag);
    self->tried = status.st_mtim;
    //  a pause, so that not every handshake in between loads them
    self->again_ms = s_boot_ms (self) + S_REFRESH_MS;
    if (rc == 0 && settled)
        self->seen = status.st_mtim;
    if (rc == 0 || !settled || s_same_time (&status.st_mtim, &self->logged))
        return;
    log_warn ("keys are not in force as their folder has them", kv ("error", diag.text));
    self->logged = status.st_mtim;
}

//  The fingerprint of all files: a number that any change of them changes.  The folder's own mtime
//  misses an overwritten file.  0 = the folder cannot be read.
static uint64_t
s_files (const char *keys_dir)
{
    char clients [S_PATH];
    uint64_t sum = 1;
    if (!curve_path (clients, keys_dir, "clients", NULL))
        return 0;
    own (s_dir_close) DIR *dir = opendir (clients);
    if (!dir)
        return 0;
    for (struct dirent *item = readdir (dir); item;
         item = readdir (dir)) { // NOLINT(concurrency-mt-unsafe): own DIR
        struct stat st;
        const size_t size = strlen (item->d_name);
        if (size < 5 || strcmp (item->d_name + size - 4, ".key") != 0
            || fstatat (dirfd (dir), item->d_name, &st, 0) != 0)
            continue;
        const uint64_t facts [] = {(uint64_t) st.st_ino,         (uint64_t) st.st_size,
                                   (uint64_t) st.st_mtim.tv_sec, (uint64_t) st.st_mtim.tv_nsec,
                                   (uint64_t) st.st_ctim.tv_sec, (uint64_t) st.st_ctim.tv_nsec};
        uint64_t hash = 14695981039346656037U; //  FNV-1a
        for (size_t i = 0; i < sizeof facts / sizeof facts [0]; i++)
            hash = (hash ^ facts [i]) * 1099511628211U;
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ (uint8_t) item->d_name [i]) * 1099511628211U;
        sum += hash; //  a sum does not depend on the order of the files
    }
    return sum;
}

//  Notice keys that were overwritten in their files.  With many keys a look takes longer, so looks
//  come less often.
static void
s_refresh_files (curve_zap_t *self)
{
    const int64_t now_ms = s_boot_ms (self);
    err_diag_t diag = {{0}};
    if (now_ms < self->files_ms)
        return;
    const uint64_t files = s_files (self->keys_dir);
    const int64_t took_ms = s_boot_ms (self) - now_ms;
    self->files_ms = now_ms + S_REFRESH_MS + S_LOOK_SHARE * took_ms;
    if (files == self->files)
        return;
    self->files = files; //  taken before the read: the next look sees a change made meanwhile
    if (curve_zap_reload (self, &diag) < 0 && files)
        log_warn ("keys are not in force as their files have them", kv ("error", diag.text));
}

static bool
s_judge_key (curve_zap_t *self, const char *domain, const char *mechanism, zframe_t *key,
             char ret_identity [CURVE_IDENTITY], curve_role_t *ret_role)
{
    *ret_role = CURVE_ROLE_COUNT;
    if (!domain || !mechanism || strcmp (mechanism, "CURVE") != 0 || !key
        || zframe_size (key) != S_RAW_KEY)
        return false;
    if (s_allowed (self, domain, zframe_data (key), ret_identity, ret_role))
        return true;
    s_refresh (self); //  it may just have been enrolled
    return s_allowed (self, domain, zframe_data (key), ret_identity, ret_role);
}

//  A minute of refusals is over: log how many were not logged singly.
static void
s_refusals_end (curve_zap_t *self, int64_t now_ms)
{
    if (now_ms - self->minute_ms < S_MINUTE_MS)
        return;
    if (self->minute_count > LIMIT_REFUSAL_LINES)
        log_warn ("more refused peers in one minute than are logged one by one",
                  kv ("count", self->minute_count - LIMIT_REFUSAL_LINES));
    self->minute_count = 0;
}

//  Returns an IPv4 address as such, also if it came in over an IPv6 socket.
static const char *
s_plain_address (const char *address)
{
    static const char mapped [] = "::ffff:";
    const bool is =
        address && strncmp (address, mapped, sizeof mapped - 1) == 0 && strchr (address, '.');
    return is ? address + sizeof mapped - 1 : address;
}

//  Anybody can cause refusals at any rate, so the log is limited.
static void
s_refused (curve_zap_t *self, const char *domain, const char *address, curve_role_t role)
{
    const int64_t now_ms = s_boot_ms (self);
    self->refused++;
    s_refusals_end (self, now_ms);
    if (self->minute_count == 0)
        self->minute_ms = now_ms;
    if (++self->minute_count <= LIMIT_REFUSAL_LINES)
        log_warn ("peer refused: its key is not enrolled for this socket", kv ("socket", domain),
                  kv ("address", s_plain_address (address)),
                  kv ("its_role", role == CURVE_ROLE_COUNT ? "none" : curve_role_name (role)));
}

//  Answer one request.  Never 300: the peer would hang until its handshake timer.
static void
s_answer (curve_zap_t *self)
{
    own (zmsg_destroy) zmsg_t *request = zmsg_recv (self->socket);
    if (!request)
        return;
    own (zstr_free) char *version = zmsg_popstr (request);
    own (zstr_free) char *id = zmsg_popstr (request);
    own (zstr_free) char *domain = zmsg_popstr (request);
    own (zstr_free) char *address = zmsg_popstr (request);
    own (zframe_destroy) zframe_t *routing = zmsg_pop (request);
    own (zstr_free) char *mechanism = zmsg_popstr (request);
    own (zframe_destroy) zframe_t *key = zmsg_pop (request);
    (void) version, (void) routing; //  skipped; libzmq is the only sender
    char identity [CURVE_IDENTITY] = "";
    curve_role_t role;
    bool allowed = s_judge_key (self, domain, mechanism, key, identity, &role);
    if (!allowed)
        s_refused (self, domain, address, role);
    zstr_sendx (self->socket, "1.0", id ? id : "", allowed ? "200" : "400",
                allowed ? "OK" : "not enrolled", identity, "", NULL);
}

static void
s_thread (void *arg)
{
    curve_zap_t *self = arg;
    zmq_pollitem_t items [] = {{.socket = zsock_resolve (self->socket), .events = ZMQ_POLLIN},
                               {.fd = actor_fd (self->actor), .events = ZMQ_POLLIN}};
    int64_t looked_ms = s_boot_ms (self); //  all keys have just been read
    while (!actor_ends (self->actor)) {
        int ready = zmq_poll (items, 2, S_REFRESH_MS);
        if (ready > 0 && items [0].revents & ZMQ_POLLIN)
            s_answer (self);
        const int64_t now_ms = s_boot_ms (self);
        if (now_ms - looked_ms >= S_REFRESH_MS) { //  by the clock: peers may come without a pause
            s_refresh (self);
            s_refresh_files (self);
            looked_ms = s_boot_ms (self);
        }
        s_refusals_end (self, now_ms);
        self->round_ms = s_boot_ms (self);
    }
}

//  Load all keys at the start.  A file without a key may just be being overwritten, so it gets a
//  moment.
static int
s_entries_begin (const char *keys_dir, curve_entry_t **ret_entries, err_diag_t *diag)
{
    for (int waited_ms = 0;; waited_ms += S_HALF_LOOK_MS) {
        int bad = 0;
        int rc = s_entries_load (keys_dir, ret_entries, &bad, diag);
        if (rc != 0 || !bad || waited_ms >= S_HALF_MS)
            return rc ? rc : bad;
        s_entries_free (ret_entries); //  leaves NULL
        if (diag)
            diag->text [0] = 0;
        poll (NULL, 0, S_HALF_LOOK_MS);
    }
}

int
curve_zap_check (const char *keys_dir, err_diag_t *diag)
{
    own (s_entries_free) curve_entry_t *entries = NULL;
    return s_entries_begin (keys_dir, &entries, diag);
}

curve_zap_t *
curve_zap_new (const char *keys_dir, const clk_t *clk, err_diag_t *diag)
{
    zsys_handler_set (NULL);
    curve_zap_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->clk = clk;
    self->actor = actor_new (0, NULL, NULL);
    self->revoked_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->keys_dir = strdup (keys_dir);
    self->files = s_files (keys_dir);
    self->round_ms = s_boot_ms (self);
    pthread_mutex_init (&self->lock, NULL);
    self->socket = zsock_new (ZMQ_REP);
    if (!self->actor || self->revoked_fd == -1 || !self->keys_dir || !self->socket
        || s_entries_begin (keys_dir, &self->entries, diag) != 0
        || zsock_bind (self->socket, "%s", s_zap_endpoint) == -1
        || actor_start (self->actor, s_thread, self) < 0) {
        if (diag && !diag->text [0])
            err_diag (diag, "ZAP handler: %s", strerror (errno));
        curve_zap_destroy (&self);
        return NULL;
    }
    return self;
}

void
curve_zap_destroy (curve_zap_t **self_p)
{
    curve_zap_t *self = *self_p;
    if (!self)
        return;
    actor_destroy (&self->actor);
    //  Closing alone frees the name only some time later.
    if (self->socket)
        (void) zsock_unbind (self->socket, "%s", s_zap_endpoint);
    zsock_destroy (&self->socket);
    s_entries_free (&self->entries);
    pthread_mutex_destroy (&self->lock);
    own_fd (&self->revoked_fd);
    free (self->keys_dir);
    free (self);
    *self_p = NULL;
}

int
curve_zap_reload (curve_zap_t *self, err_diag_t *diag)
{
    own (s_entries_free) curve_entry_t *fresh = NULL;
    int bad = 0;
    pthread_mutex_lock (&self->lock);
    const int64_t load = ++self->loads;
    pthread_mutex_unlock (&self->lock);
    int rc = s_entries_load (self->keys_dir, &fresh, &bad, diag);
    if (rc)
        return rc;
    pthread_mutex_lock (&self->lock);
    if (load > self->loaded) { //  else a younger load has finished first
        curve_entry_t *old = self->entries;
        self->entries = fresh;
        self->loaded = load;
        self->revoked |= s_lost (old, fresh);
        if (self->revoked)
            eventfd_write (self->revoked_fd, 1);
        fresh = old; //  freed at the end of the function
    }
    pthread_mutex_unlock (&self->lock);
    return bad;
}

int64_t
curve_zap_silent_ms (const curve_zap_t *self)
{
    const int64_t silent_ms = s_boot_ms (self) - self->round_ms;
    return silent_ms > 0 ? silent_ms : 0;
}

int64_t
curve_zap_refused (curve_zap_t *self)
{
    return self->refused;
}

int
curve_zap_fd (const curve_zap_t *self)
{
    return self->revoked_fd;
}

unsigned
curve_zap_revoked (curve_zap_t *self)
{
    eventfd_t count;
    pthread_mutex_lock (&self->lock);
    unsigned revoked = self->revoked;
    self->revoked = 0;
    (void) eventfd_read (self->revoked_fd, &count);
    pthread_mutex_unlock (&self->lock);
    return revoked;
}

bool
curve_zap_enrolled (curve_zap_t *self, const char *identity)
{
    const char *colon = strchr (identity, ':');
    if (!colon)
        return false;
    curve_entry_t *entry = NULL;
    pthread_mutex_lock (&self->lock);
    HASH_FIND_STR (self->entries, colon + 1, entry);
    bool enrolled =
        entry && strncmp (identity, curve_role_name (entry->role), (size_t) (colon - identity)) == 0
        && strlen (curve_role_name (entry->role)) == (size_t) (colon - identity);
    pthread_mutex_unlock (&self->lock);
    return enrolled;
}
