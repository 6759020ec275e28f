/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "sim/json.h"
#include "sim/report/perfetto.h"
#include "sim/report/trace_domains.h"
#include "tests/trace_rules.h"

#define PLENTY 10000

/* A trace that is written to memory. */
struct written {
    char *text;
    size_t size;
    FILE *file;
    struct perfetto *trace;
};

static void begin(struct written *written, uint64_t limit)
{
    written->file = open_memstream(&written->text, &written->size);
    written->trace = perfetto_new(written->file, limit);
    cr_assert(written->trace);
}

/* Ends and parses it. */
static cJSON *finish(struct written *written, uint64_t ns)
{
    struct error err = {""};
    perfetto_finish(written->trace, ns);
    perfetto_free(written->trace);
    cr_assert_eq(fclose(written->file), 0);
    cJSON *json = json_parse(written->text, written->size, &err);
    cr_assert(json, "%s", err.text);
    free(written->text);
    return json;
}

static double number_at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsNumber(item), "no number \"%s\"", key);
    return item->valuedouble;
}

static const char *text_at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsString(item), "no text \"%s\"", key);
    return item->valuestring;
}

static const cJSON *args_of(const cJSON *event)
{
    return cJSON_GetObjectItemCaseSensitive(event, "args");
}

/* ---- The file ------------------------------------------------------------------------------ */

Test(perfetto, an_empty_trace_is_one)
{
    struct written written;
    begin(&written, PLENTY);
    cJSON *json = finish(&written, 0);
    const struct trace_counts counts = expect_good_trace(json);
    cr_expect_eq(counts.slices + counts.names, 0);
    cJSON_Delete(json);
}

Test(perfetto, slices_nest_and_end)
{
    struct written written;
    begin(&written, PLENTY);
    size_t track = perfetto_track(written.trace, 7, 8, "sh", "sh (8)");
    const struct perfetto_arg args[] = {
        {"number", NULL, UINT64_C(1) << 52}, {"text", "a\"b", 0}, {NULL, NULL, 0}};
    cr_assert(perfetto_begin(written.trace, track, 1000, false, "syscall", "read", args));
    cr_assert(perfetto_begin(written.trace, track, 2500, false, "fault", "page", NULL));
    cr_expect_eq(perfetto_depth(written.trace, track), 2);
    cr_expect_eq(perfetto_end(written.trace, track, 3001, NULL), 3001);
    perfetto_instant(written.trace, track, 4000, false, "failure", "panic", NULL);
    perfetto_counter(written.trace, track, 4500, "supply", "V", 3.25);
    cJSON *json = finish(&written, 9000); /* ends the outer one */
    const struct trace_counts counts = expect_good_trace(json);
    cr_expect_eq(counts.slices, 2);
    cr_expect_eq(counts.instants, 1);
    cr_expect_eq(counts.counters, 1);
    const cJSON *read = trace_event(json, 'B', "read");
    cr_expect_eq(number_at(read, "ts"), 1.0);
    cr_expect_str_eq(text_at(read, "cat"), "syscall");
    cr_expect_str_eq(text_at(args_of(read), "text"), "a\"b");
    cr_expect_eq(number_at(args_of(read), "number"), (double)(UINT64_C(1) << 52));
    cr_expect_eq(number_at(args_of(trace_event(json, 'C', "supply")), "V"), 3.25);
    cr_expect_str_eq(text_at(args_of(trace_event(json, 'M', "thread_name")), "name"), "sh (8)");
    cJSON_Delete(json);
}

Test(perfetto, time_of_a_track_rises)
{
    struct written written;
    begin(&written, PLENTY);
    size_t track = perfetto_track(written.trace, 1, 1, "p", "t");
    perfetto_begin(written.trace, track, 5000, false, "c", "a", NULL);
    perfetto_begin(written.trace, track, 5000, false, "c", "b", NULL);
    cr_expect_eq(perfetto_end(written.trace, track, 4000, NULL), 5002);
    cr_expect_eq(perfetto_end(written.trace, track, 4000, NULL), 5003);
    cr_expect_eq(perfetto_end(written.trace, track, 4000, NULL), PERFETTO_OPEN, "none is open");
    cJSON *json = finish(&written, 0);
    cr_expect_eq(expect_good_trace(json).slices, 2);
    cJSON_Delete(json);
}

Test(perfetto, arrows_have_both_ends)
{
    struct written written;
    begin(&written, PLENTY);
    size_t a = perfetto_track(written.trace, 1, 1, "p", "a");
    size_t b = perfetto_track(written.trace, 1, 2, "p", "b");
    perfetto_flow(written.trace, "depends", a, PERFETTO_OPEN, b, 10); /* no slices */
    perfetto_begin(written.trace, a, 100, false, "c", "one", NULL);
    perfetto_begin(written.trace, b, 50, false, "c", "two", NULL);
    perfetto_flow(written.trace, "depends", a, PERFETTO_OPEN, b, 60);
    perfetto_flow(written.trace, "depends", a, PERFETTO_OPEN, PERFETTO_NO_TRACK, 60);
    uint64_t ended = perfetto_end(written.trace, a, 100, NULL);
    perfetto_begin(written.trace, a, 300, false, "c", "three", NULL);
    perfetto_flow(written.trace, "depends", a, ended, b, 400); /* from "one" */
    perfetto_end(written.trace, b, 70, NULL);
    perfetto_flow(written.trace, "depends", a, PERFETTO_OPEN, b, 500); /* to nothing */
    cJSON *json = finish(&written, 1000);
    cr_expect_eq(expect_good_trace(json).arrows, 2);
    cJSON_Delete(json);
}

Test(perfetto, hostile_names)
{
    struct written written;
    begin(&written, PLENTY);
    char *large = malloc(10241);
    memset(large, 'x', 10240);
    large[10240] = 0;
    const char *const names[] = {"\"},{",     "\\",           "a\nb\t\x01\x7f",
                                 "\xff\xfe",  "\xc3",         "\xc3\xa9t\xc3\xa9",
                                 "</script>", "\xed\xa0\x80", "",
                                 large};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct perfetto_arg args[] = {{names[i], names[i], 0}, {NULL, NULL, 0}};
        size_t track =
            perfetto_track(written.trace, (uint32_t)i + 1, (uint32_t)i + 1, names[i], names[i]);
        perfetto_begin(written.trace, track, 1, false, "c", names[i], args);
        perfetto_counter(written.trace, track, 2, names[i], names[i], 1);
        perfetto_rename(written.trace, track, names[i], large);
    }
    cJSON *json = finish(&written, 10); /* the parser refuses what is no UTF-8 */
    expect_good_trace(json);
    trace_event(json, 'B', "\"},{");
    trace_event(json, 'B', "a\nb\t\x01\x7f");
    trace_event(json, 'B', "\xef\xbf\xbd\xef\xbf\xbd");
    trace_event(json, 'B', "\xc3\xa9t\xc3\xa9");
    strcpy(large + 256, "...");
    trace_event(json, 'B', large);
    cJSON_Delete(json);
    free(large);
}

Test(perfetto, what_is_too_much_is_counted)
{
    struct written written;
    begin(&written, 20);
    cr_expect_not(perfetto_is_full(written.trace));
    size_t track = perfetto_track(written.trace, 1, 1, "p", "t");
    size_t other = perfetto_track(written.trace, 1, 2, "p", "u");
    for (uint64_t i = 0; i < 5; i++) /* all the ends come later */
        cr_expect(perfetto_begin(written.trace, track, 10 * i, false, "c", "s", NULL));
    for (uint64_t i = 5; i < 12; i++) {
        bool fits = perfetto_begin(written.trace, track, 10 * i, false, "c", "s", NULL);
        cr_expect_eq(fits, i < 9, "slice %lu", i);
    }
    cr_expect(perfetto_is_full(written.trace));
    perfetto_instant(written.trace, track, 200, false, "c", "left out", NULL);
    perfetto_instant(written.trace, other, 200, true, "c", "rare", NULL);
    perfetto_flow(written.trace, "f", track, PERFETTO_OPEN, other, 200);
    cr_expect_eq(perfetto_end(written.trace, track, 210, NULL), PERFETTO_OPEN);
    cJSON *json = finish(&written, 300);
    const struct trace_counts counts = expect_good_trace(json);
    cr_expect_eq(counts.slices, 9);
    cr_expect_eq(trace_named(json, 'i', "left out"), 0);
    cr_expect_eq(trace_named(json, 'i', "rare"), 1);
    const cJSON *rest = cJSON_GetObjectItemCaseSensitive(json, "otherData");
    cr_expect_eq(number_at(rest, "events"), 19);
    cr_expect_eq(number_at(rest, "left_out"), 3 * 2 + 1 + 2);
    cJSON_Delete(json);
}

Test(perfetto, deep_slices_are_left_out)
{
    struct written written;
    begin(&written, PLENTY);
    size_t track = perfetto_track(written.trace, 1, 1, "p", "t");
    for (uint64_t i = 0; i < 100; i++)
        cr_expect_eq(perfetto_begin(written.trace, track, i, false, "c", "s", NULL), i < 64);
    for (uint64_t i = 0; i < 100; i++)
        cr_expect_eq(perfetto_end(written.trace, track, 100 + i, NULL) == PERFETTO_OPEN, i < 36);
    cJSON *json = finish(&written, 300);
    cr_expect_eq(expect_good_trace(json).slices, 64);
    cJSON_Delete(json);
}

/* ---- Domains ------------------------------------------------------------------------------- */

#define RATE UINT64_C(1000000000) /* a tick is a nanosecond */

struct world {
    struct written written;
    struct clock clock;
    struct trace_domains *domains;
    const struct recovery_observer *told;
    uint32_t pid; /* of thread 0x1000 */
};

static int task_of(void *opaque, unsigned hart, uint64_t thread, struct trace_task *task)
{
    const struct world *world = opaque;
    (void)hart;
    if (thread != 0x1000 || !world->pid)
        return -1;
    *task = (struct trace_task){.name = "sh", .pid = world->pid, .tgid = world->pid};
    return 0;
}

static void name_request(void *opaque, enum request_kind kind, uint64_t number, char *buffer,
                         size_t size)
{
    (void)opaque;
    snprintf(buffer, size, "request %d.%lu", kind, number);
}

static void make_world(struct world *world)
{
    memset(world, 0, sizeof *world);
    clock_init(&world->clock, RATE);
    begin(&world->written, PLENTY);
    const struct trace_host host = {.clock = &world->clock,
                                    .harts = 2,
                                    .task = task_of,
                                    .request = name_request,
                                    .opaque = world};
    world->domains = trace_domains_new(world->written.trace, &host);
    world->told = trace_domains_observer(world->domains);
    world->clock.now = 1000;
}

static cJSON *end_world(struct world *world)
{
    cJSON *json = finish(&world->written, trace_domains_now(world->domains));
    trace_domains_free(world->domains);
    return json;
}

static struct observed_domain domain_of(const struct world *world, uint64_t id, uint64_t thread,
                                        uint64_t parent)
{
    return (struct observed_domain){.id = id,
                                    .thread = thread,
                                    .parent = parent,
                                    .number = id,
                                    .opened = world->clock.now,
                                    .log_bytes = 100 * id};
}

static struct observed_domain open_one(struct world *world, uint64_t id, uint64_t thread,
                                       uint64_t parent)
{
    world->clock.now += 100;
    struct observed_domain domain = domain_of(world, id, thread, parent);
    world->told->opened(world->told->opaque, 0, &domain);
    return domain;
}

static void close_one(struct world *world, const struct observed_domain *domain, bool lingers)
{
    world->clock.now += 100;
    world->told->closed(world->told->opaque, 0, domain);
    if (lingers)
        world->told->lingers(world->told->opaque, domain);
    else
        world->told->committed(world->told->opaque, domain);
}

static void depend(struct world *world, const struct observed_domain *domain,
                   const struct observed_domain *on)
{
    world->clock.now += 10;
    world->told->depends(world->told->opaque, 0, domain, on);
}

Test(trace_domains, requests_are_slices_of_their_threads)
{
    struct world world;
    make_world(&world);
    world.pid = 42;
    world.told->switched(world.told->opaque, 1, 0x1000);
    struct observed_domain outer = open_one(&world, 1, 0x1000, 0);
    struct observed_domain inner = open_one(&world, 2, 0x1000, 1);
    close_one(&world, &inner, false);
    world.told->lost(world.told->opaque, &outer, REFUSED_OUTPUT);
    close_one(&world, &outer, false);
    struct observed_domain nameless = open_one(&world, 3, 0x2000, 0);
    close_one(&world, &nameless, true);
    cJSON *json = end_world(&world);
    cr_expect_eq(expect_good_trace(json).slices, 4);
    const cJSON *read = trace_event(json, 'B', "request 0.1");
    cr_expect_eq(number_at(read, "pid"), 42);
    cr_expect_eq(number_at(read, "ts"), 1.1);
    cr_expect_eq(number_at(args_of(read), "domain"), 1);
    trace_event(json, 'B', "sh (42)"); /* on the hart */
    cr_expect_eq(number_at(trace_event(json, 'B', "request 0.3"), "pid"), TRACE_PID_GUEST);
    cJSON_Delete(json);
}

Test(trace_domains, a_task_whose_memory_is_used_again_is_another)
{
    struct world world;
    make_world(&world);
    world.pid = 42;
    open_one(&world, 1, 0x1000, 0); /* never closed: it exits */
    world.pid = 43;
    struct observed_domain next = open_one(&world, 2, 0x1000, 0);
    close_one(&world, &next, false);
    cJSON *json = end_world(&world);
    expect_good_trace(json);
    cr_expect_eq(number_at(trace_event(json, 'B', "request 0.1"), "tid"), 42);
    cr_expect_eq(number_at(trace_event(json, 'B', "request 0.2"), "tid"), 43);
    cJSON_Delete(json);
}

Test(trace_domains, dependencies_are_arrows)
{
    struct world world;
    make_world(&world);
    struct observed_domain first = open_one(&world, 1, 0x1000, 0);
    struct observed_domain second = open_one(&world, 2, 0x2000, 0);
    depend(&world, &second, &first); /* open */
    close_one(&world, &first, true);
    struct observed_domain third = open_one(&world, 3, 0x3000, 0);
    depend(&world, &third, &first); /* lingering */
    world.told->committed(world.told->opaque, &first);
    depend(&world, &third, &first); /* decided: nothing to see */
    cJSON *json = end_world(&world);
    cr_expect_eq(expect_good_trace(json).arrows, 2);
    cJSON_Delete(json);
}

Test(trace_domains, a_rollback_reaches_all_its_threads)
{
    struct world world;
    make_world(&world);
    world.pid = 42;
    struct observed_domain failed = open_one(&world, 1, 0x1000, 0);
    struct observed_domain ended = open_one(&world, 2, 0x2000, 0);
    depend(&world, &ended, &failed);
    close_one(&world, &ended, true);
    struct observed_domain open = open_one(&world, 3, 0x2000, 0);
    const struct observed_member members[] = {
        {.domain = failed, .role = ROLE_FAILED, .entry = true, .error = true},
        {.domain = ended, .role = ROLE_DEPENDENT, .innocent = true, .entry = true},
        {.domain = open, .role = ROLE_LATER, .innocent = true},
    };
    const struct observed_edge edge = {1, 0};
    const struct observed_failure failure = {.thread = 0x1000,
                                             .what = "panic",
                                             .reason = REFUSED_REASONS,
                                             .error = true,
                                             .members = members,
                                             .member_count = 3,
                                             .edges = &edge,
                                             .edge_count = 1};
    world.told->failed(world.told->opaque, &failure);
    struct observed_domain again = open_one(&world, 4, 0x2000, 0);
    close_one(&world, &again, false);
    cJSON *json = end_world(&world);
    const struct trace_counts counts = expect_good_trace(json);
    cr_expect_eq(counts.arrows, 2, "the dependency and the rollback");
    cr_expect_eq(trace_named(json, 'B', "rolled back"), 2);
    const cJSON *panic = trace_event(json, 'i', "failure: panic");
    cr_expect_eq(number_at(panic, "tid"), 42);
    cr_expect_str_eq(text_at(args_of(panic), "outcome"), "error");
    cr_expect_eq(number_at(args_of(panic), "domains"), 3);
    cJSON_Delete(json);
}

Test(trace_domains, a_refused_failure_undoes_nothing)
{
    struct world world;
    make_world(&world);
    struct observed_domain failed = open_one(&world, 1, 0x1000, 0);
    const struct observed_member member = {.domain = failed, .role = ROLE_FAILED};
    const struct observed_failure failures[] = {
        {.thread = 0x1000,
         .what = "panic",
         .reason = REFUSED_OUTPUT,
         .members = &member,
         .member_count = 1},
        {.hart = 1, .reason = REFUSED_NO_DOMAIN}, /* in no thread that is known */
    };
    world.told->failed(world.told->opaque, &failures[0]);
    world.told->failed(world.told->opaque, &failures[1]);
    close_one(&world, &failed, false);
    cJSON *json = end_world(&world);
    expect_good_trace(json);
    cr_expect_eq(trace_named(json, 'B', "rolled back"), 0);
    cr_expect_str_eq(text_at(args_of(trace_event(json, 'i', "failure: panic")), "reason"),
                     "output");
    cr_expect_eq(number_at(trace_event(json, 'i', "failure: unknown"), "tid"), TRACE_TID_HARTS + 1);
    cJSON_Delete(json);
}

Test(trace_domains, torture_goes_back_and_the_trace_goes_on)
{
    struct world world;
    make_world(&world);
    struct observed_domain outer = open_one(&world, 1, 0x1000, 0);
    open_one(&world, 2, 0x2000, 0);
    world.clock.now += 500;
    uint64_t before = trace_domains_now(world.domains);
    world.told->rewound(world.told->opaque, 0, &outer);
    world.clock.now = outer.opened;
    cr_expect_eq(trace_domains_now(world.domains), before);
    struct observed_domain again = open_one(&world, 3, 0x2000, 0); /* what was 2 */
    close_one(&world, &again, false);
    close_one(&world, &outer, false);
    cJSON *json = end_world(&world);
    cr_expect_eq(expect_good_trace(json).slices, 3);
    trace_event(json, 'i', "rewound");
    cr_expect_eq(number_at(trace_event(json, 'B', "request 0.3"), "ts"),
                 ((double)before + 100) / 1000);
    cJSON_Delete(json);
}

Test(trace_domains, more_nesting_than_there_is_room_for)
{
    struct world world;
    make_world(&world);
    struct observed_domain domains[101];
    for (uint64_t i = 1; i <= 100; i++)
        domains[i] = open_one(&world, i, 0x1000, i - 1);
    for (uint64_t i = 100; i > 0; i--)
        close_one(&world, &domains[i], false);
    struct observed_domain next = open_one(&world, 101, 0x1000, 0);
    close_one(&world, &next, false);
    cJSON *json = end_world(&world);
    cr_expect_eq(expect_good_trace(json).slices, 49);
    cJSON_Delete(json);
}
