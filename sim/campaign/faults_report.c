/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/faults_plan.h"
#include "sim/campaign/outcome.h"
#include "sim/config.h"
#include "sim/text.h"

#define KINDS    (INJECT_HANG + 1)
#define EXAMPLES 2 /* of an outcome and a mode */

static const char *const mode_names[] = {[CAMPAIGN_ON] = "on", [CAMPAIGN_OFF] = "off"};
static const char *const mode_titles[] = {
    [CAMPAIGN_ON] = "with recovery", [CAMPAIGN_OFF] = "without recovery"};

/* Results with an outcome, counted. */
struct tally {
    uint64_t of[OUTCOMES], all, survived;
};

struct mode_report {
    bool there;
    uint64_t lost;
    struct tally all, kinds[KINDS];
    size_t examples[OUTCOMES][EXAMPLES]; /* faults, in the order in which they strike */
    size_t example_count[OUTCOMES];
};

struct report {
    struct fault_plan plan;
    struct mode_report modes[CAMPAIGN_MODES];
    enum campaign_mode mode; /* that is being read */
};

/* ---- Reading -------------------------------------------------------------------------------- */

static void add(struct tally *tally, enum outcome outcome)
{
    tally->of[outcome]++;
    tally->all++;
    tally->survived += outcome_is_survival(outcome);
}

static int visit(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct report *report = opaque;
    struct mode_report *mode = &report->modes[report->mode];
    size_t index = strtoul(result->key, NULL, 10);
    int outcome = outcome_named(result->outcome);
    mode->there = true;
    if (index >= report->plan.count)
        return error_set(err, "the campaign's plan has no fault \"%s\"", result->key);
    if (outcome < 0) {
        mode->lost++;
        return 0;
    }
    add(&mode->all, (enum outcome)outcome);
    add(&mode->kinds[report->plan.faults[index].kind], (enum outcome)outcome);
    if (mode->example_count[outcome] < EXAMPLES)
        mode->examples[outcome][mode->example_count[outcome]++] = index;
    return 0;
}

static int read_store(struct report *report, struct store *store, struct error *err)
{
    char *plan = NULL;
    if (store_get(store, FAULTS_PLAN, &plan, err))
        return -1;
    int result = plan ? fault_plan_parse(&report->plan, plan, err) : 0;
    free(plan);
    for (int mode = 0; !result && mode < CAMPAIGN_MODES; mode++) {
        report->mode = (enum campaign_mode)mode;
        result = store_each(store, FAULTS_ROUND(mode), visit, report, err);
    }
    return result;
}

/* ---- Text ----------------------------------------------------------------------------------- */

/* A table with a column for each mode that there is. */
struct table {
    const char *cells[(OUTCOMES + KINDS) * (1 + CAMPAIGN_MODES)];
    char texts[(OUTCOMES + KINDS) * CAMPAIGN_MODES][60];
    size_t count, text_count, rows;
};

static void begin_row(struct table *table, const char *name)
{
    table->cells[table->count++] = name;
    table->rows++;
}

static void begin_table(struct table *table, const struct report *report, const char *name)
{
    *table = (struct table){.count = 0};
    begin_row(table, name);
    for (int mode = 0; mode < CAMPAIGN_MODES; mode++)
        if (report->modes[mode].there)
            table->cells[table->count++] = mode_titles[mode];
}

static void add_cell(struct table *table, uint64_t part, uint64_t all)
{
    char *text = table->texts[table->text_count++];
    struct interval interval = all ? wilson(part, all) : (struct interval){0, 1};
    snprintf(text, sizeof *table->texts, all ? "%" PRIu64 "  %5.1f %% [%5.1f, %5.1f]" : "-", part,
             all ? 100 * (double)part / (double)all : 0, 100 * interval.low, 100 * interval.high);
    table->cells[table->count++] = text;
}

static void end_table(const struct table *table, const struct screen *screen)
{
    screen_text(screen, "\n");
    screen_table(screen, table->cells, table->rows, table->count / table->rows);
}

static void print_outcomes(const struct report *report, const struct screen *screen)
{
    static const enum outcome order[] = {OUTCOME_RECOVERED, OUTCOME_COLLATERAL, OUTCOME_MASKED,
                                         OUTCOME_FAILED,    OUTCOME_CORRUPT,    OUTCOME_HANG,
                                         OUTCOME_DEAD};
    struct table table;
    begin_table(&table, report, "outcome");
    for (size_t i = 0; i < OUTCOMES; i++) {
        begin_row(&table, outcome_title(order[i]));
        for (int mode = 0; mode < CAMPAIGN_MODES; mode++)
            if (report->modes[mode].there)
                add_cell(&table, report->modes[mode].all.of[order[i]], report->modes[mode].all.all);
    }
    end_table(&table, screen);
}

static void print_survival(const struct report *report, const struct screen *screen)
{
    struct table table;
    begin_table(&table, report, "survived (the first four)");
    for (int kind = INJECT_NULL; kind <= KINDS; kind++) {
        begin_row(&table, kind < KINDS ? fault_kind_name((enum inject_kind)kind) : "all");
        for (int mode = 0; mode < CAMPAIGN_MODES; mode++) {
            const struct mode_report *here = &report->modes[mode];
            const struct tally *tally = kind < KINDS ? &here->kinds[kind] : &here->all;
            if (here->there)
                add_cell(&table, tally->survived, tally->all);
        }
    }
    end_table(&table, screen);
}

/* The commands are not broken into lines: they are to be copied. */
static void print_examples(const struct report *report, const char *config,
                           const struct screen *screen)
{
    screen_text(screen, "\nexamples, each by itself from power-on:\n");
    for (int mode = 0; mode < CAMPAIGN_MODES; mode++) {
        const struct mode_report *here = &report->modes[mode];
        for (int outcome = 0; outcome < OUTCOMES; outcome++)
            for (size_t i = 0; i < here->example_count[outcome]; i++) {
                const char *const parts[] = {
                    "  ",
                    outcome_title((enum outcome)outcome),
                    ", ",
                    mode_titles[mode],
                    ":\n    iaso inject ",
                    config,
                    " ",
                    report->plan.options[here->examples[outcome][i]],
                    mode == CAMPAIGN_OFF ? " --set recovery.enabled=false\n" : "\n"};
                for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
                    screen_text(screen, parts[part]);
            }
    }
}

static void print(const struct report *report, const struct store_identity *identity,
                  const struct screen *screen)
{
    char places[TEXT_GROUP_SIZE], faults[TEXT_GROUP_SIZE];
    screen_row(screen, "faults",
               "%s in %s, drawn from %s instructions that its kernel executes "
               "inside recovery domains",
               text_group(report->plan.count, faults), identity->config,
               text_group(report->plan.places, places));
    screen_row(screen, "shares", "with 95 %% confidence intervals");
    for (int mode = 0; mode < CAMPAIGN_MODES; mode++)
        if (report->modes[mode].lost)
            screen_row(screen, "lost", "%" PRIu64 " %s: the simulator failed in them",
                       report->modes[mode].lost, mode_titles[mode]);
    print_outcomes(report, screen);
    print_survival(report, screen);
    print_examples(report, identity->config, screen);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void add_share(cJSON *json, const char *name, uint64_t part, uint64_t all)
{
    cJSON *share = cJSON_AddObjectToObject(json, name);
    cJSON_AddNumberToObject(share, "count", (double)part);
    if (!all)
        return;
    struct interval interval = wilson(part, all);
    cJSON_AddNumberToObject(share, "share", (double)part / (double)all);
    cJSON_AddNumberToObject(share, "low", interval.low);
    cJSON_AddNumberToObject(share, "high", interval.high);
}

static void add_tally(cJSON *json, const struct tally *tally)
{
    cJSON_AddNumberToObject(json, "faults", (double)tally->all);
    cJSON *outcomes = cJSON_AddObjectToObject(json, "outcomes");
    for (int i = 0; i < OUTCOMES; i++)
        add_share(outcomes, outcome_name((enum outcome)i), tally->of[i], tally->all);
    add_share(json, "survived", tally->survived, tally->all);
}

static void add_mode(cJSON *json, const struct report *report, enum campaign_mode number)
{
    const struct mode_report *mode = &report->modes[number];
    cJSON *object = cJSON_AddObjectToObject(json, mode_names[number]);
    add_tally(object, &mode->all);
    cJSON_AddNumberToObject(object, "lost", (double)mode->lost);
    cJSON *kinds = cJSON_AddObjectToObject(object, "kinds");
    for (int kind = INJECT_NULL; kind < KINDS; kind++)
        if (mode->kinds[kind].all)
            add_tally(cJSON_AddObjectToObject(kinds, fault_kind_name((enum inject_kind)kind)),
                      &mode->kinds[kind]);
    cJSON *examples = cJSON_AddObjectToObject(object, "examples");
    for (int outcome = 0; outcome < OUTCOMES; outcome++) {
        cJSON *array = cJSON_AddArrayToObject(examples, outcome_name((enum outcome)outcome));
        for (size_t i = 0; i < mode->example_count[outcome]; i++)
            cJSON_AddItemToArray(
                array, cJSON_CreateString(report->plan.options[mode->examples[outcome][i]]));
    }
}

static void summarise(cJSON *summary, const struct report *report)
{
    cJSON *json = cJSON_GetObjectItem(summary, "campaign");
    if (!json)
        json = cJSON_AddObjectToObject(summary, "campaign");
    cJSON_AddNumberToObject(json, "drawn", (double)report->plan.count);
    cJSON_AddNumberToObject(json, "places", (double)report->plan.places);
    cJSON *modes = cJSON_AddObjectToObject(json, "recovery");
    for (int mode = 0; mode < CAMPAIGN_MODES; mode++)
        if (report->modes[mode].there)
            add_mode(modes, report, (enum campaign_mode)mode);
}

static int report_store(struct store *store, const struct screen *screen, cJSON *summary,
                        struct error *err)
{
    struct report *report = calloc(1, sizeof *report);
    if (!report)
        return error_set(err, "out of memory");
    int result = read_store(report, store, err);
    if (!result && screen)
        print(report, store_identity(store), screen);
    if (!result && summary)
        summarise(summary, report);
    fault_plan_free(&report->plan);
    free(report);
    return result;
}

const struct campaign_kind faults_kind = {.name = "inject", .report = report_store};
