//  choice - what an operator's command of the simulator is about.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/peers.h"

//  NULL: there is none.  Own: borrowed.
const row_incident_t *
choice_open_incident (peers_t *peers, const disk_t *disk);
//  Any incident with rows, in memory or not, from the oldest or the newest.
const row_incident_t *
choice_incident (peers_t *peers, const disk_t *disk);
//  An effect that is dead or not yet done.
const row_effect_t *
choice_effect (peers_t *peers, const disk_t *disk);
