/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_STORES_H
#define IASO_TESTS_STORES_H

#include "sim/campaign/store.h"

/* What tests of stores share. Whatever fails is a failed assertion. */

#define CONFIG_LINE "c0ffee  the config\n"
#define IMAGE_LINE  "0123456789abcdef  guest.elf\n"

/* A whole sweep of x.json. */
extern const struct store_identity whole;

struct store *opened(const char *file, enum store_mode mode, const struct store_identity *identity);
void closed(struct store *store);
void add(struct store *store, unsigned round, const char *key, const char *outcome,
         const char *detail);

/* All results of rounds 1 and 2, a line each; static. */
const char *table_of(struct store *store);

/* Lets SQLite do something to a file behind the store's back. */
void sql(const char *file, const char *text);

unsigned files_in(const char *folder);

#endif
