/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_LAYOUT_H
#define IASO_SIM_DISPLAY_LAYOUT_H

#include <stdbool.h>

/* Where things are in the window, in pixels. */
enum display_pane {
    PANE_STATUS,
    PANE_CONSOLE,
    PANE_DOMAINS, /* threads and their recovery domains */
    PANE_SUPPLY,  /* lives, and the supply's voltage */
    PANE_SCREEN,  /* the guest's frame buffer */
    PANE_MAP,     /* guest memory */
    PANE_KEYS,
    PANES,
};

#define DISPLAY_WIDTH  1280
#define DISPLAY_HEIGHT 800
#define DISPLAY_LEAST  480 /* of either */

struct display_rect {
    int x, y, w, h; /* w 0: not there */
};

/* What there is to show, beside the rest. */
struct display_has {
    bool domains, power, supply; /* `power`: it can fail; `supply`: there is a voltage, too */
    unsigned screen_width, screen_height; /* 0: no frame buffer */
};

struct display_layout {
    struct display_rect panes[PANES];
};

void display_layout(struct display_layout *layout, int width, int height,
                    const struct display_has *has);

/* What is left of a pane below its title. */
struct display_rect display_inside(const struct display_rect *pane);

/* Where the frame buffer's picture is in its pane: as large as fits. */
struct display_rect display_picture(const struct display_rect *pane, unsigned width,
                                    unsigned height);

/* The nth swatch of the map's legend. */
struct display_rect display_swatch(const struct display_rect *pane, unsigned n);

/* The speeds that + and - walk through: virtual time by real time; 0: as fast as it goes. */
#define DISPLAY_SPEEDS 9
extern const double display_speeds[DISPLAY_SPEEDS];

#endif
