/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_html_parts.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/embed.h"
#include "sim/report/html.h"
#include "sim/report/report_read.h"

#define MAX_PICTURE ((size_t)8 << 20) /* bytes of SVG */
#define MAX_PATH    4096

EMBED("sim/report/report.css", report_style);

/* ---- Frame -------------------------------------------------------------------------------- */

void page_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
          "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; img-src data:\">\n"
          "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=color-scheme content=\"light dark\">\n"
          "<link rel=icon href=\"data:,\">\n<title>",
          out);
    html_short(out, title, 80);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", report_style);
}

void page_end(FILE *out)
{
    fputs("</body>\n</html>\n", out);
}

void page_heading(const struct page *page, const char *text)
{
    html_print(page->out, "<h3>%s</h3>\n", text);
}

void page_note(const struct page *page, const char *text)
{
    fputs("<p>", page->out);
    html_prose(page->out, text);
    fputs("</p>\n", page->out);
}

/* ---- Values ------------------------------------------------------------------------------- */

static const char *in_words(enum cell cell, double value, char text[WORDS_SIZE])
{
    switch (cell) {
    case CELL_SHARE:
        return words_share(value, text);
    case CELL_BYTES:
        return words_bytes(value, text);
    case CELL_TIME:
        return words_time(value, text);
    case CELL_ENERGY:
        return words_energy(value, text);
    case CELL_VOLTS:
        return words_volts(value, text);
    case CELL_FACTOR:
        return words_factor(value, text);
    case CELL_COUNT:
    case CELL_NAME:
    case CELL_TEXT:
        break;
    }
    return words_count(value, text);
}

void page_quantity(FILE *out, enum cell cell, double value)
{
    char text[WORDS_SIZE];
    fprintf(out, "<data value=\"%.15g\">", value);
    html_prose(out, in_words(cell, value, text));
    fputs("</data>", out);
}

void page_facts_begin(const struct page *page)
{
    fputs("<dl class=facts>\n", page->out);
}

void page_facts_end(const struct page *page)
{
    fputs("</dl>\n", page->out);
}

void page_fact(const struct page *page, const char *title, enum cell cell, const cJSON *json,
               const char *path)
{
    const char *text = report_string(json, path);
    double value;
    bool number = cell != CELL_NAME && cell != CELL_TEXT;
    if (number ? !report_number(json, path, &value) : !text)
        return;
    html_print(page->out, "<div><dt>%s</dt><dd>", title);
    if (number)
        page_quantity(page->out, cell, value);
    else if (cell == CELL_NAME)
        html_name(page->out, text, 2 * PAGE_NAME);
    else
        html_prose(page->out, text);
    fputs("</dd></div>\n", page->out);
}

/* ---- Bars --------------------------------------------------------------------------------- */

void page_bar(const struct page *page, const char *title, const struct bar_part *parts,
              size_t count, enum cell cell)
{
    FILE *out = page->out;
    double all = 0;
    for (size_t i = 0; i < count; i++)
        all += parts[i].value > 0 ? parts[i].value : 0;
    if (!isfinite(all) || all <= 0)
        return;
    html_print(out, "<figure class=parts><figcaption>%s</figcaption>\n<div class=whole>", title);
    for (size_t i = 0; i < count; i++)
        if (parts[i].value > 0)
            html_print(out, "<i class=\"tone%s\" style=\"flex-grow:", parts[i].tone),
                fprintf(out, "%.6f\"></i>", 1000 * parts[i].value / all);
    fputs("</div>\n<ul class=legend>\n", out);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].value <= 0)
            continue;
        html_print(out, "<li><i class=\"tone%s\"></i>%s <b>", parts[i].tone, parts[i].title);
        page_quantity(out, CELL_SHARE, parts[i].value / all);
        fputs("</b>", out);
        if (cell != CELL_SHARE) {
            fputs(" <span>", out);
            page_quantity(out, cell, parts[i].value);
            fputs("</span>", out);
        }
        fputs("</li>\n", out);
    }
    fputs("</ul></figure>\n", out);
}

/* ---- Files -------------------------------------------------------------------------------- */

/* Where a file of the report is, in `path`; false: nowhere. */
static bool find_file(const struct page *page, const char *name, char path[MAX_PATH])
{
    const char *const dirs[] = {page->extras.dir, page->extras.also};
    struct stat st;
    for (size_t i = 0; i < 2; i++) {
        if (!dirs[i] || snprintf(path, MAX_PATH, "%s/%s", dirs[i], name) >= MAX_PATH)
            continue;
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            return true;
    }
    return false;
}

bool page_has_file(const struct page *page, const char *name)
{
    char path[MAX_PATH];
    return find_file(page, name, path);
}

/* ---- Pictures ----------------------------------------------------------------------------- */

static const struct picture {
    const char *name, *section, *caption;
    bool graph;        /* drawn by dot, not gnuplot: shown in its own size */
    bool linked;       /* only a link: the page says the same in another way */
    const char *needs; /* only a link unless this array has some items */
} pictures[] = {
    {"outside", "coverage", "What is outside of domains, and why", false, true, NULL},
    {"coverage", "workloads", "Coverage by workload", false, false, "coverage.workloads"},
    {"requests", "requests", "The requests that read and write most", false, false, NULL},
    {"overhead", "overhead", "What the guest would pay in software", false, false, NULL},
    {"cascades", "recovery", "Which domains had built on which when they were undone", true, false,
     NULL},
    {"failures", "recovery", "Failures over time", false, false, "recovery.failures"},
    {"voltage", "power", "Voltage, on-times and power cuts", false, false, NULL},
    {"energy", "energy", "Energy by cause", false, true, NULL},
    {"functions", "energy", "Energy by function", false, false, NULL},
    {"wear", "wear", "Wear of non-volatile memory", false, true, NULL},
    {"cuts", "sweep", "Crash states and failures by the store that power was first cut behind",
     false, false, NULL},
    {"outcomes", "campaign", "What became of the faults", false, true, NULL},
};

#define SOME_ITEMS 3
#define PICTURES   (sizeof pictures / sizeof pictures[0])

static void put_picture(const struct page *page, const char *name, const char *caption, bool graph)
{
    FILE *out = page->out;
    char path[MAX_PATH];
    char *uri =
        find_file(page, name, path) ? html_data_uri(path, "image/svg+xml", MAX_PICTURE) : NULL;
    fputs(graph ? "<figure class=\"plot graph\">" : "<figure class=plot>", out);
    if (uri)
        html_print(out, "<div class=scroll tabindex=0><img alt=\"%s\" src=\"%s\"></div>", caption,
                   uri);
    html_print(out, "<figcaption>%s%s. <a href=\"", caption,
               uri ? "" : " (too large to be shown here)");
    html_url(out, name);
    html_print(out, "\">%s</a></figcaption></figure>\n", name);
    free(uri);
}

static void link_picture(const struct page *page, const char *name, const char *caption)
{
    html_print(page->out, "<p class=more>%s, as a picture: <a href=\"%s\">%s</a></p>\n", caption,
               name, name);
}

static bool is_linked(const struct page *page, const struct picture *picture)
{
    return picture->linked ||
           (picture->needs && report_count(page->report, picture->needs) < SOME_ITEMS);
}

void page_pictures(const struct page *page, const char *section)
{
    char name[100], source[100];
    for (size_t i = 0; i < PICTURES; i++) {
        const struct picture *picture = &pictures[i];
        if (strcmp(picture->section, section))
            continue;
        snprintf(name, sizeof name, "plots/%s.svg", picture->name);
        snprintf(source, sizeof source, "plots/%s.%s", picture->name,
                 picture->graph ? "dot" : "gp");
        if (page_has_file(page, name) && is_linked(page, picture))
            link_picture(page, name, picture->caption);
        else if (page_has_file(page, name))
            put_picture(page, name, picture->caption, picture->graph);
        else if (page_has_file(page, source))
            html_print(page->out,
                       "<p class=missing>Here would be a picture (%s); %s could not draw it. Its "
                       "source is <a href=\"%s\">%s</a>.</p>\n",
                       picture->caption, picture->graph ? "dot" : "gnuplot", source, source);
    }
}

static bool is_known(const char *file)
{
    for (size_t i = 0; i < PICTURES; i++) {
        size_t length = strlen(pictures[i].name);
        if (!strncmp(file, pictures[i].name, length) && !strcmp(file + length, ".svg"))
            return true;
    }
    return false;
}

static int is_other(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && !strcmp(entry->d_name + length - 4, ".svg") && !is_known(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

void page_other_pictures(const struct page *page)
{
    char path[MAX_PATH], name[300];
    struct dirent **entries;
    if (!page->extras.dir || snprintf(path, sizeof path, "%s/plots", page->extras.dir) >= MAX_PATH)
        return;
    int count = scandir(path, &entries, is_other, by_name);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "plots/%s", entries[i]->d_name);
        put_picture(page, name, "One more picture", false);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}
