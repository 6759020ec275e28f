/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's journal, for those who write to it. */
#ifndef HYPNOS_KTX_H
#define HYPNOS_KTX_H

#include "kernel.h"

/* Appends the word at `at` to the kernel's undo log. */
void hypnos_log_kernel(void *at);

/* Empties the journal: when formatting. */
void journal_format(void);

#endif
