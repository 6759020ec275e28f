/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_MODEL_H
#define IASO_SIM_DISPLAY_MODEL_H

#include "sim/display/display_domains.h"
#include "sim/display/display_keys.h"
#include "sim/display/display_layout.h"
#include "sim/display/display_map.h"
#include "sim/display/display_pilot.h"
#include "sim/display/display_text.h"
#include "sim/machine.h"

/*
 * What the live view shows of a machine, gathered between turns. It reads, and listens; nothing
 * that the guest can see depends on it.
 */
struct display_model {
    struct machine *machine;
    struct display_pilot pilot;
    struct display_keys keys;
    struct display_map map;
    struct display_domains domains;
    struct display_text text;

    const struct framebuffer *screen; /* the first one; NULL: none */
    uint8_t *seen;                    /* its memory, as it was last looked at */
    uint32_t *pixels;                 /* its picture then */
    uint64_t pictures;                /* how often it had changed */

    uint64_t frames; /* how often the machine had gone on when it was looked at */
    uint64_t insns, tick;
};

/* Before the machine is started, with its console attached; both outlive it. */
struct display_model *display_model_new(struct machine *machine, const struct options *run,
                                        struct error *err);
void display_model_free(struct display_model *model);

struct display_has display_model_has(const struct display_model *model);

/* Looks at the machine. */
void display_model_step(struct display_model *model);

/* Equal numbers, equal looks of the pane. */
uint64_t display_model_look(const struct display_model *model, enum display_pane pane);

/* "running", "paused", or how it ended. */
const char *display_model_standing(const struct display_model *model);

#endif
