/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bare-metal guests: each does what tests/guests/riscv/expectations says, in every page mode,
 * and each mode is the same run: same output, same memory, same instructions. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/harness.h"

#define TABLE      "tests/guests/riscv/expectations"
#define GUESTS     "build/guests/riscv"
#define MAX_ROWS   100
#define DISK_BYTES 1048576

struct row {
    char guest[32], devices[32], input[256], code[16], passed[16], last[256];
    unsigned harts;
};

static size_t read_table(struct row *rows, size_t size)
{
    char line[1024];
    size_t count = 0;
    FILE *file = fopen(TABLE, "r");
    while (file && fgets(line, sizeof line, file) && count < size) {
        struct row *row = &rows[count];
        if (*line != '#' &&
            sscanf(line, "%31s %u %31s %255s %15s %15s %255[^\n]", row->guest, &row->harts,
                   row->devices, row->input, row->code, row->passed, row->last) == 7)
            count++;
    }
    if (file)
        fclose(file);
    return count;
}

static bool is_stuck(const struct row *row)
{
    return !strcmp(row->code, "stuck");
}

static const char *write_disk(struct place *place, const char *name)
{
    char *bytes = calloc(1, DISK_BYTES);
    cr_assert(bytes);
    const char *path = place_bytes(place, name, bytes, DISK_BYTES);
    free(bytes);
    return path;
}

static const char *write_config(struct place *place, const struct row *row)
{
    bool blk = strstr(row->devices, "blk"), rng = strstr(row->devices, "rng");
    bool types = strcmp(row->input, "-");
    char disk[200] = "";
    if (blk)
        snprintf(disk, sizeof disk, "\"disk0\": {\"type\": \"virtio-blk\", \"file\": \"%s\"}%s",
                 write_disk(place, "disk"), rng ? ", " : "");
    return place_write(
        place, "config.json",
        "{ \"machine\": { \"harts\": %u },\n"
        "  \"memory\": [ { \"name\": \"dram\", \"base\": \"0x80000000\", \"size\": \"16M\" } ],\n"
        "  \"load\": [ { \"kernel\": \"" GUESTS "/%s.elf\" } ],\n"
        "  \"devices\": { %s%s },\n"
        "  \"run\": { \"max_insns\": \"4G\", \"stuck_insns\": \"%s\"%s%s%s },\n"
        "  \"expect\": { \"exit\": %s } }\n",
        row->harts, row->guest, disk, rng ? "\"rng0\": {\"type\": \"virtio-rng\"}" : "",
        is_stuck(row) ? "20M" : "1G",
        types ? ", \"script\": [ { \"expect\": \"ready\", \"send\": \"" : "",
        types ? row->input : "", types ? "\" } ]" : "", is_stuck(row) ? "0" : row->code);
}

/* Checks passed; names the others; `last` is where the last line begins. */
static unsigned long count_checks(const char *out, const char *what, const char **last)
{
    unsigned long passed = 0;
    *last = out;
    for (const char *line = out; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (*line != '\r' && *line != '\n')
            *last = line;
        if (!strncmp(line, "PASS ", 5))
            passed++;
        cr_expect(strncmp(line, "FAIL ", 5), "%s: %.*s", what, (int)strcspn(line, "\r\n"), line);
    }
    return passed;
}

static void judge(const struct row *row, const struct run *run, const char *what)
{
    const char *last;
    char line[300];
    unsigned long passed = count_checks(run->out, what, &last);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(last, "\r\n"), last);
    cr_expect_eq(run->code, is_stuck(row) ? 1 : 0, "%s: exit code %d\n%s", what, run->code,
                 run->err);
    cr_expect_str_eq(summary_text(run, "end"), is_stuck(row) ? "stuck" : "poweroff", "%s", what);
    cr_expect_geq(passed, strtoul(row->passed, NULL, 10), "%s: %lu checks passed, expected %s",
                  what, passed, row->passed);
    cr_expect_eq(fnmatch(row->last, line, 0), 0, "%s: last line \"%s\", expected \"%s\"", what,
                 line, row->last);
}

static void run_in_mode(struct run *run, struct place *place, const char *config, const char *mode)
{
    char set[40], name[40];
    snprintf(set, sizeof set, "run.pages=%s", mode);
    snprintf(name, sizeof name, "%s.summary", mode);
    RUN(run, "run", config, "--set", set, "--summary", place_file(place, name));
}

ParameterizedTestParameters(system_guests, expectations)
{
    static struct row rows[MAX_ROWS];
    size_t count = read_table(rows, MAX_ROWS);
    return cr_make_param_array(struct row, rows, count);
}

ParameterizedTest(struct row *row, system_guests, expectations)
{
    /* The first is the run that others are compared with; the second shows that it repeats. */
    static const char *const modes[] = {"open", "open", "armed", "precise", "hooked"};
    struct place place;
    struct run first, other;
    char what[120];
    place_make(&place);
    const char *config = write_config(&place, row);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct run *run = i ? &other : &first;
        snprintf(what, sizeof what, "%s, %u harts, devices %s, pages %s", row->guest, row->harts,
                 row->devices, modes[i]);
        run_in_mode(run, &place, config, modes[i]);
        judge(row, run, what);
        if (i) {
            expect_same(&first, &other, what);
            run_free(&other);
        }
    }
    run_free(&first);
    place_remove(&place);
}

Test(system_guests, there_are_expectations)
{
    static struct row rows[MAX_ROWS];
    cr_expect_geq(read_table(rows, MAX_ROWS), 10);
}

/* ---- Random programs ----------------------------------------------------------------------- */

ParameterizedTestParameters(system_guests, random)
{
    static unsigned seeds[] = {1, 2, 3, 4};
    return cr_make_param_array(unsigned, seeds, sizeof seeds / sizeof *seeds);
}

ParameterizedTest(unsigned *seed, system_guests, random)
{
    struct place place;
    struct row row = {.devices = "-", .input = "-", .code = "0", .harts = 1};
    snprintf(row.guest, sizeof row.guest, "random-%u", *seed);
    place_make(&place);
    const char *config = write_config(&place, &row);
    struct run open, armed, precise, hooked;
    run_in_mode(&open, &place, config, "open");
    run_in_mode(&armed, &place, config, "armed");
    run_in_mode(&precise, &place, config, "precise");
    run_in_mode(&hooked, &place, config, "hooked");
    cr_expect_eq(open.code, 0, "%s: %s", row.guest, open.err);
    cr_expect_gt(open.out_size, 100u);
    expect_same(&open, &armed, "armed");
    expect_same(&open, &precise, "precise");
    expect_same(&open, &hooked, "hooked");
    run_free(&open);
    run_free(&armed);
    run_free(&precise);
    run_free(&hooked);
    place_remove(&place);
}

/* ---- Disks --------------------------------------------------------------------------------- */

static bool is_zero(const char *path)
{
    size_t size;
    char *bytes = read_whole(path, &size);
    bool zero = size == DISK_BYTES;
    for (size_t i = 0; i < size && zero; i++)
        zero = !bytes[i];
    free(bytes);
    return zero;
}

Test(system_guests, only_a_disk_without_overlay_is_written)
{
    struct place place;
    struct run run;
    const struct row row = {"virtio", "blk", "-", "0", "46", "*", 1};
    place_make(&place);
    const char *config = write_config(&place, &row);
    const char *disk = place_file(&place, "disk");
    RUN(&run, "run", config, "-q");
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(is_zero(disk), "the overlay let a write through");
    run_free(&run);
    RUN(&run, "run", config, "-q", "--set", "devices.disk0.read_only=true", "--set",
        "devices.disk0.overlay=false");
    cr_expect(run.code == 0 || run.code == 1, "%d %s", run.code, run.err);
    cr_expect(is_zero(disk), "a read-only disk was written");
    run_free(&run);
    RUN(&run, "run", config, "-q", "--set", "devices.disk0.overlay=false");
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(!is_zero(disk), "nothing was written");
    run_free(&run);
    place_remove(&place);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

Test(system_guests, a_stuck_guest_is_shown_with_registers_and_backtrace)
{
    struct place place;
    struct run run;
    const struct row row = {"stuck", "-", "-", "stuck", "-", "*", 1};
    place_make(&place);
    RUN(&run, "run", write_config(&place, &row), "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "stuck");
    double insns = summary_number(&run, "instructions");
    cr_expect(insns >= 20e6 && insns < 23e6, "%.0f instructions", insns);
    static const char *const shown[] = {"hart 0 in machine mode at spin_forever",
                                        "mcause",
                                        "backtrace:",
                                        "guest_main+",
                                        "last console lines:",
                                        "stuck: no progress from here",
                                        "iaso: failed: the guest made no progress"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        cr_expect(strstr(run.err, shown[i]), "no \"%s\" in:\n%s", shown[i], run.err);
    run_free(&run);
    place_remove(&place);
}

Test(system_guests, a_limit_is_exact_to_a_block)
{
    struct place place;
    struct run run;
    const struct row row = {"stuck", "-", "-", "stuck", "-", "*", 1};
    place_make(&place);
    RUN(&run, "run", write_config(&place, &row), "--max-insns", "1M", "--summary",
        place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "limit");
    double insns = summary_number(&run, "instructions");
    cr_expect(insns >= 1e6 && insns < 1e6 + 100, "%.0f instructions", insns);
    run_free(&run);
    place_remove(&place);
}

static const char *raw_config(struct place *place, const char *kernel)
{
    return place_write(place, "raw.json", "{\"load\": [{\"kernel\": \"%s\"}]}", kernel);
}

Test(system_guests, the_finisher_tells_the_exit_code)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = raw_config(&place, finisher_program(&place, "fail", 42u << 16 | 0x3333));
    RUN(&run, "run", config, "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_eq(summary_number(&run, "guest_exit"), 42);
    cr_expect(strstr(run.err, "the guest exited with code 42, expected 0"), "%s", run.err);
    run_free(&run);
    RUN(&run, "run", config, "-q", "--set", "expect.exit=42");
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_empty(run.err);
    run_free(&run);
    RUN(&run, "run", config, "-q", "--set", "expect.exit=42", "--set", "expect.console=hello");
    cr_expect_eq(run.code, 1);
    cr_expect(strstr(run.err, "never showed \"hello\""), "%s", run.err);
    run_free(&run);
    place_remove(&place);
}

Test(system_guests, the_finisher_powers_off)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", raw_config(&place, finisher_program(&place, "off", 0x5555)), "-q");
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    place_remove(&place);
}

Test(system_guests, the_finisher_reboots)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", raw_config(&place, finisher_program(&place, "reboot", 0x7777)), "--max-insns",
        "1000", "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "limit");
    cr_expect_geq(summary_number(&run, "reboots"), 50);
    run_free(&run);
    place_remove(&place);
}

Test(system_guests, a_guest_that_nothing_can_wake_is_dead)
{
    const uint32_t code[] = {0x30405073 /* csrwi mie, 0 */, 0x10500073 /* wfi */,
                             0xffdff06f /* j */};
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", raw_config(&place, place_bytes(&place, "wfi", code, sizeof code)), "--summary",
        place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "dead");
    run_free(&run);
    place_remove(&place);
}

Test(system_guests, a_script_that_waits_in_vain_ends_the_run)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config =
        place_write(&place, "config.json",
                    "{\"load\": [{\"kernel\": \"" GUESTS "/echo.elf\"}], \"run\": {\"script\": "
                    "[{\"expect\": \"ready\", \"send\": \"abc\\n\"}, "
                    "{\"expect\": \"xyz\", \"timeout\": \"100ms\", \"send\": \"quit\\n\"}]}}");
    RUN(&run, "run", config, "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "timeout");
    cr_expect(strstr(run.err, "step 2 of 2: no \"xyz\" after 100ms"), "%s", run.err);
    cr_expect(strstr(run.out, "cba"), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}
