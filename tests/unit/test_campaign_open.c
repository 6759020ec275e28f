/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/campaign/campaign.h"
#include "sim/config_digest.h"

/* Tests run in a directory of their own. */
static char dir[] = "/tmp/iaso-open-XXXXXX";

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(campaign_open, .init = setup, .fini = teardown);
TestSuite(config_digest, .init = setup, .fini = teardown);

static void write_file(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    cr_assert(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

static struct config loaded(const char *text, const char *const *sets, size_t count)
{
    struct config config;
    struct error err = {""};
    write_file("x.json", text);
    cr_assert_eq(config_load(&config, "x.json", sets, count, &err), 0, "%s", err.text);
    return config;
}

/* ---- What a run depends on ----------------------------------------------------------------- */

#define CONFIG                                                                                  \
    "{\"load\": [{\"raw\": \"image\", \"address\": \"0x80000000\"}], \"system_map\": \"map\", " \
    "\"run\": {\"stuck_insns\": 5}}"

static void expect_digest(const char *text, const char *set, const char *expected, bool same)
{
    struct error err = {""};
    struct config config = loaded(text, &set, set ? 1 : 0);
    char *digest = config_digest(&config, NULL, NULL, &err);
    cr_assert(digest, "%s", err.text);
    cr_expect_eq(!strcmp(digest, expected), same, "%s", text);
    config_free(&config);
    free(digest);
}

Test(config_digest, is_of_all_that_counts_and_of_nothing_else)
{
    struct error err = {""};
    write_file("image", "some code");
    write_file("map", "80000000 T start\n");
    struct config config = loaded(CONFIG, NULL, 0);
    char *digest = config_digest(&config, NULL, NULL, &err);
    cr_assert(digest, "%s", err.text);
    cr_assert(strstr(digest, "  image\n") && strstr(digest, "  map\n"), "%s", digest);
    cr_assert_eq(strspn(digest, "0123456789abcdef"), 64);

    expect_digest(CONFIG, NULL, digest, true);
    expect_digest("{\"run\":{\"stuck_insns\":5},\n\n\"system_map\":\"map\",\"load\":"
                  "[{\"address\":\"0x80000000\",\"raw\":\"image\"}]}",
                  NULL, digest, true);
    expect_digest("{\"load\": [{\"raw\": \"image\", \"address\": \"0x80000000\"}], "
                  "\"system_map\": \"map\"}",
                  "run.stuck_insns=5", digest, true);
    expect_digest(CONFIG, "report.dir=reports", digest, true);
    expect_digest(CONFIG, "run.stuck_insns=6", digest, false);
    expect_digest(CONFIG, "machine.seed=7", digest, false);
    expect_digest(CONFIG, "recovery={\"preset\":\"agora\"}", digest, false);

    config.run.max_insns = 20; /* --max-insns */
    char *limited = config_digest(&config, NULL, NULL, &err);
    cr_assert_str_neq(limited, digest);
    free(limited);
    write_file("image", "same size");
    expect_digest(CONFIG, NULL, digest, false);
    write_file("image", "some code");
    expect_digest(CONFIG, NULL, digest, true);
    write_file("map", "80000000 T other\n");
    expect_digest(CONFIG, NULL, digest, false);
    config_free(&config);
    free(digest);
}

Test(config_digest, a_file_that_goes_away)
{
    struct error err = {""};
    write_file("image", "some code");
    write_file("map", "80000000 T start\n");
    struct config config = loaded(CONFIG, NULL, 0);
    char *digest = config_digest(&config, NULL, NULL, &err);
    cr_assert_eq(unlink("image"), 0);
    char *without = config_digest(&config, NULL, NULL, &err);
    cr_assert_str_neq(digest, without);
    free(without);
    cr_assert_eq(mkdir("image", 0777), 0);
    cr_assert_null(config_digest(&config, NULL, NULL, &err));
    cr_assert_str_eq(err.text, "image: cannot read: Is a directory");
    config_free(&config);
    free(digest);
}

/* ---- Names of databases -------------------------------------------------------------------- */

static struct config a_config(void)
{
    write_file("image", "some code");
    write_file("map", "80000000 T start\n");
    return loaded(CONFIG, NULL, 0);
}

/* Opens and closes; the database must be `expected`. */
static void expect_database(const struct options *options, const struct config *config,
                            const char *expected, const char *directory)
{
    struct error err = {""};
    struct campaign campaign;
    cr_assert_eq(campaign_open(&campaign, "sweep", options, config, "{}", &err), 0, "%s", err.text);
    cr_expect_str_eq(store_path(campaign.store), expected);
    cr_expect_str_eq(campaign.directory, directory);
    cr_assert_eq(campaign_close(&campaign, &err), 0, "%s", err.text);
    cr_expect_eq(access(expected, F_OK), 0);
}

Test(campaign_open, chooses_names)
{
    struct config config = a_config();
    const struct options fresh = {.shard = 1, .shards = 1},
                         resume = {.shard = 1, .shards = 1, .resume = true},
                         shard = {.shard = 2, .shards = 3, .resume = true};
    expect_database(&resume, &config, "out/x.sweep.db", "out/x.sweep");
    expect_database(&fresh, &config, "out/x.sweep.2.db", "out/x.sweep.2");
    expect_database(&fresh, &config, "out/x.sweep.3.db", "out/x.sweep.3");
    expect_database(&resume, &config, "out/x.sweep.3.db", "out/x.sweep.3");
    expect_database(&shard, &config, "out/x.sweep.2-of-3.db", "out/x.sweep.2-of-3");
    expect_database(&shard, &config, "out/x.sweep.2-of-3.db", "out/x.sweep.2-of-3");
    config_free(&config);
}

Test(campaign_open, takes_names)
{
    struct config config = a_config();
    struct error err = {""};
    struct campaign campaign;
    struct options options = {.shard = 1, .shards = 1, .db = "far/away/a.db"};
    expect_database(&options, &config, "far/away/a.db", "far/away/a");
    cr_assert_eq(campaign_open(&campaign, "sweep", &options, &config, "{}", &err), -1);
    cr_assert_str_eq(err.text, "far/away/a.db: exists already: go on with it (--resume), or "
                               "choose another name");
    options.db = "plain";
    expect_database(&options, &config, "plain", "plain.files");
    options.db = "image/a.db";
    cr_assert_eq(campaign_open(&campaign, "sweep", &options, &config, "{}", &err), -1);
    cr_assert_str_eq(err.text, "image: not a directory");
    config_free(&config);
}

Test(campaign_open, goes_on_with_what_has_not_changed)
{
    struct config config = a_config();
    struct error err = {""};
    struct campaign campaign;
    const struct options resume = {.shard = 1, .shards = 1, .resume = true};
    expect_database(&resume, &config, "out/x.sweep.db", "out/x.sweep");
    write_file("image", "another1");
    cr_assert_eq(campaign_open(&campaign, "sweep", &resume, &config, "{}", &err), -1);
    cr_assert(strstr(err.text, "out/x.sweep.db: image has changed since this campaign began"), "%s",
              err.text);
    cr_assert_eq(campaign_open(&campaign, "sweep", &resume, &config, "{\"seed\":1}", &err), -1);
    config_free(&config);
}
