//  Tests of broker/azure/azure_list.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_list.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BLOB(name) "<Blob>" name "<Properties><Etag>1</Etag></Properties></Blob>"
#define LIST(blobs, marker)                                                                        \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EnumerationResults "                             \
    "ServiceEndpoint=\"http://a\" "                                                                \
    "ContainerName=\"c\"><Prefix>0199/</Prefix><MaxResults>2</MaxResults><Blobs>" blobs            \
    "</Blobs>" marker "</EnumerationResults>"

static void
s_note (void *arg, const char *name)
{
    buf_t *names = arg;
    buf_printf (names, "%s\n", name);
}

static int
s_read (const char *xml, buf_t *names, char marker [AZURE_LIST_MARKER])
{
    buf_reset (names);
    return azure_list_read (xml, strlen (xml), s_note, names, marker);
}

static void
test_a_page_tells_its_names_and_how_to_go_on (void **state)
{
    char marker [AZURE_LIST_MARKER];
    own (buf_fini) buf_t names = buf_init (LIMIT_KIB (4));
    const char *page = LIST (BLOB ("<Name>0199/event.json</Name>")
                                 BLOB ("<Name>0199/a&amp;b&#252;&lt;.log</Name>"),
                             "<NextMarker>2!76!a</NextMarker>");
    assert_int_equal (s_read (page, &names, marker), 0);
    assert_string_equal (names.data, "0199/event.json\n0199/a&b\xc3\xbc<.log\n");
    assert_string_equal (marker, "2!76!a");
    assert_int_equal (s_read (LIST ("", "<NextMarker />"), &names, marker), 0);
    assert_string_equal (names.data, "");
    assert_string_equal (marker, "");
    assert_int_equal (
        s_read ("\xef\xbb\xbf" LIST ("", "<NextMarker></NextMarker>"), &names, marker), 0);
    assert_string_equal (marker, "");
}

static void
test_a_name_that_xml_cannot_hold_is_decoded (void **state)
{
    char marker [AZURE_LIST_MARKER];
    own (buf_fini) buf_t names = buf_init (LIMIT_KIB (4));
    assert_int_equal (
        s_read (LIST (BLOB ("<Name Encoded=\"true\">a%EF%BF%BFb%2fc%0%zz%00</Name>"), ""), &names,
                marker),
        0);
    assert_string_equal (names.data, "a\xef\xbf\xbf"
                                     "b/c%0%zz%00\n");
    assert_int_equal (s_read (LIST (BLOB ("<Name>a%2Fb</Name>"), ""), &names, marker), 0);
    assert_string_equal (names.data, "a%2Fb\n");
}

static void
test_names_elsewhere_are_no_blobs (void **state)
{
    char marker [AZURE_LIST_MARKER];
    own (buf_fini) buf_t names = buf_init (LIMIT_KIB (4));
    assert_int_equal (
        s_read (LIST ("<Blob><Name>a</Name><Metadata><Name>no</Name></Metadata></Blob>",
                      "<Name>no</Name>"),
                &names, marker),
        0);
    assert_string_equal (names.data, "a\n");
}

static void
test_hostile_and_broken_answers_are_refused (void **state)
{
    char marker [AZURE_LIST_MARKER];
    own (buf_fini) buf_t names = buf_init (LIMIT_KIB (64));
    static const char *const rows [] = {
        "",
        "not xml",
        "<html><body/></html>",
        "<EnumerationResults><Blobs>",
        ("<!DOCTYPE a [<!ENTITY b \"c\">]>" LIST (BLOB ("<Name>&b;</Name>"), "")),
        ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">" LIST ("", "")),
        LIST (BLOB ("<Name>&nosuch;</Name>"), ""),
        LIST (BLOB ("<Name/>"), ""),
        LIST (BLOB ("<Name></Name>"), ""),
        LIST (BLOB ("<Name>a<b>c</b></Name>"), ""),
        LIST ("<Blob><a><b><c><d><e><f><g/></f></e></d></c></b></a></Blob>", ""),
        (LIST ("", "") "<more/>"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        assert_int_equal (s_read (rows [i], &names, marker), ERR_PROTO);
}

static void
test_a_name_and_a_marker_have_a_longest (void **state)
{
    char marker [AZURE_LIST_MARKER], text [AZURE_LIST_NAME + 1];
    own (buf_fini) buf_t names = buf_init (LIMIT_KIB (64)), xml = buf_init (LIMIT_KIB (64));
    memset (text, 'a', sizeof text);
    for (int over = 0; over < 2; over++) {
        const int size = AZURE_LIST_NAME - 1 + over, expected = over ? ERR_PROTO : 0;
        buf_reset (&xml);
        buf_printf (&xml, LIST (BLOB ("<Name>%.*s</Name>"), ""), size, text);
        assert_int_equal (s_read (xml.data, &names, marker), expected);
        buf_reset (&xml);
        buf_printf (&xml, LIST ("", "<NextMarker>%.*s</NextMarker>"), size, text);
        assert_int_equal (s_read (xml.data, &names, marker), expected);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_page_tells_its_names_and_how_to_go_on),
        cmocka_unit_test (test_a_name_that_xml_cannot_hold_is_decoded),
        cmocka_unit_test (test_names_elsewhere_are_no_blobs),
        cmocka_unit_test (test_hostile_and_broken_answers_are_refused),
        cmocka_unit_test (test_a_name_and_a_marker_have_a_longest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
