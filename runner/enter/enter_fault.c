//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter_fault.h"

#include <stdio.h>
#include <string.h>

int
enter_fault (enter_fault_t *fault, const char *what, int number)
{
    snprintf (fault->text, sizeof fault->text, "%s%s%s", what, number ? ": " : "",
              number ? strerror (number) : "");
    return -1;
}
