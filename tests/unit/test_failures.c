/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "sim/failures.h"
#include "sim/report/report_cascades.h"

static const char hostile[] = "\"\n<b>&amp;\\\x7f\xff";

static struct clock clock = {.rate = 1000000000};
static uint64_t insns;

static uint64_t count_insns(void *opaque)
{
    (void)opaque;
    return insns;
}

static void name_task(void *opaque, unsigned hart, uint64_t thread, char name[TASKS_COMM_SIZE])
{
    (void)opaque;
    (void)hart;
    snprintf(name, TASKS_COMM_SIZE, "%s", thread == 1 ? "sh" : "");
}

static struct failures *make(void)
{
    const struct failures_host host = {.clock = &clock, .insns = count_insns, .task = name_task};
    struct failures *failures = failures_new(&host);
    cr_assert(failures);
    return failures;
}

static void fail(struct failures *failures, const struct observed_failure *failure)
{
    const struct recovery_observer *observer = failures_observer(failures);
    clock.now += 1000;
    insns += 10;
    observer->failed(observer->opaque, failure);
}

static int read_nothing(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    (void)opaque;
    (void)gva;
    (void)buffer;
    (void)size;
    return -1;
}

static const struct recovery_policy policy = {.functions = {"vfs_read", hostile},
                                              .function_count = 2};
static const struct request_names names = {.policy = &policy, .read = read_nothing};

/* {"recovery": {...}}, as in a report. */
static cJSON *report_of(const struct failures *failures)
{
    cJSON *report = cJSON_CreateObject();
    cJSON *recovery = cJSON_AddObjectToObject(report, "recovery");
    failures_add_report(failures, &names, recovery);
    failures_add_events(failures, recovery);
    return report;
}

static const cJSON *at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(item, "no \"%s\"", key);
    return item;
}

static double number(const cJSON *object, const char *key)
{
    cr_assert(cJSON_IsNumber(at(object, key)));
    return at(object, key)->valuedouble;
}

static const char *text(const cJSON *object, const char *key)
{
    cr_assert(cJSON_IsString(at(object, key)), "\"%s\" is no text", key);
    return at(object, key)->valuestring;
}

static const cJSON *failure_at(const cJSON *report, int index)
{
    return cJSON_GetArrayItem(at(at(report, "recovery"), "failures"), index);
}

/* A failure with so many members, each of which depends on the one before it; the failed one is at
 * `failed`. Members and edges are the caller's to free. */
static struct observed_failure cascade(size_t count, size_t failed)
{
    struct observed_member *members = calloc(count, sizeof *members);
    struct observed_edge *edges = calloc(count, sizeof *edges);
    for (size_t i = 0; i < count; i++) {
        members[i] = (struct observed_member){.domain = {.id = 100 + i,
                                                         .thread = 1 + i % 3,
                                                         .kind = REQUEST_FUNCTION,
                                                         .number = i % 3,
                                                         .opened = 10 * i,
                                                         .log_bytes = i},
                                              .role = i == failed ? ROLE_FAILED : ROLE_DEPENDENT,
                                              .innocent = i % 3 != failed % 3,
                                              .entry = i < 3,
                                              .error = i == failed};
        if (i)
            edges[i - 1] = (struct observed_edge){i, i - 1};
    }
    return (struct observed_failure){.hart = 1,
                                     .thread = 1,
                                     .what = "panic",
                                     .reason = REFUSED_REASONS,
                                     .error = true,
                                     .members = members,
                                     .member_count = count,
                                     .edges = edges,
                                     .edge_count = count - 1};
}

static void free_cascade(const struct observed_failure *failure)
{
    free((void *)failure->members);
    free((void *)failure->edges);
}

Test(failures, a_cascade_is_kept_as_it_is)
{
    struct failures *failures = make();
    const struct observed_failure what = cascade(4, 0);
    fail(failures, &what);
    cJSON *report = report_of(failures);
    const cJSON *failure = failure_at(report, 0), *domains = at(failure, "domains");
    cr_expect_eq(number(failure, "at"), (double)insns);
    cr_expect_eq(number(failure, "time_ns"), (double)clock.now);
    cr_expect_eq(number(failure, "hart"), 1);
    cr_expect_str_eq(text(failure, "failure"), "panic");
    cr_expect_str_eq(text(failure, "task"), "sh");
    cr_expect_str_eq(text(failure, "outcome"), "error");
    cr_expect_not(cJSON_HasObjectItem(failure, "reason"));
    cr_assert_eq(cJSON_GetArraySize(domains), 4);
    const cJSON *third = cJSON_GetArrayItem(domains, 2);
    cr_expect_eq(number(third, "id"), 102);
    cr_expect_str_eq(text(third, "thread"), "0x3");
    cr_expect_str_eq(text(third, "role"), "dependent");
    cr_expect(cJSON_IsTrue(at(third, "innocent")));
    cr_expect_str_eq(text(third, "goes_back"), "retry");
    cr_expect_eq(number(third, "opened_ns"), 20);
    cr_expect_str_eq(text(cJSON_GetArrayItem(domains, 0), "name"), "vfs_read");
    cr_expect_str_eq(text(cJSON_GetArrayItem(domains, 0), "goes_back"), "error");
    const cJSON *edges = at(failure, "edges"), *edge = cJSON_GetArrayItem(edges, 1);
    cr_assert_eq(cJSON_GetArraySize(edges), 3);
    cr_expect_eq(cJSON_GetArrayItem(edge, 0)->valuedouble, 102, "it depends ...");
    cr_expect_eq(cJSON_GetArrayItem(edge, 1)->valuedouble, 101, "... on this");
    const cJSON *events = at(at(report, "recovery"), "events");
    cr_assert_eq(cJSON_GetArraySize(events), 4);
    cr_expect_str_eq(text(cJSON_GetArrayItem(events, 0), "what"), "failed");
    cr_expect_str_eq(text(cJSON_GetArrayItem(events, 1), "what"), "innocent");
    cr_expect_str_eq(text(cJSON_GetArrayItem(events, 1), "how"), "retry");
    const struct failures_totals totals = failures_totals(failures);
    cr_expect_eq(totals.failures, 1);
    cr_expect_eq(totals.failed, 2);
    cr_expect_eq(totals.innocents, 2);
    cr_expect_eq(totals.refused, 0);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&what);
}

Test(failures, refused_ones_say_why)
{
    struct failures *failures = make();
    const struct observed_failure what = {.what = NULL, .reason = REFUSED_NO_DOMAIN};
    fail(failures, &what);
    cJSON *report = report_of(failures);
    cr_expect_str_eq(text(failure_at(report, 0), "outcome"), "refused");
    cr_expect_str_eq(text(failure_at(report, 0), "reason"), "no-domain");
    const cJSON *events = at(at(report, "recovery"), "events");
    cr_expect_str_eq(text(cJSON_GetArrayItem(events, 0), "what"), "refused");
    cr_expect_str_eq(text(cJSON_GetArrayItem(events, 0), "how"), "no-domain");
    cr_expect_not(report_cascades_apply(report));
    cr_expect_eq(failures_totals(failures).refused, 1);
    cJSON_Delete(report);
    failures_free(failures);
}

Test(failures, what_is_too_much_is_counted)
{
    struct failures *failures = make();
    const struct observed_failure large = cascade(2500, 2400), small = cascade(3, 0);
    fail(failures, &large);
    for (int i = 0; i < FAILURES_MAX + 50; i++)
        fail(failures, &small);
    cJSON *report = report_of(failures);
    const cJSON *failure = failure_at(report, 0), *domains = at(failure, "domains");
    cr_expect_eq(cJSON_GetArraySize(domains), FAILURES_MAX_DOMAINS);
    cr_expect_eq(number(failure, "domains_left_out"), 500);
    const cJSON *last = cJSON_GetArrayItem(domains, FAILURES_MAX_DOMAINS - 1);
    cr_expect_str_eq(text(last, "role"), "failed", "it must not be left out");
    cr_expect_eq(number(last, "id"), 2500);
    /* Its place was another's: without the edges of either. */
    cr_expect_eq(cJSON_GetArraySize(at(failure, "edges")), FAILURES_MAX_DOMAINS - 2);
    cr_expect_eq(number(failure, "edges_left_out"), 2499 - (FAILURES_MAX_DOMAINS - 2));
    const cJSON *recovery = at(report, "recovery");
    cr_expect_eq(cJSON_GetArraySize(at(recovery, "failures")), FAILURES_MAX);
    cr_expect_eq(number(recovery, "failures_left_out"), 51);
    cr_expect_eq(failures_totals(failures).failures, FAILURES_MAX + 51);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&large);
    free_cascade(&small);
}

Test(failures, all_of_them_have_a_limit)
{
    struct failures *failures = make();
    const struct observed_failure large = cascade(1900, 0);
    for (int i = 0; i < 30; i++)
        fail(failures, &large);
    cJSON *report = report_of(failures);
    double kept = 0, left_out = 0;
    for (int i = 0; i < 30; i++) {
        kept += cJSON_GetArraySize(at(failure_at(report, i), "domains"));
        left_out += number(failure_at(report, i), "domains_left_out");
    }
    cr_expect_eq(kept, FAILURES_ALL_DOMAINS);
    cr_expect_eq(kept + left_out, 30 * 1900);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&large);
}

Test(failures, they_go_back_with_the_machine)
{
    struct failures *failures = make();
    const struct observed_failure what = cascade(3, 0), other = cascade(700, 0);
    fail(failures, &what);
    struct state_copy size = {0};
    failures_state(failures, &size);
    uint8_t *bytes = malloc(size.size);
    struct state_copy save = {.at = bytes}, restore = {.at = bytes, .restore = true};
    failures_state(failures, &save);
    for (int round = 0; round < 3; round++) {
        fail(failures, &other);
        fail(failures, &what);
        cr_expect_eq(failures_totals(failures).failures, 3);
        restore.at = bytes;
        failures_state(failures, &restore);
        cr_expect_eq(failures_totals(failures).failures, 1);
    }
    cJSON *report = report_of(failures);
    cr_expect_eq(cJSON_GetArraySize(at(at(report, "recovery"), "failures")), 1);
    cr_expect_eq(cJSON_GetArraySize(at(failure_at(report, 0), "domains")), 3);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&what);
    free_cascade(&other);
    free(bytes);
}

/* ---- The graph ----------------------------------------------------------------------------- */

static char *graph_of(const cJSON *report)
{
    char *dot = NULL;
    size_t size;
    FILE *out = open_memstream(&dot, &size);
    report_cascades_write(report, out);
    fclose(out);
    return dot;
}

static size_t count_of(const char *where, const char *what)
{
    size_t count = 0;
    for (const char *found = where; (found = strstr(found, what)); found++)
        count++;
    return count;
}

static size_t where_is(const char *whole, const char *what)
{
    const char *found = strstr(whole, what);
    cr_assert(found, "no \"%s\"", what);
    return (size_t)(found - whole);
}

Test(cascades, the_failed_one_and_who_is_near)
{
    struct failures *failures = make();
    const struct observed_failure what = cascade(200, 150);
    fail(failures, &what);
    cJSON *report = report_of(failures);
    cr_assert(report_cascades_apply(report));
    char *dot = graph_of(report);
    cr_expect(strstr(dot, "failure 1: panic, "));
    cr_expect(strstr(dot, "200 domains"));
    cr_expect_eq(count_of(dot, "#f2a6a0"), 1, "one has failed");
    cr_expect(strstr(dot, "\"f1_250\" [fillcolor=\"#f2a6a0\""));
    cr_expect(strstr(dot, "\"f1_250\" -> \"f1_251\""), "this one depended on it");
    cr_expect(strstr(dot, "\"f1_298\" -> \"f1_299\""));
    cr_expect_eq(count_of(dot, "\\n#"), 60);
    cr_expect(strstr(dot, "label=\"140 more\""));
    free(dot);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&what);
}

Test(cascades, the_largest_in_their_order)
{
    static const size_t sizes[] = {2, 9, 3, 1, 9, 30, 4};
    struct failures *failures = make();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct observed_failure what = cascade(sizes[i], 0);
        fail(failures, &what);
        free_cascade(&what);
    }
    cJSON *report = report_of(failures);
    char *dot = graph_of(report);
    size_t at_second = where_is(dot, "failure 2: "), at_fifth = where_is(dot, "failure 5: ");
    size_t at_sixth = where_is(dot, "failure 6: "), at_seventh = where_is(dot, "failure 7: ");
    cr_expect(at_second < at_fifth && at_fifth < at_sixth && at_sixth < at_seventh, "%s", dot);
    cr_expect_eq(count_of(dot, "subgraph"), 4);
    cr_expect_eq(count_of(dot, "label=\"15 more\""), 1, "each has a quarter of the room");
    free(dot);
    cJSON_Delete(report);
    failures_free(failures);
}

Test(cascades, hostile_names)
{
    struct failures *failures = make();
    struct observed_failure what = cascade(3, 0);
    what.what = hostile;
    fail(failures, &what);
    cJSON *report = report_of(failures);
    char *large = malloc(10241);
    memset(large, 'x', 10240);
    large[10240] = 0;
    cJSON_ReplaceItemInObject(cJSON_GetArrayItem((cJSON *)at(failure_at(report, 0), "domains"), 2),
                              "thread", cJSON_CreateString(large));
    char *dot = graph_of(report);
    cr_expect(strstr(dot, "label=\"\\\"?<b>&amp;amp;\\\\??\\n"), "%s", dot);
    cr_expect(strstr(dot, "failure 1: \\\"?<b>"), "%s", dot);
    cr_expect_lt(strlen(dot), 3000);
    for (const char *c = dot; *c; c++)
        cr_assert(*c == '\n' || (*c >= ' ' && *c < 0x7f), "byte 0x%02x", (unsigned char)*c);
    free(dot);
    free(large);
    cJSON_Delete(report);
    failures_free(failures);
    free_cascade(&what);
}

Test(cascades, reports_that_are_none)
{
    static const char *const reports[] = {
        "{}",
        "{\"recovery\":7}",
        "{\"recovery\":{\"failures\":[1,null,{},{\"domains\":7},{\"outcome\":\"error\"}]}}",
        "{\"recovery\":{\"failures\":[{\"outcome\":\"error\",\"domains\":[3,{\"id\":\"x\"},{\"id\":"
        "-1}],"
        "\"edges\":[[],[1],[0,0],[\"a\",\"b\"],7,[-1,0]]}]}}",
    };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        cJSON *report = cJSON_Parse(reports[i]);
        cr_assert(report);
        cr_expect_eq(report_cascades_apply(report), i == 3);
        char *dot = graph_of(report);
        cr_expect(strstr(dot, "digraph"));
        free(dot);
        cJSON_Delete(report);
    }
}
