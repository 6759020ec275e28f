/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_panes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/lives.h"
#include "sim/text.h"

#define CELL      7  /* pixels of the map from one cell to the next */
#define FADE      14 /* frames until what was written looks as ever */
#define LEGEND    52
#define ROM_ROWS  8
#define TAIL_SIZE 16384

const struct display_sign display_signs[DISPLAY_SIGNS] = {
    {"untouched", 0x1c2431, 0},          {"volatile", 0x2d5f94, 0},
    {"non-volatile", 0x2a8f69, 0},       {"rom", 0x4d586b, 0},
    {"just written", COLOUR_WRITTEN, 0}, {"armed", 0x2d5f94, 0x8f78e0},
    {"precise", 0x2d5f94, 0xe0579f},
};

int display_label(struct canvas *canvas, enum canvas_font font, uint32_t colour, int x, int y,
                  int width, const char *what)
{
    const struct canvas_ink ink = {font, colour, COLOUR_PANE};
    return canvas_text(canvas, &ink, x, y, width, what, (int)strlen(what));
}

/* "256 MiB" */
static void print_size(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0;
    while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, size, "%" PRIu64 " %s", bytes, units[unit]);
}

/* ---- Status and keys ----------------------------------------------------------------------- */

/* A label and a value; returns the x behind both. */
static int item(struct canvas *canvas, int x, int y, int end, const char *label, const char *value)
{
    x = display_label(canvas, FONT_SMALL, COLOUR_DIM, x, y + 2, end - x, label);
    return display_label(canvas, FONT_PLAIN, COLOUR_TEXT, x + 5, y, end - x - 5, value) + 20;
}

static uint32_t standing_colour(const struct display_model *model)
{
    enum machine_end end = model->machine->end;
    if (end == END_NONE)
        return model->pilot.paused ? COLOUR_WARN : COLOUR_GOOD;
    return end == END_POWEROFF || end == END_EXPECTED || end == END_QUIT ? COLOUR_ACCENT
                                                                         : COLOUR_BAD;
}

static void draw_status(struct canvas *canvas, const struct display_rect *pane,
                        const struct display_model *model)
{
    const struct machine *machine = model->machine;
    struct cpu *hart = machine->harts[0];
    const char *slash = strrchr(machine->config->path, '/');
    char value[160], number[TEXT_GROUP_SIZE];
    int y = pane->y + (pane->h - canvas_line_height(canvas, FONT_PLAIN)) / 2;
    int end = pane->x + pane->w - 10;
    int x = display_label(canvas, FONT_BOLD, COLOUR_ACCENT, 12, y, 60, "iaso") + 12;
    x = display_label(canvas, FONT_PLAIN, COLOUR_TEXT, x, y, 220,
                      slash ? slash + 1 : machine->config->path) +
        16;
    const struct display_rect lamp = {x, y + 4, 8, 8};
    canvas_fill(canvas, &lamp, standing_colour(model));
    x = display_label(canvas, FONT_PLAIN, standing_colour(model), x + 14, y, 120,
                      display_model_standing(model)) +
        20;
    snprintf(value, sizeof value, "%.6f s",
             (double)clock_ns(&machine->clock, machine->clock.now) * 1e-9);
    x = item(canvas, x, y, end, "time", value);
    x = item(canvas, x, y, end, "instructions", text_group(machine_insns(machine), number));
    if (machine->lives) {
        snprintf(value, sizeof value, "%zu", lives_count(machine->lives));
        x = item(canvas, x, y, end, "life", value);
    }
    if (machine->end == END_NONE && !model->pilot.paused) {
        snprintf(value, sizeof value, model->pilot.mips < 10 ? "%.1f MIPS" : "%.0f MIPS",
                 model->pilot.mips);
        x = item(canvas, x, y, end, "host", value);
    }
    symbols_format(machine->symbols, hart->ops->pc(hart), value, sizeof value);
    item(canvas, x, y, end, "pc", value);
}

static const char *speed_name(double speed, char *out, size_t size)
{
    if (speed == 0)
        return "unlimited";
    snprintf(out, size, "%g x real time", speed);
    return out;
}

/* `works`: it can do something. */
static int key(struct canvas *canvas, int x, int y, int end, const char *name, const char *what,
               bool works)
{
    x = display_label(canvas, FONT_BOLD, works ? COLOUR_ACCENT : COLOUR_FAINT, x, y, end - x, name);
    return display_label(canvas, FONT_SMALL, works ? COLOUR_DIM : COLOUR_FAINT, x + 5, y + 2,
                         end - x - 5, what) +
           13;
}

/* Of a command that does something again the end says what; the terminal has all of it. */
static void draw_news(struct canvas *canvas, int x, int y, int end,
                      const struct display_pilot *pilot)
{
    static const char cut[] = "; again: ";
    uint32_t colour = canvas_blend(pilot->failed ? COLOUR_BAD : COLOUR_WARN, COLOUR_PANE,
                                   display_pilot_faded(pilot));
    const char *news = pilot->said, *at = strstr(news, cut);
    if (at && canvas_text_width(canvas, FONT_PLAIN, news) > end - x) {
        const struct canvas_ink ink = {FONT_PLAIN, colour, COLOUR_PANE};
        news = at + strlen(cut);
        x = canvas_text(canvas, &ink, x, y, end - x, pilot->said, (int)(news - pilot->said));
        x = display_label(canvas, FONT_PLAIN, colour, x, y, end - x, "... ");
        while (*news && canvas_text_width(canvas, FONT_PLAIN, news) > end - x)
            news++;
    }
    display_label(canvas, FONT_PLAIN, colour, x, y, end - x, news);
}

static void draw_keys(struct canvas *canvas, const struct display_rect *pane,
                      const struct display_model *model)
{
    const struct display_pilot *pilot = &model->pilot;
    int line = canvas_line_height(canvas, FONT_PLAIN), y = pane->y + (pane->h / 2 - line) / 2 + 2;
    int end = pane->x + pane->w - 10, x = 12;
    char speed[40], text_of_speed[60];
    snprintf(text_of_speed, sizeof text_of_speed, "speed: %s",
             speed_name(pilot->speed, speed, sizeof speed));
    if (model->keys.typing) {
        x = display_label(canvas, FONT_PLAIN, COLOUR_GOOD, x, y, end - x, "keys go to the guest") +
            16;
        x = key(canvas, x, y, end, "F1", "controls", true);
        x = key(canvas, x, y, end, "Ctrl-A", "and a key: one control", true);
    } else {
        x = key(canvas, x, y, end, "Space", pilot->paused ? "go on" : "pause", true);
        x = key(canvas, x, y, end, ".",
                model->machine->config->machine.cpu == CPU_RV64GC ? "step: a block"
                                                                  : "step: an instruction",
                true);
        x = key(canvas, x, y, end, "+ -", text_of_speed, true);
        x = key(canvas, x, y, end, "P", "power cut", model->machine->lives != NULL);
        x = key(canvas, x, y, end, "F", "fault", !pilot->why_not[0]);
        x = key(canvas, x, y, end, "S", "picture", true);
        x = key(canvas, x, y, end, "F1", "type to the guest", true);
        x = key(canvas, x, y, end, "Q", "quit", true);
    }
    if (pilot->said[0] && display_pilot_faded(pilot) < 256)
        draw_news(canvas, 12, y + line + 3, end, pilot);
}

/* ---- Console, frame buffer ----------------------------------------------------------------- */

static void draw_console(struct canvas *canvas, const struct display_rect *area,
                         struct display_model *model)
{
    const struct console *console = model->machine->console;
    struct display_text *grid = &model->text;
    uint8_t bytes[TAIL_SIZE];
    int width = canvas_advance(canvas, FONT_MONO, 'm'),
        height = canvas_line_height(canvas, FONT_MONO);
    unsigned columns = (unsigned)(area->w / width), rows = (unsigned)(area->h / height);
    if (columns == 0 || rows == 0 ||
        ((columns != grid->columns || rows != grid->rows) &&
         display_text_resize(grid, columns, rows)))
        return;
    display_text_show(grid, bytes, console_recent(console, bytes, sizeof bytes));
    const struct canvas_ink ink = {FONT_MONO, COLOUR_TEXT, COLOUR_PANE};
    for (unsigned row = 0; row < rows; row++)
        canvas_text(canvas, &ink, area->x, area->y + (int)row * height, area->w,
                    display_text_line(grid, row), (int)columns);
    const struct display_rect cursor = {area->x + (int)grid->column * width,
                                        area->y + (int)grid->row * height, width, height};
    canvas_fill(canvas, &cursor, model->keys.typing ? COLOUR_GOOD : COLOUR_FAINT);
}

static void draw_screen(struct canvas *canvas, const struct display_rect *pane,
                        const struct display_model *model)
{
    const struct framebuffer *screen = model->screen;
    const struct display_rect picture = display_picture(pane, screen->width, screen->height);
    canvas_picture(canvas, &picture, model->pixels, screen->width, screen->height);
}

/* ---- Memory -------------------------------------------------------------------------------- */

static uint32_t cell_colour(const struct display_cell_look *look)
{
    uint32_t colour = display_signs[look->kind].colour;
    if (look->age >= FADE)
        return colour;
    unsigned part = look->age * 256 / FADE;
    return part < 64 ? canvas_blend(COLOUR_WRITTEN, COLOUR_HEAT, part * 4)
                     : canvas_blend(COLOUR_HEAT, colour, (part - 64) * 256 / 192);
}

/* The right half of a cell says what state its page is in. */
static void draw_half(struct canvas *canvas, const struct display_rect *cell, uint32_t colour)
{
    const int left = cell->w / 2;
    const struct display_rect half = {cell->x + left, cell->y, cell->w - left, cell->h};
    if (colour)
        canvas_fill(canvas, &half, colour);
}

static void draw_cell(struct canvas *canvas, const struct display_rect *cell,
                      const struct display_cell_look *look)
{
    static const uint32_t signs[] = {
        [PAGE_OPEN] = 0, [PAGE_ARMED] = SIGN_ARMED, [PAGE_PRECISE] = SIGN_PRECISE};
    canvas_fill(canvas, cell, cell_colour(look));
    draw_half(canvas, cell, display_signs[signs[look->state]].half);
}

static void draw_region(struct canvas *canvas, const struct display_map *map,
                        const struct display_region *region, const struct display_rect *area)
{
    int label = canvas_line_height(canvas, FONT_SMALL) + 2;
    size_t columns = (size_t)(area->w / CELL), rows = (size_t)((area->h - label - 6) / CELL);
    size_t count = region->count;
    char size[32], title[120];
    print_size(region->region->size, size, sizeof size);
    snprintf(title, sizeof title, "%s  0x%" PRIx64 "  %s", region->region->name,
             region->region->base, size);
    display_label(canvas, FONT_SMALL, COLOUR_DIM, area->x, area->y, area->w, title);
    /* A few pages are drawn wide, so that they can be seen. */
    size_t wide = count < columns ? columns / count : 1;
    wide = wide > 4 ? 4 : wide;
    columns /= wide;
    if (count > rows * columns)
        count = rows * columns;
    for (size_t i = 0; i < count; i++) {
        const struct display_rect cell = {area->x + (int)(i % columns * wide) * CELL,
                                          area->y + label + (int)(i / columns) * CELL,
                                          (int)wide * CELL - 1, CELL - 1};
        const struct display_cell_look look = display_map_look(map, region, i, count);
        draw_cell(canvas, &cell, &look);
    }
}

/* Rows of cells that the region would like to have; nothing much happens in ROM. */
static size_t rows_wanted(const struct display_region *region, int width)
{
    size_t columns = (size_t)(width / CELL), rows = (region->count + columns - 1) / columns;
    return region->region->kind == REGION_ROM && rows > ROM_ROWS ? ROM_ROWS : rows;
}

static void draw_legend(struct canvas *canvas, const struct display_rect *pane)
{
    for (unsigned i = 0; i < DISPLAY_SIGNS; i++) {
        const struct display_rect swatch = display_swatch(pane, i);
        canvas_fill(canvas, &swatch, display_signs[i].colour);
        draw_half(canvas, &swatch, display_signs[i].half);
        display_label(canvas, FONT_SMALL, COLOUR_DIM, swatch.x + swatch.w + 6, swatch.y - 2, 100,
                      display_signs[i].name);
    }
}

/* Each region gets what it wants, if there is room; else large ones share what small ones leave. */
static void draw_map(struct canvas *canvas, const struct display_rect *pane,
                     const struct display_model *model)
{
    const struct display_map *map = &model->map;
    struct display_rect area = display_inside(pane);
    int label = canvas_line_height(canvas, FONT_SMALL) + 8, room = area.h - LEGEND;
    int rows = (room - label * (int)map->region_count) / CELL;
    draw_legend(canvas, pane);
    for (size_t i = 0; i < map->region_count; i++) {
        size_t wanted = rows_wanted(&map->regions[i], area.w), others = 0;
        for (size_t j = i + 1; j < map->region_count; j++)
            others += rows_wanted(&map->regions[j], area.w);
        int got = (int)wanted;
        if (rows < got + (int)others)
            got = (int)((size_t)(rows > 0 ? rows : 0) * wanted / (wanted + others));
        got = got < 1 ? 1 : got;
        area.h = label + got * CELL;
        if (area.y + area.h > pane->y + pane->h - LEGEND)
            return;
        draw_region(canvas, map, &map->regions[i], &area);
        area.y += area.h;
        rows -= got;
    }
}

/* ---- All ----------------------------------------------------------------------------------- */

static const char *const titles[PANES] = {
    [PANE_CONSOLE] = "console", [PANE_DOMAINS] = "recovery domains",
    [PANE_SUPPLY] = "power",    [PANE_SCREEN] = "frame buffer",
    [PANE_MAP] = "memory",
};

static void draw_frame(struct canvas *canvas, const struct display_rect *pane, const char *title,
                       bool focus)
{
    const struct display_rect inner = {pane->x + 1, pane->y + 1, pane->w - 2, pane->h - 2};
    canvas_fill(canvas, pane, focus ? COLOUR_GOOD : COLOUR_EDGE);
    canvas_fill(canvas, &inner, COLOUR_PANE);
    if (title)
        display_label(canvas, FONT_BOLD, COLOUR_DIM, pane->x + 10, pane->y + 6, pane->w - 20,
                      title);
}

void display_draw(struct canvas *canvas, const struct display_layout *layout,
                  enum display_pane pane, struct display_model *model)
{
    const struct display_rect *rect = &layout->panes[pane];
    if (rect->w <= 0 || rect->h <= 0)
        return;
    const struct display_rect inside = display_inside(rect);
    if (titles[pane])
        draw_frame(canvas, rect, titles[pane], pane == PANE_CONSOLE && model->keys.typing);
    else
        canvas_fill(canvas, rect, COLOUR_PANE);
    if (pane == PANE_STATUS)
        draw_status(canvas, rect, model);
    else if (pane == PANE_KEYS)
        draw_keys(canvas, rect, model);
    else if (pane == PANE_CONSOLE)
        draw_console(canvas, &inside, model);
    else if (pane == PANE_DOMAINS)
        display_draw_domains(canvas, &inside, model);
    else if (pane == PANE_SUPPLY)
        display_draw_supply(canvas, &inside, model);
    else if (pane == PANE_SCREEN)
        draw_screen(canvas, rect, model);
    else
        draw_map(canvas, rect, model);
}
