//  SPDX-License-Identifier: Apache-2.0
#include "broker/page/page_text.h"

#include "broker/base/markdown.h"
#include "broker/page/page_html.h"
#include "broker/page/page_link.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_STOP = 1,
    S_GROWTH = 6,                                       //  a byte as HTML, "&quot;"
    S_OPEN = LIMIT_PAGE_NESTING + LIMIT_PAGE_SPANS + 8, //  elements at a time
    S_SLUG_BYTES = 60,
    S_SLUGS = 256, //  anchors made of words; later ones are numbers
    S_LINK_BYTES = 256,
    S_ADDRESS_BYTES = LIMIT_KIB (2)
};

typedef struct {
    buf_t *out;
    size_t begin;               //  of this text in out
    const char *close [S_OPEN]; //  what closes each open element
    size_t open;
    int level;  //  lists, quotes, tables and their parts around here, shown or not
    int spans;  //  the same for spans
    int images; //  the same for images
    bool heading, link;
    char slug [S_SLUG_BYTES + 1]; //  of the open heading
    char said [S_LINK_BYTES];     //  the words of the open link
    size_t said_size;             //  may be more than fits
    int headings;                 //  so far
    uint32_t slugs [S_SLUGS];     //  hashes of those in use
    int slug_count;
} writer_t;


//  --- output

static int
s_html (writer_t *self, const char *html)
{
    if (buf_text (self->out, html) < 0)
        return self->out->failed;
    return self->out->size - self->begin > LIMIT_PAGE_TEXT_BYTES ? S_STOP : 0;
}

//  Append text as far as there is room.
static int
s_words (writer_t *self, const char *bytes, size_t size)
{
    const size_t used = self->out->size - self->begin;
    const size_t room = used < LIMIT_PAGE_TEXT_BYTES ? LIMIT_PAGE_TEXT_BYTES - used : 0;
    const size_t shown = size <= room / S_GROWTH ? size : utf8_cut (bytes, size, room / S_GROWTH);
    page_html_bytes (self->out, bytes, shown);
    if (self->out->failed)
        return self->out->failed;
    return shown < size ? S_STOP : 0;
}

static int
s_open (writer_t *self, const char *html, const char *close)
{
    assert (self->open < S_OPEN);
    self->close [self->open++] = close;
    return s_html (self, html);
}

static int
s_close (writer_t *self)
{
    assert (self->open > 0);
    return s_html (self, self->close [--self->open]);
}


//  --- anchors

//  Add the letters and digits of a text; anything else becomes one "-".
static void
s_slug (char slug [S_SLUG_BYTES + 1], const char *bytes, size_t size)
{
    size_t length = strlen (slug);
    for (size_t i = 0; i < size && length < S_SLUG_BYTES; i++) {
        const char byte = bytes [i], small = (char) (byte | 0x20);
        const bool letter = small >= 'a' && small <= 'z';
        if (letter || (byte >= '0' && byte <= '9'))
            slug [length++] = letter ? small : byte;
        else if (length > 0 && slug [length - 1] != '-')
            slug [length++] = '-';
        slug [length] = 0;
    }
}

//  Is this slug the first of its kind?  One whose hash equals another's counts as known.
static bool
s_new (writer_t *self, const char *slug)
{
    uint32_t hash = 2166136261U; //  FNV-1a
    for (const char *at = slug; *at; at++)
        hash = (hash ^ (unsigned char) *at) * 16777619U;
    for (int i = 0; i < self->slug_count; i++)
        if (self->slugs [i] == hash)
            return false;
    if (self->slug_count == S_SLUGS)
        return false;
    self->slugs [self->slug_count++] = hash;
    return true;
}

static int
s_anchor (writer_t *self)
{
    char id [S_SLUG_BYTES + 16];
    size_t length = strlen (self->slug);
    if (length > 0 && self->slug [length - 1] == '-')
        self->slug [length - 1] = 0;
    self->headings++;
    if (*self->slug && s_new (self, self->slug))
        snprintf (id, sizeof id, "r-%s", self->slug);
    else
        snprintf (id, sizeof id, "s-%d", self->headings);
    buf_printf (
        self->out,
        " <a class=\"anchor\" id=\"%s\" href=\"#%s\" aria-label=\"Link to this heading\">#</a>", id,
        id);
    self->heading = false;
    return s_close (self);
}


//  --- links

static int
s_link (writer_t *self, const markdown_part_t *part)
{
    page_link_t where;
    self->link = true;
    self->said_size = 0;
    if (!page_link_judge (part->target, part->target_size, &where))
        return s_open (self, "", "");
    buf_text (self->out, "<a href=\"");
    page_html_bytes (self->out, part->target, part->target_size);
    return s_open (self, "\" rel=\"noopener noreferrer nofollow\">", "</a>");
}

static bool
s_says (const writer_t *self, const char *text, size_t size)
{
    return self->said_size == size && size <= S_LINK_BYTES && memcmp (self->said, text, size) == 0;
}

//  Behind a link: where it leads, unless its words are just that.
static int
s_link_end (writer_t *self, const markdown_part_t *part)
{
    page_link_t where = {.host = part->target, .size = part->target_size};
    const bool leads = page_link_judge (part->target, part->target_size, &where);
    const bool bare = leads && self->said_size == 0; //  a link without words is none
    int rc = bare ? s_words (self, where.host, where.size) : 0;
    rc = rc ? rc : s_close (self);
    self->link = false;
    if (rc || bare || where.size == 0 || s_says (self, part->target, part->target_size)
        || s_says (self, where.host, where.size))
        return rc;
    buf_text (self->out, " <span class=\"to\">(");
    rc = s_words (self, where.host, where.size);
    return rc ? rc : s_html (self, ")</span>");
}

static int
s_image_end (writer_t *self, const markdown_part_t *part)
{
    buf_text (self->out, " <span class=\"to\">(");
    int rc = s_words (self, part->target, part->target_size);
    rc = rc ? rc : s_html (self, ")</span>");
    return rc ? rc : s_close (self);
}

//  The end of an address in running text: what closes a sentence or a bracket is not part of it.
static size_t
s_address (const char *bytes, size_t size)
{
    size_t length = 0;
    while (length < size && length < S_ADDRESS_BYTES && bytes [length] > ' '
           && !strchr ("\"'<>\\`|", bytes [length]))
        length++;
    while (length > 0 && strchr (".,;:!?)]}*_~", bytes [length - 1]))
        length--;
    return length;
}

static int
s_address_link (writer_t *self, const char *address, size_t size)
{
    buf_text (self->out, "<a href=\"");
    page_html_bytes (self->out, address, size);
    buf_text (self->out, "\" rel=\"noopener noreferrer nofollow\">");
    int rc = s_words (self, address, size);
    return rc ? rc : s_html (self, "</a>");
}

//  Append running text; an http or https address in it becomes a link.
static int
s_running (writer_t *self, const char *bytes, size_t size)
{
    int rc = 0;
    const char *end = bytes + size;
    while (rc == 0 && bytes < end) {
        const char *mark = memmem (bytes, (size_t) (end - bytes), "://", 3);
        const char *from = mark ? mark : end;
        while (mark && from > bytes && mark - from < 5 && strchr ("htpsHTPS", from [-1]))
            from--;
        rc = s_words (self, bytes, (size_t) (from - bytes));
        bytes = from;
        if (rc || !mark)
            return rc;
        page_link_t where;
        size_t length = from < mark ? s_address (from, (size_t) (end - from)) : 0;
        if (page_link_judge (from, length, &where))
            rc = s_address_link (self, from, length);
        else { //  go on behind it
            const size_t least = (size_t) (mark - from) + 3;
            length = length > least ? length : least;
            rc = s_words (self, from, length);
        }
        bytes += length;
    }
    return rc;
}


//  --- parts

//  Elements that contain others: their HTML, and how deep their outermost part lies above them.
typedef struct {
    const char *open, *close;
    int offset;
} element_t;

static const element_t s_elements [] = {
    [MARKDOWN_QUOTE] = {"<blockquote>", "</blockquote>", 0},
    [MARKDOWN_LIST] = {"<ul>", "</ul>", 0},
    [MARKDOWN_ORDERED] = {"", "</ol>", 0},
    [MARKDOWN_ITEM] = {"<li>", "</li>", 1},
    [MARKDOWN_TABLE] = {"<div class=\"wide\" role=\"group\" aria-label=\"Table\" tabindex=\"0\">"
                        "<table>",
                        "</table></div>", 0},
    [MARKDOWN_TABLE_HEAD] = {"<thead>", "</thead>", 1},
    [MARKDOWN_TABLE_BODY] = {"<tbody>", "</tbody>", 1},
    [MARKDOWN_ROW] = {"<tr>", "</tr>", 2},
    [MARKDOWN_HEAD_CELL] = {"<th scope=\"col\">", "</th>", 3},
    [MARKDOWN_CELL] = {"<td>", "</td>", 3},
    [MARKDOWN_EMPHASIS] = {"<em>", "</em>", 0},
    [MARKDOWN_STRONG] = {"<strong>", "</strong>", 0},
    [MARKDOWN_CODE] = {"<code>", "</code>", 0},
    [MARKDOWN_STRUCK] = {"<s>", "</s>", 0},
};

//  Is a container at this level shown?  Its parts are if it is.
static bool
s_shown (const writer_t *self, markdown_kind_t kind)
{
    return self->level <= LIMIT_PAGE_NESTING + s_elements [kind].offset;
}

static int
s_container (writer_t *self, const markdown_part_t *part)
{
    const element_t *element = &s_elements [part->kind];
    self->level++;
    if (!s_shown (self, part->kind)) {
        const bool line = part->kind == MARKDOWN_ITEM || part->kind == MARKDOWN_ROW;
        return s_html (self, line ? "<br>" : " ");
    }
    if (part->kind == MARKDOWN_ORDERED)
        buf_printf (self->out, "<ol start=\"%u\">", part->start);
    int rc = s_open (self, element->open, element->close);
    if (rc || !part->task)
        return rc;
    return s_html (self, part->done ? "<span role=\"img\" aria-label=\"done\">&#9745;</span> "
                                    : "<span role=\"img\" aria-label=\"to do\">&#9744;</span> ");
}

static int
s_span (writer_t *self, const markdown_part_t *part)
{
    self->images += part->kind == MARKDOWN_IMAGE;
    if (self->spans++ >= LIMIT_PAGE_SPANS)
        return 0;
    if (part->kind == MARKDOWN_LINK)
        return s_link (self, part);
    if (part->kind == MARKDOWN_IMAGE)
        return s_open (self, "<span class=\"image\">Image: ", "</span>");
    return s_open (self, s_elements [part->kind].open, s_elements [part->kind].close);
}

static int
s_heading (writer_t *self, int level)
{
    static const char *const open [] = {"<h2>", "<h3>", "<h4>", "<h5>", "<h6>", "<h6>"};
    static const char *const close [] = {"</h2>\n", "</h3>\n", "</h4>\n",
                                         "</h5>\n", "</h6>\n", "</h6>\n"};
    self->heading = true;
    self->slug [0] = 0;
    return s_open (self, open [level - 1], close [level - 1]);
}

static int
s_enter (const markdown_part_t *part, void *ctx)
{
    static const char text [] =
        "<pre class=\"plain\" role=\"group\" aria-label=\"Text\" tabindex=\"0\"><code>";
    static const char code [] = "<pre role=\"group\" aria-label=\"Code\" tabindex=\"0\"><code>";
    writer_t *self = ctx;
    switch (part->kind) {
        case MARKDOWN_RULE: return s_open (self, "<hr>\n", "");
        case MARKDOWN_HEADING: return s_heading (self, part->level);
        case MARKDOWN_PARAGRAPH: return s_open (self, "<p>", "</p>\n");
        case MARKDOWN_CODE_BLOCK:
            return s_open (self, part->plain ? text : code, "</code></pre>\n");
        case MARKDOWN_QUOTE:
        case MARKDOWN_LIST:
        case MARKDOWN_ORDERED:
        case MARKDOWN_ITEM:
        case MARKDOWN_TABLE:
        case MARKDOWN_TABLE_HEAD:
        case MARKDOWN_TABLE_BODY:
        case MARKDOWN_ROW:
        case MARKDOWN_HEAD_CELL:
        case MARKDOWN_CELL: return s_container (self, part);
        case MARKDOWN_EMPHASIS:
        case MARKDOWN_STRONG:
        case MARKDOWN_LINK:
        case MARKDOWN_IMAGE:
        case MARKDOWN_CODE:
        case MARKDOWN_STRUCK: return s_span (self, part);
    }
    return 0;
}

static int
s_span_end (writer_t *self, const markdown_part_t *part)
{
    self->images -= part->kind == MARKDOWN_IMAGE;
    if (--self->spans >= LIMIT_PAGE_SPANS)
        return 0;
    if (part->kind == MARKDOWN_LINK)
        return s_link_end (self, part);
    return part->kind == MARKDOWN_IMAGE ? s_image_end (self, part) : s_close (self);
}

static int
s_leave (const markdown_part_t *part, void *ctx)
{
    writer_t *self = ctx;
    if (part->kind >= MARKDOWN_EMPHASIS)
        return s_span_end (self, part);
    if (part->kind == MARKDOWN_HEADING)
        return s_anchor (self);
    const bool leaf = part->kind == MARKDOWN_RULE || part->kind == MARKDOWN_PARAGRAPH
                      || part->kind == MARKDOWN_CODE_BLOCK;
    if (leaf)
        return s_close (self);
    const bool shown = s_shown (self, part->kind);
    self->level--;
    return shown ? s_close (self) : s_html (self, "\n");
}

static void
s_remember (writer_t *self, const char *bytes, size_t size)
{
    if (self->heading)
        s_slug (self->slug, bytes, size);
    if (!self->link)
        return;
    const size_t room = self->said_size < S_LINK_BYTES ? S_LINK_BYTES - self->said_size : 0;
    memcpy (self->said + (S_LINK_BYTES - room), bytes, size < room ? size : room);
    self->said_size += size;
}

static bool
s_is_break (const char *tag, size_t size)
{
    return size >= 4 && strncasecmp (tag, "<br", 3) == 0 && strspn (tag + 3, " /") >= size - 4
           && tag [size - 1] == '>';
}

static int
s_text (markdown_text_t type, const char *bytes, size_t size, void *ctx)
{
    writer_t *self = ctx;
    s_remember (self, bytes, size);
    switch (type) {
        case MARKDOWN_BREAK: return s_html (self, "<br>\n");
        case MARKDOWN_LINE: return s_html (self, "\n");
        case MARKDOWN_TAG:
            return s_is_break (bytes, size) ? s_html (self, "<br>") : s_words (self, bytes, size);
        case MARKDOWN_VERBATIM: return s_words (self, bytes, size);
        case MARKDOWN_TEXT: break;
    }
    const bool running = !self->link && self->images == 0;
    return running ? s_running (self, bytes, size) : s_words (self, bytes, size);
}


//  --- the whole

//  Append what is not read as Markdown.
static int
s_plain (writer_t *self, const char *text, size_t size)
{
    int rc =
        s_html (self, "<p class=\"note\">The rest is plain text: as Markdown it would take too "
                      "long to read.</p>\n");
    rc = rc ? rc
            : s_open (self,
                      "<pre class=\"plain\" role=\"group\" aria-label=\"Plain text\" "
                      "tabindex=\"0\">",
                      "</pre>\n");
    rc = rc ? rc : s_words (self, text, size);
    return rc ? rc : s_close (self);
}

int
page_text (buf_t *out, const char *markdown, size_t size, page_text_t *ret_how)
{
    static const markdown_hooks_t hooks = {.enter = s_enter, .leave = s_leave, .text = s_text};
    assert (out && (markdown || size == 0) && ret_how);
    writer_t self = {.out = out, .begin = out->size};
    const size_t used = utf8_cut (markdown, size, LIMIT_PAGE_REPORT_BYTES);
    size_t read = used;
    int rc = markdown_read (markdown, used, &hooks, &self, &read);
    if (rc == 0 && read < used)
        rc = s_plain (&self, markdown + read, used - read);
    if (rc == -ENOMEM || out->failed)
        return out->failed ? out->failed : rc;
    *ret_how = rc || used < size ? PAGE_TEXT_CUT : read < used ? PAGE_TEXT_PLAIN : PAGE_TEXT_WHOLE;
    while (self.open > 0)
        buf_text (out, self.close [--self.open]);
    if (*ret_how == PAGE_TEXT_CUT)
        buf_text (out, "<p class=\"note\">The page ends here: the report is too long for it.  "
                       "The file <code>investigation.md</code> beside it has all.</p>\n");
    return out->failed;
}
