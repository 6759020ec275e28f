/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_RIG_H
#define IASO_SIM_FAULTS_RIG_H

#include "sim/config.h"
#include "sim/machine.h"

/* A machine for a fault campaign, with a silent console whose texts of interest are noted. */
struct rig {
    struct config config; /* as the campaign's, but for what the rig is for */
    struct machine *machine;
    struct console *console;
    int from, until; /* notes, -1: none */
    int failed[CAMPAIGN_MAX_TEXTS], wrong[CAMPAIGN_MAX_TEXTS];
};

enum rig_purpose {
    RIG_PROFILE, /* with recovery, and a profile of the kernel's blocks */
    RIG_COUNT,   /* with recovery, and addresses to be counted at */
    RIG_ON,      /* faults are injected, with recovery */
    RIG_OFF,     /* without */
};

/* The machine has been started, but for RIG_COUNT. The config's strings must outlive it. On failure
 * nothing is left. */
int rig_open(struct rig *rig, const struct config *config, enum rig_purpose purpose,
             struct error *err);
void rig_close(struct rig *rig);

/* Was the text printed since the notes were forgotten? False without a note. */
bool rig_saw(const struct rig *rig, int note);

/* The texts of campaign.failed and campaign.wrong, together: where (console_bytes()) any of those
 * was printed first and last, 0: never. */
struct rig_texts {
    uint64_t failed, wrong; /* first */
    uint64_t last;          /* of either */
};
struct rig_texts rig_texts(const struct rig *rig);

/* Did it end as the config expects? NULL, or what is wrong; `text` is for keeping that. */
const char *rig_verdict(const struct rig *rig, char *text, size_t size);

#endif
