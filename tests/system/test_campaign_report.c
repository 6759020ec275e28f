/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sweeps and campaigns of faults leave in the folder of --report. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

#define BROKEN "configs/hypnos-broken.json"
#define AGORA  "configs/agora-null.json"

static const char *path_in(struct place *place, const char *folder, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return place_file(place, path);
}

static const char *text_at(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    cr_assert(text, "no \"%s\"", key);
    return text;
}

/* The sum of a member of an array's elements. */
static double sum_of(const cJSON *array, const char *key)
{
    const cJSON *item;
    double sum = 0;
    cr_assert(cJSON_IsArray(array));
    cJSON_ArrayForEach(item, array) sum += number_at(item, key);
    return sum;
}

/* The sum of a column of a table; cells have no quotes. */
static double sum_of_column(const char *file, unsigned column)
{
    char *text = read_whole(file, NULL), *rest = text, *line;
    double sum = 0;
    strsep(&rest, "\n");
    while ((line = strsep(&rest, "\n")) && *line) {
        for (unsigned i = 0; i < column; i++)
            line = strchr(line, ',') + 1;
        sum += strtod(line, NULL);
    }
    free(text);
    return sum;
}

static void expect_valid(struct place *place, const char *report)
{
    struct run run;
    RUN(&run, "schema", "report");
    const char *schema = place_bytes(place, "schema.json", run.out, run.out_size);
    run_free(&run);
    RUN_COMMAND(&run, "python3", "-c",
                "import json, jsonschema, sys\n"
                "jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))",
                schema, report);
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
}

Test(system_campaign_report, of_a_sweep)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "report"), *db = place_file(&place, "sweep.db");
    RUN(&run, "sweep", BROKEN, "--depth", "1", "--sample", "120", "--db", db, "--report", dir);
    cr_expect_eq(run.code, 1, "%s", run.err);
    cr_expect(strstr(run.err, "\n  report          "), "%s", run.err);
    run_free(&run);
    cJSON *report = read_json(path_in(&place, "report", "report.json"));
    expect_valid(&place, path_in(&place, "report", "report.json"));
    const cJSON *sweep = cJSON_GetObjectItem(report, "sweep");
    const cJSON *findings = cJSON_GetObjectItem(sweep, "findings");
    const cJSON *coverage = cJSON_GetObjectItem(sweep, "coverage");
    cr_expect_str_eq(text_at(report, "kind"), "sweep");
    cr_expect_str_eq(text_at(report, "database"), db);
    cr_expect_eq(number_at(report, "exit"), 1);
    cr_expect(
        cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(report, "campaign"), "finished")));
    cr_expect_eq(number_at(sweep, "points"), 120);
    cr_expect_gt(number_at(sweep, "failures"), 0);
    cr_expect_eq(sum_of(findings, "count"), number_at(sweep, "failures"));
    cr_expect_eq(sum_of(coverage, "failures"), number_at(sweep, "failures"));
    cr_expect_eq(sum_of(coverage, "states"), number_at(sweep, "distinct_states"));
    /* Parts are without gaps from the first store to the last. */
    double next = 1;
    const cJSON *part;
    cJSON_ArrayForEach(part, coverage)
    {
        cr_expect_eq(number_at(part, "from"), next);
        next = number_at(part, "to") + 1;
    }
    cr_expect_eq(next, number_at(sweep, "golden_writes") + 1);
    const char *cuts = path_in(&place, "report", "tables/cuts.csv");
    cr_expect_eq(sum_of_column(cuts, 2), number_at(sweep, "distinct_states"));
    cr_expect_eq(sum_of_column(cuts, 3), number_at(sweep, "failures"));

    const cJSON *first = cJSON_GetArrayItem(findings, 0);
    const char *name = text_at(first, "reproducer");
    RUN(&run, "run", path_in(&place, "report", name), "-q");
    cr_expect_eq(run.code, 1);
    cr_expect(strstr(run.err, text_at(first, "verdict")), "%s", run.err);
    run_free(&run);
    char *page = read_whole(path_in(&place, "report", "report.html"), NULL), link[80];
    snprintf(link, sizeof link, "href=\"%s\"", name);
    cr_expect(strstr(page, link), "no %s", link);
    free(page);
    cJSON_Delete(report);

    RUN(&run, "sweep", BROKEN, "--depth", "1", "--sample", "5", "--db",
        place_file(&place, "other.db"), "--report", dir);
    cr_expect_eq(run.code, 2, "%s", run.err);
    cr_expect(access(place_file(&place, "other.db"), F_OK), "it was begun");
    run_free(&run);
    place_remove(&place);
}

Test(system_campaign_report, of_faults)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "report"), *db = place_file(&place, "faults.db");
    RUN(&run, "inject", AGORA, "--set", "bootargs=agora.work=0", "--campaign", "12", "--db", db,
        "--report", dir);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "iaso inject " AGORA) && !strstr(run.out, "report.dir"), "%s",
              run.out);
    run_free(&run);
    cJSON *report = read_json(path_in(&place, "report", "report.json"));
    expect_valid(&place, path_in(&place, "report", "report.json"));
    cr_expect_str_eq(text_at(report, "kind"), "inject");
    cr_expect_eq(number_at(report, "campaign.drawn"), 12);
    cr_expect_eq(number_at(report, "campaign.recovery.on.faults"), 12);
    cr_expect_eq(sum_of_column(path_in(&place, "report", "tables/outcomes.csv"), 2), 24);
    cJSON_Delete(report);

    /* The database says the same by itself. */
    const char *again = place_file(&place, "again");
    RUN(&run, "campaign", "show", db, "--report", again);
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    expect_valid(&place, path_in(&place, "again", "report.json"));
    char *a = read_whole(path_in(&place, "report", "tables/outcomes.csv"), NULL);
    char *b = read_whole(path_in(&place, "again", "tables/outcomes.csv"), NULL);
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
    place_remove(&place);
}

Test(system_campaign_report, of_what_was_interrupted)
{
    struct place place;
    place_make(&place);
    const char *dir = place_file(&place, "report"), *db = place_file(&place, "sweep.db");
    const char *const arguments[] = {
        "sweep", "configs/hypnos-kv.json", "--db", db, "--report", dir, "-j", "1", NULL};
    struct session session;
    setenv("TERM", "xterm", 1);
    session_start(&session, SESSION_TERMINAL_ERR, arguments);
    session_expect(&session, "recover  ["); /* the progress of the first round */
    cr_assert_eq(kill(session.pid, SIGINT), 0);
    int code = session_end(&session);
    cr_expect_eq(code, 130, "%d\n%s", code, session.seen);
    session_free(&session);
    cJSON *report = read_json(path_in(&place, "report", "report.json"));
    expect_valid(&place, path_in(&place, "report", "report.json"));
    cr_expect_eq(number_at(report, "exit"), 130);
    cr_expect(
        cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetObjectItem(report, "campaign"), "finished")));
    cr_expect(strstr(text_at(report, "command"), "sweep configs/hypnos-kv.json"));
    char *page = read_whole(path_in(&place, "report", "report.html"), NULL);
    cr_expect(strstr(page, "This is incomplete"));
    free(page);
    cJSON_Delete(report);
    place_remove(&place);
}
