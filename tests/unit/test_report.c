/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report.h"
#include "tests/unit/images.h"

/* ---- Names -------------------------------------------------------------------------------- */

#define TABLE UINT64_C(0xffffffff80010000)

static const char map[] = "ffffffff80001000 T __riscv_sys_read\n"
                          "ffffffff80001100 T __se_sys_write\n"
                          "ffffffff80001200 t __do_sys_getpid\n"
                          "ffffffff80001300 T sys_fork\n"
                          "ffffffff80001400 T other\n"
                          "ffffffff80001500 W __riscv_sys_kexec_load\n"
                          "ffffffff80001500 T __riscv_sys_ni_syscall\n"
                          "ffffffff80010000 R sys_call_table\n"
                          "ffffffff80010050 R behind\n";

/* The map has room for ten entries, of which eight can be read. */
static const uint64_t table[] = {
    UINT64_C(0xffffffff80001000), UINT64_C(0xffffffff80001100),
    UINT64_C(0xffffffff80001200), UINT64_C(0xffffffff80001300),
    UINT64_C(0xffffffff80001400), UINT64_C(0xffffffff80001500),
    UINT64_C(0xffffffff80001002), 0,
};

static int read_table(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    (void)opaque;
    if (gva < TABLE || gva - TABLE + size > sizeof table)
        return -1;
    memcpy(buffer, (const uint8_t *)table + (gva - TABLE), size);
    return 0;
}

static struct symbols *made_symbols(void)
{
    struct symbols *symbols = symbols_new();
    struct bytes bytes = {0};
    bytes_append(&bytes, map, sizeof map - 1);
    const char *path = file_of(&bytes);
    cr_assert_gt(symbols_add_system_map(symbols, path, NULL), 0);
    file_gone(path);
    bytes_free(&bytes);
    return symbols;
}

static void expect_name(const struct request_names *names, enum request_kind kind, uint64_t number,
                        const char *expected)
{
    char name[64] = "?";
    cr_expect_eq(request_name(names, kind, number, name, sizeof name), *expected ? 0 : -1);
    cr_expect_str_eq(name, expected, "kind %d number %lu: \"%s\"", kind, number, name);
}

Test(report, names_of_requests)
{
    struct recovery_policy policy = {
        .syscall_table = "sys_call_table", .functions = {"vfs_read"}, .function_count = 1};
    struct symbols *symbols = made_symbols();
    const struct request_names names = {&policy, symbols, read_table, NULL};
    static const char *const calls[] = {"read",  "write",      "getpid", "fork",
                                        "other", "ni_syscall", "",       ""};
    for (uint64_t i = 0; i < 8; i++)
        expect_name(&names, REQUEST_SYSCALL, i, calls[i]);
    expect_name(&names, REQUEST_SYSCALL, 9, "");
    expect_name(&names, REQUEST_SYSCALL, 10, "");
    expect_name(&names, REQUEST_SYSCALL, UINT64_MAX / 8 + 1, ""); /* times 8 is 0 */
    expect_name(&names, REQUEST_SYSCALL, UINT64_MAX, "");
    expect_name(&names, REQUEST_FAULT, 13, "load page fault");
    expect_name(&names, REQUEST_FAULT, 10, "");
    expect_name(&names, REQUEST_FAULT, 14, "");
    expect_name(&names, REQUEST_FAULT, UINT64_MAX, "");
    expect_name(&names, REQUEST_INTERRUPT, 1, "software");
    expect_name(&names, REQUEST_INTERRUPT, 5, "timer");
    expect_name(&names, REQUEST_INTERRUPT, 9, "external");
    expect_name(&names, REQUEST_INTERRUPT, 2, "");
    expect_name(&names, REQUEST_FUNCTION, 0, "vfs_read");
    expect_name(&names, REQUEST_FUNCTION, 1, "");
    policy.syscall_table = "no_such_table";
    expect_name(&names, REQUEST_SYSCALL, 0, "");
    policy.syscall_table = NULL;
    expect_name(&names, REQUEST_SYSCALL, 0, "");
    symbols_free(symbols);
}

Test(report, names_of_reasons)
{
    for (int i = 0; i < REFUSED_REASONS; i++)
        for (int j = 0; j < i; j++)
            cr_expect_str_neq(refused_name((enum refused_reason)i),
                              refused_name((enum refused_reason)j));
}

/* ---- Functions ---------------------------------------------------------------------------- */

Test(report, functions_by_accesses)
{
    struct symbols *symbols = made_symbols();
    struct profile *profile = profile_new(symbols);
    const struct account_counts none = {0}, few = {10, 1, 2, 0}, many = {10, 5, 5, 0};
    profile_sort(profile);
    cr_expect_null(profile_row(profile, 0));
    profile_add(profile, UINT64_C(0xffffffff80001004), &few, &none);
    profile_add(profile, UINT64_C(0xffffffff80001104), &many, &few);
    profile_add(profile, UINT64_C(0xffffffff80001100), &none, &many);
    profile_add(profile, 0x1000, &none, &few);
    profile_add(profile, UINT64_C(0xffffffff80001008), &none, &few);
    profile_add(profile, 0x2000, &few, &none);
    profile_sort(profile);
    const struct profile_row *row = profile_row(profile, 0);
    cr_assert_not_null(row);
    cr_expect_str_eq(row->name, "__se_sys_write");
    cr_expect_eq(row->inside.loads, 5);
    cr_expect_eq(row->outside.stores, 7);
    cr_expect_eq(row->outside.insns, 20);
    row = profile_row(profile, 1);
    cr_expect_null(row->name);
    cr_expect_eq(row->inside.stores + row->outside.stores, 4);
    cr_expect_str_eq(profile_row(profile, 2)->name, "__riscv_sys_read");
    cr_expect_null(profile_row(profile, 3));
    profile_free(profile);
    profile_free(NULL);
    symbols_free(symbols);
}

static int two_blocks(struct cpu *cpu, cpu_profile_fn visit, void *opaque)
{
    const struct cpu_profile_block blocks[] = {
        {.pc = UINT64_C(0xffffffff80001000), .size = 6, .inside = {3, 2, 1}},
        {.pc = UINT64_C(0xffffffff80001010), .size = 6, .outside = {3, 2, 1}},
    };
    visit(opaque, &blocks[0]);
    visit(opaque, &blocks[1]);
    return cpu->number ? -1 : 0;
}

Test(report, functions_of_harts)
{
    static const struct cpu_ops ops = {.profile = two_blocks};
    struct cpu good = {.ops = &ops}, incomplete = {.ops = &ops, .number = 1};
    struct symbols *symbols = made_symbols();
    struct profile *profile = profile_new(symbols);
    cr_expect_eq(profile_add_hart(profile, &good), 0);
    cr_expect_eq(profile_add_hart(profile, &good), 0);
    cr_expect_eq(profile_add_hart(profile, &incomplete), -1);
    profile_sort(profile);
    const struct profile_row *row = profile_row(profile, 0);
    cr_expect_str_eq(row->name, "__riscv_sys_read");
    cr_expect_eq(row->inside.insns, 9);
    cr_expect_eq(row->outside.loads, 6);
    cr_expect_eq(row->outside.stores, 3);
    profile_free(profile);
    symbols_free(symbols);
}

/* ---- The report --------------------------------------------------------------------------- */

Test(report, cost_model)
{
    const struct software_event events[] = {{"a", 10, 100}, {"b", 1000, 0}, {"c", 3, 500}};
    cr_expect_float_eq(software_slowdown(events, 3, 10000), 1.25, 1e-12);
    cr_expect_float_eq(software_slowdown(events, 0, 10000), 1, 1e-12);
    cr_expect_float_eq(software_slowdown(events, 3, 0), 1, 1e-12);
}

struct made {
    struct recovery_policy policy;
    struct recovery_counts counts;
    struct symbols *symbols;
    struct arena *arena;
    struct account *account;
    struct report report;
};

static void make(struct made *made)
{
    struct arena *arena = arena_open(ARENA_RESERVE, NULL);
    cr_assert_not_null(arena);
    *made = (struct made){
        .policy = {.syscall_table = "sys_call_table",
                   .costs = {.domain = 100,
                             .store = 10,
                             .load = 1,
                             .log_byte = 2,
                             .dependency = 1000,
                             .commit = 50}},
        .counts = {.domains = {[REQUEST_SYSCALL] = 8, [REQUEST_FAULT] = 2},
                   .committed = 9,
                   .aborted = 1,
                   .log_bytes = 500,
                   .dependencies = 3,
                   .faults = 2,
                   .recovered = 1,
                   .refused = {[REFUSED_OUTPUT] = 1}},
        .symbols = made_symbols(),
        .arena = arena,
        .account = account_new(arena),
    };
    const struct account_where inside = {
        .where = WHERE_INSIDE, .kind = REQUEST_SYSCALL, .number = 1, .thread = UINT64_MAX - 7};
    const struct account_where idle = {.where = WHERE_OUTSIDE, .reason = OUTSIDE_IDLE, .thread = 1};
    const struct account_where firmware = {.where = WHERE_OUTSIDE, .reason = OUTSIDE_FIRMWARE};
    account_charge(made->account, &inside, &(struct account_counts){1000, 300, 90, 1500});
    account_charge(made->account, &idle, &(struct account_counts){100, 100, 10, 150});
    account_charge(made->account, &firmware, &(struct account_counts){7, 7, 7, 7});
    account_domain(made->account, REQUEST_SYSCALL, 1, 500, 4, 6);
    made->report = (struct report){
        .cycles = 10000,
        .names = {&made->policy, made->symbols, read_table, NULL},
        .counts = &made->counts,
        .account = made->account,
    };
}

static void unmake(struct made *made)
{
    arena_close(made->arena);
    symbols_free(made->symbols);
}

/* A number by its path, such as "coverage.requests.0.share". */
static double number_at(const cJSON *json, const char *path)
{
    char key[64];
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, at);
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(key))
                                   : cJSON_GetObjectItemCaseSensitive(json, key);
        at += length + (at[length] == '.');
    }
    cr_assert(cJSON_IsNumber(json), "%s", path);
    return json->valuedouble;
}

Test(report, contents)
{
    struct made made;
    make(&made);
    struct profile *profile = profile_new(made.symbols);
    for (unsigned i = 0; i < 9; i++)
        profile_add(profile, UINT64_C(0xffffffff80001000) + i * 0x100,
                    &(struct account_counts){i, i, i, 0}, &(struct account_counts){0});
    profile_sort(profile);
    made.report.profile = profile;
    cJSON *json = cJSON_CreateObject();
    report_add(&made.report, json);
    char *text = cJSON_Print(json);
    static const struct {
        const char *path;
        double value;
    } numbers[] = {
        {"cycles", 10000},
        {"coverage.totals.inside.loads", 300},
        {"coverage.totals.outside.stores", 10},
        {"coverage.totals.covered_reads", 0.75},
        {"coverage.totals.covered_writes", 0.9},
        {"coverage.requests.0.number", 1},
        {"coverage.requests.0.domains", 1},
        {"coverage.requests.0.share", 0.78},
        {"coverage.requests.0.pages", 4},
        {"coverage.outside.0.share", 0.22},
        {"coverage.outside.1.loads", 7},
        {"coverage.threads.0.outside.loads", 100},
        {"coverage.threads.1.inside.loads", 300},
        {"functions.0.inside.loads", 26}, /* 5 to 8 lie in one function */
        {"functions_left_out.count", 0},
        {"overhead.domains.syscall", 8},
        {"overhead.software.events.1.count", 90},
        {"overhead.software.events.1.cost", 10},
        {"overhead.software.events.1.cycles", 900},
        {"coverage.workloads.0.threads", 2}, /* no names: one workload */
        {"coverage.workloads.0.covered_reads", 0.75},
        {"coverage.workloads.0.inside.stores", 90},
        {"coverage.workloads.0.outside.instructions", 100},
        {"coverage.workloads.0.share", 1},
        /* domains 1000, stores 900, loads 300, log 1000, dependencies 3000, commits 450 */
        {"overhead.software.slowdown", 1.665},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double value = number_at(json, numbers[i].path);
        cr_expect_lt(fabs(value - numbers[i].value), 1e-9, "%s: %g", numbers[i].path, value);
    }
    cr_expect_not_null(strstr(text, "\"name\":\t\"write\""));
    cr_expect_not_null(strstr(text, "\"id\":\t\"0xfffffffffffffff8\""));
    cJSON_Delete(json);
    free(text);
    profile_free(profile);
    unmake(&made);
}

Test(report, functions_left_out)
{
    struct made made;
    make(&made);
    struct profile *profile = profile_new(made.symbols);
    /* Only seven functions have a name; code without one is one more. */
    for (unsigned i = 0; i < 20; i++)
        profile_add(profile, UINT64_C(0xffffffff80001000) + i * 0x100,
                    &(struct account_counts){3, 2, 1, 0}, &(struct account_counts){30, 20, 10, 0});
    profile_sort(profile);
    made.report.profile = profile;
    cJSON *json = cJSON_CreateObject();
    report_add(&made.report, json);
    const cJSON *row, *rows = cJSON_GetObjectItem(json, "functions");
    double listed = number_at(json, "functions_left_out.outside.loads");
    cJSON_ArrayForEach(row, rows) listed += number_at(row, "outside.loads");
    cr_expect_eq(listed, 400, "%g", listed);
    cJSON_Delete(json);
    profile_free(profile);
    unmake(&made);
}

Test(report, without_recovery)
{
    const struct report report = {.cycles = 7};
    cJSON *json = cJSON_CreateObject();
    report_add(&report, json);
    cr_expect_eq(number_at(json, "cycles"), 7);
    cr_expect_eq(cJSON_GetArraySize(json), 1, "nothing else");
    cJSON_Delete(json);
}
