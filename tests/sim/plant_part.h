//  plant_part - which bugs of plant_class.c are active.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

extern bool plant_charge_returned, plant_no_wait, plant_no_end, plant_count_twice,
    plant_no_hold_worker, plant_many_probes, plant_left_behind, plant_no_waiting,
    plant_forget_posts, plant_no_change, plant_jump;
