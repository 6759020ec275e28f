/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_CANVAS_H
#define IASO_SIM_DISPLAY_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/error.h"
#include "sim/display/display_layout.h"

/*
 * A picture in memory to draw into, with SDL's surfaces and SDL_ttf's glyphs; SDL's video must be
 * initialised. Colours are 0xRRGGBB, coordinates are pixels; what lies outside is clipped. Glyphs
 * are rendered once for each pair of colours and then copied.
 */
struct canvas;
struct SDL_Surface;

enum canvas_font {
    FONT_MONO,  /* for the guest's console */
    FONT_SMALL, /* labels */
    FONT_PLAIN,
    FONT_BOLD,
    FONTS,
};

/* `font` is a file for all kinds of text; NULL: DejaVu, where distributions install it. */
struct canvas *canvas_new(const char *font, struct error *err);
void canvas_free(struct canvas *canvas);

/* Makes it that large. */
int canvas_resize(struct canvas *canvas, int width, int height, struct error *err);
struct SDL_Surface *canvas_surface(const struct canvas *canvas);

/* Height of a line; width of a character, of FONT_MONO of all. */
int canvas_line_height(const struct canvas *canvas, enum canvas_font font);
int canvas_advance(const struct canvas *canvas, enum canvas_font font, char c);

void canvas_fill(struct canvas *canvas, const struct display_rect *rect, uint32_t colour);
/* From corner to corner. */
void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, uint32_t colour);

struct canvas_ink {
    enum canvas_font font;
    uint32_t colour, ground;
};

/* Draws at most `length` characters, up to a NUL, and as many as `width` has room for (the last
 * that fits becomes "..." where some are left out). What is not printable ASCII becomes '?'.
 * Returns the x behind it. */
int canvas_text(struct canvas *canvas, const struct canvas_ink *ink, int x, int y, int width,
                const char *text, int length);
int canvas_text_width(const struct canvas *canvas, enum canvas_font font, const char *text);

/* Scales a picture of 0xffRRGGBB into the rectangle. */
void canvas_picture(struct canvas *canvas, const struct display_rect *rect, const uint32_t *pixels,
                    unsigned width, unsigned height);

/* Writes all of it as a PNG file. */
int canvas_save(const struct canvas *canvas, const char *path, struct error *err);

/* Between two colours: `part` of 256 of the second. */
uint32_t canvas_blend(uint32_t first, uint32_t second, unsigned part);

#endif
