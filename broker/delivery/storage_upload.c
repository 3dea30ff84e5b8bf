//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_upload.h"

#include "common/base/base64.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    S_CALL_MS = 60000, //  one request: 2 MiB at 35 KiB/s
    S_ANSWER_BYTES = LIMIT_KIB (16),
    S_LOOKS = 3, //  blobs that come and go are tried again later
    S_NAME = 160,
    S_LIST_BYTES = LIMIT_KIB (16),
    S_NS = 1000000000
};


//  --- how a reader's browser takes it

//  Only our own page is HTML to a browser.  Whatever agents wrote is shown as text.
static const char *
s_type (const char *path)
{
    static const struct {
        const char *end, *type;
    } rows [] = {
        {".md", "text/markdown; charset=utf-8"}, {".json", "application/json; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},   {".log", "text/plain; charset=utf-8"},
        {".jsonl", "text/plain; charset=utf-8"}, {".html", "text/plain; charset=utf-8"}};
    const size_t size = strlen (path);
    if (strcmp (path, "output/investigation.html") == 0)
        return "text/html; charset=utf-8";
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const size_t end = strlen (rows [i].end);
        if (size > end && strcasecmp (path + size - end, rows [i].end) == 0)
            return rows [i].type;
    }
    return strncmp (path, "logs/", 5) == 0 ? "text/plain; charset=utf-8"
                                           : "application/octet-stream";
}

//  Shown in the browser; a name for whoever saves it.
static void
s_disposition (const char *path, char ret_text [S_NAME])
{
    const char *name = strrchr (path, '/');
    const int start = snprintf (ret_text, S_NAME, "inline; filename=\"%s", name ? name + 1 : path);
    size_t size = start < S_NAME - 2 ? (size_t) start : S_NAME - 2;
    for (size_t i = strlen ("inline; filename=\""); i < size; i++) {
        const char c = ret_text [i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                           || (c >= '0' && c <= '9') || strchr ("-._", c);
        if (!plain)
            ret_text [i] = '_';
    }
    ret_text [size++] = '"';
    ret_text [size] = 0;
}


//  --- the file

static int64_t
s_changed (const struct stat *st)
{
    return (int64_t) st->st_mtim.tv_sec * S_NS + st->st_mtim.tv_nsec;
}

//  Is the file as it was when it was opened?
static bool
s_same (const storage_upload_t *self)
{
    struct stat st;
    return fstat (self->fd, &st) == 0 && st.st_size == self->size
           && s_changed (&st) == self->changed_ns;
}

//  Read the next part into the buffer.  Err: -EBUSY: the file has changed; -errno.
static int
s_read (storage_upload_t *self, int64_t offset)
{
    int64_t left = self->size - offset;
    const size_t want =
        left < STORAGE_UPLOAD_BLOCK_BYTES ? (size_t) left : STORAGE_UPLOAD_BLOCK_BYTES;
    self->have = 0;
    while (self->have < want) {
        const ssize_t size = pread (self->fd, self->buffer + self->have, want - self->have,
                                    (off_t) offset + (off_t) self->have);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size < 0 ? -errno : -EBUSY;
        self->have += (size_t) size;
    }
    return s_same (self) ? 0 : -EBUSY;
}

static int
s_encode (const uint8_t md5 [DIGEST_MD5], char ret_text [STORAGE_UPLOAD_MD5])
{
    own (buf_fini) buf_t text = buf_init (STORAGE_UPLOAD_MD5);
    const int rc = base64_encode (&text, md5, DIGEST_MD5);
    if (rc == 0)
        snprintf (ret_text, STORAGE_UPLOAD_MD5, "%.*s", (int) text.size, text.data);
    return rc;
}

//  The MD5 of the whole file; a small one stays in the buffer.
static int
s_digest (storage_upload_t *self)
{
    uint8_t md5 [DIGEST_MD5];
    int64_t offset = 0;
    do {
        const int rc = s_read (self, offset);
        if (rc < 0)
            return rc;
        digest_add (self->digest, self->buffer, self->have);
        offset += (int64_t) self->have;
    } while (offset < self->size);
    digest_finish_md5 (self->digest, md5);
    return s_encode (md5, self->md5);
}

static bool
s_large (const storage_upload_t *self)
{
    return self->size > STORAGE_UPLOAD_BLOCK_BYTES;
}

static int
s_open (storage_upload_t *self, int folder_fd)
{
    struct stat st;
    self->fd = folder_open_file (folder_fd, self->file->path, O_RDONLY, NULL);
    if (self->fd < 0)
        return self->fd;
    if (fstat (self->fd, &st) != 0)
        return -errno;
    self->size = st.st_size;
    self->changed_ns = s_changed (&st);
    const size_t size = s_large (self) ? STORAGE_UPLOAD_BLOCK_BYTES : (size_t) self->size;
    self->buffer = malloc (size + 1);
    self->digest = digest_new_md5 ();
    self->list = buf_init (S_LIST_BYTES);
    return self->buffer && self->digest ? s_digest (self) : -ENOMEM;
}


//  --- requests

static void
s_call (storage_upload_t *self, storage_upload_step_t step, storage_call_what_t *what)
{
    char blob [STORAGE_CALL_BLOB];
    snprintf (blob, sizeof blob, "%s/%s", self->incident, self->file->path);
    what->blob = blob;
    what->total_ms = S_CALL_MS;
    what->answer_max = S_ANSWER_BYTES;
    self->step = step;
    storage_call_begin (&self->call, self->place, what);
}

//  Send the whole file.  replace: over a blob that is there.
static void
s_put (storage_upload_t *self, bool replace)
{
    char name [S_NAME];
    s_disposition (self->file->path, name);
    const azure_pair_t headers [] = {{"x-ms-blob-type", "BlockBlob"},
                                     {"x-ms-blob-content-disposition", name},
                                     {"Content-Type", s_type (self->file->path)},
                                     {"Content-MD5", self->md5},
                                     {"If-None-Match", "*"}};
    storage_call_what_t what = {.method = "PUT",
                                .headers = headers,
                                .header_count = replace ? 4 : 5,
                                .body = self->buffer,
                                .body_size = self->have};
    s_call (self, replace ? STORAGE_UPLOAD_REPLACE : STORAGE_UPLOAD_PUT, &what);
}

static void
s_look (storage_upload_t *self)
{
    storage_call_what_t what = {.method = "HEAD"};
    s_call (self, STORAGE_UPLOAD_LOOK, &what);
}

static void
s_commit (storage_upload_t *self)
{
    char name [S_NAME];
    s_disposition (self->file->path, name);
    const azure_pair_t query [] = {{"comp", "blocklist"}};
    const azure_pair_t headers [] = {{"x-ms-blob-content-type", s_type (self->file->path)},
                                     {"x-ms-blob-content-disposition", name},
                                     {"x-ms-blob-content-md5", self->md5},
                                     {"Content-Type", "application/xml"},
                                     {"If-None-Match", "*"}};
    storage_call_what_t what = {.method = "PUT",
                                .query = query,
                                .query_count = 1,
                                .headers = headers,
                                .header_count = self->there ? 4 : 5,
                                .body = self->list.data,
                                .body_size = self->list.size};
    s_call (self, STORAGE_UPLOAD_COMMIT, &what);
}

//  Send the block at offset.  Err: -EBUSY: the file has changed; -errno.
static int
s_block (storage_upload_t *self)
{
    uint8_t md5 [DIGEST_MD5];
    char id [24], text [STORAGE_UPLOAD_MD5];
    int rc = s_read (self, self->offset);
    if (rc < 0)
        return rc;
    digest_add (self->digest, self->buffer, self->have);
    digest_md5 (self->buffer, self->have, md5);
    rc = s_encode (md5, text);
    //  eight digits are base64 as they are
    snprintf (id, sizeof id, "%08" PRId64, self->offset / STORAGE_UPLOAD_BLOCK_BYTES);
    buf_printf (&self->list, "<Latest>%s</Latest>", id);
    if (rc < 0 || self->list.failed)
        return rc < 0 ? rc : self->list.failed;
    const azure_pair_t query [] = {{"comp", "block"}, {"blockid", id}};
    const azure_pair_t headers [] = {{"Content-MD5", text},
                                     {"Content-Type", "application/octet-stream"}};
    storage_call_what_t what = {.method = "PUT",
                                .query = query,
                                .query_count = 2,
                                .headers = headers,
                                .header_count = 2,
                                .body = self->buffer,
                                .body_size = self->have};
    s_call (self, STORAGE_UPLOAD_BLOCK, &what);
    return 0;
}

//  All blocks are there: were they the file whose MD5 is known?
static int
s_finish (storage_upload_t *self)
{
    uint8_t md5 [DIGEST_MD5];
    char text [STORAGE_UPLOAD_MD5];
    digest_finish_md5 (self->digest, md5);
    const int rc = s_encode (md5, text);
    if (rc < 0 || strcmp (text, self->md5) != 0)
        return rc < 0 ? rc : -EBUSY;
    buf_text (&self->list, "</BlockList>");
    if (self->list.failed)
        return self->list.failed;
    s_commit (self);
    return 0;
}

static int
s_next_block (storage_upload_t *self)
{
    return self->offset < self->size ? s_block (self) : s_finish (self);
}


//  --- the end

static void
s_clear (storage_upload_t *self)
{
    own_fd (&self->fd);
    free (self->buffer);
    self->buffer = NULL;
    digest_destroy (&self->digest);
    buf_fini (&self->list);
    self->step = STORAGE_UPLOAD_NONE;
}

static void
s_end (storage_upload_t *self)
{
    if (self->file->result != STEP_EFFECT_OK)
        log_warn ("failed to upload blob", kv ("incident_id", self->incident),
                  kv ("container", self->place->container), kv ("blob", self->file->path),
                  kv ("reason", self->file->error));
    s_clear (self);
}

static void
s_fail (storage_upload_t *self, int rc)
{
    storage_file_t *file = self->file;
    file->result = STEP_EFFECT_RETRY;
    snprintf (file->error, sizeof file->error, "%s: %s", file->path,
              rc == -EBUSY ? "it changed while it was read" : err_str (rc));
    s_end (self);
}

void
storage_upload_begin (storage_upload_t *self, const storage_call_place_t *place,
                      const char *incident, int folder_fd, storage_file_t *file)
{
    assert (self->step == STORAGE_UPLOAD_NONE);
    self->place = place;
    self->incident = incident;
    self->file = file;
    self->there = false;
    self->looks = 0;
    self->offset = 0;
    const int rc = s_open (self, folder_fd);
    if (rc < 0) {
        s_fail (self, rc);
        return;
    }
    buf_text (&self->list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    if (s_large (self))
        s_look (self);
    else
        s_put (self, false);
}

//  The answer to "which blob is there?".
static int
s_looked (storage_upload_t *self)
{
    const storage_call_t *call = &self->call;
    if (call->error.class == AZURE_OK && strcmp (call->md5, self->md5) == 0
        && call->size == self->size)
        return 1;
    self->there = call->error.class == AZURE_OK;
    if (!s_large (self))
        s_put (self, self->there);
    else if (self->offset >= self->size && self->size > 0)
        s_commit (self); //  its blocks wait for it
    else
        return s_block (self);
    return 0;
}

//  Take an answer.  Returns 1 when the blob is there, 0 when another request is under way.
//  Err: -errno, ERR_PROTO: the answer is the result.
static int
s_advance (storage_upload_t *self)
{
    const azure_class_t class = self->call.error.class;
    const bool look = self->step == STORAGE_UPLOAD_LOOK;
    if (class == AZURE_OK || (look && class == AZURE_NO_BLOB)) {
        if (look)
            return s_looked (self);
        if (self->step != STORAGE_UPLOAD_BLOCK)
            return 1;
        self->offset += (int64_t) self->have;
        return s_next_block (self);
    }
    const bool made = self->step == STORAGE_UPLOAD_PUT || self->step == STORAGE_UPLOAD_COMMIT;
    if (class == AZURE_EXISTS && made && !self->there && self->looks < S_LOOKS) {
        self->looks++;
        s_look (self);
        return 0;
    }
    return ERR_PROTO;
}

bool
storage_upload_go_on (storage_upload_t *self)
{
    while (self->step != STORAGE_UPLOAD_NONE && storage_call_ended (&self->call)) {
        const int rc = s_advance (self);
        if (rc == 0)
            continue;
        if (rc == 1 || rc == ERR_PROTO)
            storage_call_result (&self->call, self->file);
        if (rc == 1)
            self->file->result = STEP_EFFECT_OK;
        if (rc == 1 || rc == ERR_PROTO)
            s_end (self);
        else
            s_fail (self, rc);
    }
    return self->step != STORAGE_UPLOAD_NONE;
}

void
storage_upload_fini (storage_upload_t *self)
{
    storage_call_fini (&self->call);
    if (self->step != STORAGE_UPLOAD_NONE)
        s_clear (self);
}
