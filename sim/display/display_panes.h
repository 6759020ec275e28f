/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_PANES_H
#define IASO_SIM_DISPLAY_PANES_H

#include "sim/display/display_canvas.h"
#include "sim/display/display_layout.h"
#include "sim/display/display_model.h"

/* Draws panes of the live view. The model is not changed but for its text, which gets the size of
 * its pane. */
void display_draw(struct canvas *canvas, const struct display_layout *layout,
                  enum display_pane pane, struct display_model *model);

/* display_panes_time.c: those with virtual time from left to right, within a rectangle. */
void display_draw_domains(struct canvas *canvas, const struct display_rect *area,
                          const struct display_model *model);
void display_draw_supply(struct canvas *canvas, const struct display_rect *area,
                         const struct display_model *model);

/* canvas_text() on the ground of panes. */
int display_label(struct canvas *canvas, enum canvas_font font, uint32_t colour, int x, int y,
                  int width, const char *what);

/* The map's legend: first what memory is, by enum display_cell; then what has happened to it. The
 * half stands for a page's state, whatever the page is. */
enum {
    SIGN_WRITTEN = CELL_KINDS,
    SIGN_ARMED,
    SIGN_PRECISE,
    DISPLAY_SIGNS,
};
extern const struct display_sign {
    const char *name;
    uint32_t colour, half; /* half 0: none */
} display_signs[DISPLAY_SIGNS];

#define COLOUR_BACK    0x0b0e14u
#define COLOUR_PANE    0x131822u
#define COLOUR_EDGE    0x222a38u
#define COLOUR_TEXT    0xd6deebu
#define COLOUR_DIM     0x7f8ea3u
#define COLOUR_FAINT   0x3a4558u
#define COLOUR_ACCENT  0x5ccfe6u
#define COLOUR_GOOD    0x7fd962u
#define COLOUR_BAD     0xff6b6bu
#define COLOUR_WARN    0xffb454u
#define COLOUR_WRITTEN 0xfff1a8u /* just now; fades to HEAT, then to what the page is */
#define COLOUR_HEAT    0xff7733u

#endif
