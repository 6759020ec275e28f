/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_canvas.h"

#include <SDL.h>
#include <SDL_ttf.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/text.h"

#define FIRST_GLYPH ' '
#define GLYPHS      95 /* printable ASCII */
#define STYLES      48

/* Where the package fonts-dejavu-core and its like put them: Debian, Fedora, Arch, others. */
static const char *const folders[] = {
    "/usr/share/fonts/truetype/dejavu",
    "/usr/share/fonts/dejavu-sans-mono-fonts",
    "/usr/share/fonts/dejavu-sans-fonts",
    "/usr/share/fonts/TTF",
    "/usr/share/fonts/dejavu",
};

static const struct {
    const char *file;
    int size; /* pixels */
} fonts[FONTS] = {
    [FONT_MONO] = {"DejaVuSansMono.ttf", 12},
    [FONT_SMALL] = {"DejaVuSans.ttf", 11},
    [FONT_PLAIN] = {"DejaVuSans.ttf", 13},
    [FONT_BOLD] = {"DejaVuSans-Bold.ttf", 13},
};

/* Glyphs of one font in one colour on another. */
struct style {
    struct canvas_ink ink;
    bool used;
    SDL_Surface *glyphs[GLYPHS];
};

struct canvas {
    SDL_Surface *surface;
    TTF_Font *fonts[FONTS];
    int advance[FONTS][GLYPHS];
    int height[FONTS]; /* of glyphs: hinting makes some reach further than the font says */
    struct style styles[STYLES];
    unsigned next_style; /* to be forgotten when there are too many */
};

/* ---- Fonts --------------------------------------------------------------------------------- */

static TTF_Font *open_font(const char *file, enum canvas_font font, struct error *err)
{
    char path[200], quoted[100];
    if (file) {
        TTF_Font *found = TTF_OpenFont(file, fonts[font].size);
        if (!found)
            error_set(err, "display.font: cannot use %s: %s",
                      text_quote(file, quoted, sizeof quoted), TTF_GetError());
        return found;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", folders[i], fonts[font].file);
        if (access(path, R_OK) == 0)
            return open_font(path, font, err);
    }
    error_set(err,
              "--display: no font: expected %s in %s (package fonts-dejavu-core), or the file of "
              "another font in display.font",
              fonts[font].file, folders[0]);
    return NULL;
}

static int measure(struct canvas *canvas, int font, struct error *err)
{
    char all[GLYPHS + 1] = "";
    for (int i = 0; i < GLYPHS; i++) {
        all[i] = (char)(FIRST_GLYPH + i);
        if (TTF_GlyphMetrics(canvas->fonts[font], (Uint16)all[i], NULL, NULL, NULL, NULL,
                             &canvas->advance[font][i]))
            return error_set(err, "--display: the font lacks '%c'", all[i]);
    }
    if (TTF_SizeText(canvas->fonts[font], all, NULL, &canvas->height[font]))
        return error_set(err, "--display: %s", TTF_GetError());
    return 0;
}

static int load_fonts(struct canvas *canvas, const char *file, struct error *err)
{
    for (int font = 0; font < FONTS; font++) {
        canvas->fonts[font] = open_font(file, (enum canvas_font)font, err);
        if (!canvas->fonts[font] || measure(canvas, font, err))
            return -1;
    }
    return 0;
}

struct canvas *canvas_new(const char *font, struct error *err)
{
    struct canvas *canvas = calloc(1, sizeof *canvas);
    if (!canvas || TTF_Init()) {
        free(canvas);
        error_set(err, "--display: %s", canvas ? TTF_GetError() : "out of memory");
        return NULL;
    }
    if (!load_fonts(canvas, font, err))
        return canvas;
    canvas_free(canvas);
    return NULL;
}

static void forget(struct style *style)
{
    for (int i = 0; i < GLYPHS; i++)
        SDL_FreeSurface(style->glyphs[i]);
    *style = (struct style){0};
}

void canvas_free(struct canvas *canvas)
{
    if (!canvas)
        return;
    for (int i = 0; i < STYLES; i++)
        forget(&canvas->styles[i]);
    for (int i = 0; i < FONTS; i++)
        if (canvas->fonts[i])
            TTF_CloseFont(canvas->fonts[i]);
    SDL_FreeSurface(canvas->surface);
    TTF_Quit();
    free(canvas);
}

int canvas_resize(struct canvas *canvas, int width, int height, struct error *err)
{
    SDL_Surface *surface =
        SDL_CreateRGBSurfaceWithFormat(0, width, height, 32, SDL_PIXELFORMAT_RGB888);
    if (!surface)
        return error_set(err, "--display: %s", SDL_GetError());
    SDL_FreeSurface(canvas->surface);
    canvas->surface = surface;
    return 0;
}

SDL_Surface *canvas_surface(const struct canvas *canvas)
{
    return canvas->surface;
}

/* ---- Text ---------------------------------------------------------------------------------- */

static struct style *style_of(struct canvas *canvas, const struct canvas_ink *ink)
{
    for (int i = 0; i < STYLES; i++)
        if (canvas->styles[i].used && !memcmp(&canvas->styles[i].ink, ink, sizeof *ink))
            return &canvas->styles[i];
    struct style *style = &canvas->styles[canvas->next_style++ % STYLES];
    forget(style);
    style->ink = *ink;
    style->used = true;
    return style;
}

static SDL_Color rgb(uint32_t colour)
{
    return (SDL_Color){(Uint8)(colour >> 16), (Uint8)(colour >> 8), (Uint8)colour, 255};
}

/* In the canvas' own format, so that drawing one is copying it. */
static SDL_Surface *glyph_of(struct canvas *canvas, struct style *style, int index)
{
    if (!style->glyphs[index]) {
        SDL_Surface *shaded =
            TTF_RenderGlyph_Shaded(canvas->fonts[style->ink.font], (Uint16)(FIRST_GLYPH + index),
                                   rgb(style->ink.colour), rgb(style->ink.ground));
        if (shaded)
            style->glyphs[index] = SDL_ConvertSurface(shaded, canvas->surface->format, 0);
        SDL_FreeSurface(shaded);
    }
    return style->glyphs[index];
}

static int index_of(char c)
{
    return (c >= FIRST_GLYPH && c < FIRST_GLYPH + GLYPHS ? c : '?') - FIRST_GLYPH;
}

int canvas_advance(const struct canvas *canvas, enum canvas_font font, char c)
{
    return canvas->advance[font][index_of(c)];
}

int canvas_line_height(const struct canvas *canvas, enum canvas_font font)
{
    return canvas->height[font];
}

int canvas_text_width(const struct canvas *canvas, enum canvas_font font, const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += canvas_advance(canvas, font, *text);
    return width;
}

/* How many of the characters have room. */
static int fitting(const struct canvas *canvas, enum canvas_font font, int width, const char *text,
                   int length)
{
    int count = 0;
    for (; count < length && text[count]; count++) {
        width -= canvas_advance(canvas, font, text[count]);
        if (width < 0)
            break;
    }
    return count;
}

static int draw(struct canvas *canvas, struct style *style, int x, int y, const char *text,
                int length)
{
    for (int i = 0; i < length; i++) {
        int index = index_of(text[i]);
        SDL_Surface *glyph = text[i] == ' ' ? NULL : glyph_of(canvas, style, index);
        SDL_Rect to = {x, y, 0, 0};
        if (glyph)
            SDL_BlitSurface(glyph, NULL, canvas->surface, &to);
        x += canvas->advance[style->ink.font][index];
    }
    return x;
}

int canvas_text(struct canvas *canvas, const struct canvas_ink *ink, int x, int y, int width,
                const char *text, int length)
{
    static const char dots[] = "...";
    struct style *style = style_of(canvas, ink);
    int all = (int)strnlen(text, (size_t)length);
    int count = fitting(canvas, ink->font, width, text, all);
    if (count == all)
        return draw(canvas, style, x, y, text, count);
    int end = canvas_text_width(canvas, ink->font, dots);
    if (width < end)
        return x;
    count = fitting(canvas, ink->font, width - end, text, all);
    return draw(canvas, style, draw(canvas, style, x, y, text, count), y, dots, 3);
}

/* ---- Shapes -------------------------------------------------------------------------------- */

void canvas_fill(struct canvas *canvas, const struct display_rect *rect, uint32_t colour)
{
    const SDL_Rect area = {rect->x, rect->y, rect->w, rect->h};
    if (rect->w > 0 && rect->h > 0)
        SDL_FillRect(canvas->surface, &area, colour);
}

void canvas_line(struct canvas *canvas, int x0, int y0, int x1, int y1, uint32_t colour)
{
    const SDL_Rect *clip = &canvas->surface->clip_rect;
    if (!SDL_IntersectRectAndLine(clip, &x0, &y0, &x1, &y1))
        return;
    int dx = abs(x1 - x0), dy = abs(y1 - y0), steps = dx > dy ? dx : dy;
    for (int i = 0; i <= steps; i++) {
        int x = x0 + (steps ? (x1 - x0) * i / steps : 0);
        int y = y0 + (steps ? (y1 - y0) * i / steps : 0);
        uint32_t *line = (uint32_t *)((uint8_t *)canvas->surface->pixels +
                                      (size_t)y * (size_t)canvas->surface->pitch);
        line[x] = colour;
    }
}

void canvas_picture(struct canvas *canvas, const struct display_rect *rect, const uint32_t *pixels,
                    unsigned width, unsigned height)
{
    SDL_Surface *picture =
        SDL_CreateRGBSurfaceWithFormatFrom((void *)(uintptr_t)pixels, (int)width, (int)height, 32,
                                           4 * (int)width, SDL_PIXELFORMAT_RGB888);
    SDL_Rect area = {rect->x, rect->y, rect->w, rect->h};
    const SDL_Rect all = {0, 0, (int)width, (int)height};
    if (picture && rect->w % (int)width == 0)
        SDL_BlitScaled(picture, NULL, canvas->surface, &area);
    else if (picture) /* pixels of unequal size would look worse */
        SDL_SoftStretchLinear(picture, &all, canvas->surface, &area);
    SDL_FreeSurface(picture);
}

uint32_t canvas_blend(uint32_t first, uint32_t second, unsigned part)
{
    uint32_t mixed = 0;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        uint32_t a = first >> shift & 0xff, b = second >> shift & 0xff;
        mixed |= ((a * (256 - part) + b * part) >> 8) << shift;
    }
    return mixed;
}

int canvas_save(const struct canvas *canvas, const char *path, struct error *err)
{
    char quoted[100];
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)canvas->surface->w,
                       .height = (png_uint_32)canvas->surface->h,
                       .format = PNG_FORMAT_RGB};
    SDL_Surface *bytes = SDL_ConvertSurfaceFormat(canvas->surface, SDL_PIXELFORMAT_RGB24, 0);
    int written =
        bytes && png_image_write_to_file(&image, path, 0, bytes->pixels, bytes->pitch, NULL);
    SDL_FreeSurface(bytes);
    return written ? 0
                   : error_set(err, "cannot write the picture %s: %s",
                               text_quote(path, quoted, sizeof quoted), image.message);
}
