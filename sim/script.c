/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/text.h"
#include "sim/units.h"

int matcher_init(struct matcher *matcher, const char *text)
{
    *matcher = (struct matcher){.text = text, .length = text ? strlen(text) : 0};
    if (matcher->length == 0)
        return 0;
    size_t *borders = calloc(matcher->length, sizeof *borders);
    if (!borders)
        return -1;
    for (size_t i = 1, border = 0; i < matcher->length; i++) {
        while (border && text[i] != text[border])
            border = borders[border - 1];
        if (text[i] == text[border])
            border++;
        borders[i] = border;
    }
    matcher->borders = borders;
    return 0;
}

void matcher_free(struct matcher *matcher)
{
    free(matcher->borders);
    *matcher = (struct matcher){0};
}

bool matcher_feed(struct matcher *matcher, uint8_t byte)
{
    if (matcher->length == 0)
        return false;
    while (matcher->matched && (uint8_t)matcher->text[matcher->matched] != byte)
        matcher->matched = matcher->borders[matcher->matched - 1];
    if ((uint8_t)matcher->text[matcher->matched] == byte)
        matcher->matched++;
    if (matcher->matched < matcher->length)
        return false;
    matcher->matched = 0;
    return true;
}

struct script {
    const struct clock *clock;
    const struct config_step *steps;
    size_t count;
    size_t waiting;    /* the step that waits; `count` at the end */
    uint64_t deadline; /* of that step */
    size_t sending;    /* the step whose text the guest takes; at most `waiting` */
    size_t sent;       /* how much of that text it has taken */
    bool timed_out;
    char error[200];
    struct matcher matchers[]; /* one a step */
};

/* Passes the steps that need no waiting, and notes how long the next one may take. */
static void settle(struct script *script)
{
    while (script->waiting < script->count && !script->steps[script->waiting].expect)
        script->waiting++;
    script->deadline = UINT64_MAX;
    if (script->waiting == script->count || !script->steps[script->waiting].timeout_ns)
        return;
    uint64_t ticks = clock_ticks(script->clock, script->steps[script->waiting].timeout_ns);
    if (ticks < UINT64_MAX - 1 - script->clock->now)
        script->deadline = script->clock->now + ticks + 1; /* the conversion rounds down */
}

struct script *script_new(const struct clock *clock, const struct config_step *steps, size_t count,
                          struct error *err)
{
    struct script *script = calloc(1, sizeof *script + count * sizeof script->matchers[0]);
    if (!script) {
        error_set(err, "out of memory");
        return NULL;
    }
    script->clock = clock;
    script->steps = steps;
    script->count = count;
    for (size_t i = 0; i < count; i++) {
        if (matcher_init(&script->matchers[i], steps[i].expect)) {
            script_free(script);
            error_set(err, "out of memory");
            return NULL;
        }
    }
    settle(script);
    return script;
}

void script_free(struct script *script)
{
    if (!script)
        return;
    for (size_t i = 0; i < script->count; i++)
        matcher_free(&script->matchers[i]);
    free(script);
}

void script_feed(struct script *script, uint8_t byte)
{
    if (script->waiting == script->count || script->timed_out)
        return;
    if (matcher_feed(&script->matchers[script->waiting], byte)) {
        script->waiting++;
        settle(script);
    }
}

/* What is left of the text that is being sent, moving past texts that are at their end. */
static const char *rest(const struct script *script, size_t *sending, size_t *sent)
{
    while (*sending < script->waiting) {
        const char *text = script->steps[*sending].send;
        if (text && text[*sent])
            return text + *sent;
        (*sending)++;
        *sent = 0;
    }
    return NULL;
}

size_t script_take(struct script *script, uint8_t *bytes, size_t size)
{
    size_t taken = 0;
    const char *text;
    while (taken < size && (text = rest(script, &script->sending, &script->sent))) {
        bytes[taken++] = (uint8_t)*text;
        script->sent++;
    }
    return taken;
}

bool script_has_input(const struct script *script)
{
    size_t sending = script->sending, sent = script->sent;
    return rest(script, &sending, &sent) != NULL;
}

uint64_t script_deadline(const struct script *script)
{
    return script->deadline;
}

bool script_check(struct script *script)
{
    if (!script->timed_out && script->clock->now >= script->deadline) {
        const struct config_step *step = &script->steps[script->waiting];
        char quoted[80], time[32];
        script->timed_out = true;
        snprintf(script->error, sizeof script->error,
                 "step %zu of %zu: no %s after %s of virtual time", script->waiting + 1,
                 script->count, text_quote(step->expect, quoted, sizeof quoted),
                 units_format(UNITS_DURATION, step->timeout_ns, time, sizeof time));
    }
    return script->timed_out;
}

uint64_t script_standing(const struct script *script)
{
    uint64_t matched =
        script->waiting < script->count ? script->matchers[script->waiting].matched : 0;
    return ((script->waiting * 256 + script->sending) * 65536 + script->sent) * 4096 + matched;
}

const char *script_error(const struct script *script)
{
    return script->timed_out ? script->error : NULL;
}

void script_state(struct script *script, struct state_copy *copy)
{
    state_copy(copy, &script->waiting, sizeof script->waiting);
    state_copy(copy, &script->deadline, sizeof script->deadline);
    state_copy(copy, &script->sending, sizeof script->sending);
    state_copy(copy, &script->sent, sizeof script->sent);
    state_copy(copy, &script->timed_out, sizeof script->timed_out);
    state_copy(copy, script->error, script->timed_out ? sizeof script->error : 0);
    for (size_t i = 0; i < script->count; i++)
        state_copy(copy, &script->matchers[i].matched, sizeof script->matchers[i].matched);
}
