//  SPDX-License-Identifier: Apache-2.0
#include "broker/azure/azure_error.h"

#include "broker/azure/azure_sign.h"
#include "common/base/clk.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { S_SKEW_MS = 15 * 60 * 1000, S_MINUTE_MS = 60000, S_CODE = 64, S_NO_ROOM = 507 };

typedef struct {
    const char *code;
    azure_class_t class;
    const char *text; //  {account}, {container}, {endpoint}, {host}: s_expand
} s_row_t;

#define S_MAKE_CONTAINER                                                                           \
    "container {container} does not exist: create it with `az storage container create --name "    \
    "{container} --connection-string \"$AZURE_STORAGE_CONNECTION_STRING\"`"

static const s_row_t s_rows [] = {
    {"ContainerNotFound", AZURE_NO_CONTAINER, S_MAKE_CONTAINER},
    {"ContainerBeingDeleted", AZURE_RETRY,
     "container {container} is being deleted: create it anew"},
    {"ContainerDisabled", AZURE_RETRY, "container {container} is disabled: see Azure's portal"},
    {"ContainerAlreadyExists", AZURE_EXISTS, "container {container} exists"},
    {"BlobNotFound", AZURE_NO_BLOB, "there is no such blob"},
    {"ResourceNotFound", AZURE_NO_BLOB, "there is no such thing"},
    {"BlobAlreadyExists", AZURE_EXISTS, "the blob exists"},
    {"ConditionNotMet", AZURE_EXISTS, "the blob is another one meanwhile"},
    {"AuthorizationPermissionMismatch", AZURE_AUTH,
     "the SharedAccessSignature lacks a right: make one for the container with read, create, "
     "write, delete and list (sp=rcwdl)"},
    {"AuthorizationProtocolMismatch", AZURE_AUTH,
     "the SharedAccessSignature is for https only: use an https endpoint"},
    {"AuthorizationSourceIPMismatch", AZURE_AUTH,
     "the SharedAccessSignature is for other addresses than this host's: make one without them"},
    {"AuthorizationServiceMismatch", AZURE_AUTH,
     "the SharedAccessSignature is not for blobs: make one with ss=b and srt=co"},
    {"AuthorizationResourceTypeMismatch", AZURE_AUTH,
     "the SharedAccessSignature is not for containers and objects: make one with srt=co"},
    {"KeyBasedAuthenticationNotPermitted", AZURE_AUTH,
     "account {account} allows no keys: turn on \"Allow storage account key access\" in Azure's "
     "portal"},
    {"NoAuthenticationInformation", AZURE_AUTH, "{endpoint} wants a key: set AccountKey"},
    {"PublicAccessNotPermitted", AZURE_AUTH, "{endpoint} wants a key: set AccountKey"},
    {"AccountRequiresHttps", AZURE_AUTH,
     "account {account} allows https only: set DefaultEndpointsProtocol=https"},
    {"AccountIsDisabled", AZURE_AUTH, "account {account} is disabled: see Azure's portal"},
    {"InsufficientAccountPermissions", AZURE_AUTH,
     "account {account} does not allow this request: see its state in Azure's portal"},
    {"AccountBeingCreated", AZURE_RETRY, "account {account} is being created"},
    {"OutOfRangeInput", AZURE_PERMANENT, "a name has a wrong length: container {container}"},
    {"InvalidResourceName", AZURE_PERMANENT,
     "a name has a character that Azure does not allow: container {container}"},
    {"InvalidHeaderValue", AZURE_PERMANENT,
     "{endpoint} does not know version " AZURE_SIGN_VERSION " of the service: update the emulator"},
    {"ServerBusy", AZURE_RETRY, "account {account} is busy: Azure slows it down or is down"},
    {"InternalError", AZURE_RETRY, "{host} has an error of its own: see Azure's status page"},
    {"OperationTimedOut", AZURE_RETRY, "{host} did not manage it in time"},
    {"Md5Mismatch", AZURE_RETRY, "the bytes changed on their way"},
    {"InvalidBlockList", AZURE_RETRY, "blocks of the upload are gone: it begins anew"},
    {"InvalidBlobOrBlock", AZURE_RETRY, "blocks of the upload are gone: it begins anew"},
    {"LeaseIdMissing", AZURE_RETRY,
     "somebody has leased the blob: end the lease with `az storage blob lease break`"},
    {"RequestBodyTooLarge", AZURE_PERMANENT, "the file is too large for {host}"},
    {"BlobImmutableDueToPolicy", AZURE_PERMANENT,
     "a policy keeps the blobs of container {container} as they are: use a container without"},
};

#define S_REFUSED_KEY                                                                              \
    "the key of account {account} is refused: set key1 or key2 of this account from Azure's "      \
    "portal"
#define S_REFUSED_SAS                                                                              \
    "the SharedAccessSignature is refused, its key may have been renewed: make a new one"
#define S_NOT_ALLOWED_KEY                                                                          \
    "account {account} refuses the request: the key is wrong (an emulator says so), or its "       \
    "network rules do not allow this host"
#define S_NOT_ALLOWED_SAS                                                                          \
    "account {account} refuses the SharedAccessSignature: it has too few rights, or network rules" \
    " do not allow this host"


//  --- the sentence

//  What an operator calls the account.  A bare SharedAccessSignature does not name it: an
//  emulator's endpoint has it in its path, Azure's in its host.
static const char *
s_account (const azure_account_t *self)
{
    const char *authority = strstr (self->endpoint, "//");
    const char *path = authority ? strchr (authority + 2, '/') : NULL;
    return self->name [0] ? self->name : path ? path + 1 : self->host;
}

//  The value of a name in braces at text.
static const char *
s_value (const azure_account_t *account, const char *container, const char *text, size_t *ret_size)
{
    const struct {
        const char *name, *value;
    } values [] = {{"{account}", s_account (account)},
                   {"{container}", *container ? container : "?"},
                   {"{endpoint}", account->endpoint},
                   {"{host}", account->host}};
    for (size_t i = 0; i < sizeof values / sizeof values [0]; i++) {
        *ret_size = strlen (values [i].name);
        if (strncmp (text, values [i].name, *ret_size) == 0)
            return values [i].value;
    }
    return NULL;
}

//  Write "prefix: text" with its names filled in.
static void
s_expand (const azure_account_t *account, const char *container, const char *text,
          char ret_text [LIMIT_REASON_BYTES])
{
    size_t at = strlen (ret_text);
    while (*text && at < LIMIT_REASON_BYTES - 1) {
        size_t size = 0;
        const char *value = s_value (account, container, text, &size);
        if (!value) {
            ret_text [at++] = *text++;
            continue;
        }
        const int length = snprintf (ret_text + at, LIMIT_REASON_BYTES - at, "%s", value);
        at += (size_t) length;
        text += size;
    }
    ret_text [at < LIMIT_REASON_BYTES ? at : LIMIT_REASON_BYTES - 1] = 0;
    utf8_clean (ret_text);
}

//  Begin a sentence with the status and the code, if it is one.
static void
s_begin (const azure_answer_t *answer, char ret_text [LIMIT_REASON_BYTES])
{
    const size_t size =
        strspn (answer->code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    const bool code = size > 0 && size < S_CODE && !answer->code [size];
    snprintf (ret_text, LIMIT_REASON_BYTES, "%d%s%s: ", answer->status, code ? " " : "",
              code ? answer->code : "");
}


//  --- clocks

int
azure_error_skew (const char *date, int64_t now_ms, int64_t *ret_ahead_ms)
{
    struct tm tm = {0};
    const char *end = strptime (date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return ERR_PROTO;
    *ret_ahead_ms = now_ms - (int64_t) timegm (&tm) * 1000;
    return 0;
}

//  Do the clocks differ by more than Azure allows?  Then the sentence says so.
static bool
s_is_skewed (const azure_answer_t *answer, char ret_text [LIMIT_REASON_BYTES])
{
    int64_t ahead_ms = 0;
    char ours [CLK_TEXT], theirs [CLK_TEXT];
    if (azure_error_skew (answer->date, answer->now_ms, &ahead_ms) < 0
        || llabs (ahead_ms) <= S_SKEW_MS)
        return false;
    clk_text (answer->now_ms, ours, sizeof ours);
    clk_text (answer->now_ms - ahead_ms, theirs, sizeof theirs);
    const size_t size = strlen (ret_text);
    snprintf (ret_text + size, LIMIT_REASON_BYTES - size,
              "this host's clock is %" PRId64 " min %s the server's (here %.19sZ, there %.19sZ): "
              "set it, for example with `chronyc makestep`",
              (int64_t) llabs (ahead_ms) / S_MINUTE_MS, ahead_ms > 0 ? "ahead of" : "behind", ours,
              theirs);
    return true;
}

//  Has the SharedAccessSignature expired?  Then the sentence says so.
static bool
s_is_expired (const azure_account_t *account, const azure_answer_t *answer,
              char ret_text [LIMIT_REASON_BYTES])
{
    const char *at = strncmp (account->sas, "se=", 3) == 0 ? account->sas : NULL;
    const char *inner = strstr (account->sas, "&se=");
    at = at ? at + 3 : inner ? inner + 4 : "";
    char time [CLK_TEXT];
    size_t size = 0;
    for (; *at && *at != '&' && size < sizeof time - 1; size++) {
        const bool colon = strncasecmp (at, "%3A", 3) == 0;
        time [size] = (char) (colon ? ':' : *at);
        at += colon ? 3 : 1;
    }
    time [size] = 0;
    int64_t end_ms = 0;
    if (clk_parse (time, &end_ms) < 0 || end_ms > answer->now_ms)
        return false;
    const size_t used = strlen (ret_text);
    snprintf (ret_text + used, LIMIT_REASON_BYTES - used,
              "the SharedAccessSignature expired at %s: make a new one, for example with `az "
              "storage container generate-sas`",
              time);
    return true;
}


//  --- judging

static void
s_judge_transfer (const azure_account_t *account, const azure_answer_t *answer,
                  azure_error_t *ret_error)
{
    char *text = ret_error->text;
    ret_error->class = AZURE_RETRY;
    ret_error->unreached = answer->status == 0;
    if (strncmp (answer->reason, "Could not resolve host", 22) == 0)
        s_expand (account, "",
                  "there is no host {host}, or DNS does not work: is the account name {account} "
                  "right?",
                  text);
    else {
        s_expand (account, "", "{endpoint} does not answer: ", text);
        const size_t size = strlen (text);
        snprintf (text + size, LIMIT_REASON_BYTES - size, "%s",
                  answer->reason && *answer->reason ? answer->reason : err_str (answer->rc));
        utf8_clean (text);
    }
}

//  Is this a refusal that a clock, an expired signature or a wrong key explains?
static bool
s_judge_refusal (const azure_account_t *account, const char *container,
                 const azure_answer_t *answer, azure_error_t *ret_error)
{
    const bool failed = strcmp (answer->code, "AuthenticationFailed") == 0
                        || strcmp (answer->code, "InvalidAuthenticationInfo") == 0;
    const bool plain = answer->status == 401 || answer->status == 403;
    if (!failed && strcmp (answer->code, "AuthorizationFailure") != 0 && !(plain && !*answer->code))
        return false;
    const bool key = azure_account_signs (account);
    ret_error->class = AZURE_AUTH;
    if (s_is_skewed (answer, ret_error->text)
        || (!key && s_is_expired (account, answer, ret_error->text)))
        return true;
    if (failed)
        s_expand (account, container, key ? S_REFUSED_KEY : S_REFUSED_SAS, ret_error->text);
    else
        s_expand (account, container, key ? S_NOT_ALLOWED_KEY : S_NOT_ALLOWED_SAS, ret_error->text);
    return true;
}

//  By the status alone: no code, or one that we do not know.
static void
s_judge_status (const azure_account_t *account, const char *container, const azure_answer_t *answer,
                azure_error_t *ret_error)
{
    const int status = answer->status;
    const char *text = "{endpoint} is in trouble";
    ret_error->class = AZURE_RETRY;
    if (status == S_NO_ROOM)
        text = "the disk of {endpoint} is full: make room there";
    else if (status == 429)
        text = "{endpoint} wants fewer requests";
    else if (status == 401 || status == 403) {
        ret_error->class = AZURE_AUTH;
        text = "account {account} does not allow this request";
    }
    else if (status < 500 && status != 408) {
        ret_error->class = *answer->code ? AZURE_PERMANENT : AZURE_RETRY;
        text = *answer->code ? "{endpoint} refuses this request"
                             : "{endpoint} is no Blob service, or a proxy answers for it: is the "
                               "endpoint right?";
    }
    s_expand (account, container, text, ret_error->text);
}

static void
s_judge_code (const azure_account_t *account, const char *container, const azure_answer_t *answer,
              azure_error_t *ret_error)
{
    err_diag_t diag = {""};
    if (answer->status == S_NO_ROOM) {
        s_judge_status (account, container, answer, ret_error);
        return;
    }
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++) {
        if (strcmp (answer->code, s_rows [i].code) != 0)
            continue;
        ret_error->class = s_rows [i].class;
        const char *text = s_rows [i].text;
        if (ret_error->class == AZURE_PERMANENT && *container
            && azure_account_container (container, &diag) < 0)
            text = diag.text;
        s_expand (account, container, text, ret_error->text);
        return;
    }
    s_judge_status (account, container, answer, ret_error);
}

void
azure_error_judge (const azure_account_t *account, const char *container,
                   const azure_answer_t *answer, azure_error_t *ret_error)
{
    *ret_error = (azure_error_t){.class = AZURE_OK};
    const bool good = answer->status >= 200 && answer->status <= 299;
    if (answer->rc == 0 && good)
        return;
    if (answer->status == 0 || (answer->rc < 0 && good))
        s_judge_transfer (account, answer, ret_error);
    else {
        s_begin (answer, ret_error->text);
        if (!s_judge_refusal (account, container, answer, ret_error))
            s_judge_code (account, container, answer, ret_error);
    }
    if (ret_error->class == AZURE_RETRY)
        ret_error->retry_after_ms = answer->retry_after_ms;
}

const char *
azure_error_name (azure_class_t class)
{
    static const char *const names [] = {[AZURE_OK] = "ok",
                                         [AZURE_EXISTS] = "exists",
                                         [AZURE_NO_BLOB] = "no_blob",
                                         [AZURE_NO_CONTAINER] = "no_container",
                                         [AZURE_AUTH] = "auth",
                                         [AZURE_RETRY] = "retry",
                                         [AZURE_PERMANENT] = "permanent"};
    return names [class];
}
