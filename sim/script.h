/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SCRIPT_H
#define IASO_SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/state.h"
#include "sim/clock.h"
#include "sim/config.h"

/* Finds a literal text in a stream that comes byte by byte (Knuth, Morris, Pratt). */
struct matcher {
    const char *text; /* not owned; NULL or empty never matches */
    size_t length;
    size_t matched;  /* how much of the text the stream ends with */
    size_t *borders; /* of each prefix: its longest proper prefix that is its suffix as well */
};

/* The text must outlive the matcher. Fails when out of memory. */
int matcher_init(struct matcher *matcher, const char *text);
void matcher_free(struct matcher *matcher);

/* One more byte; true if the text ends with it. Matching then starts anew, with nothing matched. */
bool matcher_feed(struct matcher *matcher, uint8_t byte);

/*
 * An expect/send script. Each step waits for its text in what is printed after the match before,
 * then makes its `send` available to the guest. Steps without `expect` need no waiting. A step's
 * timeout counts from the end of the step before, on the machine's clock.
 */
struct script;

/* Steps and clock must outlive it. */
struct script *script_new(const struct clock *clock, const struct config_step *steps, size_t count,
                          struct error *err);
void script_free(struct script *script);

void script_feed(struct script *script, uint8_t byte);

/* Takes up to `size` bytes of what is to be sent. */
size_t script_take(struct script *script, uint8_t *bytes, size_t size);
bool script_has_input(const struct script *script);

/* The first tick at which the step that waits has waited too long; UINT64_MAX for none. */
uint64_t script_deadline(const struct script *script);

/* Looks at the clock; true from the first time that it finds a step's deadline reached. */
bool script_check(struct script *script);

/* How far it has come. */
void script_state(struct script *script, struct state_copy *copy);

/* How far it has come, as a number. */
uint64_t script_standing(const struct script *script);

/* "step 3 of 5: no \"ready> \" after 10s of virtual time", or NULL if no step timed out. */
const char *script_error(const struct script *script);

#endif
