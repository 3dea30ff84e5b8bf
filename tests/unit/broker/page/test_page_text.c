//  Markdown as inert HTML.  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/page/page_text.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>

#define REL " rel=\"noopener noreferrer nofollow\""

static char *
s_html (const char *markdown)
{
    page_text_t how = PAGE_TEXT_CUT;
    buf_t out = buf_init (LIMIT_PAGE_BYTES);
    assert_int_equal (page_text (&out, markdown, strlen (markdown), &how), 0);
    assert_int_equal (how, PAGE_TEXT_WHOLE);
    return buf_take (&out);
}

static void
s_expect (const char *markdown, const char *expected)
{
    own (own_mem) char *html = s_html (markdown);
    assert_string_equal (html, expected);
}

static void
s_expect_part (const char *markdown, const char *part)
{
    own (own_mem) char *html = s_html (markdown);
    if (!strstr (html, part))
        print_error ("%s\n", html);
    assert_non_null (strstr (html, part));
}

static void
test_text_is_escaped_everywhere (void **state)
{
    s_expect ("a < b & \"c\" 'd'", "<p>a &lt; b &amp; &quot;c&quot; &#39;d&#39;</p>\n");
    s_expect ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    s_expect ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n");
    s_expect ("<!-- a -->", "<p>&lt;!-- a --&gt;</p>\n");
    s_expect ("`<b>`", "<p><code>&lt;b&gt;</code></p>\n");
    s_expect ("&lt;script&gt;", "<p>&lt;script&gt;</p>\n");
    s_expect ("one<br>two<BR/>three<br />four<brx>",
              "<p>one<br>two<br>three<br>four&lt;brx&gt;</p>\n");
}

static void
test_bytes_that_are_no_text_are_marked (void **state)
{
    s_expect ("a\x01"
              "b\xff\xc3(\x7f",
              "<p>a\xef\xbf\xbd"
              "b\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd</p>\n");
    s_expect ("rm \xe2\x80\xaetxt", "<p>rm [U+202E]txt</p>\n");
}

static void
test_links_lead_to_the_web_and_to_mail_and_say_where (void **state)
{
    s_expect ("[a](https://x.example/p)", "<p><a href=\"https://x.example/p\"" REL "\x3e"
                                          "a</a> <span class=\"to\">(x.example)"
                                          "</span></p>\n");
    s_expect ("<https://x.example/>",
              "<p><a href=\"https://x.example/\"" REL ">https://x.example/</a></p>\n");
    s_expect ("[x.example](https://x.example/a?b=1&c=2)",
              "<p><a href=\"https://x.example/a?b=1&amp;c=2\"" REL ">x.example</a></p>\n");
    s_expect ("<a@x.example>", "<p><a href=\"mailto:a@x.example\"" REL ">a@x.example</a></p>\n");
    s_expect ("[](https://x.example)",
              "<p><a href=\"https://x.example\"" REL ">x.example</a></p>\n");
}

static void
test_other_links_are_text (void **state)
{
    static const char *const addresses [] = {"javascript:alert(1)",
                                             "JaVaScRiPt:alert(1)",
                                             "data:text/html,x",
                                             "vbscript:x",
                                             "file:///etc/passwd",
                                             "//x.example",
                                             "/a",
                                             "a",
                                             "ftp://x.example",
                                             "#r-a",
                                             "https://good.example@evil.example",
                                             "https:\\\\evil.example",
                                             "https://",
                                             "mailto:",
                                             "java&#115;cript:alert(1)",
                                             "&#106;avascript:alert(1)",
                                             "javascript&colon;alert(1)",
                                             "https://x.example/\xd0\xb0",
                                             "blob:https://x.example/a",
                                             "view-source:https://x.example"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses [0]; i++) {
        char text [128];
        snprintf (text, sizeof text, "[words](<%s>)", addresses [i]);
        own (own_mem) char *html = s_html (text);
        assert_null (strstr (html, "<a"));
        assert_non_null (strstr (html, "words"));
    }
    s_expect ("[a](javascript:x)", "<p>a <span class=\"to\">(javascript:x)</span></p>\n");
}

static void
test_addresses_in_running_text_are_links (void **state)
{
    s_expect ("See https://x.example/a_b, now.",
              "<p>See <a href=\"https://x.example/a_b\"" REL ">https://x.example/a_b</a>, now."
              "</p>\n");
    s_expect ("(http://x.example)",
              "<p>(<a href=\"http://x.example\"" REL ">http://x.example</a>)</p>\n");
    s_expect ("a://b ://c https:// http://@ shttp://x",
              "<p>a://b ://c https:// http://@ shttp://x</p>\n");
    s_expect ("`https://x.example`", "<p><code>https://x.example</code></p>\n");
}

static void
test_images_are_text (void **state)
{
    s_expect ("![cat](https://x.example/c.png)",
              "<p><span class=\"image\">Image: cat <span class=\"to\">(https://x.example/c.png)"
              "</span></span></p>\n");
    s_expect_part ("[![a](b)](https://x.example)", "<a href=\"https://x.example\"" REL);
}

static void
test_headings_have_anchors_each_once (void **state)
{
    s_expect ("# Root Cause!", "<h2>Root Cause! <a class=\"anchor\" id=\"r-root-cause\" "
                               "href=\"#r-root-cause\" aria-label=\"Link to this heading\">#</a>"
                               "</h2>\n");
    s_expect_part ("# A\n# A", "id=\"s-2\"");
    s_expect_part ("# \xd0\xb0", "id=\"s-1\"");
    s_expect_part ("###### a", "<h6>a");
    s_expect_part ("# \"><script>x", "id=\"r-script-x\"");
    //  More of them than are remembered
    buf_t text = buf_init (LIMIT_MIB (1));
    for (int i = 0; i < 1000; i++)
        buf_printf (&text, "# h %d\n", i % 500);
    own (own_mem) char *html = s_html (text.data);
    static char seen [2][1001];
    for (const char *at = html; (at = strstr (at, " id=\"")); at++) {
        int number = 0;
        const bool slug = sscanf (at, " id=\"r-h-%d\"", &number) == 1;
        assert_true (slug || sscanf (at, " id=\"s-%d\"", &number) == 1);
        assert_int_equal (seen [slug][number]++, 0);
    }
    buf_fini (&text);
}

static void
test_blocks_have_their_elements (void **state)
{
    s_expect ("- a\n- [x] b\n", "<ul><li>a</li><li><span role=\"img\" aria-label=\"done\">&#9745;"
                                "</span> b</li></ul>");
    s_expect ("7. a", "<ol start=\"7\"><li>a</li></ol>");
    s_expect ("> a", "<blockquote><p>a</p>\n</blockquote>");
    s_expect ("***", "<hr>\n");
    s_expect_part ("```sh\na <b>\n```", "<pre role=\"group\" aria-label=\"Code\" "
                                        "tabindex=\"0\"><code>a &lt;b&gt;\n</code></pre>");
    //  words wrap, commands do not
    s_expect_part ("````text\nrefused\n````",
                   "<pre class=\"plain\" role=\"group\" aria-label=\"Text\" "
                   "tabindex=\"0\"><code>refused\n</code></pre>");
    s_expect_part ("```texts\na\n```", "<pre role=\"group\" aria-label=\"Code\"");
    s_expect_part ("b\n\n~~~\na\n~~~", "<pre role=\"group\" aria-label=\"Code\"");
    s_expect_part ("|a|b|\n|---|---|\n|c|d|",
                   "<thead><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr></thead>"
                   "<tbody><tr><td>c</td><td>d</td></tr></tbody></table></div>");
    s_expect ("*a* **b** ~~c~~", "<p><em>a</em> <strong>b</strong> <s>c</s></p>\n");
}

//  How often a text occurs.
static size_t
s_count (const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr (text, part)); text += strlen (part))
        count++;
    return count;
}

static void
test_what_is_nested_deep_is_flat (void **state)
{
    buf_t text = buf_init (LIMIT_KIB (64));
    for (int i = 0; i < 200; i++)
        buf_text (&text, "> ");
    buf_text (&text, "deep\n\n");
    for (int i = 0; i < 100; i++)
        buf_printf (&text, "%*s- item %d\n", 2 * i, "", i);
    buf_text (&text, "\n");
    for (int i = 0; i < 100; i++)
        buf_text (&text, i % 2 ? "*a " : "**a ");
    for (int i = 0; i < 100; i++)
        buf_text (&text, i % 2 ? "a** " : "a* ");
    own (own_mem) char *html = s_html (text.data);
    assert_int_equal (s_count (html, "<blockquote>"), LIMIT_PAGE_NESTING);
    assert_int_equal (s_count (html, "</blockquote>"), LIMIT_PAGE_NESTING);
    assert_in_range (s_count (html, "<ul>"), 1, LIMIT_PAGE_NESTING);
    assert_int_equal (s_count (html, "<ul>"), s_count (html, "</ul>"));
    assert_in_range (s_count (html, "<em>") + s_count (html, "<strong>"), 1, LIMIT_PAGE_SPANS);
    assert_non_null (strstr (html, "item 98 <br>item 99"));
    buf_fini (&text);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_text_is_escaped_everywhere),
        cmocka_unit_test (test_bytes_that_are_no_text_are_marked),
        cmocka_unit_test (test_links_lead_to_the_web_and_to_mail_and_say_where),
        cmocka_unit_test (test_other_links_are_text),
        cmocka_unit_test (test_addresses_in_running_text_are_links),
        cmocka_unit_test (test_images_are_text),
        cmocka_unit_test (test_headings_have_anchors_each_once),
        cmocka_unit_test (test_blocks_have_their_elements),
        cmocka_unit_test (test_what_is_nested_deep_is_flat),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
