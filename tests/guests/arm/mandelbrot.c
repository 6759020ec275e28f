/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paints the Mandelbrot set into a frame buffer of 320 x 240 pixels x8r8g8b8 at 0x41100000, with a
 * ball that bounces over it, one picture after the other. Which picture it is at is kept in
 * non-volatile memory: after a power cut the frame buffer holds noise, the set is painted anew, and
 * the ball goes on from where it was.
 */
#include "runtime.h"

#define WIDTH  320
#define HEIGHT 240
#define BASE   ((volatile uint32_t *)0x41100000)
#define FRAMES 240 /* unless the command line has another number */
#define RADIUS 14
#define ROUNDS 48 /* until a point counts as one of the set */

#define ONE 4096 /* numbers are fixed-point */

struct progress {
    uint32_t begun; /* BEGUN: the rest is valid */
    uint32_t lives, frame;
};
#define BEGUN UINT32_C(0x62616c6c)

static volatile struct progress *const progress = (struct progress *)0x21000000;

static uint32_t *const set = (uint32_t *)0x20100000; /* the picture without the ball */

void exception(void)
{
    finish(3);
}

static uint32_t rgb(uint32_t r, uint32_t g, uint32_t b)
{
    return r << 16 | g << 8 | b;
}

/* Night blue, over violet and orange, to light yellow. */
static uint32_t shade(uint32_t round)
{
    static const uint8_t stops[][3] = {{12, 14, 40},   {48, 28, 110},  {140, 38, 130},
                                       {225, 84, 74},  {250, 160, 60}, {252, 236, 140},
                                       {255, 255, 255}};
    uint32_t at = round * 6 * 256 / ROUNDS, i = at >> 8, part = at & 255;
    uint32_t c[3];
    for (int n = 0; n < 3; n++)
        c[n] = (stops[i][n] * (256 - part) + stops[i + 1][n] * part) >> 8;
    return rgb(c[0], c[1], c[2]);
}

static uint32_t point(int32_t re, int32_t im)
{
    int32_t x = 0, y = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        int32_t xx = x * x / ONE, yy = y * y / ONE;
        if (xx + yy > 4 * ONE)
            return shade(round);
        y = 2 * x * y / ONE + im;
        x = xx - yy + re;
    }
    return rgb(6, 8, 16);
}

/* The set is symmetric: the lower half is the mirror of the upper. */
static void paint_set(void)
{
    for (int32_t line = 0; line < HEIGHT / 2; line++) {
        for (int32_t x = 0; x < WIDTH; x++) {
            uint32_t colour =
                point((x - 215) * 3 * ONE / WIDTH, (line - HEIGHT / 2) * 3 * ONE / WIDTH);
            set[line * WIDTH + x] = set[(HEIGHT - 1 - line) * WIDTH + x] = colour;
            BASE[line * WIDTH + x] = BASE[(HEIGHT - 1 - line) * WIDTH + x] = colour;
        }
    }
}

/* Back and forth between 0 and `room`. */
static int32_t bounce(uint32_t way, uint32_t room)
{
    uint32_t at = way % (2 * room);
    return (int32_t)(at < room ? at : 2 * room - at);
}

static void paint_ball(uint32_t frame, int visible)
{
    int32_t left = bounce(frame * 5, WIDTH - 2 * RADIUS - 1);
    int32_t top = bounce(frame * 3, HEIGHT - 2 * RADIUS - 1);
    for (int32_t y = -RADIUS; y <= RADIUS; y++) {
        for (int32_t x = -RADIUS; x <= RADIUS; x++) {
            int32_t at = (top + RADIUS + y) * WIDTH + left + RADIUS + x;
            int32_t far = x * x + y * y, light = (x + 5) * (x + 5) + (y + 5) * (y + 5);
            if (far > RADIUS * RADIUS)
                continue;
            uint32_t shine =
                (uint32_t)(255 - light * 255 / 600 > 40 ? 255 - light * 255 / 600 : 40);
            BASE[at] = visible ? rgb(shine / 5, shine * 4 / 5, shine) : set[at];
        }
    }
}

static void begin_life(void)
{
    if (progress->begun != BEGUN) {
        progress->frame = progress->lives = 0;
        progress->begun = BEGUN;
    }
    progress->lives++;
    print("mandelbrot: life ");
    print_number(progress->lives);
    print(", picture ");
    print_number(progress->frame);
    print("\n");
}

void picture_done(void);
__attribute__((noinline)) void picture_done(void)
{
    progress->frame++;
}

void run(void)
{
    uint32_t number = command_number(), frames = number ? number : FRAMES;
    begin_life();
    paint_set();
    while (progress->frame < frames) {
        paint_ball(progress->frame, 1);
        for (volatile uint32_t wait = 0; wait < 4000; wait++)
            ;
        paint_ball(progress->frame, progress->frame + 1 == frames);
        picture_done();
    }
    print("mandelbrot: ");
    print_number(frames);
    print(" pictures\n");
    finish(0);
}
