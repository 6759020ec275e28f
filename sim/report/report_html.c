/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_html.h"

#include <errno.h>
#include <string.h>

#include "sim/report/html.h"
#include "sim/report/report_answer.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_SENTENCES 40

/* ---- Head --------------------------------------------------------------------------------- */

/* "linux-inject" of "configs/linux-inject.json" */
static void name_report(const cJSON *report, char *name, size_t size)
{
    const char *config = report_string_or(report, "config", "A report");
    const char *slash = strrchr(config, '/');
    snprintf(name, size, "%s", slash && slash[1] ? slash + 1 : config);
    char *dot = strrchr(name, '.');
    if (dot && dot != name && !strcmp(dot, ".json"))
        *dot = '\0';
}

static const char *kind_words(const cJSON *report)
{
    const char *kind = report_string_or(report, "kind", "run");
    if (report_at(report, "sweep") || !strcmp(kind, "sweep"))
        return "Every crash state";
    if (report_at(report, "campaign.recovery"))
        return "Fault campaign";
    return strcmp(kind, "inject") ? "Run" : "Run with a fault";
}

/* What `exit` says, in words and as a class of the style sheet; NULL: nothing. */
static const char *verdict(const cJSON *report, const char **class)
{
    double code;
    if (!report_number(report, "exit", &code))
        return NULL;
    *class = code == 0 ? "good" : "bad";
    if (code == 0 && report_at(report, "campaign.recovery"))
        return "complete";
    return code == 0     ? "as expected"
           : code == 1   ? "failed"
           : code == 3   ? "the simulator failed"
           : code == 130 ? "interrupted"
                         : "not as expected";
}

static void write_head(const struct page *page, const char *name)
{
    FILE *out = page->out;
    const char *class, *words = verdict(page->report, &class);
    html_print(out, "<header>\n<p class=kind>%s</p>\n<h1>", kind_words(page->report));
    html_short(out, name, 80);
    fputs("</h1>\n", out);
    if (words)
        html_print(out, "<p class=\"verdict %s\">%s</p>\n", class, words);
    html_print(out, "<p class=source>Iaso %s", report_string_or(page->report, "iaso", ""));
    if (report_string(page->report, "config")) {
        fputs(", ", out);
        html_name(out, report_string(page->report, "config"), 80);
    }
    fputs("</p>\n</header>\n", out);
}

/* ---- Answer and key numbers --------------------------------------------------------------- */

static void write_answer(const struct page *page)
{
    const cJSON *stored = report_at(page->report, "answer"), *sentence;
    cJSON *made = report_count(stored, "") ? NULL : report_answer(page->report);
    size_t count = 0;
    if (made)
        stored = made;
    cJSON_ArrayForEach(sentence, stored)
    {
        if (!cJSON_IsString(sentence) || count++ > MAX_SENTENCES)
            continue;
        fputs(count == 1 ? "<p class=first>" : "<p>", page->out);
        html_prose(page->out, sentence->valuestring);
        fputs("</p>\n", page->out);
    }
    cJSON_Delete(made);
}

static const struct {
    const char *path, *title;
    enum cell cell;
    bool only; /* if it is not 0 */
} cards[] = {
    {"instructions", "instructions", CELL_COUNT, false},
    {"virtual_time_ns", "of the guest's time", CELL_TIME, false},
    {"coverage.totals.covered_writes", "of the kernel's writes inside domains", CELL_SHARE, false},
    {"coverage.totals.covered_reads", "of its reads", CELL_SHARE, false},
    {"overhead.software.slowdown", "times as long in software", CELL_FACTOR, false},
    {"overhead.log_bytes", "logged", CELL_BYTES, false},
    {"recovery.faults", "failures", CELL_COUNT, false},
    {"recovery.recovered", "recovered from", CELL_COUNT, true},
    {"recovery.rolled_back", "domains undone", CELL_COUNT, true},
    {"power.cuts", "power cuts", CELL_COUNT, false},
    {"power.energy_nj.total", "of energy", CELL_ENERGY, false},
    {"power.on_time_ns", "powered", CELL_TIME, false},
    {"power.nvm.writes", "writes to non-volatile memory", CELL_COUNT, false},
    {"sweep.distinct_states", "distinct crash states", CELL_COUNT, false},
    {"sweep.runs", "run to the end", CELL_COUNT, false},
    {"sweep.failures", "failed", CELL_COUNT, false},
    {"campaign.drawn", "faults", CELL_COUNT, false},
    {"campaign.recovery.on.survived.share", "survived with recovery", CELL_SHARE, false},
    {"campaign.recovery.off.survived.share", "survived without", CELL_SHARE, false},
};

static void write_cards(const struct page *page)
{
    FILE *out = page->out;
    double value;
    fputs("<ul class=cards aria-label=\"Key numbers\">\n", out);
    for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++) {
        if (!report_number(page->report, cards[i].path, &value) || (cards[i].only && value == 0))
            continue;
        fputs("<li><b>", out);
        page_quantity(out, cards[i].cell, value);
        html_print(out, "</b> %s</li>\n", cards[i].title);
    }
    fputs("</ul>\n", out);
}

/* ---- Sections ----------------------------------------------------------------------------- */

static const struct section {
    const char *id, *title;
    const char *path; /* must be an object in the report; "": always there */
    void (*write)(const struct page *page);
} sections[] = {
    {"coverage", "Coverage", "coverage", page_coverage},
    {"overhead", "Overhead", "overhead", page_overhead},
    {"recovery", "Recovery", "recovery", page_recovery},
    {"power", "Power", "power", page_power},
    {"crash-states", "Crash states", "sweep", page_sweep},
    {"faults", "Faults", "campaign.recovery", page_campaign},
    {"files", "Files", "", page_files},
    {"repeat", "How to repeat it", "", page_repeat},
};

#define SECTIONS (sizeof sections / sizeof sections[0])

static bool is_there(const struct page *page, const struct section *section)
{
    return cJSON_IsObject(report_at(page->report, section->path));
}

static void write_contents(const struct page *page)
{
    fputs("<nav aria-label=Contents><ul>\n<li><a href=\"#answer\">Answer</a></li>\n", page->out);
    for (size_t i = 0; i < SECTIONS; i++)
        if (is_there(page, &sections[i]))
            html_print(page->out, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
                       sections[i].title);
    fputs("</ul></nav>\n", page->out);
}

int report_html_write(const cJSON *report, const struct report_extras *extras, FILE *out,
                      struct error *err)
{
    struct page page = {.out = out, .report = report};
    char name[256];
    if (extras)
        page.extras = *extras;
    name_report(report, name, sizeof name);
    page_begin(out, name);
    write_head(&page, name);
    write_contents(&page);
    fputs("<main>\n<section id=answer aria-label=Answer>\n", out);
    write_answer(&page);
    write_cards(&page);
    fputs("</section>\n", out);
    for (size_t i = 0; i < SECTIONS; i++) {
        if (!is_there(&page, &sections[i]))
            continue;
        html_print(out, "<section id=\"%s\">\n<h2>%s</h2>\n", sections[i].id, sections[i].title);
        sections[i].write(&page);
        fputs("</section>\n", out);
    }
    fputs("</main>\n", out);
    page_end(out);
    return fflush(out) || ferror(out)
               ? error_set(err, "cannot write report.html: %s", strerror(errno))
               : 0;
}
