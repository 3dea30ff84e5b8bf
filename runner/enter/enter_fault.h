//  enter_fault - why a step of enter failed, in one line.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

typedef struct {
    char text [256];
} enter_fault_t;

//  Write "what: text of errno", or "what" when number is 0.  Returns -1.
int
enter_fault (enter_fault_t *fault, const char *what, int number);
