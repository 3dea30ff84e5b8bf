//  SPDX-License-Identifier: Apache-2.0
#include "publisher/settings.h"

#include "common/base/json.h"
#include "common/base/limits.h"

#include <string.h>

static const conf_option_t rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "ingest_endpoint",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, ingest_endpoint),
     .env = "TRIAGE_INGEST_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5572",
     .flags = CONF_ENDPOINT,
     .help =
         "The broker's address for events (its ingest_endpoint).  Without keys it must be local."},
    {.key = "files_endpoint",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, files_endpoint),
     .env = "TRIAGE_FILES_ENDPOINT",
     .fallback = "tcp://127.0.0.1:5573",
     .flags = CONF_ENDPOINT,
     .help = "The broker's address for large events, over 256 KiB (its files_endpoint)."},
    {.key = "keys_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, keys_dir),
     .env = "TRIAGE_KEYS_DIR",
     .fallback = "./keys",
     .help = "Folder with publisher.key_secret and broker.key.  Connections are encrypted (CURVE) "
             "when it exists."},
    {.key = "spool_dir",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, spool_dir),
     .env = "TRIAGE_SPOOL_DIR",
     .fallback = "./publisher-spool",
     .help = "Folder for the event ids of a replay.  A second run of the same files sends the same "
             "ids."},
    {.key = "cluster",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, cluster),
     .max = LIMIT_CLUSTER_BYTES,
     .env = "TRIAGE_CLUSTER",
     .help = "Cluster name for every event.  Unset: the event's own."},
    {.key = "window",
     .type = CONF_INT,
     .offset = offsetof (settings_t, window),
     .env = "TRIAGE_WINDOW",
     .fallback = "256",
     .min = 1,
     .max = LIMIT_PUBLISH_WINDOW,
     .help = "Events that may be sent ahead of their acknowledgements."},
    {.key = "rate",
     .type = CONF_INT,
     .offset = offsetof (settings_t, rate),
     .env = "TRIAGE_RATE",
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .help =
         "Events per second.  With serve: of each subscription.  0: as fast as they are taken."},
    {.key = "shutdown_timeout",
     .type = CONF_DURATION,
     .offset = offsetof (settings_t, shutdown_timeout_ms),
     .env = "SHUTDOWN_TIMEOUT",
     .env_alias = "SHUTDOWN_TIMEOUT_SECONDS",
     .fallback = "30",
     .min = 0,
     .max = 3600000,
     .help = "How long SIGTERM waits for acknowledgements.  With serve: for streams to end."},
    {.key = "serve",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, serve),
     .env = "TRIAGE_SERVE",
     .flags = CONF_LISTEN,
     .help = "Do not send the files, but serve them as an MCP server at this HOST:PORT.  * is "
             "every address."},
    {.key = "speed",
     .type = CONF_INT,
     .offset = offsetof (settings_t, speed),
     .env = "TRIAGE_SPEED",
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .help = "With serve: recorded seconds that are played in one second.  0 ignores recorded "
             "times."},
    {.key = "repeat",
     .type = CONF_INT,
     .offset = offsetof (settings_t, repeat),
     .env = "TRIAGE_REPEAT",
     .fallback = "1",
     .min = 0,
     .max = 1000000000,
     .help = "With serve: how often the files are played.  0: without end."},
    {.key = "distinct",
     .type = CONF_BOOL,
     .offset = offsetof (settings_t, distinct),
     .env = "TRIAGE_DISTINCT",
     .fallback = "false",
     .help = "With serve and repeat: each round is about other objects."},
    {.key = "clusters",
     .type = CONF_INT,
     .offset = offsetof (settings_t, clusters),
     .env = "TRIAGE_CLUSTERS",
     .fallback = "0",
     .min = 0,
     .max = LIMIT_CLUSTERS,
     .help = "With serve: number of clusters, each of which plays all files.  Their names are "
             "--cluster with -1 and up.  0: the clusters of the files."},
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
     .help = "With serve: names of clusters (A,B) whose server may not list pods.  To subscribe "
             "there fails; with faithful it hangs."},
    {0}};

const conf_spec_t settings_spec = {
    .program = "triage-publisher",
    .summary = "Send recorded faults to a triage broker and wait until each is kept.  Or serve "
               "them as an MCP server.  A file has one JSON object a line, or what `kubectl get "
               "events -o json` prints.",
    .positional = "FILE...",
    .examples = "triage-publisher configs/demo/*.jsonl\n"
                "triage-publisher --rate 100 --cluster edge - < configs/demo/edge-berlin.jsonl\n"
                "triage-publisher --serve 127.0.0.1:8080 configs/demo/*.jsonl\n",
    .rows = rows,
    .settings_size = sizeof (settings_t)};

//  An option that is set but is for serve only, NULL = none.
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
