/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_H
#define IASO_SIM_DISPLAY_H

#include "sim/machine.h"
#include "sim/options.h"

/*
 * The live view: a window that shows a machine while it runs (sim/display/display_model.h says
 * what), and takes keys. It looks at the machine between turns, a few times a second, and draws
 * what has changed. As long as nobody presses a key the run is the same as without it.
 *
 *   display_canvas.h  drawing        display_panes.h  what is drawn
 *   display_keys.h    keys           display_pilot.h  running, and what keys do
 */
struct display;

struct display_options {
    const struct options
        *run;            /* what was typed, for hints of how to do the same again; outlives it */
    const char *font;    /* file; NULL: an installed one */
    const char *picture; /* where the last frame is written to, as PNG; then the window closes when
                            the run is over. NULL: it stays until the person closes it */
    /* One line for the person's terminal. */
    void (*say)(void *opaque, const char *line);
    void *opaque;
};

/* Can such a picture be written there? To be asked before a run that may take hours. */
int display_check_picture(const char *path, struct error *err);

/* Opens the window. NULL and err where there is no display, or no font. */
struct display *display_open(const struct display_options *options, struct error *err);
void display_close(struct display *display);

/* As machine_run(); err also says why the picture could not be written. */
enum machine_end display_run(struct display *display, struct machine *machine, struct error *err);

#endif
