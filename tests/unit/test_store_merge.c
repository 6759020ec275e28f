/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/stores.h"

static char dir[] = "/tmp/iaso-merge-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(store_merge, .init = setup, .fini = teardown);

static char shard_path[3][90], merged[90];

static void make_shards(void)
{
    struct error err;
    for (unsigned i = 0; i < 3; i++) {
        struct store_identity identity = whole;
        identity.shard = i + 1;
        identity.shards = 3;
        snprintf(shard_path[i], sizeof *shard_path, "%s/%u.db", dir, i);
        struct store *store = opened(shard_path[i], STORE_NEW, &identity);
        const struct store_round round = {1, i + 1, 3, "all", 3, true};
        char key[3] = {(char)('a' + i), 0, 0};
        cr_assert_eq(store_begin_round(store, &round, &err), 0);
        cr_assert_eq(store_set(store, "states", "17", &err), 0);
        add(store, 1, key, "fine", NULL);
        add(store, 2, "shared", "fine", "{}");
        cr_assert_eq(store_finish(store, &err), 0);
        closed(store);
    }
    snprintf(merged, sizeof merged, "%s/merged.db", dir);
}

static const char *const merged_table = "1 a fine - 1\n1 b fine - 1\n1 c fine - 1\n"
                                        "2 shared fine {} 1\n";

Test(store_merge, shards_merge_in_any_order)
{
    static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    struct error err = {""};
    bool finished;
    make_shards();
    for (unsigned i = 0; i < 3; i++) {
        const char *inputs[] = {shard_path[orders[i][0]], shard_path[orders[i][1]],
                                shard_path[orders[i][2]], shard_path[0]};
        cr_assert_eq(store_merge(merged, inputs, 4, &err), 0, "%s", err.text);
        struct store *store = opened(merged, STORE_RESUME, &whole);
        cr_assert_str_eq(table_of(store), merged_table);
        cr_assert_eq(store_is_finished(store, &finished, NULL, 0, &err), 0);
        cr_assert(finished);
        closed(store);
        cr_assert_eq(files_in(dir), 4);
        cr_assert_eq(unlink(merged), 0);
    }
    const char *two[] = {shard_path[0], shard_path[2]};
    char missing[20];
    cr_assert_eq(store_merge(merged, two, 2, &err), 0, "%s", err.text);
    struct store *store = opened(merged, STORE_READ, NULL);
    cr_assert_eq(store_is_finished(store, &finished, missing, sizeof missing, &err), 0);
    cr_assert(!finished && !strcmp(missing, "2/3"), "%s", missing);
    closed(store);
}

static void not_merged(const char *expected)
{
    struct error err = {""};
    const char *const inputs[] = {shard_path[0], shard_path[1]};
    cr_assert_eq(store_merge(merged, inputs, 2, &err), -1);
    cr_assert(strstr(err.text, expected), "%s", err.text);
    cr_assert_neq(access(merged, F_OK), 0);
    cr_assert_eq(files_in(dir), 3);
}

Test(store_merge, what_does_not_merge)
{
    struct error err = {""};
    const char *const inputs[] = {shard_path[0], shard_path[1]};
    make_shards();
    sql(shard_path[1], "UPDATE result SET outcome = 'fails' WHERE key = 'shared'");
    not_merged("1.db: result 2, shared: expected the same as in the databases before it, found "
               "another");
    sql(shard_path[1], "UPDATE result SET outcome = 'fine', detail = NULL WHERE key = 'shared'");
    not_merged("1.db: result 2, shared: expected the same");
    sql(shard_path[1], "UPDATE result SET detail = '{}' WHERE key = 'shared';"
                       "UPDATE fact SET value = '18'");
    not_merged("1.db: fact states: expected the same");
    sql(shard_path[1], "UPDATE fact SET value = '17'; UPDATE identity SET value = 'inject' "
                       "WHERE name = 'kind'");
    not_merged("1.db: expected a campaign of kind sweep, found inject");
    sql(shard_path[1], "UPDATE identity SET value = 'sweep' WHERE name = 'kind';"
                       "UPDATE identity SET value = '{}' WHERE name = 'parameters'");
    not_merged("1.db: expected a campaign with the options {\"a\":1}, found {}");
    sql(shard_path[1], "UPDATE identity SET value = '{\"a\":1}' WHERE name = 'parameters'");
    sql(shard_path[0], "UPDATE identity SET value = '9' WHERE name = 'version'");
    not_merged("0.db: expected a campaign of iaso 0.1.0, found 9");
    sql(shard_path[0], "UPDATE identity SET value = '0.1.0' WHERE name = 'version'");
    FILE *mine = fopen(merged, "w");
    cr_assert(mine && fclose(mine) == 0);
    cr_assert_eq(store_merge(merged, inputs, 2, &err), -1);
    cr_assert(strstr(err.text, "merged.db: expected a new file, found one"), "%s", err.text);
    cr_assert_eq(unlink(merged), 0);
    cr_assert_eq(store_merge(merged, inputs, 2, &err), 0, "%s", err.text);
}

Test(store_merge, lost_items_give_way_to_results)
{
    struct error err = {""};
    make_shards();
    sql(shard_path[0],
        "UPDATE result SET outcome = 'lost', detail = '{\"signal\":9}', attempts = 2 "
        "WHERE key = 'shared'");
    sql(shard_path[2],
        "UPDATE result SET outcome = 'lost', detail = '{\"signal\":6}', attempts = 2 "
        "WHERE key = 'shared'");
    for (unsigned i = 0; i < 2; i++) {
        const char *const both[] = {shard_path[i ? 1 : 0], shard_path[i ? 0 : 1]};
        cr_assert_eq(store_merge(merged, both, 2, &err), 0, "%s", err.text);
        struct store *store = opened(merged, STORE_READ, NULL);
        cr_assert(strstr(table_of(store), "2 shared fine {} 2\n"), "%s", table_of(store));
        closed(store);
        unlink(merged);
        const char *const lost[] = {shard_path[i ? 2 : 0], shard_path[i ? 0 : 2]};
        cr_assert_eq(store_merge(merged, lost, 2, &err), 0, "%s", err.text);
        store = opened(merged, STORE_READ, NULL);
        cr_assert(strstr(table_of(store), "2 shared lost {\"signal\":6} 2\n"), "%s",
                  table_of(store));
        closed(store);
        unlink(merged);
    }
}
