//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/link.h"

#include "broker/delivery/storage_fs.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/render.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define S_INCIDENTS "api/v1/incidents/" //  below external_url

//  Find the file that a reader opens.
static int
s_find (const settings_t *settings, const char *incident, int64_t attempt,
        char ret_path [LIMIT_PATH_BYTES])
{
    static const char *const paths [] = {"output/investigation.html", "output/investigation.md"};
    own (own_fd) int folder = artifact_dir_open (settings->workspace_root, incident, false);
    if (folder < 0)
        return folder;
    for (size_t i = 0; i < sizeof paths / sizeof paths [0]; i++) {
        own (own_fd) int file = artifact_dir_file (folder, paths [i], O_RDONLY, NULL);
        if (file < 0)
            continue;
        snprintf (ret_path, LIMIT_PATH_BYTES, "%s", paths [i]);
        return 0;
    }
    //  The folder was not completed.
    snprintf (ret_path, LIMIT_PATH_BYTES, "attempts/%" PRId64 "/output/investigation.md", attempt);
    return 0;
}

//  Set the url to base + between + incident + "/" + path, or without the path if it is "".
static int
s_below (const char *base, const char *between, const char *incident, const char *path,
         link_way_t *way)
{
    const size_t size = strlen (base);
    const int length = snprintf (way->url, sizeof way->url, "%.*s/%s%s%s%s",
                                 (int) (size - (base [size - 1] == '/')), base, between, incident,
                                 *path ? "/" : "", path);
    return length < (int) sizeof way->url ? 0 : -ENAMETOOLONG;
}

//  Set a signed URL, if the backend has the incident as it ended, and can sign one.  An incident
//  that was investigated again may be there with its earlier report.
static int
s_signed (const storage_t *storage, store_reader_t *reader, const row_incident_t *incident,
          const char *path, link_way_t *way)
{
    row_folder_t folder;
    storage_link_t link;
    int rc = store_reader_folder (reader, incident->id.text, &folder);
    if (rc == ERR_NONE
        || (rc == 0 && (!folder.uploaded || folder.saved_ms != incident->completed_ms)))
        return 0;
    rc = rc < 0 ? rc : storage_link (storage, incident->id.text, path, &link);
    if (rc < 0 || !link.url)
        return rc;
    snprintf (way->url, sizeof way->url, "%s", link.text);
    way->expires_ms = link.expires_ms;
    return 0;
}

void
link_incident (const settings_t *settings, const char *incident, link_way_t *ret_way)
{
    ret_way->url [0] = ret_way->path [0] = ret_way->host [0] = 0;
    ret_way->expires_ms = 0;
    if (*settings->external_url
        && s_below (settings->external_url, S_INCIDENTS, incident, "", ret_way) < 0)
        ret_way->url [0] = 0;
}

int
link_report (const storage_t *storage, store_reader_t *reader, const settings_t *settings,
             const row_incident_t *incident, link_way_t *ret_way)
{
    const char *id = incident->id.text;
    char path [LIMIT_PATH_BYTES];
    storage_link_t local;
    const storage_env_t env = {.settings = settings};
    int rc = s_find (settings, id, render_report (incident), path);
    if (rc == 0)
        rc = storage_fs.link (&env, id, path, &local);
    if (rc < 0)
        return rc;
    ret_way->url [0] = 0;
    ret_way->expires_ms = 0;
    snprintf (ret_way->path, sizeof ret_way->path, "%s", local.text);
    memset (ret_way->host, 0, sizeof ret_way->host);
    if (gethostname (ret_way->host, sizeof ret_way->host - 1) < 0)
        ret_way->host [0] = 0;
    rc = s_signed (storage, reader, incident, path, ret_way);
    if (rc < 0 || ret_way->url [0])
        return rc;
    if (*settings->external_url)
        return s_below (settings->external_url, S_INCIDENTS, id, "", ret_way);
    if (*settings->artifacts_url)
        return s_below (settings->artifacts_url, "", id, path, ret_way);
    return 0;
}
