//  fuzz_playbook - the rule-based agent's report on a hostile event,
//  read back as the broker reads it.
//
//  Input: the event; it also stands for what kubectl said.
//  Holds: a report that passes validation, of clean text; its root cause and confidence are those
//  of the rules, whatever the event says; a quoted word is one word of the shell.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "agent-container/playbook.h"
#include "agent-container/playbook_rules.h"
#include "broker/disk/report.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

enum { REPORT_MIN_BYTES = 101 };

static void
s_check_text (const buf_t *text)
{
    for (size_t at = 0; at < text->size;) {
        uint32_t code = 0;
        size_t step = utf8_next (text->data + at, text->size - at, &code);
        assert (step > 0);
        assert ((code >= ' ' && code != 0x7f) || code == '\n' || code == '\t');
        at += step;
    }
}

//  The cause as the broker would read it.
static bool
s_is_cause (const char *cause, const char *root_cause)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    report_t report;
    assert (buf_printf (&text, "## Root Cause\n\n%s\n", cause) == 0);
    assert (report_read (text.data, text.size, &report) == 0);
    return strcmp (report.root_cause, root_cause) == 0;
}

static void
s_check_cause (const char *markdown, size_t size)
{
    report_t report;
    assert (report_read (markdown, size, &report) == 0);
    bool known = strncmp (report.root_cause, "No rule of the playbook fits", 28) == 0;
    for (const rules_rule_t *rule = rules_table; rule->cause && !known; rule++)
        known = s_is_cause (rule->cause, report.root_cause);
    assert (known);
    assert (report.confidence != REPORT_UNKNOWN);
}

//  What a POSIX shell makes of a word: quotes taken off.  False when it is not one word.
static bool
s_unquote (const char *word, buf_t *out)
{
    bool quoted = false;
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            quoted = !quoted;
        else if (!quoted && *at == '\\' && at [1] == '\'')
            (void) buf_append (out, ++at, 1);
        else if (!quoted && strchr (" \t\n\\\"$`|&;<>()*?[]#~=%!{}^", *at))
            return false;
        else
            (void) buf_append (out, at, 1);
    }
    return !quoted;
}

static void
s_word (const char *bytes, size_t size)
{
    own (own_mem) char *text = strndup (bytes, size);
    own (buf_fini) buf_t word = buf_init (LIMIT_MIB (1)), plain = buf_init (LIMIT_MIB (1));
    playbook_shell_word (&word, text);
    assert (s_unquote (word.data, &plain));
    assert (plain.size == strlen (text));
    for (size_t i = 0; i < plain.size; i++)
        assert (plain.data [i] == text [i]
                || (plain.data [i] == '?' && ((unsigned char) text [i] < ' ' || text [i] == 0x7f)));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *event = (const char *) data;
    own (own_mem) char *facts = fault_context (event, size, LIMIT_KIB (64));
    const playbook_cluster_t cluster = {.text = *facts ? facts : NULL, .why = "no kubeconfig"};
    own (buf_fini) buf_t report = buf_init (LIMIT_MIB (4));
    assert (playbook_report ("019b76da-a800-7102-8304-05060708090a", event, size, &cluster, &report)
            == 0);
    assert (report.size >= REPORT_MIN_BYTES);
    s_check_text (&report);
    s_check_cause (report.data, report.size);
    s_word (event, size);
    return 0;
}
