//  SPDX-License-Identifier: Apache-2.0
#include "runner/status.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const s_words [STATUS_WORDS] = {[STATUS_STARTING] = "starting",
                                                   [STATUS_STARTED] = "started",
                                                   [STATUS_ENDED] = "ended",
                                                   [STATUS_RESULT] = "result"};

void
status_tell (int fd, status_word_t word, const char *text)
{
    assert (word < STATUS_WORDS);
    char line [STATUS_LINE];
    const int size =
        snprintf (line, sizeof line, "%s%s%s\n", s_words [word], text ? " " : "", text ? text : "");
    if (fd < 0 || size < 0 || size >= (int) sizeof line)
        return;
    if (write (fd, line, (size_t) size) < 0)
        return;
}

status_word_t
status_read (const char *line, const char **ret_text)
{
    const size_t size = strcspn (line, " ");
    *ret_text = line + size + (line [size] == ' ');
    for (int word = 0; word < STATUS_WORDS; word++)
        if (strlen (s_words [word]) == size && memcmp (line, s_words [word], size) == 0)
            return (status_word_t) word;
    return STATUS_WORDS;
}
