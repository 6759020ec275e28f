/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report has for other programs: coverage.info for genhtml, folded stacks for flame graphs.
 * Totals equal those of report.json, each run writes the same, and none of it shows in the run. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/source_lines.h"
#include "tests/system/harness.h"

static struct place place;

static void set_up(void)
{
    place_make(&place);
}

static void tear_down(void)
{
    place_remove(&place);
}

TestSuite(sources, .init = set_up, .fini = tear_down, .timeout = 600);

/* A file of the report, NULL if it has none. */
static char *file_of(const char *report, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", report, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    fclose(file);
    return read_whole(path, NULL);
}

static cJSON *json_of(const char *report)
{
    char path[300];
    snprintf(path, sizeof path, "%s/report.json", report);
    return read_json(path);
}

/* ---- Lines --------------------------------------------------------------------------------- */

/* The guest with the counts beside its lines, compiled with these options; its config. */
static const char *compile(const char *name, const char *option, const char *dwarf,
                           const char *prefix)
{
    char elf[32];
    snprintf(elf, sizeof elf, "%s.elf", name);
    const char *path = place_file(&place, elf);
    struct run run;
    RUN_COMMAND(&run, "riscv64-linux-gnu-gcc", "-std=gnu11", option, dwarf, prefix, "-march=rv64gc",
                "-mabi=lp64d", "-mcmodel=medany", "-mno-relax", "-ffreestanding", "-fno-pic",
                "-fno-stack-protector", "-nostdlib", "-static", "-no-pie",
                "-Wl,-T,tests/guests/riscv/guest.ld", "-Wl,--build-id=none",
                "-Wl,--no-warn-rwx-segments", "-Itests/guests/riscv", "-o", path,
                "tests/guests/riscv/lines.c", "tests/guests/riscv/start.S",
                "tests/guests/riscv/runtime.c", "tests/guests/riscv/stubs.S");
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    snprintf(elf, sizeof elf, "%s.json", name);
    return place_write(&place, elf,
                       "{\"memory\": [{\"name\": \"dram\", \"base\": \"0x80000000\", \"size\": "
                       "\"16M\"}], \"load\": [{\"kernel\": \"%s\"}],\n\"run\": {\"max_insns\": "
                       "\"10M\"}, \"expect\": {\"console\": \"Counted.\", \"exit\": 0}}",
                       path);
}

/* The part of the tracefile about the file whose name ends so, in that test. */
static char *record_of(const char *info, const char *test, const char *name)
{
    char head[64];
    snprintf(head, sizeof head, "TN:%s\nSF:", test);
    size_t length = strlen(name);
    for (const char *at = info; (at = strstr(at, head)); at++) {
        const char *path = at + strlen(head), *end = strchr(path, '\n');
        const char *stop = strstr(at, "end_of_record\n");
        cr_assert(end && stop);
        if ((size_t)(end - path) >= length && !memcmp(end - length, name, length))
            return strndup(path, (size_t)(stop - path));
    }
    return NULL;
}

static void expect_counts(const char *record)
{
    char *source = read_whole("tests/guests/riscv/lines.c", NULL), *rest = source, *line;
    unsigned checked = 0;
    for (unsigned number = 1; (line = strsep(&rest, "\n")); number++) {
        const char *count = strstr(line, "/*= ");
        char wanted[48];
        if (!count)
            continue;
        snprintf(wanted, sizeof wanted, "\nDA:%u,%d\n", number, atoi(count + 4));
        cr_expect(strstr(record, wanted), "expected%sin %s", wanted, record);
        checked++;
    }
    cr_expect_gt(checked, 7);
    free(source);
}

struct flavour {
    char option[8], dwarf[16], prefix[40];
};

static struct flavour flavours[] = {
    {"-O0", "-gdwarf-4", "-ffile-prefix-map=tests/guests/riscv=."},
    {"-O1", "-gdwarf-5", "-g"},
    {"-O2", "-gdwarf-5", "-fdebug-prefix-map=/=/else/"},
    {"-O2", "-gdwarf-4", "-g"},
};

ParameterizedTestParameters(sources, counts_of_lines)
{
    return cr_make_param_array(struct flavour, flavours, sizeof flavours / sizeof flavours[0]);
}

ParameterizedTest(struct flavour *flavour, sources, counts_of_lines)
{
    set_up();
    const char *config = compile("lines", flavour->option, flavour->dwarf, flavour->prefix);
    const char *report = place_file(&place, "report");
    struct run run;
    RUN(&run, "run", config, "--quiet", "--console", "none", "--report", report);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    char *info = file_of(report, "coverage.info");
    cr_assert_not_null(info);
    char *record = record_of(info, "all", "/lines.c");
    cr_assert_not_null(record, "%s", info);
    expect_counts(record);
    cr_expect(strstr(record, "FNDA:60,add\n") && strstr(record, "FNDA:1000,choose\n") &&
                  strstr(record, "FNDA:1,guest_main\n"),
              "%s", record);
    cr_expect(strstr(record, "\nFNDA:0,never\n"), "%s", record);
    free(record);
    free(info);
    run_command(&run, (const char *const[]){"rm", "-rf", report, NULL});
    run_free(&run);
    tear_down();
}

/* What LCOV 2 finds fault with (a function's first instruction was not executed, but others in it)
 * is no error to LCOV 1. */
static const char *tolerance(void)
{
    struct run run;
    RUN_COMMAND(&run, "genhtml", "--version");
    bool old = strstr(run.out, "LCOV version 1.");
    run_free(&run);
    return old ? "source" : "source,inconsistent,range,category";
}

Test(sources, genhtml_renders_domains)
{
    const char *report = place_file(&place, "report"), *html = place_file(&place, "html");
    char tracefile[300], page[300];
    struct run run;
    RUN(&run, "run", "configs/agora-nested.json", "--quiet", "--console", "none", "--max-insns",
        "12M", "--report", report);
    run_free(&run);
    char *info = file_of(report, "coverage.info");
    cr_assert_not_null(info);
    char *inside = record_of(info, "domains", "guests/agora/pipe.c");
    char *outside = record_of(info, "outside", "guests/agora/boot.c");
    cr_assert(inside && outside);
    cr_expect(!strstr(inside, "\nLH:0\n") && !strstr(outside, "\nLH:0\n"));
    free(inside);
    inside = record_of(info, "domains", "guests/agora/boot.c");
    cr_expect(strstr(inside, "\nFNDA:0,kernel_main\n") && strstr(inside, "\nLH:0\n"), "%s", inside);
    cr_expect(strstr(outside, "\nFNDA:1,kernel_main\n"), "%s", outside);
    snprintf(tracefile, sizeof tracefile, "%s/coverage.info", report);
    RUN_COMMAND(&run, "genhtml", "--show-details", "--quiet", "--ignore-errors", tolerance(), "-o",
                html, tracefile);
    cr_assert_eq(run.code, 0, "%s%s", run.out, run.err);
    run_free(&run);
    snprintf(page, sizeof page, "%s/index.html", html);
    char *index = read_whole(page, NULL);
    cr_expect(strstr(index, "agora") && strstr(index, "coverage.info"), "%s", index);
    RUN_COMMAND(&run, "rm", "-rf", report, html);
    run_free(&run);
    free(index);
    free(inside);
    free(outside);
    free(info);
}

Test(sources, without_dwarf)
{
    const char *elf = place_file(&place, "agora.elf"), *report = place_file(&place, "report");
    char load[300];
    struct run run;
    RUN_COMMAND(&run, "riscv64-linux-gnu-objcopy", "--strip-debug", "build/guests/agora/agora.elf",
                elf);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    snprintf(load, sizeof load, "load[1].kernel=%s", elf);
    RUN(&run, "run", "configs/agora.json", "--quiet", "--console", "none", "--set", load,
        "--report", report);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    cr_expect_null(file_of(report, "coverage.info"));
    cJSON *json = json_of(report);
    const cJSON *sources = cJSON_GetObjectItem(json, "sources");
    cr_assert(cJSON_IsString(sources));
    cr_expect_str_eq(sources->valuestring, "no DWARF in the kernel's image");
    cJSON_Delete(json);
    RUN_COMMAND(&run, "rm", "-rf", report);
    run_free(&run);
}

/* Bytes anywhere in what the debug sections are; most of what is left is still read. */
Test(sources, damaged_dwarf)
{
    size_t size;
    char *good = read_whole("build/guests/agora/agora.elf", &size), *bad = malloc(size);
    uint32_t state = 1;
    unsigned with_rows = 0;
    for (unsigned round = 0; round < 150; round++) {
        memcpy(bad, good, size);
        for (unsigned i = 0; i < 1 + round % 40; i++) {
            state = state * 1664525 + 1013904223;
            size_t at = size / 8 + (size_t)((uint64_t)state * (size * 7 / 8) >> 32);
            state = state * 1664525 + 1013904223;
            bad[at] = (char)(state >> 24);
        }
        const char *path = place_bytes(&place, "bad.elf", bad, size);
        struct error err = {""};
        struct source_lines *lines = source_lines_new();
        const struct source_row *rows;
        const struct source_function *functions;
        (void)source_lines_in(path);
        cr_assert_eq(source_lines_add(lines, path, &err), 0, "%s", err.text);
        size_t count = source_lines_rows(lines, &rows);
        with_rows += count > 0;
        for (size_t i = 0; i < count; i++)
            cr_assert(rows[i].line && rows[i].file < source_lines_files(lines));
        count = source_lines_functions(lines, &functions);
        for (size_t i = 0; i < count; i++)
            cr_assert(functions[i].name && functions[i].file < source_lines_files(lines));
        source_lines_free(lines);
        remove(path);
        place.count--;
    }
    cr_expect_gt(with_rows, 75);
    free(bad);
    free(good);
}

/* ---- Stacks -------------------------------------------------------------------------------- */

/* The sum of the folded stacks that begin with `root` (NULL: of all); each line must be one. */
static double sum_of(const char *folded, const char *root)
{
    char *copy = strdup(folded), *rest = copy, *line;
    double sum = 0;
    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        char *blank = strchr(line, ' ');
        cr_assert(blank && blank > line && isdigit((unsigned char)blank[1]), "\"%s\"", line);
        cr_assert_eq(strspn(blank + 1, "0123456789"), strlen(blank + 1), "\"%s\"", line);
        cr_assert(line[0] != ';' && blank[-1] != ';' && !strstr(line, ";;"), "\"%s\"", line);
        for (const char *c = line; *c; c++)
            cr_assert_geq((unsigned char)*c, ' ', "\"%s\"", line);
        size_t length = root ? strlen(root) : 0;
        if (!root || (!strncmp(line, root, length) && strchr("; ", line[length])))
            sum += atof(blank + 1);
    }
    free(copy);
    return sum;
}

struct case_of {
    char config[40];
    char insns[8]; /* that show something */
};

static struct case_of logs[] = {
    {"configs/agora-nested.json", "12M"},
    {"configs/agora-smp-dependent.json", "20M"},
    {"configs/agora-null.json", "12M"},
    {"configs/agora-torture.json", "12M"},
};

ParameterizedTestParameters(sources, bytes_of_the_log)
{
    return cr_make_param_array(struct case_of, logs, sizeof logs / sizeof logs[0]);
}

ParameterizedTest(struct case_of *log, sources, bytes_of_the_log)
{
    set_up();
    const char *report = place_file(&place, "report");
    struct run run;
    RUN(&run, "run", log->config, "--quiet", "--console", "none", "--report", report, "--max-insns",
        log->insns);
    run_free(&run);
    cJSON *json = json_of(report);
    char *folded = file_of(report, "stacks-log.folded");
    cr_assert_not_null(folded);
    cr_expect_gt(sum_of(folded, NULL), 0);
    cr_expect_eq(sum_of(folded, NULL), number_at(json, "overhead.log_bytes"));
    cr_expect(strstr(folded, ";syscall:"), "%s", folded);
    cJSON_Delete(json);
    free(folded);
    RUN_COMMAND(&run, "rm", "-rf", report);
    run_free(&run);
    tear_down();
}

/* Within one of the last digit. */
static void expect_energy(const char *folded, const cJSON *json, const char *cause)
{
    char path[64];
    snprintf(path, sizeof path, "power.energy_nj.%s", cause ? cause : "total");
    double picojoules = number_at(json, path) * 1e3, sum = sum_of(folded, cause);
    cr_expect_leq(fabs(sum - picojoules), cause ? 1 : 5, "%s: %f in stacks, %f in report.json",
                  path, sum, picojoules);
}

static struct case_of meters[] = {
    {"configs/hypnos-kv.json", ""},    /* cuts */
    {"configs/hypnos-trace.json", ""}, /* brown-outs, code in memory that costs */
    {"configs/hypnos-sense.json", ""}, /* sleep */
    {"configs/persistent-rtos.json", ""},
};

ParameterizedTestParameters(sources, energy_by_stack)
{
    return cr_make_param_array(struct case_of, meters, sizeof meters / sizeof meters[0]);
}

ParameterizedTest(struct case_of *meter, sources, energy_by_stack)
{
    set_up();
    const char *report = place_file(&place, "report");
    struct run run;
    RUN(&run, "run", meter->config, "--quiet", "--console", "none", "--report", report);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    cJSON *json = json_of(report);
    char *folded = file_of(report, "stacks-energy.folded");
    cr_assert_not_null(folded);
    static const char *const causes[] = {NULL, "useful", "logging", "recovery", "lost", "sleep"};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        expect_energy(folded, json, causes[i]);
    cr_expect(strstr(folded, "useful;port_reset;hypnos_boot;"), "%s", folded);
    cr_expect(strstr(folded, "useful;[PendSV];port_switch;sched_switch;pick"), "%s", folded);
    cr_expect(strstr(folded, "_write] "), "%s", folded);
    cJSON_Delete(json);
    free(folded);
    RUN_COMMAND(&run, "rm", "-rf", report);
    run_free(&run);
    tear_down();
}

/* Names are the guest's: separators and control characters in them must not reach the files. */
Test(sources, hostile_names)
{
    const char *elf = place_file(&place, "evil.elf"), *report = place_file(&place, "report");
    char load[300];
    struct run run;
    RUN_COMMAND(&run, "arm-none-eabi-objcopy", "--redefine-sym", "sched_tick=a;b c\n9\x1b[1m\x7f",
                "--redefine-sym", "list_first=", "build/guests/hypnos/apollo4.elf", elf);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    snprintf(load, sizeof load, "load[0].kernel=%s", elf);
    RUN(&run, "run", "configs/hypnos-kv.json", "--quiet", "--console", "none", "--set", load,
        "--report", report);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    cJSON *json = json_of(report);
    char *folded = file_of(report, "stacks-energy.folded");
    cr_expect(strstr(folded, ";a:b_c?9?[1m?;"), "%s", folded);
    expect_energy(folded, json, NULL);
    cJSON_Delete(json);
    free(folded);
    RUN_COMMAND(&run, "rm", "-rf", report);
    run_free(&run);
}

/* ---- All of them --------------------------------------------------------------------------- */

static struct case_of all[] = {
    {"configs/agora-nested.json", ""},
    {"configs/agora-smp.json", ""},
    {"configs/hypnos-kv.json", ""},
    {"configs/hypnos-trace.json", ""},
};

ParameterizedTestParameters(sources, the_same_run_and_files)
{
    return cr_make_param_array(struct case_of, all, sizeof all / sizeof all[0]);
}

ParameterizedTest(struct case_of *one, sources, the_same_run_and_files)
{
    set_up();
    static const char *const names[] = {"coverage.info", "stacks-log.folded",
                                        "stacks-energy.folded"};
    const char *first = place_file(&place, "first"), *second = place_file(&place, "second");
    struct run plain, again, recorded;
    RUN(&plain, "run", one->config, "--quiet", "--console", "none", "--max-insns", "12M",
        "--summary", place_file(&place, "plain.json"));
    RUN(&recorded, "run", one->config, "--quiet", "--console", "none", "--max-insns", "12M",
        "--summary", place_file(&place, "recorded.json"), "--report", first);
    RUN(&again, "run", one->config, "--quiet", "--console", "none", "--max-insns", "12M",
        "--report", second);
    expect_same(&plain, &recorded, one->config);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *a = file_of(first, names[i]), *b = file_of(second, names[i]);
        cr_expect(!a == !b && (!a || !strcmp(a, b)), "%s of %s", names[i], one->config);
        cr_expect(a || i, "no %s of %s", names[i], one->config);
        free(a);
        free(b);
    }
    run_free(&plain);
    run_free(&recorded);
    run_free(&again);
    RUN_COMMAND(&again, "rm", "-rf", first, second);
    run_free(&again);
    tear_down();
}
