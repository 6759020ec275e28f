/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_layout.h"

#define GAP           8
#define STATUS_HEIGHT 40
#define KEYS_HEIGHT   48 /* two lines */
#define TITLE_HEIGHT  26
#define LEGEND_HEIGHT 44
#define SWATCH        10
#define POWER_HEIGHT  88
#define SUPPLY_HEIGHT 190

const double display_speeds[DISPLAY_SPEEDS] = {0.0001, 0.001, 0.01, 0.1, 0.5, 1, 2, 10, 0};

void display_layout(struct display_layout *layout, int width, int height,
                    const struct display_has *has)
{
    int top = STATUS_HEIGHT + GAP, bottom = height - KEYS_HEIGHT - GAP, room = bottom - top;
    int left = (width - 3 * GAP) * 58 / 100, right = width - 3 * GAP - left;
    int supply = has->supply  ? SUPPLY_HEIGHT
                 : has->power ? POWER_HEIGHT
                              : 0,
        domains = has->domains ? room * 46 / 100 : 0;
    int screen = 0;
    *layout = (struct display_layout){0};
    if (supply > room / 3)
        supply = room / 3;
    if (has->screen_width) {
        screen = TITLE_HEIGHT + 2 * GAP +
                 (int)((unsigned)(right - 2 * GAP) * has->screen_height / has->screen_width);
        screen = screen > room * 3 / 5 ? room * 3 / 5 : screen;
    }
    struct display_rect *panes = layout->panes;
    panes[PANE_STATUS] = (struct display_rect){0, 0, width, STATUS_HEIGHT};
    panes[PANE_KEYS] = (struct display_rect){0, height - KEYS_HEIGHT, width, KEYS_HEIGHT};
    if (supply)
        panes[PANE_SUPPLY] = (struct display_rect){GAP, bottom - supply, left, supply};
    bottom -= supply ? supply + GAP : 0;
    if (domains)
        panes[PANE_DOMAINS] = (struct display_rect){GAP, bottom - domains, left, domains};
    bottom -= domains ? domains + GAP : 0;
    panes[PANE_CONSOLE] = (struct display_rect){GAP, top, left, bottom - top};
    if (screen)
        panes[PANE_SCREEN] = (struct display_rect){left + 2 * GAP, top, right, screen};
    screen += screen ? GAP : 0;
    panes[PANE_MAP] = (struct display_rect){left + 2 * GAP, top + screen, right, room - screen};
}

struct display_rect display_inside(const struct display_rect *pane)
{
    return (struct display_rect){pane->x + GAP + 2, pane->y + TITLE_HEIGHT + GAP / 2,
                                 pane->w - 2 * GAP - 4, pane->h - TITLE_HEIGHT - GAP - GAP / 2};
}

struct display_rect display_picture(const struct display_rect *pane, unsigned width,
                                    unsigned height)
{
    const struct display_rect inside = display_inside(pane);
    int w = inside.w, h = (int)((unsigned)inside.w * height / width);
    if (h > inside.h) {
        h = inside.h;
        w = (int)((unsigned)inside.h * width / height);
    }
    return (struct display_rect){inside.x + (inside.w - w) / 2, inside.y + (inside.h - h) / 2, w,
                                 h};
}

struct display_rect display_swatch(const struct display_rect *pane, unsigned n)
{
    const struct display_rect inside = display_inside(pane);
    return (struct display_rect){inside.x + (int)(n % 4) * inside.w / 4,
                                 inside.y + inside.h - LEGEND_HEIGHT + 8 + (int)(n / 4) * 20,
                                 SWATCH, SWATCH};
}
