/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <SDL.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "devices/framebuffer.h"
#include "sim/display/display_canvas.h"
#include "sim/display/display_keys.h"
#include "sim/display/display_map.h"
#include "sim/display/display_panes.h"
#include "sim/display/display_pilot.h"
#include "sim/display/display_text.h"

static void expect_line(const struct display_text *text, unsigned row, const char *line)
{
    cr_expect_eq(memcmp(display_text_line(text, row), line, text->columns), 0, "row %u: \"%.*s\"",
                 row, (int)text->columns, display_text_line(text, row));
}

static void show(struct display_text *text, const char *bytes)
{
    display_text_show(text, (const uint8_t *)bytes, strlen(bytes));
}

Test(display, text_wraps_scrolls_and_obeys_controls)
{
    struct display_text text = {0};
    cr_assert_eq(display_text_resize(&text, 6, 3), 0);
    show(&text, "abcdefgh\nxy\rz");
    expect_line(&text, 0, "abcdef");
    expect_line(&text, 1, "gh    ");
    expect_line(&text, 2, "zy    ");
    show(&text, "1\r\n2\r\n3\r\n4");
    expect_line(&text, 0, "2     ");
    expect_line(&text, 2, "4     ");
    show(&text, "\033[1;31mred\033[0m\b\bE\tx\tyz\xc3\xa9");
    expect_line(&text, 0, "rEd  x");
    expect_line(&text, 1, "yz?   ");
    show(&text, "abc\033[2D\033[K\033[");
    expect_line(&text, 0, "a     ");
    show(&text, "abc\nd\033[2Jq");
    expect_line(&text, 0, "q     ");
    display_text_free(&text);
}

static enum display_order take(struct display_keys *keys, int key, const char *typed)
{
    uint8_t bytes[DISPLAY_KEY_BYTES];
    size_t count;
    enum display_order order = display_keys_take(keys, key, bytes, &count);
    cr_expect(count == strlen(typed) && !memcmp(bytes, typed, count), "key %d", key);
    return order;
}

Test(display, keys_go_to_the_controls_or_to_the_guest)
{
    struct display_keys keys = {0};
    cr_expect_eq(take(&keys, 'p', ""), ORDER_CUT);
    cr_expect_eq(take(&keys, KEY_UP, ""), ORDER_NONE);
    cr_expect_eq(take(&keys, KEY_FOCUS, ""), ORDER_FOCUS);
    cr_expect_eq(take(&keys, 'p', "p"), ORDER_NONE);
    cr_expect_eq(take(&keys, KEY_DELETE, "\033[3~"), ORDER_NONE);
    cr_expect_eq(take(&keys, 1, ""), ORDER_NONE);
    cr_expect_eq(take(&keys, 'p', ""), ORDER_CUT);
    cr_expect_eq(take(&keys, 1, ""), ORDER_NONE);
    cr_expect_eq(take(&keys, 1, "\001"), ORDER_NONE);
    cr_expect_eq(take(&keys, KEY_FOCUS, ""), ORDER_FOCUS);
    cr_expect_eq(take(&keys, 'f', ""), ORDER_FAULT);
}

Test(display, map_knows_what_was_written)
{
    struct error err = {""};
    struct memory *mem = memory_new(12);
    struct display_map map;
    cr_assert_eq(memory_add(mem, "ram", 0x80000000, 0x10000, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "nvm", 0x90000000, 0x10000, REGION_RAM, true, &err), 0);
    cr_assert_eq(display_map_init(&map, mem, true, &err), 0);
    display_map_step(&map);
    cr_assert_eq(memory_write(mem, 0x80002345, "x", 1), 0);
    cr_assert_eq(memory_write(mem, 0x9000f000, "x", 1), 0);
    const struct display_region *ram = &map.regions[0], *nvm = &map.regions[1];
    cr_expect_eq(display_map_look(&map, ram, 2, 16).age, 0);
    cr_expect_eq(display_map_look(&map, ram, 2, 16).kind, CELL_VOLATILE);
    cr_expect_eq(display_map_look(&map, ram, 3, 16).kind, CELL_UNTOUCHED);
    cr_expect_eq(display_map_look(&map, nvm, 1, 2).kind, CELL_NONVOLATILE);
    cr_expect_eq(display_map_look(&map, nvm, 1, 2).age, 0);
    display_map_step(&map);
    cr_expect_eq(display_map_look(&map, ram, 2, 16).age, 1);
    cr_assert_eq(memory_write(mem, 0x80002346, "y", 1), 0);
    cr_expect_eq(display_map_look(&map, ram, 2, 16).age, 0, "a page is armed anew each frame");
    memory_set_state(mem, 0x80004000, 0x1000, PAGE_PRECISE);
    display_map_step(&map);
    cr_expect_eq(display_map_look(&map, ram, 4, 16).state, PAGE_PRECISE);
    display_map_free(&map);
    memory_free(mem);
}

Test(display, frame_buffers_are_read_in_each_format)
{
    static const uint8_t bytes[] = {0x1f, 0xf8, 0xe0, 0x07, 0x12, 0x34, 0x56, 0x78};
    static const uint32_t expected[][2] = {[FRAMEBUFFER_R5G6B5] = {0xffff00ff, 0xff00ff00},
                                           [FRAMEBUFFER_X8R8G8B8] = {0xffe0f81f, 0xff563412},
                                           [FRAMEBUFFER_A8B8G8R8] = {0xff1ff8e0, 0xff123456}};
    struct error err = {""};
    for (int format = 0; format < 3; format++) {
        struct framebuffer screen = {0x1000, format ? 1 : 2, 2, 4, format};
        struct memory *mem = memory_new(12);
        uint32_t pixels[4];
        cr_assert_eq(framebuffer_add(mem, "screen", &screen, &err), 0, "%s", err.text);
        cr_expect_eq(framebuffer_size(&screen), 4096);
        cr_assert_eq(memory_write(mem, 0x1000, bytes, sizeof bytes), 0);
        framebuffer_read(mem, &screen, pixels);
        cr_expect(pixels[0] == expected[format][0] && pixels[1] == expected[format][1],
                  "format %d: %x %x", format, pixels[0], pixels[1]);
        memory_free(mem);
    }
}

/* Pixels of the first picture that are not `ground`, and differ in the second. */
static size_t count_lost(const uint32_t *before, const uint32_t *after, size_t count,
                         uint32_t ground)
{
    size_t lost = 0;
    for (size_t i = 0; i < count; i++)
        lost += before[i] != ground && before[i] != after[i];
    return lost;
}

/* Rows right below each other, as the console has them. */
Test(display, lines_of_text_leave_each_other_alone)
{
    enum {
        WIDTH = 256,
        HEIGHT = 60
    };
    static const char upper[] = "irq_enter_rcu gpqy";
    const struct display_rect all = {0, 0, WIDTH, HEIGHT};
    struct error err = {""};
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    cr_assert_eq(SDL_Init(SDL_INIT_VIDEO), 0);
    struct canvas *canvas = canvas_new(NULL, &err);
    cr_assert(canvas && !canvas_resize(canvas, WIDTH, HEIGHT, &err), "%s", err.text);
    const SDL_Surface *surface = canvas_surface(canvas);
    cr_assert_eq(surface->pitch, WIDTH * 4);
    uint32_t *before = malloc(WIDTH * HEIGHT * 4);
    cr_assert_not_null(before);
    for (enum canvas_font font = 0; font < FONTS; font++) {
        const struct canvas_ink ink = {font, COLOUR_TEXT, COLOUR_PANE};
        int height = canvas_line_height(canvas, font);
        canvas_fill(canvas, &all, COLOUR_PANE);
        canvas_text(canvas, &ink, 0, 0, WIDTH, upper, sizeof upper);
        memcpy(before, surface->pixels, WIDTH * HEIGHT * 4);
        for (int x = 0; x < WIDTH; x += 4)
            canvas_text(canvas, &ink, x, height, WIDTH, "|", 1);
        cr_expect_eq(count_lost(before, surface->pixels, WIDTH * HEIGHT, COLOUR_PANE), 0, "font %d",
                     (int)font);
    }
    free(before);
    canvas_free(canvas);
    SDL_Quit();
}

Test(display, speeds_go_up_and_down)
{
    static const struct {
        double from;
        int by;
        double to;
    } cases[] = {
        {1, 1, 2},         {1, -1, 0.5},    {3, 1, 10},  {3, -1, 2},    {10, 1, 0},
        {0, 1, 0},         {0, -1, 10},     {500, 1, 0}, {500, -1, 10}, {0.0001, -1, 0.0001},
        {1e-9, 1, 0.0001}, {1e-9, -1, 1e-9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct display_pilot pilot = {.speed = cases[i].from};
        display_pilot_speed(&pilot, cases[i].by);
        cr_expect_float_eq(pilot.speed, cases[i].to, 1e-12, "%g", cases[i].from);
    }
}
