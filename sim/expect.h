/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_EXPECT_H
#define IASO_SIM_EXPECT_H

#include "sim/machine.h"

/* Section expect.memory: what memory must hold at the end of a run. */

/* Where an entry lies; fails, naming it, if the kernel has no such symbol or there is no memory. */
int expect_place(const struct machine *machine, size_t index, uint64_t *gpa, uint64_t *size,
                 struct error *err);

/* Can all of them be looked at? For a machine that is about to be run. */
int expect_check(const struct machine *machine, struct error *err);

/* The first that does not hold, as one line in `text`; false if all do. Those with "uncut" are not
 * looked at. */
bool expect_fails(const struct machine *machine, char *text, size_t size);

/* Compares one entry with `bytes`, as many as expect_place() says; the same line. */
bool expect_differs(const struct machine *machine, size_t index, const uint8_t *bytes, char *text,
                    size_t size);

#endif
