//  playbook_rules - what the playbook agent knows about faults, as one table.
//
//  A rule matches when the fault type is its own (or it names none) and each of its needles is
//  found.  Needles are searched, case folded, in the event's text, or in the states, conditions and
//  events that kubectl shows.
//  Rules are in order of preference: the first matches come first in the report.  A rule's words
//  are general knowledge; the evidence is always quoted.
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
