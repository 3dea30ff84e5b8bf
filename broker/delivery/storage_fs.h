//  storage_fs - the filesystem as storage: the incident's folder made complete, result.json last.
//
//  Idempotent: doing it again after a crash at any place gives the same folder.  The winner's files
//  move up from attempts/<n>/ to output/ and logs/; of an incident that failed, the last attempt's
//  do when upload_failed is set, else they stay where they are.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/poison.h"
#include "broker/base/settings.h"
#include "broker/store/store.h"

//  poison: of this thread, NULL = none (artifact_report).  Err: STEP_EFFECT_RETRY with the reason
//  in ret_error (LIMIT_REASON_BYTES); STEP_EFFECT_PERMANENT when there is no such incident.
step_effect_result_t
storage_fs_save (store_reader_t *reader, poison_t *poison, const settings_t *settings,
                 const char *incident, char *ret_error);
