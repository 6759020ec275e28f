/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_TERMINAL_H
#define IASO_SIM_TERMINAL_H

#include <stdbool.h>

#include "mem/error.h"

/*
 * Raw mode of the terminal that the process was started from. There is one such terminal, and
 * signal handlers cannot be handed a pointer, so this is the one place with state of its own.
 *
 * While raw, the terminal is put back at exit() and on every signal that ends the process; the
 * signal then goes on to whoever handled it before. Output processing stays on: "\n" still begins a
 * new line.
 */

/* True if `fd` is a terminal and this process is in its foreground, so that it may read and set it.
 */
bool terminal_is_ours(int fd);

/* Fails if another terminal is raw already. */
int terminal_make_raw(int fd, struct error *err);

/* Puts the terminal and the signal handlers back; nothing if it is not raw. */
void terminal_restore(void);

#endif
