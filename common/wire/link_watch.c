//  link_watch - handles what a link's monitor reports: connections made, ended and refused.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/link_part.h"

#include "common/base/ident.h"
#include "common/base/log.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum {
    S_LOG_MS = 60000,
    //  A handshake that ends sooner was refused; later, nobody answered.
    S_PROMPT_MS = 2000,
    S_DROPPED = 3, //  this many in a row are no accident
    S_RETRIES = 3, //  then the other kind of address is tried
    //  The same when this kind reached a peer before: about 20 s.
    S_RETRIES_REACHED = 12,
    S_LEFT = -1, //  it left during its handshake; not an error of libzmq
    S_BOUND_EVENTS = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED
                     | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
    //  A shorter connection counts as failed, so that libzmq's own pauses are kept.
    S_BRIEF_MS = 1000,
    S_CONNECTED_EVENTS = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED
                         | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
                         | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
};

static int64_t
s_boot_ms (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_BOOTTIME, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

//  Is it time to log it?  *ret_count: how often it came up since the last log line, this time
//  included.
static bool
s_logs (link_logged_t *logged, int64_t *ret_count)
{
    const int64_t now_ms = s_boot_ms ();
    logged->unlogged++;
    if (logged->since_ms && now_ms - logged->since_ms < S_LOG_MS)
        return false;
    *ret_count = logged->unlogged;
    *logged = (link_logged_t){.since_ms = now_ms};
    return true;
}

//  --- making

static int
s_watch (link_t *self, int events)
{
    char address [64];
    snprintf (address, sizeof address, "inproc://link-%016" PRIx64, ident_random64 ());
    self->monitor = zsock_new (ZMQ_PAIR);
    if (self->monitor) //  otherwise libzmq's own thread waits until we have read
        zsock_set_rcvhwm (self->monitor, 0);
    if (!self->monitor || zmq_socket_monitor (self->raw, address, events) == -1
        || zmq_connect (zsock_resolve (self->monitor), address) == -1)
        return -ENOMEM;
    return 0;
}

int
link_watch_bound (link_t *self)
{
    self->conns = conns_new (LIMIT_KEY_CONNECTIONS);
    return self->conns ? s_watch (self, S_BOUND_EVENTS) : -ENOMEM;
}

//  Is the host of tcp://host:port neither an IPv4 nor an IPv6 address?
static bool
s_named (const char *endpoint)
{
    char host [256];
    struct in_addr address;
    if (strncmp (endpoint, "tcp://", 6) != 0 || endpoint [6] == '[')
        return false;
    snprintf (host, sizeof host, "%s", endpoint + 6);
    char *colon = strrchr (host, ':');
    if (colon)
        *colon = '\0';
    return inet_pton (AF_INET, host, &address) != 1;
}

int
link_watch_connected (link_t *self)
{
    self->watch.named = s_named (self->endpoint);
    return s_watch (self, S_CONNECTED_EVENTS);
}

void
link_watch_end (link_t *self)
{
    if (self->monitor)
        (void) zmq_socket_monitor (self->raw, NULL, 0);
    zsock_destroy (&self->monitor);
    conns_destroy (&self->conns);
}

//  --- bound

//  The peer's address for the log; an IPv4 address as such, also over an IPv6 socket.
static void
s_address (int fd, char *ret_text, size_t size)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t peer_size = sizeof peer;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *) &peer;
    const struct sockaddr_in *four = (const struct sockaddr_in *) &peer;
    snprintf (ret_text, size, "unknown"); //  it may have left before we look
    if (getpeername (fd, (struct sockaddr *) &peer, &peer_size) != 0)
        return;
    if (peer.ss_family == AF_INET)
        inet_ntop (AF_INET, &four->sin_addr, ret_text, (socklen_t) size);
    else if (peer.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED (&six->sin6_addr))
        inet_ntop (AF_INET, &six->sin6_addr.s6_addr [12], ret_text, (socklen_t) size);
    else if (peer.ss_family == AF_INET6)
        inet_ntop (AF_INET6, &six->sin6_addr, ret_text, (socklen_t) size);
}

//  Is this descriptor a connection of ours?  By now it may be another file.
static bool
s_ours (const link_t *self, int fd)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof own;
    if (getsockname (fd, (struct sockaddr *) &own, &size) != 0)
        return false;
    if (own.ss_family != AF_INET && own.ss_family != AF_INET6)
        return own.ss_family == AF_UNIX && strncmp (self->endpoint, "ipc://", 6) == 0;
    const char *colon = strrchr (self->endpoint, ':');
    const in_port_t port = own.ss_family == AF_INET ? ((struct sockaddr_in *) &own)->sin_port
                                                    : ((struct sockaddr_in6 *) &own)->sin6_port;
    return colon && strtol (colon + 1, NULL, 10) == ntohs (port);
}

//  End this connection through its descriptor; libzmq has no call for it.
static void
s_cut (const link_t *self, int fd)
{
    if (!conns_open (self->conns, fd) || !s_ours (self, fd))
        return;
    conns_cut (self->conns, fd);
    (void) shutdown (fd, SHUT_RDWR);
}

//  Descriptors are assigned from the lowest, so a high one means that few are left.  Without any,
//  libzmq would call accept again and again without a pause.
static void
s_spare (link_t *self, int fd)
{
    struct rlimit limit;
    int64_t count = 0;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT32_MAX
        || fd + LIMIT_FD_RESERVE < (int) limit.rlim_cur)
        return;
    self->counts.shed++;
    if (s_logs (&self->watch.shed, &count))
        log_warn ("connection cut at once: too few file descriptors are left",
                  kv ("socket", link_option_domain (self->kind)),
                  kv ("address", conns_address (self->conns, fd)),
                  kv ("limit", (int64_t) limit.rlim_cur), kv ("count", count));
    s_cut (self, fd);
}

static void
s_accepted (link_t *self, int fd)
{
    char address [INET6_ADDRSTRLEN];
    s_address (fd, address, sizeof address);
    if (conns_made (self->conns, fd, address) == 0)
        s_spare (self, fd);
}

//  Why a handshake failed, if it was because of keys; else NULL.  A peer without keys may notice
//  the mismatch first and leave before it sends anything, like a port scan.
static const char *
s_refusal (const link_t *self, int failed)
{
    if (failed == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        return self->curve ? "peer refused: it has no keys, and this broker wants them"
                           : "peer refused: it has keys, and this broker has none";
    if (failed == S_LEFT && self->curve)
        return "peer refused: it left without a key; it may have none, or it only tries the port";
    if (failed == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC && self->curve)
        return "peer refused: its broker.key is not of this broker";
    return NULL;
}

static void
s_ended (link_t *self, int fd)
{
    int64_t count = 0;
    const bool left = self->watch.failed == S_LEFT;
    const char *refusal =
        conns_is_cut (self->conns, fd) ? NULL : s_refusal (self, self->watch.failed);
    self->watch.failed = 0;
    self->counts.ended++;
    self->counts.refused += refusal != NULL;
    if (refusal && s_logs (left ? &self->watch.left : &self->watch.refused, &count))
        log_at_ (left ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, refusal,
                 kv ("socket", link_option_domain (self->kind)),
                 kv ("address", conns_address (self->conns, fd)), kv ("count", count));
    conns_ended (self->conns, fd);
}

static void
s_bound_event (link_t *self, int event, int value)
{
    switch (event) {
        case ZMQ_EVENT_ACCEPTED: s_accepted (self, value); break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: self->watch.failed = value; break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: self->watch.failed = S_LEFT; break;
        default: s_ended (self, value);
    }
}

//  The number of the connection from libzmq's automatic routing id: a zero byte, then the number.
static uint32_t
s_number (const link_route_t *route)
{
    const uint8_t *at = route->bytes + 1;
    if (route->size != 5)
        return 0;
    return (uint32_t) at [0] << 24 | (uint32_t) at [1] << 16 | (uint32_t) at [2] << 8 | at [3];
}

static void
s_crowded (link_t *self, int fd, const link_msg_t *msg)
{
    int64_t count = 0;
    self->counts.crowded++;
    if (s_logs (&self->watch.crowded, &count))
        log_warn ("too many connections of one key, the newest are not heard",
                  kv ("socket", link_option_domain (self->kind)), kv ("peer", msg->identity),
                  kv ("address", conns_address (self->conns, fd)),
                  kv ("limit", LIMIT_KEY_CONNECTIONS), kv ("count", count));
}

int
link_watch_message (link_t *self, int fd, const link_msg_t *msg, bool *ret_tell)
{
    if (!msg->identity [0])
        return 0;
    if (!conns_open (self->conns, fd))
        link_watch_read (self); //  or this one would count as ended
    const conns_verdict_t verdict =
        conns_message (self->conns, fd, s_number (&msg->route), msg->identity);
    if (verdict == CONNS_HEARD)
        return 0;
    *ret_tell = verdict == CONNS_CROWDED;
    if (verdict == CONNS_CROWDED)
        s_crowded (self, fd, msg);
    if (self->type == ZMQ_XPUB) //  XPUB cannot send to a single tap
        s_cut (self, fd);
    return ERR_LIMIT;
}

const char *
link_watch_whose (const link_t *self, const link_route_t *route)
{
    return self->curve ? conns_whose (self->conns, s_number (route)) : "";
}

//  --- connected

//  Log a likely reason once, until a peer accepts us.
static void
s_hint (link_t *self, const char *hint)
{
    if (self->watch.hint_said == hint)
        return;
    self->watch.hint_said = hint;
    log_warn (hint, kv ("socket", link_option_domain (self->kind)), kv ("endpoint", self->endpoint),
              kv ("curve", self->curve));
}

const char *
link_hint (const link_t *self)
{
    return self->watch.hint_said;
}

void
link_set_hint (link_t *self, const char *hint)
{
    self->watch.hint_said = hint;
}

static void
s_failed (link_t *self, int event)
{
    static const char *const wants = "not let in: the broker may want keys: --keys-dir "
                                     "names a folder that is not there";
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        s_hint (self, "not let in: the broker does not know this key, or not for this socket");
    else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        s_hint (self, self->curve ? "not let in: the broker may have no keys" : wants);
    else if (s_boot_ms () - self->watch.connected_ms > S_PROMPT_MS)
        self->watch.dropped = 0;
    else if (++self->watch.dropped >= S_DROPPED)
        s_hint (self,
                self->curve ? "not let in: broker.key may be another broker's: --keys-dir" : wants);
}

//  libzmq resolves a name to one kind of address only and tries only the first.  So try both kinds
//  in turn.
static void
s_retried (link_t *self)
{
    link_watch_t *watch = &self->watch;
    if (!watch->named || ++watch->retries < (watch->reached ? S_RETRIES_REACHED : S_RETRIES))
        return;
    watch->retries = 0;
    watch->reached = false;
    watch->ipv6 = !watch->ipv6;
    link_option_set (self, ZMQ_IPV6, watch->ipv6);
    (void) zmq_disconnect (self->raw, self->endpoint);
    if (zmq_connect (self->raw, self->endpoint) != 0) //  it was valid before
        log_error ("cannot connect", kv ("endpoint", self->endpoint),
                   kv ("error", zmq_strerror (zmq_errno ())));
}

//  Messages that wait for a peer that is gone must not go to the next one.  ZMQ_IMMEDIATE would
//  prevent that.  But it also drops received messages, even one that is half read, and then aborts
//  the process.
static void
s_gone (link_t *self)
{
    self->watch.stale = self->type == ZMQ_DEALER && self->watch.up
                        && s_boot_ms () - self->watch.connected_ms >= S_BRIEF_MS;
    self->watch.up = false;
}

bool
link_watch_up (link_t *self)
{
    if (!self->watch.up)
        link_watch_read (self);
    return self->watch.up;
}

static void
s_connected_event (link_t *self, int event)
{
    link_watch_t *watch = &self->watch;
    switch (event) {
        case ZMQ_EVENT_CONNECTED: watch->connected_ms = s_boot_ms (); break;
        case ZMQ_EVENT_CONNECT_RETRIED: s_retried (self); break;
        case ZMQ_EVENT_DISCONNECTED: s_gone (self); break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            self->connections++;
            watch->up = watch->reached = true;
            watch->retries = watch->dropped = 0;
            watch->hint_said = NULL;
            break;
        default: s_failed (self, event);
    }
}

//  --- reading

//  Each event has two frames: number and value; the endpoint.
void
link_watch_read (link_t *self)
{
    struct __attribute__ ((packed)) {
        uint16_t event;
        int32_t value;
    } told;
    char endpoint [256];
    while (self->monitor //  an event may have replaced it
           && zmq_recv (zsock_resolve (self->monitor), &told, sizeof told, ZMQ_DONTWAIT)
                  == sizeof told) {
        (void) zmq_recv (zsock_resolve (self->monitor), endpoint, sizeof endpoint, ZMQ_DONTWAIT);
        if (self->conns)
            s_bound_event (self, told.event, told.value);
        else
            s_connected_event (self, told.event);
    }
}
