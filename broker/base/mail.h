//  mail - the messages between the broker's threads: one tagged struct, sent through mailboxes.
//
//  Own: a mail belongs to its sender, then to its receiver; mail_destroy frees all it holds.
//      intake, artifact --EVENT, SOURCE--> loop        loop --REPLY--> intake, artifact
//      loop --CHECK--> artifact --CHECKED--> loop      artifact --SPARE, FOLDER--> loop
//      loop --EFFECT--> delivery --EFFECT_DONE--> loop
//      admin --COMMAND--> loop --COMMAND_REPLY--> admin
//      loop --CONFIG--> artifact, delivery, intake       (SIGHUP)
//      admin --STORAGE_CHECK--> loop --> delivery --STORAGE_CHECKED--> loop --> admin
//      admin --SLACK_CHECK, SLACK_SEND--> loop --> delivery --SLACK_CHECKED--> loop --> admin
//      delivery --STORAGE, COMMAND--> loop
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "common/base/buf.h"
#include "common/base/mailbox.h"
#include "common/conf/conf.h"

typedef enum {
    MAIL_EVENT,
    MAIL_SOURCE,
    MAIL_REPLY,
    MAIL_CHECK,
    MAIL_CHECKED,
    MAIL_SPARE,
    MAIL_FOLDER,
    MAIL_EFFECT,
    MAIL_EFFECT_DONE,
    MAIL_COMMAND,
    MAIL_COMMAND_REPLY,
    MAIL_CONFIG,
    MAIL_STORAGE,
    MAIL_STORAGE_CHECK,
    MAIL_STORAGE_CHECKED,
    MAIL_SLACK_CHECK,
    MAIL_SLACK_SEND,
    MAIL_SLACK_CHECKED
} mail_kind_t;

//  How one try of an effect has ended.
typedef struct {
    int64_t id; //  of the effect
    step_effect_result_t result;
    bool unreached; //  the server was not reached; nothing was sent
    bool down;      //  it answered that it takes nothing from anybody for now
    int64_t retry_after_ms;
    char error [LIMIT_REASON_BYTES];
    row_message_t message; //  key "" = none; kept whatever the result
    row_folder_t folder;   //  incident "" = none; likewise
} mail_effect_done_t;

//  What a check of the storage has found.
enum { MAIL_STORAGE_STEPS = 6 };
typedef enum { MAIL_STORAGE_GOOD, MAIL_STORAGE_BAD, MAIL_STORAGE_SKIPPED } mail_storage_result_t;
typedef struct {
    const char *name; //  "reach", "key", "container", "write", "read", "link", ...; static
    mail_storage_result_t result;
    char text [LIMIT_REASON_BYTES]; //  what was tried, or a sentence about what to do
} mail_storage_step_t;
typedef struct {
    const char *backend; //  its name, static
    bool stops;          //  nothing can be saved
    size_t count;
    mail_storage_step_t steps [MAIL_STORAGE_STEPS];
} mail_storage_t;

typedef struct mail {
    mail_kind_t kind;
    union {
        struct {             //  EVENT: to the loop
            row_event_t row; //  row.body points at `body`, or NULL with body_sha set
            fault_t fault;
            char *body;       //  owned; NULL when the body is a file beside the store
            mailbox_t *reply; //  receives the REPLY
            uint64_t cookie;
            bool triage_enabled;
        } event;
        struct { //  REPLY: the event is committed, or refused for now
            uint64_t cookie;
            bool accepted;
            step_event_t disposition;
            ident_t incident;
            int64_t retry_ms; //  refused: send it again after this time
        } reply;
        struct { //  SOURCE
            char cluster [ROW_CLUSTER];
            char change [32]; //  connected, lost, gap, unsupported, wedged
            char reason [LIMIT_REASON_BYTES];
        } source;
        struct { //  CHECK: is this attempt sealed on disk with these files?  CHECKED: the answer
            step_peer_t peer;
            step_in_t verdict; //  the STEP_IN_VERDICT to complete and step
            verdict_file_t files [LIMIT_ATTEMPT_FILES];
            size_t file_count;
        } check;
        struct { //  SPARE: step_spare
            step_fence_t fence;
            bool finished;
        } spare;
        row_folder_t folder; //  FOLDER: it was found; saved_ms 0
        struct {
            row_effect_t row;
        } effect;
        mail_effect_done_t effect_done;
        struct {
            step_command_t command;
            ident_t incident;        //  RETRY, CANCEL
            int64_t effect;          //  of EFFECT_ commands
            char worker [ROW_NAME];  //  DRAIN, RESUME
            char channel [ROW_NAME]; //  CHANNEL_RETRY
            mailbox_t *reply;        //  receives the COMMAND_REPLY; NULL = nobody does
            uint64_t cookie;
        } command;
        struct {
            uint64_t cookie;
            int rc;
            char text [128];
        } command_reply;
        struct {                  //  STORAGE: what the storage's own check has found
            mail_storage_t found; //  CHECKED: that of an operator's
            mailbox_t *reply;     //  CHECK and CHECKED: who asks
            uint64_t cookie;
        } storage;
        struct {              //  SLACK_CHECK, SLACK_SEND and SLACK_CHECKED
            mailbox_t *reply; //  who asks
            uint64_t cookie;
            char *text; //  CHECKED: the answer as JSON, owned
        } slack;
        struct {          //  CONFIG: the new configuration
            conf_t *conf; //  a share, owned
            char *prompt; //  artifact: the text of agent_system_prompt_file, owned
            size_t prompt_size;
        } config;
    } as;
} mail_t;

//  A mail with everything else zero.  Own: fresh; NULL when out of memory.
mail_t *
mail_new (mail_kind_t kind);
void
mail_destroy (mail_t **self_p);
//  A CONFIG for one thread, with a share of conf.  prompt: may be NULL; its bytes are taken.
//  Own: fresh; NULL when out of memory.
mail_t *
mail_new_config (conf_t *conf, buf_t *prompt);
//  Move the configuration of a CONFIG into *conf_p, and free the share that was there (or NULL).
//  Returns its settings.  Own: the caller owns *conf_p; the settings live as long as it.
const void *
mail_take_config (mail_t *self, conf_t **conf_p);
//  Add a step to what a check has found, unless there is no room for it.  The text is cut to fit.
void
mail_storage_found (mail_storage_t *self, const char *name, mail_storage_result_t result,
                    const char *format, ...) __attribute__ ((format (printf, 4, 5)));
//  The first bad step, NULL = none.  Own: borrowed.
const mail_storage_step_t *
mail_storage_bad (const mail_storage_t *self);
//  mail_destroy for mailbox_new: item_p is a mail_t **.
void
mail_item_destroy (void *item_p);
