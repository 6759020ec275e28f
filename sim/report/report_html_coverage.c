/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <string.h>

#include "sim/report/html.h"
#include "sim/report/report_answer.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_PARTS 12

/* Loads and stores there; NAN if there are none of either key. */
static double accesses(const cJSON *json, const char *path)
{
    const cJSON *counts = report_at(json, path);
    double loads, stores;
    if (!report_number(counts, "loads", &loads) || !report_number(counts, "stores", &stores))
        return NAN;
    return loads + stores;
}

static double row_accesses(const cJSON *row)
{
    return accesses(row, "");
}

static double inside_accesses(const cJSON *row)
{
    return accesses(row, "inside");
}

static double outside_accesses(const cJSON *row)
{
    return accesses(row, "outside");
}

static double covered(const cJSON *row)
{
    double inside = inside_accesses(row), outside = outside_accesses(row);
    return inside + outside > 0 ? inside / (inside + outside) : NAN;
}

/* ---- Coverage ----------------------------------------------------------------------------- */

static struct bar_part part_of(const char *reason, double value)
{
    static const char *const known[][3] = {{"after-output", "after output", "2"},
                                           {"thread", "kernel threads", "3"},
                                           {"boot", "boot", "4"},
                                           {"exempt", "exempt functions", "5"},
                                           {"idle", "idle", "6"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(known[i][0], reason))
            return (struct bar_part){known[i][1], known[i][2], value};
    return (struct bar_part){reason, "7", value};
}

/* One bar of the kernel's loads or stores. */
static void write_bar(const struct page *page, const char *title, const char *key)
{
    const cJSON *row, *coverage = report_at(page->report, "coverage");
    struct bar_part parts[MAX_PARTS] = {
        {"inside domains", "1", report_number_or(report_at(coverage, "totals.inside"), key, 0)}};
    size_t count = 1;
    cJSON_ArrayForEach(row, report_at(coverage, "outside"))
    {
        const char *reason = report_string(row, "reason");
        if (count < MAX_PARTS && reason && report_at(row, "share"))
            parts[count++] = part_of(reason, report_number_or(row, key, 0));
    }
    page_bar(page, title, parts, count, CELL_COUNT);
}

static void write_reason(FILE *out, const cJSON *row)
{
    const char *reason = report_string_or(row, "reason", "?");
    html_name(out, reason, PAGE_NAME);
    if (report_reason_words(reason) != reason)
        html_print(out, " <span class=why>%s</span>", report_reason_words(reason));
}

static void write_request(FILE *out, const cJSON *row)
{
    const char *name = report_string(row, "name");
    double number;
    if (name)
        html_name(out, name, PAGE_NAME);
    else if (report_number(row, "number", &number))
        fprintf(out, "number %.0f", number);
    else
        fputs("all others", out);
}

static void write_thread(FILE *out, const cJSON *row)
{
    const char *name = report_string(row, "name");
    if (name)
        html_name(out, name, PAGE_NAME);
    else
        html_name(out, report_string_or(row, "id", "all others"), PAGE_NAME);
}

static void write_function(FILE *out, const cJSON *row)
{
    const char *name = report_string(row, "name");
    if (name)
        html_name(out, name, PAGE_NAME);
    else
        fputs("code without a symbol", out);
}

static void write_workload(FILE *out, const cJSON *row)
{
    const char *name = report_string(row, "name");
    if (name)
        html_name(out, name, PAGE_NAME);
    else
        fputs("threads without a name", out);
}

static const struct column outside_columns[] = {
    {"outside because of", CELL_TEXT, NULL, NULL, write_reason},
    {"share", CELL_SHARE, "share", NULL, NULL},
    {"reads", CELL_COUNT, "loads", NULL, NULL},
    {"writes", CELL_COUNT, "stores", NULL, NULL},
    {"instructions", CELL_COUNT, "instructions", NULL, NULL},
};

static const struct column workload_columns[] = {
    {"tasks of this name", CELL_TEXT, NULL, NULL, write_workload},
    {"threads", CELL_COUNT, "threads", NULL, NULL},
    {"share of the kernel", CELL_SHARE, "share", NULL, NULL},
    {"reads inside", CELL_SHARE, "covered_reads", NULL, NULL},
    {"writes inside", CELL_SHARE, "covered_writes", NULL, NULL},
    {"reads and writes inside", CELL_COUNT, NULL, inside_accesses, NULL},
    {"outside", CELL_COUNT, NULL, outside_accesses, NULL},
};

static const struct column request_columns[] = {
    {"request", CELL_TEXT, NULL, NULL, write_request},
    {"kind", CELL_TEXT, "kind", NULL, NULL},
    {"share of the kernel", CELL_SHARE, "share", NULL, NULL},
    {"domains", CELL_COUNT, "domains", NULL, NULL},
    {"reads and writes", CELL_COUNT, NULL, row_accesses, NULL},
    {"log", CELL_BYTES, "log_bytes", NULL, NULL},
    {"pages", CELL_COUNT, "pages", NULL, NULL},
    {"records", CELL_COUNT, "records", NULL, NULL},
};

static const struct column function_columns[] = {
    {"function", CELL_TEXT, NULL, NULL, write_function},
    {"inside", CELL_SHARE, NULL, covered, NULL},
    {"reads and writes inside", CELL_COUNT, NULL, inside_accesses, NULL},
    {"outside", CELL_COUNT, NULL, outside_accesses, NULL},
};

static const struct column thread_columns[] = {
    {"thread", CELL_TEXT, NULL, NULL, write_thread},
    {"pid", CELL_COUNT, "pid", NULL, NULL},
    {"inside", CELL_SHARE, NULL, covered, NULL},
    {"reads and writes inside", CELL_COUNT, NULL, inside_accesses, NULL},
    {"outside", CELL_COUNT, NULL, outside_accesses, NULL},
};

void page_coverage(const struct page *page)
{
    const cJSON *coverage = report_at(page->report, "coverage");
    const struct {
        const char *pictures;
        struct table table;
    } parts[] = {
        {"coverage",
         {"What is outside, and why", report_at(coverage, "outside"), COLUMNS(outside_columns), 1,
          20, "outside.csv"}},
        {"workloads",
         {"By workload", report_at(coverage, "workloads"), COLUMNS(workload_columns), -1, 12,
          "workloads.csv"}},
        {"requests",
         {"By request", report_at(coverage, "requests"), COLUMNS(request_columns), 2, 12,
          "requests.csv"}},
        {"functions",
         {"By function", report_at(page->report, "functions"), COLUMNS(function_columns), -1, 12,
          "functions.csv"}},
        {"threads",
         {"By thread", report_at(coverage, "threads"), COLUMNS(thread_columns), 3, 5,
          "threads.csv"}},
    };
    page_note(page, "Shares are of the reads and writes that the kernel did in this run. User "
                    "programs and firmware are no part of it.");
    write_bar(page, "Writes", "stores");
    write_bar(page, "Reads", "loads");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        page_pictures(page, parts[i].pictures);
        page_table(page, &parts[i].table);
    }
}

/* ---- Overhead ----------------------------------------------------------------------------- */

static double paid(const cJSON *row)
{
    double count, cost;
    return report_number(row, "count", &count) && report_number(row, "cost", &cost) ? count * cost
                                                                                    : NAN;
}

static void write_event(FILE *out, const cJSON *row)
{
    static const struct report_word words[] = {
        {"domain", "domains opened"},
        {"store", "writes logged"},
        {"load", "reads tracked"},
        {"log_byte", "bytes logged"},
        {"dependency", "dependencies noted"},
        {"commit", "commits"},
    };
    const char *event = report_string_or(row, "event", "?");
    html_text(out, REPORT_WORD(words, event, event));
}

static const struct column event_columns[] = {
    {"event", CELL_TEXT, NULL, NULL, write_event},
    {"how many", CELL_COUNT, "count", NULL, NULL},
    {"cycles each", CELL_COUNT, "cost", NULL, NULL},
    {"cycles", CELL_COUNT, NULL, paid, NULL},
};

static void write_kinds(const struct page *page, const cJSON *domains)
{
    static const char *const kinds[][3] = {{"syscall", "system calls", "1"},
                                           {"fault", "faults of user code", "3"},
                                           {"interrupt", "interrupts", "2"},
                                           {"function", "functions", "5"}};
    struct bar_part parts[4];
    for (size_t i = 0; i < 4; i++)
        parts[i] =
            (struct bar_part){kinds[i][1], kinds[i][2], report_number_or(domains, kinds[i][0], 0)};
    page_bar(page, "Domains by kind of request", parts, 4, CELL_COUNT);
}

static void write_measured(const struct page *page)
{
    const cJSON *host = page->extras.host;
    if (!cJSON_IsObject(host))
        return;
    page_heading(page, "Measured");
    page_note(page, "What this run took on the one host that it ran on. Unlike everything else "
                    "here, it differs from run to run.");
    page_facts_begin(page);
    page_fact(page, "Processor time, in seconds", CELL_COUNT, host, "cpu_seconds");
    page_fact(page, "Instructions of the guest in a second of it", CELL_COUNT, host,
              "instructions_per_second");
    page_fact(page, "Memory at its peak", CELL_BYTES, host, "peak_rss_bytes");
    page_facts_end(page);
}

void page_overhead(const struct page *page)
{
    const cJSON *overhead = report_at(page->report, "overhead");
    page_facts_begin(page);
    page_fact(page, "Committed", CELL_COUNT, overhead, "committed");
    page_fact(page, "Undone", CELL_COUNT, overhead, "aborted");
    page_fact(page, "Ended before they could commit", CELL_COUNT, overhead, "lingered");
    page_fact(page, "Dependencies", CELL_COUNT, overhead, "dependencies");
    page_fact(page, "Pages that became shared", CELL_COUNT, overhead, "conflicts");
    page_fact(page, "Deepest nesting", CELL_COUNT, overhead, "max_depth");
    page_fact(page, "Log in all", CELL_BYTES, overhead, "log_bytes");
    page_fact(page, "Log held at a time", CELL_BYTES, overhead, "log_bytes_peak");
    page_fact(page, "Pages kept", CELL_COUNT, overhead, "log_pages");
    page_fact(page, "Records of bytes", CELL_COUNT, overhead, "log_records");
    page_facts_end(page);
    write_kinds(page, report_at(overhead, "domains"));
    if (report_at(overhead, "software.slowdown")) {
        page_heading(page, "Modelled");
        page_note(page, "What the kernel would pay if it did by itself what the simulator does for "
                        "it: how often each event happened, times what it is taken to cost "
                        "(recovery.costs), over the cycles of the run.");
        page_facts_begin(page);
        page_fact(page, "The run's time, times", CELL_FACTOR, overhead, "software.slowdown");
        page_fact(page, "Cycles of the run", CELL_COUNT, page->report, "cycles");
        page_facts_end(page);
        page_table(page, &(struct table){"Cost in software", report_at(overhead, "software.events"),
                                         COLUMNS(event_columns), 3, 10, "overhead.csv"});
    }
    page_pictures(page, "overhead");
    write_measured(page);
}
