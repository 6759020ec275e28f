/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/lcov.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of several harts: how numbers change at an address. Once sorted: what they are from there on. */
struct lcov {
    struct cpu_executions *all;
    size_t count, room;
    struct cpu_executions last; /* of the hart */
    bool failed;                /* out of memory */
};

enum test {
    TEST_ALL,
    TEST_DOMAINS,
    TEST_OUTSIDE,
};

static const char *const test_names[] = {
    [TEST_ALL] = "all", [TEST_DOMAINS] = "domains", [TEST_OUTSIDE] = "outside"};

struct lcov *lcov_new(void)
{
    return calloc(1, sizeof(struct lcov));
}

void lcov_free(struct lcov *lcov)
{
    if (lcov)
        free(lcov->all);
    free(lcov);
}

void lcov_begin_hart(struct lcov *lcov)
{
    lcov->last = (struct cpu_executions){0};
}

void lcov_executed(struct lcov *lcov, const struct cpu_executions *executions)
{
    if (lcov->count == lcov->room) {
        size_t room = 2 * lcov->room + 1024;
        struct cpu_executions *all = realloc(lcov->all, room * sizeof *all);
        lcov->failed |= !all;
        if (!all)
            return;
        lcov->all = all;
        lcov->room = room;
    }
    lcov->all[lcov->count++] = (struct cpu_executions){
        .address = executions->address,
        .inside = executions->inside - lcov->last.inside,
        .outside = executions->outside - lcov->last.outside,
    };
    lcov->last = *executions;
}

static int by_address(const void *a, const void *b)
{
    const struct cpu_executions *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static void add_up(struct lcov *lcov)
{
    if (lcov->count)
        qsort(lcov->all, lcov->count, sizeof *lcov->all, by_address);
    for (size_t i = 1; i < lcov->count; i++) {
        lcov->all[i].inside += lcov->all[i - 1].inside;
        lcov->all[i].outside += lcov->all[i - 1].outside;
    }
}

/* How often the instruction was executed. */
static uint64_t count_at(const struct lcov *lcov, uint64_t address, enum test test)
{
    size_t low = 0, high = lcov->count; /* of several entries at an address, the last one counts */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lcov->all[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return 0;
    const struct cpu_executions *found = &lcov->all[low - 1];
    return test == TEST_DOMAINS   ? found->inside
           : test == TEST_OUTSIDE ? found->outside
                                  : found->inside + found->outside;
}

/* ---- One file ------------------------------------------------------------------------------ */

static void put_name(FILE *out, const char *name)
{
    for (; *name; name++)
        fputc((unsigned char)*name < ' ' || *name == 0x7f || *name == ',' ? '_' : *name, out);
}

/* Functions of one name in one file are one: LCOV knows them by it. */
static size_t write_functions(const struct lcov *lcov, const struct source_function *functions,
                              size_t count, enum test test, FILE *out)
{
    size_t found = 0, hit = 0, end = 0;
    while (end < count && functions[end].file == functions[0].file)
        end++;
    for (size_t i = 0; i < end; i++) {
        if (i && !strcmp(functions[i].name, functions[i - 1].name))
            continue;
        fprintf(out, "FN:%" PRIu32 ",", functions[i].line);
        put_name(out, functions[i].name);
        fputc('\n', out);
    }
    for (size_t i = 0, next; i < end; i = next) {
        uint64_t sum = 0;
        for (next = i; next < end && !strcmp(functions[next].name, functions[i].name); next++)
            if (next == i || functions[next].entry != functions[next - 1].entry)
                sum += count_at(lcov, functions[next].entry, test);
        fprintf(out, "FNDA:%" PRIu64 ",", sum);
        put_name(out, functions[i].name);
        fputc('\n', out);
        found++;
        hit += sum > 0;
    }
    if (found)
        fprintf(out, "FNF:%zu\nFNH:%zu\n", found, hit);
    return end;
}

static size_t write_lines(const struct lcov *lcov, const struct source_row *rows, size_t count,
                          enum test test, FILE *out)
{
    size_t found = 0, hit = 0, i = 0;
    while (i < count && rows[i].file == rows[0].file) {
        uint64_t sum = 0, most = 0;
        size_t next = i, copy = i; /* copy: where its rows begin */
        for (; next < count && rows[next].file == rows[i].file && rows[next].line == rows[i].line;
             next++) {
            uint64_t here = count_at(lcov, rows[next].address, test);
            if (next > i && rows[next].copy != rows[next - 1].copy) {
                sum += most;
                most = 0;
                copy = next;
            }
            if (here > most && rows[next].begins == rows[copy].begins)
                most = here;
        }
        sum += most;
        fprintf(out, "DA:%" PRIu32 ",%" PRIu64 "\n", rows[i].line, sum);
        found++;
        hit += sum > 0;
        i = next;
    }
    fprintf(out, "LF:%zu\nLH:%zu\n", found, hit);
    return i;
}

/* ---- All ----------------------------------------------------------------------------------- */

static void write_test(const struct lcov *lcov, struct source_lines *lines, enum test test,
                       FILE *out)
{
    const struct source_row *rows;
    const struct source_function *functions;
    size_t row_count = source_lines_rows(lines, &rows), row = 0;
    size_t function_count = source_lines_functions(lines, &functions), function = 0;
    while (row < row_count) {
        while (function < function_count && functions[function].file < rows[row].file)
            function++; /* of a file without lines */
        fprintf(out, "TN:%s\nSF:", test_names[test]);
        put_name(out, source_lines_file(lines, rows[row].file));
        fputc('\n', out);
        if (function < function_count && functions[function].file == rows[row].file)
            function +=
                write_functions(lcov, functions + function, function_count - function, test, out);
        row += write_lines(lcov, rows + row, row_count - row, test, out);
        fprintf(out, "end_of_record\n");
    }
}

int lcov_write(struct lcov *lcov, struct source_lines *lines, bool domains, FILE *out)
{
    if (lcov->failed)
        return -1;
    add_up(lcov);
    write_test(lcov, lines, domains ? TEST_DOMAINS : TEST_ALL, out);
    if (domains)
        write_test(lcov, lines, TEST_OUTSIDE, out);
    return 0;
}
