/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fault campaigns, on a kernel that takes a twentieth of a second and judges itself. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/faults_plan.h"
#include "sim/campaign/faults_report.h"
#include "tests/system/harness.h"

#define FAULTS "24"
#define MAX    24

static const char *const base[] = {
    "inject", "configs/agora-null.json", "--set",      "bootargs=agora.work=0",
    "--set",  "campaign.hang=2",         "--campaign", FAULTS};
#define BASE (sizeof base / sizeof *base)

/* `more` ends with NULL. */
static void campaign(struct run *run, const char *const *more)
{
    const char *arguments[40];
    size_t count = 0;
    for (size_t i = 0; i < BASE; i++)
        arguments[count++] = base[i];
    while (*more && count < 39)
        arguments[count++] = *more++;
    arguments[count] = NULL;
    run_program(run, NULL, arguments);
}

#define CAMPAIGN(run, ...) campaign(run, (const char *const[]){__VA_ARGS__, NULL})

static void expect_equal(const struct run *a, const struct run *b, const char *what)
{
    char *x = cJSON_Print(a->summary), *y = cJSON_Print(b->summary);
    cr_expect_str_eq(a->out, b->out, "%s", what);
    cr_expect_str_eq(x, y, "%s", what);
    free(x);
    free(y);
}

/* ---- One database --------------------------------------------------------------------------- */

struct results {
    struct fault_plan plan;
    struct {
        char outcome[24];
        bool poweroff;
        double insns;
    } rows[CAMPAIGN_MODES][MAX];
    unsigned mode;
};

static int note(void *opaque, const struct campaign_result *result, struct error *err)
{
    (void)err;
    struct results *results = opaque;
    size_t index = strtoul(result->key, NULL, 10);
    cr_assert_lt(index, MAX);
    cJSON *detail = cJSON_Parse(result->detail);
    snprintf(results->rows[results->mode][index].outcome, 24, "%s", result->outcome);
    results->rows[results->mode][index].poweroff =
        !strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(detail, "end")), "poweroff");
    results->rows[results->mode][index].insns = number_at(detail, "instructions");
    cJSON_Delete(detail);
    return 0;
}

static void read_results(struct results *results, const char *path)
{
    struct error err = {""};
    char *plan = NULL;
    *results = (struct results){0};
    struct store *store = store_open(path, STORE_READ, NULL, &err);
    cr_assert_not_null(store, "%s", err.text);
    cr_assert_eq(store_get(store, FAULTS_PLAN, &plan, &err), 0);
    cr_assert_eq(fault_plan_parse(&results->plan, plan, &err), 0, "%s", err.text);
    for (results->mode = 0; results->mode < CAMPAIGN_MODES; results->mode++)
        cr_assert_eq(store_each(store, FAULTS_ROUND(results->mode), note, results, &err), 0);
    store_close(store, NULL);
    free(plan);
}

/* `iaso inject` with the options that the campaign names, from power-on. */
static void reproduce(const struct results *results, size_t i, enum campaign_mode mode,
                      const char *summary)
{
    const char *iaso = getenv("IASO"), *options = results->plan.options[i];
    char line[800];
    snprintf(line, sizeof line,
             "%s inject configs/agora-null.json %s%s --console none --summary %s",
             iaso ? iaso : "./iaso", options,
             mode == CAMPAIGN_OFF ? " --set recovery.enabled=false" : "", summary);
    struct run run;
    run_command(&run, (const char *const[]){"sh", "-c", line, NULL});
    run.summary = read_json(summary);
    const char *outcome = results->rows[mode][i].outcome;
    bool survived =
        strcmp(outcome, "corruption") && strcmp(outcome, "hang") && strcmp(outcome, "kernel-dead");
    bool poweroff = results->rows[mode][i].poweroff;
    cr_expect_eq(run.code, survived ? 0 : 1, "%s (%s): exit %d\n%s", results->plan.options[i],
                 outcome, run.code, run.err);
    if (poweroff)
        cr_expect_eq(summary_number(&run, "instructions"),
                     (double)results->plan.faults[i].position + results->rows[mode][i].insns, "%s",
                     results->plan.options[i]);
    if (mode == CAMPAIGN_ON && (!strcmp(outcome, "recovered") || !strcmp(outcome, "collateral")))
        cr_expect_geq(number_at(run.summary, "recovery.recovered"), 1, "%s",
                      results->plan.options[i]);
    run_free(&run);
}

Test(system_faults, same_with_jobs_and_shards_and_each_fault_by_itself, .timeout = 900)
{
    struct place place;
    struct run one, two, shards, shown;
    struct results results;
    unsigned recovered = 0, dead = 0;
    place_make(&place);
    const char *path = place_file(&place, "1.db");
    CAMPAIGN(&one, "--db", path, "-j1", "--summary", place_file(&place, "1"));
    cr_assert_eq(one.code, 0, "%s", one.err);
    CAMPAIGN(&two, "--db", place_file(&place, "2.db"), "-j2", "--summary", place_file(&place, "2"));
    cr_assert_eq(two.code, 0, "%s", two.err);
    expect_equal(&one, &two, "1 and 2 jobs");
    CAMPAIGN(&shards, "--db", place_file(&place, "s1.db"), "--shard", "1/2", "-j1", "-q");
    cr_assert_eq(shards.code, 0, "%s", shards.err);
    run_free(&shards);
    CAMPAIGN(&shards, "--db", place_file(&place, "s2.db"), "--shard", "2/2", "-j1", "-q");
    cr_assert_eq(shards.code, 0, "%s", shards.err);
    run_free(&shards);
    const char *merged = place_file(&place, "merged.db");
    RUN(&shards, "campaign", "merge", merged, place_file(&place, "s1.db"),
        place_file(&place, "s2.db"));
    cr_assert_eq(shards.code, 0, "%s", shards.err);
    run_free(&shards);
    /* The database is finished: this reports only. */
    CAMPAIGN(&shards, "--db", path, "--resume", "--summary", place_file(&place, "again"));
    cr_assert_eq(shards.code, 0, "%s", shards.err);
    expect_equal(&one, &shards, "again");
    RUN(&shown, "campaign", "show", merged, "--summary", place_file(&place, "shown"));
    cr_assert_eq(shown.code, 0, "%s", shown.err);
    cr_expect(strstr(shown.out, strstr(one.out, "\noutcome")), "%s\n%s", shown.out, one.out);

    const char *summary = place_file(&place, "r");
    read_results(&results, path);
    cr_assert_eq(results.plan.count, MAX);
    for (size_t i = 0; i < MAX; i++) {
        cr_expect(i == 0 || results.plan.faults[i - 1].position <= results.plan.faults[i].position);
        reproduce(&results, i, CAMPAIGN_ON, summary);
        reproduce(&results, i, CAMPAIGN_OFF, summary);
        recovered += !strcmp(results.rows[CAMPAIGN_ON][i].outcome, "recovered");
        dead += !strcmp(results.rows[CAMPAIGN_OFF][i].outcome, "kernel-dead");
        cr_expect_neq(results.rows[CAMPAIGN_OFF][i].outcome[0], 'r', "recovered without recovery");
    }
    cr_expect_gt(recovered, 4);
    cr_expect_gt(dead, 4);
    fault_plan_free(&results.plan);
    run_free(&one);
    run_free(&two);
    run_free(&shards);
    run_free(&shown);
    place_remove(&place);
}

/* Another seed is another campaign, and no config that was changed goes on with a database. */
Test(system_faults, seeds, .timeout = 300)
{
    struct place place;
    struct run one, two;
    place_make(&place);
    const char *mode = "campaign.recovery=[\"on\"]";
    CAMPAIGN(&one, "--db", place_file(&place, "1.db"), "--set", mode);
    CAMPAIGN(&two, "--db", place_file(&place, "2.db"), "--set", mode, "--seed", "2");
    cr_assert_eq(one.code, 0, "%s", one.err);
    cr_assert_eq(two.code, 0, "%s", two.err);
    cr_expect_str_neq(one.out, two.out);
    cr_expect_null(strstr(one.out, "without recovery"));
    run_free(&one);
    run_free(&two);
    CAMPAIGN(&one, "--db", place_file(&place, "1.db"), "--set", mode, "--seed", "2", "--resume");
    cr_expect_eq(one.code, 2, "%s", one.err);
    run_free(&one);
    place_remove(&place);
}

/* ---- What cannot be done -------------------------------------------------------------------- */

static void expect_refused(const char *const *more, const char *text)
{
    struct place place;
    struct run run;
    const char *arguments[16] = {"--db", NULL};
    size_t count = 2;
    place_make(&place);
    arguments[1] = place_file(&place, "c.db");
    while (*more)
        arguments[count++] = *more++;
    campaign(&run, arguments);
    cr_expect_eq(run.code, 2, "%s: exit %d\n%s", text, run.code, run.err);
    cr_expect(strstr(run.err, text), "expected \"%s\" in:\n%s", text, run.err);
    run_free(&run);
    place_remove(&place);
}

#define REFUSED(text, ...) expect_refused((const char *const[]){__VA_ARGS__, NULL}, text)

Test(system_faults, bad_input, .timeout = 300)
{
    struct run run;
    REFUSED("campaign.faults: expected a count from 1", "--campaign", "0");
    REFUSED("expected a section `recovery`", "--set", "recovery.enabled=false");
    REFUSED("found both", "--at", "panic", "--kind", "null");
    REFUSED("campaign.from: expected a text that the run without a fault prints", "--set",
            "campaign.from=tomorrow");
    REFUSED("campaign.until: expected a text that the run without a fault prints", "--set",
            "campaign.until=tomorrow");
    REFUSED("but the guest exited with code 0, expected 3", "--set", "expect.exit=3");
    REFUSED("but it printed a text of campaign.failed", "--set",
            "campaign.failed=[\"invariants\"]");
    REFUSED("found no recovery domain", "--set", "campaign.from=invariants hold");
    REFUSED("campaign.recovery: expected at least 1 element", "--set", "campaign.recovery=[]");
    REFUSED("recovery.torture: expected \"off\"", "--set", "recovery.torture=rollback-retry");
    RUN(&run, "inject", "configs/agora-null.json", "--at", "panic", "--kind", "null", "--resume");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "beside --campaign only"), "%s", run.err);
    run_free(&run);
}
