//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/delivery/blob_server.h"

#include "common/base/own.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define CREATED "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define NO(status, code)                                                                           \
    "HTTP/1.1 " status "\r\nx-ms-error-code: " code                                                \
    "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

//  One request that was read.
typedef struct {
    char *text; //  head and body, owned
    char *body;
    size_t body_size;
    char line [512];
} s_request_t;

//  Copy the value of a header; "" when absent.
static void
s_header (const s_request_t *request, const char *name, char *ret_value, size_t size)
{
    char line [64];
    snprintf (line, sizeof line, "\r\n%s: ", name);
    const char *at = strcasestr (request->text, line);
    at = at && at < request->body ? at + strlen (line) : "";
    snprintf (ret_value, size, "%.*s", (int) strcspn (at, "\r\n"), at);
}

static bool
s_read (int fd, s_request_t *request)
{
    size_t size = 0, want = SIZE_MAX;
    request->text = calloc (1, BLOB_SERVER_BYTES);
    while (size < want && size < BLOB_SERVER_BYTES - 1) {
        ssize_t got = read (fd, request->text + size, BLOB_SERVER_BYTES - 1 - size);
        if (got <= 0)
            return false;
        size += (size_t) got;
        char *end = strstr (request->text, "\r\n\r\n"), length [24];
        if (!end || want != SIZE_MAX)
            continue;
        request->body = end + 4;
        s_header (request, "Content-Length", length, sizeof length);
        request->body_size = strtoul (length, NULL, 10);
        want = (size_t) (request->body - request->text) + request->body_size;
    }
    snprintf (request->line, sizeof request->line, "%.*s",
              (int) (strstr (request->text, " HTTP/") - request->text), request->text);
    return true;
}

static void
s_send (int fd, const void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send (fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = (const char *) bytes + sent;
        size -= (size_t) sent;
    }
}

static void
s_text (int fd, const char *text)
{
    s_send (fd, text, strlen (text));
}

static blob_server_blob_t *
s_named (blob_server_t *self, const char *name)
{
    for (size_t i = 0; i < BLOB_SERVER_BLOBS; i++)
        if (strcmp (self->blobs [i].name, name) == 0)
            return &self->blobs [i];
    return NULL;
}

static void
s_keep (blob_server_t *self, const char *name, const s_request_t *request, bool list)
{
    blob_server_blob_t *blob = s_named (self, name);
    blob = blob ? blob : s_named (self, "");
    assert_non_null (blob);
    free (blob->bytes);
    snprintf (blob->name, sizeof blob->name, "%s", name);
    s_header (request, list ? "x-ms-blob-content-type" : "Content-Type", blob->type,
              sizeof blob->type);
    s_header (request, list ? "x-ms-blob-content-md5" : "Content-MD5", blob->md5, sizeof blob->md5);
    blob->size = list ? self->blocks_size : request->body_size;
    blob->bytes = malloc (blob->size + 1);
    memcpy (blob->bytes, list ? self->blocks : request->body, blob->size);
    self->blocks_size = 0;
}

static void
s_put (blob_server_t *self, int fd, const char *name, const char *query, const s_request_t *request)
{
    char condition [8];
    s_header (request, "If-None-Match", condition, sizeof condition);
    if (strstr (query, "comp=block&")) {
        self->blocks = realloc (self->blocks, self->blocks_size + request->body_size);
        memcpy (self->blocks + self->blocks_size, request->body, request->body_size);
        self->blocks_size += request->body_size;
        s_text (fd, CREATED);
    }
    else if (*condition && s_named (self, name))
        s_text (fd, NO ("409 Conflict", "BlobAlreadyExists"));
    else {
        s_keep (self, name, request, strstr (query, "comp=blocklist") != NULL);
        s_text (fd, CREATED);
    }
}

static void
s_list (blob_server_t *self, int fd)
{
    char text [8192], head [256];
    int size = snprintf (text, sizeof text, "<?xml version=\"1.0\"?><EnumerationResults><Blobs>");
    for (size_t i = 0; i < BLOB_SERVER_BLOBS; i++)
        if (self->blobs [i].name [0])
            size += snprintf (text + size, sizeof text - (size_t) size,
                              "<Blob><Name>%s</Name></Blob>", self->blobs [i].name);
    size += snprintf (text + size, sizeof text - (size_t) size,
                      "</Blobs><NextMarker/></EnumerationResults>");
    snprintf (head, sizeof head, OK "Content-Length: %d\r\n\r\n", size);
    s_text (fd, head);
    s_text (fd, text);
}

static void
s_show (blob_server_t *self, int fd, const char *name, bool body)
{
    char head [256];
    const blob_server_blob_t *blob = s_named (self, name);
    if (!blob) {
        s_text (fd, NO ("404 Not Found", "BlobNotFound"));
        return;
    }
    snprintf (head, sizeof head, OK "Content-MD5: %s\r\nContent-Length: %zu\r\n\r\n", blob->md5,
              blob->size);
    s_text (fd, head);
    if (body)
        s_send (fd, blob->bytes, blob->size);
}

static void
s_delete (blob_server_t *self, int fd, const char *name)
{
    blob_server_blob_t *blob = s_named (self, name);
    if (blob)
        blob->name [0] = 0;
    s_text (fd, blob ? OK "Content-Length: 0\r\n\r\n" : NO ("404 Not Found", "BlobNotFound"));
}

static void
s_handle (blob_server_t *self, int fd, const s_request_t *request)
{
    char path [512], name [256] = "";
    const char *query = strchr (request->line, '?');
    const char *at = strchr (request->line, ' ') + 1;
    query = query ? query : "";
    snprintf (path, sizeof path, "%.*s", (int) strcspn (at, "?"), at);
    const char *slash = strchr (path + 1, '/'); //  "/account/container/name"
    slash = slash ? strchr (slash + 1, '/') : NULL;
    snprintf (name, sizeof name, "%.255s", slash ? slash + 1 : "");
    if (strncmp (request->line, "PUT", 3) == 0)
        s_put (self, fd, name, query, request);
    else if (strncmp (request->line, "DELETE", 6) == 0)
        s_delete (self, fd, name);
    else if (strstr (query, "comp=list"))
        s_list (self, fd);
    else
        s_show (self, fd, name, strncmp (request->line, "GET", 3) == 0);
}

static void
s_answer (blob_server_t *self, int fd, const s_request_t *request)
{
    const bool put = strncmp (request->line, "PUT", 3) == 0;
    pthread_mutex_lock (&self->lock);
    assert_true (self->count < BLOB_SERVER_REQUESTS);
    memcpy (self->requests [self->count++], request->line, sizeof request->line);
    const char *answer = put ? self->put : self->other;
    if (answer)
        s_text (fd, answer);
    else
        s_handle (self, fd, request);
    pthread_mutex_unlock (&self->lock);
}

static void *
s_main (void *arg)
{
    blob_server_t *self = arg;
    for (;;) {
        own (own_fd) int fd = accept (self->listen_fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        s_request_t request = {.text = NULL};
        if (s_read (fd, &request))
            s_answer (self, fd, &request);
        free (request.text);
    }
}

void
blob_server_start (blob_server_t *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal (pthread_mutex_init (&self->lock, NULL), 0);
    self->listen_fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (self->listen_fd, (struct sockaddr *) &address, sizeof address), 0);
    assert_int_equal (listen (self->listen_fd, 16), 0);
    assert_int_equal (getsockname (self->listen_fd, (struct sockaddr *) &address, &size), 0);
    self->port = ntohs (address.sin_port);
    assert_int_equal (pthread_create (&self->thread, NULL, s_main, self), 0);
}

void
blob_server_stop (blob_server_t *self)
{
    shutdown (self->listen_fd, SHUT_RDWR);
    pthread_join (self->thread, NULL);
    own_fd (&self->listen_fd);
    pthread_mutex_destroy (&self->lock);
}

void
blob_server_clear (blob_server_t *self)
{
    for (size_t i = 0; i < BLOB_SERVER_BLOBS; i++)
        free (self->blobs [i].bytes);
    free (self->blocks);
    memset (self->blobs, 0, sizeof self->blobs);
    self->blocks = NULL;
}

void
blob_server_answer (blob_server_t *self, const char *put, const char *other)
{
    pthread_mutex_lock (&self->lock);
    self->put = put;
    self->other = other;
    pthread_mutex_unlock (&self->lock);
}

blob_server_blob_t *
blob_server_find (blob_server_t *self, const char *end)
{
    blob_server_blob_t *found = NULL;
    pthread_mutex_lock (&self->lock);
    for (size_t i = 0; !found && i < BLOB_SERVER_BLOBS; i++) {
        const size_t size = strlen (self->blobs [i].name);
        if (size >= strlen (end) && size > 0
            && strcmp (self->blobs [i].name + size - strlen (end), end) == 0)
            found = &self->blobs [i];
    }
    pthread_mutex_unlock (&self->lock);
    return found;
}

int
blob_server_count (blob_server_t *self)
{
    pthread_mutex_lock (&self->lock);
    const int count = self->count;
    pthread_mutex_unlock (&self->lock);
    return count;
}

int
blob_server_asked (blob_server_t *self, const char *method, const char *part)
{
    int found = 0;
    pthread_mutex_lock (&self->lock);
    for (int i = 0; i < self->count; i++)
        found += strncmp (self->requests [i], method, strlen (method)) == 0
                 && strstr (self->requests [i], part);
    pthread_mutex_unlock (&self->lock);
    return found;
}
