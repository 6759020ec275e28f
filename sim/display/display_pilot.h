/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_PILOT_H
#define IASO_SIM_DISPLAY_PILOT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine.h"
#include "sim/options.h"

/*
 * Runs a machine in pieces, at a speed, and lets a person intervene between them. In pieces it runs
 * as it would in one, so without interventions nothing differs; and what intervenes says how the
 * config does the same, so that the run can be repeated.
 */
struct display_pilot {
    struct machine *machine;
    const struct options *run; /* what was typed */
    bool paused;
    double speed;     /* virtual time by real time; 0: as fast as it goes */
    double mips;      /* instructions per microsecond of the host's time, lately */
    char said[4000];  /* the latest news, for the person; "" if there are none */
    uint64_t said_ms; /* when; host's time */
    bool failed;      /* it was bad news */

    /* The next ones are the pilot's own. */
    uint64_t piece; /* instructions that take about as long as a piece should */
    uint64_t deadline;
    struct {
        uint64_t ticks, ms; /* when the machine's clock and the host's agreed */
        bool set;
    } pace;
    struct inject_policy policy; /* of the fault that was last injected */
    enum inject_kind kind;       /* of faults */
    bool strikes;                /* a fault was asked for, and waits for a place */
    unsigned inside;
    char why_not[200]; /* faults cannot be injected; "" if they can */
};

/* Before the machine is started. All stay where they are. */
void display_pilot_init(struct display_pilot *pilot, struct machine *machine,
                        const struct options *run);

/* Runs for up to `ms` of the host's time, as speed and pauses allow; fails as machine_go(). */
enum machine_end display_pilot_run(struct display_pilot *pilot, unsigned ms, struct error *err);

enum machine_end display_pilot_step(struct display_pilot *pilot, struct error *err);
/* The next one of display_speeds, up (`by` > 0) or down. */
void display_pilot_speed(struct display_pilot *pilot, int by);
void display_pilot_pause(struct display_pilot *pilot);

/* Power fails now; a fault strikes in the next request. What becomes of it is in `said`. */
void display_pilot_cut(struct display_pilot *pilot);
void display_pilot_fault(struct display_pilot *pilot);

/* Puts news into `said`. */
void display_pilot_say(struct display_pilot *pilot, bool failed, const char *text);

/* How much of them has faded: 0 to 256, that is all. */
unsigned display_pilot_faded(const struct display_pilot *pilot);

/* Milliseconds of the host's monotonic clock. */
uint64_t display_pilot_ms(void);

#endif
