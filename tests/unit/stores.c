/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/stores.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const struct store_identity whole = {"sweep", "x.json", CONFIG_LINE IMAGE_LINE, "{\"a\":1}", 0, 0};

struct store *opened(const char *file, enum store_mode mode, const struct store_identity *identity)
{
    struct error err = {""};
    struct store *store = store_open(file, mode, identity, &err);
    cr_assert(store, "%s", err.text);
    return store;
}

void closed(struct store *store)
{
    struct error err = {""};
    cr_assert_eq(store_close(store, &err), 0, "%s", err.text);
}

void add(struct store *store, unsigned round, const char *key, const char *outcome,
         const char *detail)
{
    struct error err = {""};
    const struct campaign_result result = {round, key, outcome, detail, 1};
    cr_assert_eq(store_add(store, &result, &err), 0, "%s", err.text);
}

static int append(void *opaque, const struct campaign_result *result, struct error *err)
{
    (void)err;
    fprintf(opaque, "%u %s %s %s %u\n", result->round, result->key, result->outcome,
            result->detail ? result->detail : "-", result->attempts);
    return 0;
}

const char *table_of(struct store *store)
{
    static char text[4000];
    FILE *out = fmemopen(text, sizeof text, "w");
    struct error err;
    cr_assert_eq(store_each(store, 1, append, out, &err), 0, "%s", err.text);
    cr_assert_eq(store_each(store, 2, append, out, &err), 0, "%s", err.text);
    fclose(out);
    return text;
}

void sql(const char *file, const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_close(db), SQLITE_OK);
}

unsigned files_in(const char *folder)
{
    char command[100];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls %s | wc -l", folder);
    FILE *in = popen(command, "r");
    cr_assert(in && fscanf(in, "%u", &count) == 1 && pclose(in) == 0);
    return count;
}
