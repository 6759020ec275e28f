/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_model.h"

#include <stdlib.h>
#include <string.h>

#include "sim/lives.h"
#include "sim/summary.h"

static int find_screen(struct display_model *model, struct error *err)
{
    const struct config *config = model->machine->config;
    for (size_t i = 0; i < config->device_count && !model->screen; i++)
        if (config->devices[i].kind == DEVICE_FRAMEBUFFER)
            model->screen = &config->devices[i].screen;
    if (!model->screen)
        return 0;
    model->seen = calloc(1, framebuffer_size(model->screen));
    model->pixels = calloc((size_t)model->screen->width * model->screen->height, 4);
    return model->seen && model->pixels ? 0 : error_set(err, "out of memory");
}

struct display_model *display_model_new(struct machine *machine, const struct options *run,
                                        struct error *err)
{
    struct display_model *model = calloc(1, sizeof *model);
    if (!model) {
        error_set(err, "out of memory");
        return NULL;
    }
    const struct config *config = machine->config;
    bool arms = !machine->recovery && config->run.pages != PAGES_ARMED;
    model->machine = machine;
    display_pilot_init(&model->pilot, machine, run);
    if (display_map_init(&model->map, machine->mem, arms, err) || find_screen(model, err) ||
        display_text_resize(&model->text, 80, 24)) {
        display_model_free(model);
        return NULL;
    }
    const struct image *images[] = {&machine->plan.firmware, &machine->plan.kernel,
                                    &machine->plan.initrd};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        display_map_mark(&model->map, images[i]->start, images[i]->end - images[i]->start);
    display_domains_begin(&model->domains, machine);
    return model;
}

void display_model_free(struct display_model *model)
{
    if (!model)
        return;
    display_domains_end(&model->domains);
    display_map_free(&model->map);
    display_text_free(&model->text);
    free(model->seen);
    free(model->pixels);
    free(model);
}

struct display_has display_model_has(const struct display_model *model)
{
    return (struct display_has){
        .domains = model->machine->recovery != NULL,
        .power = model->machine->lives != NULL,
        .supply = model->machine->lives && lives_supply(model->machine->lives),
        .screen_width = model->screen ? model->screen->width : 0,
        .screen_height = model->screen ? model->screen->height : 0,
    };
}

static void look_at_screen(struct display_model *model)
{
    uint64_t size = framebuffer_size(model->screen);
    const uint8_t *memory = memory_host(model->machine->mem, model->screen->base, size);
    if (model->pictures && !memcmp(model->seen, memory, size))
        return;
    memcpy(model->seen, memory, size);
    framebuffer_read(model->machine->mem, model->screen, model->pixels);
    model->pictures++;
}

void display_model_step(struct display_model *model)
{
    const struct machine *machine = model->machine;
    if (machine_insns(machine) != model->insns || machine->clock.now != model->tick) {
        model->insns = machine_insns(machine);
        model->tick = machine->clock.now;
        model->frames++;
    }
    display_map_step(&model->map);
    if (model->screen)
        look_at_screen(model);
}

static uint64_t hash(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t display_model_look(const struct display_model *model, enum display_pane pane)
{
    const struct machine *machine = model->machine;
    uint64_t speed = (uint64_t)(model->pilot.speed * 1e6);
    uint64_t controls = 4 * speed + 2 * model->pilot.paused + model->keys.typing;
    switch (pane) {
    case PANE_STATUS:
        return model->frames * UINT64_C(0x9e3779b97f4a7c15) + controls * 16 + machine->end;
    case PANE_CONSOLE:
        return 2 * console_bytes(machine->console) + model->keys.typing;
    case PANE_DOMAINS:
    case PANE_SUPPLY:
        return model->frames;
    case PANE_SCREEN:
        return model->pictures;
    case PANE_MAP:
        return model->pilot.paused ? model->frames : model->map.frame;
    case PANE_KEYS:
        return hash(model->pilot.said) + controls * 1024 + display_pilot_faded(&model->pilot);
    case PANES:
        break;
    }
    return 0;
}

const char *display_model_standing(const struct display_model *model)
{
    if (model->machine->end != END_NONE)
        return summary_end_name(model->machine->end);
    return model->pilot.paused ? "paused" : "running";
}
