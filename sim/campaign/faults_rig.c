/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_rig.h"

#include <stdio.h>

#include "sim/attach.h"
#include "sim/summary.h"

static int note(struct rig *rig, const char *text, int *number, struct error *err)
{
    *number = text ? console_note(rig->console, text) : -1;
    return text && *number < 0 ? error_set(err, "out of memory") : 0;
}

static int note_texts(struct rig *rig, struct error *err)
{
    const struct campaign_policy *policy = &rig->config.campaign;
    for (size_t i = 0; i < policy->failed_count; i++)
        if (note(rig, policy->failed[i], &rig->failed[i], err))
            return -1;
    for (size_t i = 0; i < policy->wrong_count; i++)
        if (note(rig, policy->wrong[i], &rig->wrong[i], err))
            return -1;
    return note(rig, policy->from, &rig->from, err) || note(rig, policy->until, &rig->until, err)
               ? -1
               : 0;
}

static int set_up(struct rig *rig, enum rig_purpose purpose, struct error *err)
{
    const struct config *config = &rig->config;
    rig->machine = machine_new(config, err);
    if (!rig->machine)
        return -1;
    rig->console = attach_silent_console(rig->machine, err);
    if (!rig->console || attach_faults(rig->machine, err))
        return -1;
    if (note_texts(rig, err))
        return -1;
    return purpose == RIG_COUNT ? 0 : machine_start(rig->machine, err);
}

int rig_open(struct rig *rig, const struct config *config, enum rig_purpose purpose,
             struct error *err)
{
    *rig = (struct rig){.config = *config};
    rig->config.inject = (struct inject_policy){0};
    rig->config.recovery.enabled = purpose != RIG_OFF;
    rig->config.recovery.by_function = purpose == RIG_PROFILE;
    if (!set_up(rig, purpose, err))
        return 0;
    rig_close(rig);
    return -1;
}

void rig_close(struct rig *rig)
{
    console_free(rig->console);
    machine_free(rig->machine);
    rig->console = NULL;
    rig->machine = NULL;
}

bool rig_saw(const struct rig *rig, int number)
{
    return number >= 0 && console_noted(rig->console, number)->count;
}

static void look(const struct rig *rig, const int *notes, size_t count, uint64_t *first,
                 uint64_t *last)
{
    for (size_t i = 0; i < count; i++) {
        const struct console_note *noted = console_noted(rig->console, notes[i]);
        if (noted->count && (!*first || noted->first < *first))
            *first = noted->first;
        if (noted->count && noted->last > *last)
            *last = noted->last;
    }
}

struct rig_texts rig_texts(const struct rig *rig)
{
    struct rig_texts texts = {0};
    look(rig, rig->failed, rig->config.campaign.failed_count, &texts.failed, &texts.last);
    look(rig, rig->wrong, rig->config.campaign.wrong_count, &texts.wrong, &texts.last);
    return texts;
}

const char *rig_verdict(const struct rig *rig, char *text, size_t size)
{
    const struct machine *machine = rig->machine;
    const struct config *config = &rig->config;
    if (machine->end != END_POWEROFF && machine->end != END_EXPECTED)
        snprintf(text, size, "its end is \"%s\"", summary_end_name(machine->end));
    else if (machine->end == END_POWEROFF && machine->exit_code != config->expect.exit)
        snprintf(text, size, "the guest exited with code %u, expected %u", machine->exit_code,
                 config->expect.exit);
    else if (config->expect.console && !console_seen(rig->console))
        snprintf(text, size, "the console never showed \"%.200s\"", config->expect.console);
    else
        return NULL;
    return text;
}
