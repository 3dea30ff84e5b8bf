//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/blob.h"
#include "broker/delivery/delivery.h"
#include "common/base/own.h"
#include "tests/unit/broker/config.h"
#include "tests/unit/broker/world.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

//  The next mail of this kind; others are skipped.
static mail_t *
s_mail (mailbox_t *box, mail_kind_t kind)
{
    struct pollfd fd = {.fd = mailbox_fd (box), .events = POLLIN};
    for (;;) {
        assert_int_equal (poll (&fd, 1, 10000), 1);
        mail_t *mail = mailbox_recv (box);
        if (mail && mail->kind == kind)
            return mail;
        mail_destroy (&mail);
    }
}

static void
s_effect (delivery_t *delivery, int64_t id, const char *incident)
{
    mail_t *mail = mail_new (MAIL_EFFECT);
    mail->as.effect.row.id = id;
    mail->as.effect.row.channel = ROW_CHANNEL_STORAGE;
    snprintf (mail->as.effect.row.incident.text, IDENT_SIZE, "%s", incident);
    assert_int_equal (mailbox_send (delivery_inbox (delivery), &mail), 0);
}

//  The loop's mailbox holds one item: the others wait for room, none is lost, the order is kept.
static void
test_effects_are_executed_in_order_and_each_is_reported (void **state)
{
    world_t world;
    world_init (&world, "{}", 2);
    world_attempt (&world, 1, ROW_ATTEMPT_ENDED, VERDICT_HOST, "local:a");
    world.incident.state = INCIDENT_AGENT_FAILED;
    world_save (&world);
    mailbox_t *loop = mailbox_new (1, mail_item_destroy);
    delivery_t *delivery = delivery_new (&world.settings, loop, NULL);
    assert_non_null (delivery);
    s_effect (delivery, 1, world.incident.id.text);
    s_effect (delivery, 2, "019b76da-0000-7000-8000-000000000000");
    s_effect (delivery, 3, world.incident.id.text);
    for (int64_t id = 1; id <= 3; id++) {
        own (mail_destroy) mail_t *done = s_mail (loop, MAIL_EFFECT_DONE);
        assert_int_equal (done->as.effect_done.id, id);
        assert_int_equal (done->as.effect_done.result,
                          id == 2 ? STEP_EFFECT_PERMANENT : STEP_EFFECT_OK);
    }
    own (own_mem) char *result = world_read (&world, "result.json");
    assert_non_null (result);
    delivery_destroy (&delivery);
    mailbox_destroy (&loop);
    world_fini (&world);
}

//  After a CONFIG that asks for it, a failed incident's report moves to the top of its folder.
static void
test_a_new_configuration_counts_from_the_next_effect_on (void **state)
{
    world_t world;
    world_init (&world, "{}", 2);
    world_attempt (&world, 1, ROW_ATTEMPT_ENDED, VERDICT_AGENT, "local:a");
    world_seal (&world, 1, (const char *const [2]){"output/investigation.md", "logs/agent.log"},
                (const char *const [2]){"a report", "a log"});
    world.incident.state = INCIDENT_AGENT_FAILED;
    world_save (&world);
    mailbox_t *loop = mailbox_new (4, mail_item_destroy);
    delivery_t *delivery = delivery_new (&world.settings, loop, NULL);
    assert_non_null (delivery);
    const char *const flags [] = {"--workspace-root", world.root, "--upload-failed-investigations",
                                  NULL};
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            config_send (delivery_inbox (delivery), flags, NULL);
        s_effect (delivery, round + 1, world.incident.id.text);
        own (mail_destroy) mail_t *done = s_mail (loop, MAIL_EFFECT_DONE);
        assert_int_equal (done->as.effect_done.result, STEP_EFFECT_OK);
        own (own_mem) char *report = world_read (&world, "output/investigation.md");
        assert_int_equal (report != NULL, round == 1);
    }
    delivery_destroy (&delivery);
    mailbox_destroy (&loop);
    world_fini (&world);
}

//  At the start by itself, and again for whoever asks; each answer has the cookie of its question.
static void
test_the_storage_is_checked_at_the_start_and_when_asked (void **state)
{
    world_t world;
    world_init (&world, "{}", 2);
    assert_int_equal (blob_make_dir (world.root), 0);
    mailbox_t *loop = mailbox_new (4, mail_item_destroy);
    delivery_t *delivery = delivery_new (&world.settings, loop, NULL);
    assert_non_null (delivery);
    own (mail_destroy) mail_t *first = s_mail (loop, MAIL_STORAGE);
    assert_string_equal (first->as.storage.found.backend, "filesystem");
    assert_null (mail_storage_bad (&first->as.storage.found));
    for (uint64_t cookie = 7; cookie < 9; cookie++) {
        mail_t *ask = mail_new (MAIL_STORAGE_CHECK);
        ask->as.storage.reply = loop;
        ask->as.storage.cookie = cookie;
        if (cookie == 8) //  the folder is gone meanwhile
            assert_int_equal (rmdir (world.root), 0);
        assert_int_equal (mailbox_send (delivery_inbox (delivery), &ask), 0);
        own (mail_destroy) mail_t *answer = s_mail (loop, MAIL_STORAGE_CHECKED);
        assert_int_equal (answer->as.storage.cookie, cookie);
        assert_ptr_equal (answer->as.storage.reply, loop);
        const mail_storage_step_t *bad = mail_storage_bad (&answer->as.storage.found);
        assert_int_equal (bad != NULL, cookie == 8);
        delivery_stats_t stats;
        delivery_stats (delivery, &stats);
        assert_int_equal (stats.probe.up, cookie == 7);
        assert_true (stats.probe.checks_total >= 2 && stats.probe.good_ms > 0);
        assert_int_equal (stats.probe.failed_total > 0, cookie == 8);
    }
    delivery_destroy (&delivery);
    mailbox_destroy (&loop);
    world_fini (&world);
}

//  An incident without a report stays on this host, which does not show that Azure works.
static void
test_what_stays_on_the_host_is_no_success_of_a_storage_elsewhere (void **state)
{
    world_t world;
    delivery_stats_t stats;
    world_init (&world, "{}", 2);
    world_attempt (&world, 1, ROW_ATTEMPT_ENDED, VERDICT_HOST, "local:a");
    world.incident.state = INCIDENT_AGENT_FAILED;
    world_save (&world);
    world.settings.azure_storage_connection_string =
        "BlobEndpoint=http://127.0.0.1:1/a;AccountName=a;AccountKey=QUJD";
    world.settings.azure_storage_container = "incidents";
    mailbox_t *loop = mailbox_new (4, mail_item_destroy);
    delivery_t *delivery = delivery_new (&world.settings, loop, NULL);
    assert_non_null (delivery);
    s_effect (delivery, 1, world.incident.id.text);
    own (mail_destroy) mail_t *done = s_mail (loop, MAIL_EFFECT_DONE);
    assert_int_equal (done->as.effect_done.result, STEP_EFFECT_OK);
    delivery_stats (delivery, &stats);
    assert_string_equal (stats.storage, "azure");
    assert_int_equal (stats.probe.good_ms, 0);
    delivery_destroy (&delivery);
    mailbox_destroy (&loop);
    world_fini (&world);
}

static void
test_a_store_that_cannot_be_read_is_told_at_the_start (void **state)
{
    world_t world;
    world_init (&world, "{}", 2);
    settings_t settings = world.settings;
    settings.state_path = "/nowhere/broker.db";
    mailbox_t *loop = mailbox_new (1, mail_item_destroy);
    err_diag_t diag = {{0}};
    assert_null (delivery_new (&settings, loop, &diag));
    assert_true (diag.text [0] != 0);
    mailbox_destroy (&loop);
    world_fini (&world);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_effects_are_executed_in_order_and_each_is_reported),
        cmocka_unit_test (test_a_new_configuration_counts_from_the_next_effect_on),
        cmocka_unit_test (test_the_storage_is_checked_at_the_start_and_when_asked),
        cmocka_unit_test (test_what_stays_on_the_host_is_no_success_of_a_storage_elsewhere),
        cmocka_unit_test (test_a_store_that_cannot_be_read_is_told_at_the_start),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
