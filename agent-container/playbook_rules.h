//  playbook_rules - what the playbook agent knows about faults, as one table.
//
//  A rule fits when the fault type is its own (or it names none) and each of its needles stands
//  in the event's text, or in what the cluster says of states, conditions and events, case folded.
//  Rules are in order of preference: the first that fit come first in the report.
//  The words of a rule are general knowledge; the evidence is always quoted.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

enum { RULES_NEEDLES = 3, RULES_COMMANDS = 4 };

typedef struct {
    const char *fault_type; //  "CrashLoop", ..., "Event"; NULL: any
    const char *needles [RULES_NEEDLES];
    const char *confidence; //  HIGH: the event names the cause; MEDIUM, LOW
    const char *cause;      //  one sentence
    const char *why;        //  what the quoted text means
    //  %k kind, %n name, %s "-n namespace ", all quoted for a shell
    const char *commands [RULES_COMMANDS];
} rules_rule_t;

//  Ended by a rule whose cause is NULL.
extern const rules_rule_t rules_table [];
