//  settings - see settings.h.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/settings.h"

#include "common/base/json.h"
#include "common/base/limits.h"
#include "publisher/settings_check.h"

#include <string.h>

static const conf_option_t rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "ingest_endpoint",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, ingest_endpoint),
     .env = "TRIAGE_INGEST_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5572",
     .flags = CONF_ENDPOINT,
     .help = "The broker's ingest socket; without keys only loopback and unix sockets."},
    {.key = "files_endpoint",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, files_endpoint),
     .env = "TRIAGE_FILES_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5573",
     .flags = CONF_ENDPOINT,
     .help = "The broker's files socket, for events larger than one ingest frame."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "Folder with publisher.key_secret and broker.key; CURVE is on when it exists."},
    {.key = "spool_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, spool_dir),
     .env = "TRIAGE_SPOOL_DIR",
     .fallback = "./publisher-spool",
     .help = "Folder that keeps the event ids of an unfinished replay, so that a second run sends "
             "the same ones."},
    {.key = "cluster",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, cluster),
     .max = LIMIT_CLUSTER_BYTES,
     .env = "TRIAGE_CLUSTER",
     .help = "Cluster name for every event; unset takes the event's own."},
    {.key = "window",
     .type = CONF_INT,
     .offset = offsetof (settings_t, window),
     .env = "TRIAGE_WINDOW",
     .fallback = "256",
     .min = 1,
     .max = LIMIT_PUBLISH_WINDOW,
     .help = "Events under way without an acknowledgement."},
    {.key = "rate",
     .type = CONF_INT,
     .offset = offsetof (settings_t, rate),
     .env = "TRIAGE_RATE",
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .help = "Events per second (with serve: of each subscription); 0 sends as fast as they are "
             "taken."},
    {.key = "shutdown_timeout",
     .type = CONF_DURATION,
     .offset = offsetof (settings_t, shutdown_timeout),
     .env = "SHUTDOWN_TIMEOUT",
     .env_alias = "SHUTDOWN_TIMEOUT_SECONDS",
     .fallback = "30",
     .min = 0,
     .max = 3600000,
     .help = "How long SIGTERM waits for outstanding acknowledgements, or streams to end."},
    {.key = "serve",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, serve),
     .env = "TRIAGE_SERVE",
     .flags = CONF_LISTEN,
     .help = "HOST:PORT to serve the files on as an MCP server with event tools, instead of "
             "sending them; * is every address."},
    {.key = "speed",
     .type = CONF_INT,
     .offset = offsetof (settings_t, speed),
     .env = "TRIAGE_SPEED",
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .help = "With serve: recorded seconds played in one second; 0 takes no notice of recorded "
             "times."},
    {.key = "repeat",
     .type = CONF_INT,
     .offset = offsetof (settings_t, repeat),
     .env = "TRIAGE_REPEAT",
     .fallback = "1",
     .min = 0,
     .max = 1000000000,
     .help = "With serve: how often the files are played; 0 is without end."},
    {.key = "distinct",
     .type = CONF_BOOL,
     .offset = offsetof (settings_t, distinct),
     .env = "TRIAGE_DISTINCT",
     .fallback = "false",
     .help = "With serve and repeat: each round is about other objects, not the same ones again."},
    {.key = "clusters",
     .type = CONF_INT,
     .offset = offsetof (settings_t, clusters),
     .env = "TRIAGE_CLUSTERS",
     .fallback = "0",
     .min = 0,
     .max = LIMIT_CLUSTERS,
     .help = "With serve: so many clusters, NAME-1 and up, that each play all files; 0 is the "
             "clusters of the files."},
    {.key = "faithful",
     .type = CONF_BOOL,
     .offset = offsetof (settings_t, faithful),
     .env = "TRIAGE_FAITHFUL",
     .fallback = "false",
     .help = "With serve: lose, cancel and hang as the real event server does."},
    {.key = "denied",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, denied),
     .env = "TRIAGE_DENIED",
     .help = "With serve: clusters (A,B) whose event server may not list pods; a subscribe fails, "
             "or hangs if faithful."},
    {0}};

const conf_spec_t settings_spec = {
    .program = "triage-publisher",
    .summary = "Send recorded faults (JSON lines, or documents of kubectl get events -o json) to a "
               "triage broker and wait until each is kept; or "
               "serve them as an MCP server.",
    .positional = "FILE...",
    .examples = "triage-publisher configs/demo/*.jsonl\n"
                "triage-publisher --rate 100 --cluster edge - < configs/demo/edge-berlin.jsonl\n"
                "triage-publisher --serve 127.0.0.1:8080 configs/demo/*.jsonl\n",
    .rows = rows,
    .settings_size = sizeof (settings_t),
    .check = settings_check};

//  An option that is set and is for serve alone, NULL = none.
static const char *
s_serve_alone (const settings_t *self, const void **ret_at)
{
    const struct {
        bool set;
        const char *key;
        const void *at;
    } options [] = {
        {self->speed != 0, "speed", &self->speed},
        {self->repeat != 1, "repeat", &self->repeat},
        {self->distinct, "distinct", &self->distinct},
        {self->clusters != 0, "clusters", &self->clusters},
        {self->faithful, "faithful", &self->faithful},
        {*self->denied != 0, "denied", &self->denied},
    };
    for (size_t i = 0; i < sizeof options / sizeof options [0]; i++) {
        if (!options [i].set)
            continue;
        *ret_at = options [i].at;
        return options [i].key;
    }
    return NULL;
}

int
settings_judge (const settings_t *self, const void **ret_at, err_diag_t *diag)
{
    *ret_at = &self->cluster;
    if (self->clusters && strlen (self->cluster) > LIMIT_CLUSTER_BYTES - 4) {
        err_diag (diag, "cluster: with clusters, at most %d bytes: -NUMBER is put behind it",
                  LIMIT_CLUSTER_BYTES - 4);
        return ERR_CONFIG;
    }
    if (!json_utf8_valid (self->cluster, strlen (self->cluster))) {
        err_diag (diag, "cluster: UTF-8 is expected");
        return ERR_CONFIG;
    }
    const char *alone = *self->serve ? NULL : s_serve_alone (self, ret_at);
    if (!alone)
        return 0;
    err_diag (diag, "%s: only together with serve", alone);
    return ERR_CONFIG;
}
