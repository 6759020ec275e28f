/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "sim/display/display_panes.h"
#include "sim/lives.h"
#include "sim/power_plan.h"

#define SHOWN_DOMAINS 72 /* the picture begins with the last so many */
#define LANE          22
#define LABEL         116
#define MAX_LANES     32
#define SHOWN_LIVES   16
#define MIN_SPAN_NS   2000000 /* of the power strip */

static const uint32_t fate_colours[FATES] = {
    [FATE_OPEN] = 0x4a90d9, [FATE_LINGERS] = 0x35618f, [FATE_COMMITTED] = 0x3f9e57,
    [FATE_LOST] = 0x68758a, [FATE_FAILED] = 0xff5252,  [FATE_DEPENDENT] = 0xff9f43,
};

static const char *const fate_names[FATES] = {
    [FATE_OPEN] = "open",
    [FATE_LINGERS] = "waits for others",
    [FATE_COMMITTED] = "committed",
    [FATE_LOST] = "not undoable",
    [FATE_FAILED] = "failed, undone",
    [FATE_DEPENDENT] = "undone with it",
};

/* Ticks from left to right. */
struct axis {
    uint64_t from, to;
    int x, w;
};

static int x_of(const struct axis *axis, uint64_t tick)
{
    if (tick <= axis->from)
        return axis->x;
    if (tick >= axis->to)
        return axis->x + axis->w;
    return axis->x + (int)((double)(tick - axis->from) * axis->w / (double)(axis->to - axis->from));
}

/* "12.3 us" */
static const char *duration(uint64_t ns, char *out, size_t size)
{
    if (ns < 10000)
        snprintf(out, size, "%" PRIu64 " ns", ns);
    else if (ns < 10000000)
        snprintf(out, size, "%.1f us", (double)ns * 1e-3);
    else if (ns < UINT64_C(10000000000))
        snprintf(out, size, "%.1f ms", (double)ns * 1e-6);
    else
        snprintf(out, size, "%.1f s", (double)ns * 1e-9);
    return out;
}

static void draw_span(struct canvas *canvas, const struct axis *axis, const struct clock *clock,
                      int y)
{
    char span[32], line[64];
    snprintf(line, sizeof line, "the last %s",
             duration(clock_ns(clock, axis->to - axis->from), span, sizeof span));
    int width = canvas_text_width(canvas, FONT_SMALL, line);
    display_label(canvas, FONT_SMALL, COLOUR_DIM, axis->x + axis->w - width, y, width, line);
}

/* ---- Domains ------------------------------------------------------------------------------- */

struct lanes {
    const struct display_domains *domains;
    const struct display_history *history;
    size_t threads[MAX_LANES], count;
    int y;
};

static int lane_of(const struct lanes *lanes, uint64_t thread)
{
    for (size_t i = 0; i < lanes->count; i++)
        if (lanes->domains->threads[lanes->threads[i]].thread == thread)
            return (int)i;
    return -1;
}

static int lane_y(const struct lanes *lanes, int lane)
{
    return lanes->y + lane * LANE;
}

static void draw_bars(struct canvas *canvas, const struct lanes *lanes, const struct axis *axis)
{
    const struct display_history *history = lanes->history;
    uint64_t first = history->last > DISPLAY_DOMAINS ? history->last - DISPLAY_DOMAINS + 1 : 1;
    for (uint64_t id = first; id <= history->last; id++) {
        const struct display_domain *domain = display_history_find(history, id);
        int lane = domain ? lane_of(lanes, domain->thread) : -1;
        uint64_t end = domain && domain->ended ? domain->ended : axis->to;
        if (lane < 0 || end < axis->from)
            continue;
        int x = x_of(axis, domain->opened), w = x_of(axis, end) - x;
        const struct display_rect bar = {x, lane_y(lanes, lane) + 4, w < 2 ? 2 : w, LANE - 8};
        uint32_t colour = fate_colours[domain->fate];
        canvas_fill(canvas, &bar, colour);
        if (w > 3) { /* an edge of its own, so that neighbours are told apart */
            const struct display_rect edge = {x, bar.y, 1, bar.h};
            canvas_fill(canvas, &edge, canvas_blend(colour, 0xffffff, 110));
        }
    }
}

static bool is_undone(const struct display_domain *domain)
{
    return domain->fate == FATE_FAILED || domain->fate == FATE_DEPENDENT;
}

static void draw_edges(struct canvas *canvas, const struct lanes *lanes, const struct axis *axis)
{
    const struct display_history *history = lanes->history;
    uint64_t count = history->edge_count;
    for (uint64_t i = count > DISPLAY_EDGES ? count - DISPLAY_EDGES : 0; i < count; i++) {
        const struct display_edge *edge = &history->edges[i % DISPLAY_EDGES];
        const struct display_domain *from = display_history_find(history, edge->on);
        const struct display_domain *to = display_history_find(history, edge->domain);
        int upper = from ? lane_of(lanes, from->thread) : -1;
        int lower = to ? lane_of(lanes, to->thread) : -1;
        if (upper < 0 || lower < 0 || upper == lower || edge->tick < axis->from)
            continue;
        uint32_t colour = is_undone(from) && is_undone(to) ? COLOUR_BAD : 0xb6a4f0;
        int x1 = x_of(axis, edge->tick), x0 = x_of(axis, from->opened);
        x0 = x0 > x1 - 6 ? x0 : x1 - 6;
        int y0 = lane_y(lanes, upper) + (upper < lower ? LANE - 4 : 4);
        int y1 = lane_y(lanes, lower) + (upper < lower ? 4 : LANE - 4);
        int back = upper < lower ? -4 : 4;
        canvas_line(canvas, x0, y0, x1, y1, colour);
        canvas_line(canvas, x1, y1, x1 - 3, y1 + back, colour);
        canvas_line(canvas, x1, y1, x1 + 3, y1 + back, colour);
    }
}

static void draw_failures(struct canvas *canvas, const struct lanes *lanes, const struct axis *axis)
{
    const struct display_domains *domains = lanes->domains;
    uint64_t count = domains->failure_count;
    int bottom = lane_y(lanes, (int)lanes->count);
    for (uint64_t i = count > DISPLAY_FAILURES ? count - DISPLAY_FAILURES : 0; i < count; i++) {
        const struct display_failure *failure = &domains->failures[i % DISPLAY_FAILURES];
        if (failure->tick < axis->from)
            continue;
        int x = x_of(axis, failure->tick);
        for (int y = lanes->y; y < bottom; y += 6)
            canvas_line(canvas, x, y, x, y + 3, failure->refused ? COLOUR_WARN : COLOUR_BAD);
    }
}

static void draw_lanes(struct canvas *canvas, const struct lanes *lanes, const struct axis *axis)
{
    for (size_t i = 0; i < lanes->count; i++) {
        const struct display_thread *thread = &lanes->domains->threads[lanes->threads[i]];
        char name[TASKS_COMM_SIZE + 24];
        int y = lane_y(lanes, (int)i);
        if (thread->name[0])
            snprintf(name, sizeof name, "%s", thread->name);
        else
            snprintf(name, sizeof name, "thread %" PRIx64, thread->thread & 0xffffffff);
        display_label(canvas, FONT_SMALL, COLOUR_TEXT, axis->x - LABEL, y + 4, LABEL - 10, name);
        canvas_line(canvas, axis->x, y + LANE / 2, axis->x + axis->w, y + LANE / 2, COLOUR_EDGE);
    }
}

static void draw_totals(struct canvas *canvas, const struct display_domains *domains, int x, int y,
                        int end)
{
    char line[240];
    for (unsigned i = 0; i < FATES; i++) {
        const struct display_rect swatch = {x, y + 3, 9, 9};
        canvas_fill(canvas, &swatch, fate_colours[i]);
        x = display_label(canvas, FONT_SMALL, COLOUR_DIM, x + 14, y, end - x - 14, fate_names[i]) +
            12;
    }
    snprintf(line, sizeof line, "%" PRIu64 " undone of %" PRIu64, domains->undone, domains->opened);
    display_label(canvas, FONT_SMALL, domains->undone ? COLOUR_BAD : COLOUR_DIM, x + 4, y,
                  end - x - 4, line);
}

/* A history with its threads, below each other. */
static void draw_history(struct canvas *canvas, const struct display_rect *area,
                         const struct display_model *model, const struct display_history *history,
                         uint64_t until)
{
    const struct display_domains *domains = &model->domains;
    struct axis axis = {display_history_since(history, SHOWN_DOMAINS), until, area->x + LABEL,
                        area->w - LABEL - 4};
    struct lanes lanes = {.domains = domains, .history = history, .y = area->y};
    size_t room = (size_t)(area->h > 0 ? area->h / LANE : 0);
    axis.to = axis.to > axis.from ? axis.to : axis.from + 1;
    axis.to += (axis.to - axis.from) / 50; /* room for what happens at the very end */
    lanes.count = display_domains_lanes(domains, history, SHOWN_DOMAINS, lanes.threads,
                                        room < MAX_LANES ? room : MAX_LANES);
    draw_lanes(canvas, &lanes, &axis);
    draw_bars(canvas, &lanes, &axis);
    draw_edges(canvas, &lanes, &axis);
    draw_failures(canvas, &lanes, &axis);
    draw_span(canvas, &axis, &model->machine->clock, area->y - 22);
}

static void draw_last_failure(struct canvas *canvas, const struct display_rect *area,
                              const struct display_model *model)
{
    const struct display_domains *domains = &model->domains;
    const struct display_failure *failure =
        &domains->failures[(domains->failure_count - 1) % DISPLAY_FAILURES];
    char line[200];
    snprintf(line, sizeof line, "failure %" PRIu64 " at %.6f s: %s, %s, %zu undone, %zu innocent",
             domains->failure_count, (double)clock_ns(&model->machine->clock, failure->tick) * 1e-9,
             failure->what, failure->refused ? "refused" : "recovered", failure->undone,
             failure->innocent);
    display_label(canvas, FONT_BOLD, COLOUR_BAD, area->x, area->y - 22, area->w - 120, line);
    draw_history(canvas, area, model, &domains->struck, domains->struck.until);
}

void display_draw_domains(struct canvas *canvas, const struct display_rect *area,
                          const struct display_model *model)
{
    const struct display_domains *domains = &model->domains;
    struct display_rect part = {area->x, area->y, area->w, area->h - 20};
    draw_totals(canvas, domains, area->x, area->y + area->h - 14, area->x + area->w);
    if (domains->failure_count)
        part.h = (part.h - 26) / 2;
    draw_history(canvas, &part, model, &domains->now, model->machine->clock.now);
    part.y += part.h + 26;
    if (domains->failure_count)
        draw_last_failure(canvas, &part, model);
}

/* ---- Power --------------------------------------------------------------------------------- */

/* Volts from bottom to top. */
struct scale {
    double bottom, top;
    int y, h;
};

static int y_of(const struct scale *scale, double volts)
{
    double part = (volts - scale->bottom) / (scale->top - scale->bottom);
    return scale->y + scale->h - (int)((part > 1 ? 1 : part < 0 ? 0 : part) * scale->h);
}

static void draw_threshold(struct canvas *canvas, const struct axis *axis,
                           const struct scale *scale, double volts, const char *name,
                           uint32_t colour)
{
    char label[40];
    int y = y_of(scale, volts);
    for (int x = axis->x; x < axis->x + axis->w; x += 8)
        canvas_line(canvas, x, y, x + 3, y, colour);
    snprintf(label, sizeof label, "%s %.2f V", name, volts);
    display_label(canvas, FONT_SMALL, colour, axis->x - LABEL, y - 7, LABEL - 6, label);
}

static void draw_voltage(struct canvas *canvas, const struct axis *axis, const struct lives *lives,
                         const struct scale *scale)
{
    const struct lives_sample *samples;
    size_t count = lives_samples(lives, &samples), i = count;
    while (i > 1 && samples[i - 1].tick > axis->from)
        i--;
    for (; i < count; i++) {
        const struct lives_sample *last = &samples[i ? i - 1 : 0];
        int x0 = x_of(axis, last->tick), x1 = x_of(axis, samples[i].tick);
        uint32_t colour = last->on && samples[i].on ? COLOUR_ACCENT : 0x466b80;
        canvas_line(canvas, x0, y_of(scale, last->volts), x1, y_of(scale, samples[i].volts),
                    colour);
    }
}

/* A bar for each life; a mark where power failed. */
static void draw_lives(struct canvas *canvas, const struct axis *axis, const struct lives *lives,
                       uint64_t now, int y, int h)
{
    for (size_t i = lives_count(lives); i-- > 0;) {
        const struct life *life = lives_at(lives, i);
        bool ends = life->end == LIFE_PLANNED || life->end == LIFE_BROWN_OUT;
        uint64_t end = life->end == LIFE_RUNS ? now : life->start + life->on;
        if (end < axis->from)
            return;
        int x = x_of(axis, life->start), w = x_of(axis, end) - x;
        const struct display_rect bar = {x, y, w < 1 ? 1 : w, h};
        const struct display_rect mark = {x + w - 1, y - 3, 2, h + 6};
        canvas_fill(canvas, &bar, 0x3f9e57);
        if (ends)
            canvas_fill(canvas, &mark, life->end == LIFE_PLANNED ? COLOUR_BAD : COLOUR_WARN);
    }
}

static uint64_t supply_since(const struct machine *machine)
{
    const struct lives *lives = machine->lives;
    size_t count = lives_count(lives);
    uint64_t now = machine->clock.now, span = clock_ticks(&machine->clock, MIN_SPAN_NS);
    uint64_t from =
        count ? lives_at(lives, count > SHOWN_LIVES ? count - SHOWN_LIVES : 0)->start : 0;
    if (now - from >= span)
        return from;
    return now > span ? now - span : 0;
}

void display_draw_supply(struct canvas *canvas, const struct display_rect *area,
                         const struct display_model *model)
{
    const struct machine *machine = model->machine;
    const struct lives *lives = machine->lives;
    struct axis axis = {supply_since(machine), machine->clock.now, area->x + LABEL,
                        area->w - LABEL - 4};
    int strip = area->y + area->h - 34;
    char line[160];
    axis.to = axis.to > axis.from ? axis.to : axis.from + 1;
    if (lives_supply(lives)) {
        struct supply_config supply;
        power_plan_supply(&machine->config->power, &supply);
        const struct scale scale = {supply.off_volts * 0.85, supply.on_volts * 1.08, area->y,
                                    strip - area->y - 12};
        draw_threshold(canvas, &axis, &scale, supply.on_volts, "on", COLOUR_GOOD);
        draw_threshold(canvas, &axis, &scale, supply.off_volts, "off", COLOUR_WARN);
        draw_voltage(canvas, &axis, lives, &scale);
    }
    display_label(canvas, FONT_SMALL, COLOUR_TEXT, area->x, strip - 2, LABEL - 6, "on");
    draw_lives(canvas, &axis, lives, machine->clock.now, strip, 10);
    draw_span(canvas, &axis, &machine->clock, area->y - 22);
    int x = area->x;
    const struct display_rect planned = {x, area->y + area->h - 12, 9, 9};
    canvas_fill(canvas, &planned, COLOUR_BAD);
    snprintf(line, sizeof line, "power cut (%" PRIu64 ")", lives_cuts(lives, LIFE_PLANNED));
    x = display_label(canvas, FONT_SMALL, COLOUR_DIM, x + 14, planned.y - 3, 200, line) + 14;
    const struct display_rect brown = {x, planned.y, 9, 9};
    canvas_fill(canvas, &brown, COLOUR_WARN);
    snprintf(line, sizeof line, "brown-out (%" PRIu64 ")", lives_cuts(lives, LIFE_BROWN_OUT));
    x = display_label(canvas, FONT_SMALL, COLOUR_DIM, x + 14, planned.y - 3, 200, line) + 14;
    if (lives_supply(lives)) {
        snprintf(line, sizeof line, "%.3f V", supply_volts(lives_supply(lives)));
        display_label(canvas, FONT_SMALL, COLOUR_ACCENT, x + 10, planned.y - 3, 100, line);
    }
}
