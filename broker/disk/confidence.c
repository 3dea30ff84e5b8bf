//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/confidence.h"

#include "broker/disk/report_block.h"

#include <string.h>

enum {
    S_BRACKET = 64, //  most bytes in the brackets behind a label
    S_WORDS = 8,    //  "confidence in this diagnosis is currently high"
    S_BEHIND = 5,   //  words behind a value that can take it back: "90% sure that this is wrong"
    S_HIGH = 80,    //  percent and more
    S_MEDIUM = 50
};

report_confidence_t
confidence_level (const report_word_t *word)
{
    if (report_word_is (word, "high"))
        return REPORT_HIGH;
    if (report_word_is (word, "medium") || report_word_is (word, "moderate"))
        return REPORT_MEDIUM;
    return report_word_is (word, "low") ? REPORT_LOW : REPORT_UNKNOWN;
}

bool
confidence_is_word (const report_word_t *word)
{
    return report_word_is (word, "confidence") || report_word_is (word, "confident");
}


//  --- numbers

static bool
s_digit (report_span_t text, size_t at)
{
    return at < text.size && text.at [at] >= '0' && text.at [at] <= '9';
}

static size_t
s_blank (report_span_t text, size_t at)
{
    while (at < text.size && text.at [at] == ' ')
        at++;
    return at;
}

//  Read a decimal number.  *ret_point: it has a decimal point.
//  Returns the position behind it; `at` when there is none.
static size_t
s_decimal (report_span_t text, size_t at, double *ret_number, bool *ret_point)
{
    double unit = 1;
    *ret_number = 0;
    *ret_point = false;
    if (!s_digit (text, at))
        return at;
    for (;; at++) {
        if (s_digit (text, at)) {
            *ret_number = *ret_number * 10 + (text.at [at] - '0');
            unit *= *ret_point ? 10 : 1;
        }
        else if (!*ret_point && s_digit (text, at + 1)
                 && (text.at [at] == '.' || text.at [at] == ','))
            *ret_point = true;
        else
            break;
    }
    *ret_number /= unit;
    return at;
}

//  Read what makes a number a share: "%", "/5", "out of 5", "-90%".  Returns the whole that it is a
//  share of; 0 = it is no share.  *ret_end moves behind it.
static double
s_whole (report_span_t text, size_t at, size_t *ret_end)
{
    double number = 0;
    bool point = false;
    size_t next = s_blank (text, at);
    if (next < text.size && text.at [next] == '%')
        *ret_end = next + 1;
    if (next < text.size && text.at [next] == '%')
        return 100;
    if (text.size - next >= 7 && memcmp (text.at + next, "percent", 7) == 0) {
        *ret_end = next + 7;
        return 100;
    }
    bool out = text.size - next > 7 && memcmp (text.at + next, "out of ", 7) == 0;
    bool range = next < text.size && text.at [next] == '-';
    if (!out && !range && (next >= text.size || text.at [next] != '/'))
        return 0;
    next = s_blank (text, next + (out ? 7 : 1));
    size_t end = s_decimal (text, next, &number, &point);
    if (end == next)
        return 0;
    *ret_end = end;
    return range ? s_whole (text, end, ret_end) : number;
}

//  Read the sign of a range behind a number or a share.  Returns the position of the range's other
//  end; `at` when there is no sign.  *ret_loose: it may be no range ("90% - 3 of 4 pods").
static size_t
s_range (report_span_t text, size_t at, bool share, bool *ret_loose)
{
    static const char *const signs [] = {"to ",          "and ", "-", "\xe2\x80\x93",
                                         "\xe2\x80\xa6", "...",  ".."};
    const size_t next = s_blank (text, at);
    for (size_t i = 0; i < sizeof signs / sizeof signs [0]; i++) {
        const size_t size = strlen (signs [i]);
        if (text.size - next < size || memcmp (text.at + next, signs [i], size) != 0)
            continue;
        *ret_loose = next > at && i > 1;
        return share && i == 1 ? at : next + size; //  "90% and 3% of the pods"
    }
    return at;
}

//  Read a share in percent, of a range its lower end.  Returns -1 when it is no share.
//  *end_p moves behind it.
static double
s_percent (report_span_t text, size_t *end_p)
{
    double number = 0, percent = -1;
    bool point = false, loose = false, ignored = false;
    size_t end = s_decimal (text, 0, &number, &point), behind = end;
    double whole = s_whole (text, end, &end);
    if (whole > 0 && number <= whole)
        percent = 100 * number / whole;
    const size_t from = s_range (text, end, whole > 0, &loose), start = s_blank (text, from);
    double other = 0;
    size_t until = s_decimal (text, start, &other, &ignored);
    const bool range = from > end && until > start;
    behind = until;
    const double of = range ? s_whole (text, until, &behind) : 0;
    const bool closed = behind == text.size || strchr (").,;]|", text.at [behind]);
    if (of > 0 && other <= of && number <= of && (!loose || closed)) {
        const double first = percent < 0 ? 100 * number / of : percent, last = 100 * other / of;
        percent = first < last ? first : last;
        end = behind;
    }
    else if (whole <= 0 && point && number <= 1)
        percent = 100 * number;
    *end_p = end;
    return percent;
}

//  The level of the number that a text begins with.  *rest moves behind it.
//  less: the value is below the number.
static report_confidence_t
s_number (report_span_t text, bool less, report_span_t *rest)
{
    size_t end = 0;
    const double percent = s_percent (text, &end);
    *rest = (report_span_t){.at = text.at + end, .size = text.size - end};
    if (percent < 0 || (less && percent > S_MEDIUM))
        return REPORT_UNKNOWN;
    if (less)
        return REPORT_LOW;
    return percent >= S_HIGH ? REPORT_HIGH : percent >= S_MEDIUM ? REPORT_MEDIUM : REPORT_LOW;
}

//  --- words around a level

//  Skip a scale, which is not a level: "High/Medium/Low", "LOW, MEDIUM or HIGH".
//  Of two levels ("medium to high") *level becomes the lower.
static bool
s_skip_scale (report_confidence_t *level, report_span_t *rest)
{
    unsigned seen = 1U << *level;
    int count = 1;
    report_span_t text = *rest, behind = *rest;
    report_confidence_t lowest = *level;
    report_word_t word;
    while (count < 3 && report_word_next (&text, &word) && !word.first && word.before != '(') {
        report_confidence_t next = confidence_level (&word);
        if (report_word_is (&word, "or") || report_word_is (&word, "to")
            || report_word_is_number (&word))
            continue;
        if (next == REPORT_UNKNOWN || (seen & 1U << next))
            break;
        seen |= 1U << next;
        lowest = next < lowest ? next : lowest;
        behind = text;
        count++;
    }
    *level = lowest;
    *rest = behind;
    return count == 3;
}

//  Does the level belong to another thing ("high memory use")?  Then a plain word follows.
static bool
s_is_attribute (report_span_t rest)
{
    static const char *const free [] = {
        "confidence",  "confident", "that",   "because",  "given", "as",      "since", "based",
        "in",          "with",      "but",    "and",      "due",   "on",      "for",   "to",
        "or",          "by",        "from",   "only",     "now",   "level",   "at",    "here",
        "probability", "certainty", "so",     "while",    "when",  "if",      "after", "until",
        "considering", "degree",    "though", "although", "about", "overall", "the",   "is",
        "this",        "we",        "it",     NULL};
    report_word_t word;
    report_span_t text = rest;
    return rest.size > 1 && rest.at [0] == ' ' && report_word_next (&text, &word)
           && word.text.at == rest.at + 1 && word.text.at [0] >= 'a' && word.text.at [0] <= 'z'
           && !report_word_any (&word, free);
}

static bool
s_denies (const report_word_t *word)
{
    static const char *const list [] = {
        "not",     "no",        "never",   "isn",     "nor",    "neither", "less",   "couldn",
        "wouldn",  "doesn",     "didn",    "don",     "won",    "shouldn", "hasn",   "haven",
        "hadn",    "weren",     "mustn",   "needn",   "lower",  "below",   "hardly", "far",
        "without", "cannot",    "lack",    "aren",    "wasn",   "can",     "rarely", "nothing",
        "unsure",  "uncertain", "unclear", "unknown", "barely", "longer",  "under",  NULL};
    return report_word_any (word, list);
}

//  Does this word make the next value a bound: "up to 90%", "anything but high", "almost high"?
static bool
s_bounds (const report_word_t *word)
{
    static const char *const list [] = {
        "up",        "most",       "max",        "maximum",  "almost",       "nearly",
        "near",      "close",      "nowhere",    "anything", "possibly",     "perhaps",
        "maybe",     "pending",    "if",         "once",     "until",        "\xe2\x89\xa4",
        "best",      "fewer",      "minus",      "shy",      "short",        "capped",
        "cap",       "limited",    "bound",      "upper",    "ceiling",      "sub",
        "un",        "non",        "semi",       "quasi",    "insufficient", "fails",
        "would",     "could",      "should",     "might",    "may",          "formerly",
        "initially", "previously", "originally", NULL};
    return report_word_any (word, list);
}

static bool
s_turns (const report_word_t *word)
{
    static const char *const list [] = {"but", "rather", "instead", NULL};
    return report_word_any (word, list);
}

//  Does the text before a number make it less or no value: "<90%", "-90%"?
static bool
s_lessens (report_span_t gap)
{
    const bool minus =
        gap.size >= 2 && gap.at [gap.size - 1] == '-' && gap.at [gap.size - 2] == ' ';
    return minus || (gap.size > 0 && memchr (gap.at, '<', gap.size));
}

//  Does the text between two words begin an explanation: a dash or a bracket?
static bool
s_explains (report_span_t gap)
{
    for (size_t i = 0; i < gap.size; i++) {
        bool dash = gap.at [i] == '-' && i > 0 && gap.at [i - 1] == ' ';
        if (dash || gap.at [i] == '(' || gap.at [i] == '[' || (unsigned char) gap.at [i] == 0xe2)
            return true;
    }
    return false;
}

//  Skip brackets directly behind a label: "Confidence (0-1): ...".
static report_span_t
s_past_bracket (report_span_t text)
{
    size_t at = s_blank (text, 0);
    //  Without this limit each label would search to the end of the text.
    size_t size = text.size - at < S_BRACKET ? text.size - at : S_BRACKET;
    const char *end = size > 0 && text.at [at] == '(' ? memchr (text.at + at, ')', size) : NULL;
    size_t next = end ? (size_t) (end - text.at) + 1 : 0;
    if (end && next < text.size && text.at [next] == ':')
        return (report_span_t){.at = text.at + next, .size = text.size - next};
    return text;
}

//  Does this word take back the value before it: "90% unsure", "high or less", "90% at most"?
static bool
s_takes_back (const report_word_t *word)
{
    static const char *const list [] = {
        "best",  "tops",     "minus", "cap", "capped",  "wrong",   "ish",    "doubtful", "doubt",
        "false", "unlikely", "most",  "max", "maximum", "ceiling", "unless", NULL};
    return s_denies (word) || report_word_any (word, list);
}

//  Lower a level to the share that a text begins with, unless it belongs to another thing
//  ("3 of 4 pods").
static report_confidence_t
s_with_share (report_confidence_t level, report_span_t text)
{
    size_t end = 0;
    const double percent = s_percent (text, &end);
    const bool closed = end >= text.size || strchr (").,;]|", text.at [end]);
    const report_confidence_t other = percent >= S_HIGH     ? REPORT_HIGH
                                      : percent >= S_MEDIUM ? REPORT_MEDIUM
                                                            : REPORT_LOW;
    return percent >= 0 && closed && other < level ? other : level;
}

//  Qualify a level by the first words of its explanation: "High (not verified)",
//  "HIGH - about 40%", "High (medium at best)".  word: the first word; rest: the text behind it.
static report_confidence_t
s_with_reason (report_confidence_t level, report_word_t word, report_span_t rest)
{
    static const char *const about [] = {"about",  "around", "roughly", "approximately",
                                         "approx", "only",   "but",     NULL};
    static const char *const open [] = {"not",        "unverified", "unconfirmed", "unproven",
                                        "untested",   "unlikely",   "unsure",      "uncertain",
                                        "unclear",    "doubtful",   "speculative", "tentative",
                                        "assumption", "guess",      "wrong",       NULL};
    if (report_word_any (&word, about) && !report_word_next (&rest, &word))
        return level;
    const report_span_t text = {word.text.at, (size_t) (rest.at + rest.size - word.text.at)};
    if (report_word_any (&word, open))
        return REPORT_UNKNOWN;
    if (s_digit (text, 0))
        return s_with_share (level, text);
    const report_confidence_t other = confidence_level (&word);
    return other == REPORT_UNKNOWN || other > level || s_is_attribute (rest) ? level : other;
}

//  Does a line, a cell or a sentence end in this text between two words?
static bool
s_ends (report_span_t gap)
{
    static const char ends [] = {'\n', '.', '!', '?', REPORT_BLOCK_CELL};
    for (size_t i = 0; i < gap.size; i++)
        if (memchr (ends, gap.at [i], sizeof ends))
            return true;
    return false;
}

//  Qualify a level by the rest of its clause.  Another share ("High (40%)") may lower it.  A
//  question, or words that take it back, make it UNKNOWN.
static report_confidence_t
s_with_rest (report_confidence_t level, report_span_t rest)
{
    static const char *const ends [] = {"because", "since",      "as",        "given", "based",
                                        "due",     "confidence", "but",       "after", "while",
                                        "so",      "from",       "confident", NULL};
    const size_t at = rest.size > 0 ? s_blank (rest, 0) : 0;
    if (at < rest.size && rest.at [at] == '?')
        return REPORT_UNKNOWN;
    report_word_t word;
    for (int i = 0; i < S_BEHIND && level != REPORT_UNKNOWN; i++) {
        const char *from = rest.at;
        if (!report_word_next (&rest, &word))
            break;
        const report_span_t gap = {from, (size_t) (word.text.at - from)};
        const bool comma = memchr (gap.at, ',', gap.size) || memchr (gap.at, ';', gap.size);
        const bool reason = s_explains (gap) || memchr (gap.at, ';', gap.size);
        if (i == 0 && reason && !s_ends (gap))
            return s_with_reason (level, word, rest);
        if (word.first || report_word_any (&word, ends))
            break;
        if (i == 0 && s_digit (word.text, 0) && !memchr (gap.at, '-', gap.size))
            return s_with_share (level, (report_span_t){word.text.at, word.text.size + rest.size});
        if (comma && report_word_is (&word, "now"))
            return REPORT_UNKNOWN;
        if (comma || s_explains (gap))
            break;
        report_word_t next;
        report_span_t behind = rest;
        const bool anything =
            report_word_next (&behind, &next) && report_word_is (&next, "anything");
        if (s_takes_back (&word) || (report_word_is (&word, "if") && !anything))
            return REPORT_UNKNOWN;
    }
    return level;
}

//  Read the level or number that begins with this word.
//  from: the start of the text between the last word and this one.
static report_confidence_t
s_take (const report_word_t *word, const char *from, report_span_t *rest)
{
    const bool less = s_lessens ((report_span_t){from, (size_t) (word->text.at - from)});
    const char *end = rest->at + rest->size;
    report_span_t text = {.at = word->text.at, .size = (size_t) (end - word->text.at)};
    if (s_digit (text, 0))
        return s_with_rest (s_number (text, less, rest), *rest);
    report_confidence_t level = confidence_level (word);
    if (level == REPORT_UNKNOWN || s_skip_scale (&level, rest) || s_is_attribute (*rest) || less)
        return REPORT_UNKNOWN;
    return s_with_rest (level, *rest);
}

report_confidence_t
confidence_behind (report_span_t rest)
{
    report_word_t word;
    bool denied = false, bounded = false;
    rest = s_past_bracket (rest);
    for (int i = 0, said = 0; i < S_WORDS; i++) {
        const char *from = rest.at;
        if (!report_word_next (&rest, &word) || (word.first && said > 0))
            break;
        if (said > 0 && s_explains ((report_span_t){from, (size_t) (word.text.at - from)}))
            break;
        said += !report_word_is_number (&word) || s_digit (word.text, 0);
        report_confidence_t level = s_take (&word, from, &rest);
        if (level != REPORT_UNKNOWN && !denied && !bounded)
            return level;
        bounded = s_bounds (&word) || (bounded && level == REPORT_UNKNOWN);
        denied = s_denies (&word) || (denied && level == REPORT_UNKNOWN && !s_turns (&word));
    }
    return REPORT_UNKNOWN;
}

report_confidence_t
confidence_value (report_span_t text)
{
    return confidence_behind (text);
}

//  A value that waits for the word "confidence".
typedef struct {
    report_confidence_t level;
    bool labelled; //  it belongs to another label
    bool denied, bounded;
} before_t;

//  from: the start of the text between the last word and this one.
static void
s_before (before_t *self, const report_word_t *word, const char *from, report_span_t *rest)
{
    static const char *const joins [] = {"to", "at", "a", "be", "than", "about", "of", NULL};
    static const char *const fill [] = {"degree",     "level", "of", "overall",
                                        "diagnostic", "sure",  NULL};
    report_confidence_t level = s_take (word, from, rest);
    if (report_word_is (word, "highly"))
        level = REPORT_HIGH;
    if (report_word_is (word, "moderately"))
        level = REPORT_MEDIUM;
    if (word->first)
        self->denied = self->bounded = false;
    if (level != REPORT_UNKNOWN) {
        self->level = self->denied || self->bounded ? REPORT_UNKNOWN : level;
        self->labelled = word->before == ':';
        const char *at = word->text.at;
        self->labelled = self->labelled || (word->before == ' ' && at [-2] == ':');
    }
    else if (!report_word_any (word, fill) || word->before == ',' || word->first)
        self->level = REPORT_UNKNOWN;
    self->denied = s_denies (word) || (self->denied && !s_turns (word));
    self->bounded = s_bounds (word) || (self->bounded && report_word_any (word, joins));
}

report_confidence_t
confidence_said (report_span_t text)
{
    const char *begin = text.at;
    report_word_t word;
    before_t before = {.level = REPORT_UNKNOWN};
    for (const char *from = text.at; report_word_next (&text, &word); from = text.at) {
        if (!confidence_is_word (&word)) {
            report_span_t rest = text;
            bool early = word.text.at < begin + 2;
            report_word_t safe = word;
            safe.before = early ? 0 : word.before;
            s_before (&before, &safe, from, &rest);
            text = rest;
            continue;
        }
        report_confidence_t after = confidence_behind (text);
        bool label = word.after && strchr (":=*", word.after);
        bool apart = word.first || (word.text.at >= begin + 2 && word.text.at [-2] == ',');
        if (before.level != REPORT_UNKNOWN && !apart && !before.labelled
            && !(label && after != REPORT_UNKNOWN))
            return before.level;
        if (after != REPORT_UNKNOWN)
            return before.denied && !label && !apart ? REPORT_UNKNOWN : after;
        before = (before_t){.level = REPORT_UNKNOWN};
    }
    return REPORT_UNKNOWN;
}

report_confidence_t
confidence_marked (report_span_t text, bool heading)
{
    report_word_t word;
    while (report_word_next (&text, &word)) {
        bool capitals = word.text.at [0] <= 'Z' && word.text.at [word.text.size - 1] <= 'Z';
        bool enclosed =
            (word.before == '(' || word.before == '[') && word.after && strchr (")]", word.after);
        report_span_t rest = text;
        report_word_t next;
        bool end = !report_word_next (&rest, &next);
        bool last = heading && !word.after;
        report_confidence_t level = confidence_level (&word);
        if (level != REPORT_UNKNOWN && capitals && ((enclosed && (heading || end)) || last)
            && !s_skip_scale (&level, &text))
            return level;
    }
    return REPORT_UNKNOWN;
}
