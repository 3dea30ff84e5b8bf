//  err - text for failures.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int rc;
    const char *text;
} s_texts [] = {
    {ERR_OK, "ok"},
    {ERR_PROTO, "unacceptable bytes from the peer"},
    {ERR_STALE, "no longer current"},
    {ERR_STORE, "the store refused"},
    {ERR_LIMIT, "a limit would be exceeded"},
    {ERR_CONFIG, "bad configuration"},
    {ERR_FULL, "queue is full"},
    {ERR_NONE, "no such thing"},
};

void
err_diag (err_diag_t *diag, const char *format, ...)
{
    if (!diag)
        return;
    va_list args;
    va_start (args, format);
    (void) vsnprintf (diag->text, sizeof (diag->text), format, args);
    va_end (args);
    utf8_clean (diag->text);
}

int
err_exit_path (int rc)
{
    bool passes = rc == -EIO || rc == -ENOSPC || rc == -EDQUOT || rc == -EROFS || rc == -ENOMEM
                  || rc == -EMFILE || rc == -ENFILE || rc == -EINTR;
    return passes ? EXIT_STORE : EXIT_CONFIG;
}

const char *
err_str (int rc)
{
    for (size_t i = 0; i < sizeof (s_texts) / sizeof (s_texts [0]); i++) {
        if (s_texts [i].rc == rc)
            return s_texts [i].text;
    }
    //  strerrordesc_np is thread safe and returns static text, unlike strerror.
    const char *text = rc < 0 && rc > ERR_PROTO ? strerrordesc_np (-rc) : NULL;
    return text ? text : "unknown error";
}
