/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_REPORT_H
#define IASO_SIM_FAULTS_REPORT_H

#include "sim/campaign/campaign.h"

/* What the database of a fault campaign calls its plan (fault_plan_print()), and its rounds. */
#define FAULTS_PLAN         "plan"
#define FAULTS_ROUND(mode_) ((unsigned)(mode_) + 1)

extern const struct campaign_kind faults_kind;

#endif
