//  The messages between the broker's threads.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
test_a_new_mail_is_zero_and_of_its_kind (void **state)
{
    mail_t *mail = mail_new (MAIL_CHECK);
    assert_non_null (mail);
    assert_int_equal (mail->kind, MAIL_CHECK);
    assert_int_equal (mail->as.check.file_count, 0);
    mail_destroy (&mail);
    assert_null (mail);
    mail_destroy (&mail);
}

//  Sanitizer builds find a leak here if the body of an undelivered event is not freed.
static void
test_a_mailbox_frees_the_mails_nobody_took (void **state)
{
    mailbox_t *box = mailbox_new (2, mail_item_destroy);
    assert_non_null (box);
    for (int i = 0; i < 2; i++) {
        mail_t *mail = mail_new (MAIL_EVENT);
        assert_non_null (mail);
        mail->as.event.body = strdup ("{}");
        assert_int_equal (mailbox_send (box, &mail), 0);
        assert_null (mail);
    }
    mail_t *late = mail_new (MAIL_EVENT);
    assert_int_equal (mailbox_send (box, &late), ERR_FULL);
    assert_non_null (late);
    mail_destroy (&late);
    mailbox_destroy (&box);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_new_mail_is_zero_and_of_its_kind),
        cmocka_unit_test (test_a_mailbox_frees_the_mails_nobody_took),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
