//  SPDX-License-Identifier: Apache-2.0
#include "agent-container/playbook.h"

#include "agent-container/playbook_rules.h"
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { QUOTE_BYTES = 16384, CAUSES_MAX = 4, UTF8_BYTES = 4 };

//  Does text hold "exit code: N" or "exit code N", with N complete?  If containers ended with other
//  codes too, a 0 is ignored: that one had finished.
static const char *
s_find_exit (const char *text, const char *number)
{
    size_t size = strlen (number);
    const char *zero = NULL;
    for (const char *at = strcasestr (text, "exit code"); at;
         at = strcasestr (at + 1, "exit code")) {
        const char *digits = at + strlen ("exit code");
        while (*digits == ':' || *digits == ' ')
            digits++;
        bool none = *number == '0' && isdigit ((unsigned char) *digits) && *digits != '0';
        if (none)
            return NULL;
        if (strncmp (digits, number, size) != 0 || isdigit ((unsigned char) digits [size]))
            continue;
        if (*number != '0')
            return at;
        zero = zero ? zero : at;
    }
    return zero;
}

static const char *
s_find (const char *text, const char *needle)
{
    return strncmp (needle, "@exit ", 6) == 0 ? s_find_exit (text, needle + 6)
                                              : strcasestr (text, needle);
}

//  The texts that rules search.
typedef struct {
    const char *event;
    //  States, conditions and events that kubectl shows; "" = none.
    const char *cluster;
} evidence_t;

typedef struct {
    const rules_rule_t *rule;
    const char *text;  //  the text of the evidence
    const char *found; //  the match inside it
} cause_t;

//  The place of the rule's first needle; NULL when the rule does not match.
static const char *
s_fits (const rules_rule_t *rule, const char *fault_type, const char *text)
{
    if (rule->fault_type && strcmp (rule->fault_type, fault_type) != 0)
        return NULL;
    const char *first = text;
    for (size_t at = 0; at < RULES_NEEDLES && rule->needles [at]; at++) {
        const char *found = s_find (text, rule->needles [at]);
        if (!found)
            return NULL;
        if (at == 0)
            first = found;
    }
    return first;
}

//  One line of plain words: control bytes and Markdown characters are removed from names.
static void
s_plain (buf_t *out, const char *text)
{
    if (!*text)
        buf_text (out, "(none)");
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char) *at;
        if (byte < 0x20 || byte == 0x7f)
            buf_text (out, "?");
        else if (strchr ("\\`*_{}[]<>()#+!|&~", byte))
            buf_printf (out, "\\%c", byte);
        else
            buf_append (out, at, 1);
    }
}

void
playbook_fence (buf_t *out, const char *text)
{
    size_t longest = 2;
    size_t run = 0;
    for (const char *at = text; *at; at++) {
        run = *at == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t at = 0; at <= longest; at++)
        buf_text (out, "`");
    buf_text (out, "text\n");
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char) *at;
        bool keep = byte >= 0x20 ? byte != 0x7f : byte == '\n' || byte == '\t';
        buf_append (out, keep ? at : "?", 1);
    }
    buf_text (out, "\n");
    for (size_t at = 0; at <= longest; at++)
        buf_text (out, "`");
    buf_text (out, "\n\n");
}

void
playbook_shell_word (buf_t *out, const char *text)
{
    static const char safe [] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/";
    if (*text && *text != '-' && strspn (text, safe) == strlen (text)) {
        buf_text (out, text);
        return;
    }
    buf_text (out, "'");
    for (const char *at = text; *at; at++) {
        if (*at == '\'')
            buf_text (out, "'\\''");
        else
            buf_append (out, (unsigned char) *at < 0x20 || *at == 0x7f ? "?" : at, 1);
    }
    buf_text (out, "'");
}

static void
s_command (buf_t *out, const char *pattern, const fault_t *fault)
{
    for (const char *at = pattern; *at; at++) {
        if (*at != '%') {
            buf_append (out, at, 1);
            continue;
        }
        at++;
        if (*at == 'k')
            playbook_shell_word (out, *fault->kind ? fault->kind : "pod");
        else if (*at == 'n')
            playbook_shell_word (out, *fault->name ? fault->name : "NAME");
        else if (*at == 's' && *fault->namespace_) {
            buf_text (out, "-n ");
            playbook_shell_word (out, fault->namespace_);
            buf_text (out, " ");
        }
    }
    if (out->size && out->data [out->size - 1] == ' ')
        out->size--;
    buf_text (out, "\n");
}

//  The sentence around a match: its line, cut at words about 300 bytes away.
static void
s_quote (buf_t *out, const char *text, const char *found)
{
    const char *from = found;
    while (from > text && from [-1] != '\n' && found - from < 200)
        from--;
    if (from > text && from [-1] != '\n')
        while (from < found && *from != ' ')
            from++;
    const char *to = found;
    while (*to && *to != '\n' && to - found < 400)
        to++;
    if (*to && *to != '\n')
        while (to > found && *to != ' ')
            to--;
    while (*from == ' ')
        from++;
    if (to <= from) //  one endless word
        to = from + utf8_cut (from, strcspn (from, "\n"), 400);
    own (buf_fini) buf_t part = buf_init (1024);
    buf_append (&part, from, (size_t) (to - from));
    playbook_fence (out, part.size ? part.data : "(the event has no text)");
}

//  Is the same cause already listed?
static bool
s_known (const rules_rule_t *rule, const cause_t *causes, size_t count)
{
    for (size_t at = 0; at < count; at++)
        if (strcmp (causes [at].rule->cause, rule->cause) == 0)
            return true;
    return false;
}

//  A rule without needles uses the event's type as evidence.
static cause_t
s_cause (const rules_rule_t *rule, const char *fault_type, const evidence_t *evidence)
{
    cause_t cause = {.rule = rule, .text = evidence->event};
    cause.found = s_fits (rule, fault_type, evidence->event);
    if (!cause.found && rule->needles [0]) {
        cause.text = evidence->cluster;
        cause.found = s_fits (rule, fault_type, evidence->cluster);
    }
    return cause;
}

//  The most certain causes first; equal ones in the order of the table.
static size_t
s_causes (const fault_t *fault, const evidence_t *evidence, cause_t ret_causes [CAUSES_MAX])
{
    static const char *const ranks [] = {"HIGH", "MEDIUM", "LOW"};
    size_t count = 0;
    for (size_t rank = 0; rank < sizeof (ranks) / sizeof (ranks [0]); rank++)
        for (const rules_rule_t *rule = rules_table; rule->cause && count < CAUSES_MAX; rule++) {
            if (strcmp (rule->confidence, ranks [rank]) != 0)
                continue;
            const cause_t cause = s_cause (rule, fault->fault_type, evidence);
            //  A rule without needles counts only when no better one matches.
            if (cause.found && (count == 0 || rule->needles [0])
                && !s_known (rule, ret_causes, count))
                ret_causes [count++] = cause;
        }
    return count;
}

static void
s_root_cause (buf_t *out, const cause_t *causes, size_t count)
{
    buf_text (out, "## Root Cause\n\n");
    if (count == 0) {
        buf_text (out, "No rule of the playbook fits this fault; the cause is not known from what "
                       "was read.\n\n**Confidence:** LOW\n\n");
        return;
    }
    buf_printf (out, "%s\n\n**Confidence:** %s\n\n", causes [0].rule->cause,
                causes [0].rule->confidence);
}

static void
s_ranked (buf_t *out, const cause_t *causes, size_t count, const evidence_t *evidence)
{
    buf_text (out, "## Possible Causes, Ranked\n\n");
    if (count == 0)
        buf_text (out, "None: no rule fits. The whole text of the event is quoted below.\n\n");
    for (size_t at = 0; at < count; at++) {
        const rules_rule_t *rule = causes [at].rule;
        const char *from = causes [at].text == evidence->event ? "the event" : "the cluster";
        buf_printf (out, "### %zu. %s\n\nConfidence %s. %s Evidence, from %s:\n\n", at + 1,
                    rule->cause, rule->confidence, rule->why, from);
        s_quote (out, causes [at].text, causes [at].found);
    }
}

static void
s_next (buf_t *out, const fault_t *fault, const cause_t *causes, size_t count)
{
    static const rules_rule_t unknown = {
        .commands = {"kubectl describe %k %n %s",
                     "kubectl get events %s--field-selector involvedObject.name=%n"}};
    const cause_t none = {.rule = &unknown};
    if (count == 0) {
        causes = &none;
        count = 1;
    }
    own (buf_fini) buf_t commands = buf_init (QUOTE_BYTES);
    buf_text (&commands, "# cluster ");
    playbook_shell_word (&commands, fault->cluster);
    buf_text (&commands, "\n");
    for (size_t at = 0; at < count; at++)
        for (size_t c = 0; c < RULES_COMMANDS && causes [at].rule->commands [c]; c++) {
            own (buf_fini) buf_t line = buf_init (4096);
            s_command (&line, causes [at].rule->commands [c], fault);
            if (!strstr (commands.data, line.data))
                buf_append (&commands, line.data, line.size);
        }
    if (commands.size > 0) {
        commands.size--; //  the fence adds the last line end
        commands.data [commands.size] = 0;
    }
    buf_text (out, "## What to Run Next\n\nThese only read:\n\n");
    playbook_fence (out, commands.data);
}

static void
s_facts (buf_t *out, const char *incident_id, const fault_t *fault)
{
    const struct {
        const char *label, *value;
    } rows [] = {{"Incident", incident_id},
                 {"Cluster", fault->cluster},
                 {"Fault type", fault->fault_type},
                 {"Severity", fault_severity_name (fault->severity)},
                 {"Kind", fault->kind},
                 {"Namespace", fault->namespace_},
                 {"Name", fault->name},
                 {"Time", fault->timestamp}};
    for (size_t at = 0; at < sizeof (rows) / sizeof (rows [0]); at++) {
        buf_printf (out, "- **%s:** ", rows [at].label);
        s_plain (out, rows [at].value);
        buf_text (out, "\n");
    }
    buf_text (out, "\n");
}

//  The text that rules search: the context, and for plain events the reason and message.  Returns
//  whether the context was cut.
static bool
s_evidence (const char *event, size_t size, buf_t *out)
{
    own (own_mem) char *context = fault_context (event, size, QUOTE_BYTES + UTF8_BYTES);
    size_t whole = context ? strlen (context) : 0;
    buf_append (out, context, utf8_cut (context, whole, QUOTE_BYTES));
    bool cut = whole > QUOTE_BYTES;
    own (json_drop) json_t *doc = NULL;
    if (json_parse (event, size, &doc, NULL) != 0)
        return cut;
    const json_t *inner = json_object_get (doc, "event");
    const char *keys [] = {"reason", "message"};
    for (size_t at = 0; at < 2; at++) {
        const char *text = json_member_text (inner, keys [at], "");
        if (*text && !strstr (out->data, text))
            buf_printf (out, "%s%s: %s", out->size ? "\n" : "", keys [at], text);
    }
    size_t index = 0;
    json_t *log = NULL;
    json_array_foreach (json_object_get (doc, "logs"), index, log)
    {
        const char *sample = json_member_text (log, "sample", "");
        if (*sample && !strstr (out->data, sample))
            buf_printf (out, "\n%s: %s", json_member_text (log, "container", "log"), sample);
    }
    return cut;
}

//  Does a line of `kubectl describe` show the state of a container, now or before?
static bool
s_state_line (const char *line)
{
    static const char *const begins [] = {
        "State:", "Last State:", "Reason:", "Exit Code:", "Message:", "Status:"};
    line += strspn (line, " ");
    for (size_t i = 0; i < sizeof begins / sizeof begins [0]; i++)
        if (strncmp (line, begins [i], strlen (begins [i])) == 0)
            return true;
    return false;
}

//  Keep the parts of kubectl's output that show state: the table, states, conditions, events.  The
//  rest is configuration, and rules would mistake words in it for causes.
static void
s_states (const char *facts, buf_t *out)
{
    bool told = true; //  in a part where every line counts; the table comes first
    for (const char *line = facts; *line;) {
        size_t size = strcspn (line, "\n");
        size += line [size] == '\n';
        if (*line != ' ' && *line != '\n' && (memchr (line, ':', size) || !told))
            told = strncmp (line, "Conditions:", 11) == 0 || strncmp (line, "Events:", 7) == 0;
        if (told || s_state_line (line))
            buf_append (out, line, size);
        line += size;
    }
}

int
playbook_report (const char *incident_id, const char *event, size_t size,
                 const playbook_cluster_t *cluster, buf_t *out)
{
    fault_t fault;
    fault_read (event, size, "", &fault);
    own (buf_fini) buf_t text = buf_init ((size_t) 16 * QUOTE_BYTES);
    bool cut = s_evidence (event, size, &text);
    own (buf_fini) buf_t states = buf_init (LIMIT_MIB (1));
    s_states (cluster->text ? cluster->text : "", &states);
    const evidence_t evidence = {.event = text.data, .cluster = states.data};
    cause_t causes [CAUSES_MAX];
    size_t count = s_causes (&fault, &evidence, causes);

    buf_text (out, "# Incident report\n\n> Written by the built-in playbook from fixed rules. "
                   "No model was consulted.\n\n## What Happened\n\n");
    s_facts (out, incident_id, &fault);
    buf_text (out, "The event says:\n\n");
    playbook_fence (out, text.size ? text.data : "(the event has no text)");
    if (cut)
        buf_printf (
            out, "Only its first %d bytes are shown and were read; event.json has all of it.\n\n",
            QUOTE_BYTES);
    s_root_cause (out, causes, count);
    s_ranked (out, causes, count, &evidence);
    s_next (out, &fault, causes, count);
    buf_text (out, "## Cluster Facts\n\n");
    if (cluster->text)
        playbook_fence (out, cluster->text);
    else
        buf_printf (out, "None: %s. This report rests on the event alone.\n\n", cluster->why);
    buf_text (out, "## Limits of This Report\n\nThe rules match words and exit codes of the event "
                   "and of what kubectl said. They prove nothing beyond the quoted text; run the "
                   "commands above before you "
                   "change anything.\n");
    return out->failed;
}
