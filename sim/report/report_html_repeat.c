/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "sim/report/html.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

/* ---- Files beside the page ---------------------------------------------------------------- */

static const struct {
    const char *name, *what, *opened_by;
} files[] = {
    {"report.json", "all numbers of this page and more", "iaso schema report describes it"},
    {"config.json", "the full config",
     "iaso run, with it and in the same directory, repeats the run"},
    {"trace.json", "threads, requests, domains, power and devices over time",
     "open it in ui.perfetto.dev or chrome://tracing"},
    {"power.vcd", "supply and life-cycle signals", "gtkwave power.vcd"},
    {"coverage.info", "source lines executed inside of domains",
     "genhtml --ignore-errors source -o coverage coverage.info"},
    {"stacks-log.folded", "who wrote the bytes that were logged",
     "flamegraph.pl stacks-log.folded > log.svg, or speedscope.app"},
    {"stacks-energy.folded", "who took the energy",
     "flamegraph.pl stacks-energy.folded > energy.svg, or speedscope.app"},
    {"host.json", "what this host measured", "differs from run to run"},
    {"findings.txt", "the findings in words", "any editor"},
};

void page_files(const struct page *page)
{
    FILE *out = page->out;
    page_other_pictures(page);
    page_note(page, "They lie beside this page. Tables are in tables/, as CSV; the scripts of the "
                    "pictures are in plots/ and can be changed and run again there.");
    fputs("<dl class=files>\n", out);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (page_has_file(page, files[i].name))
            html_print(out, "<dt><a href=\"%s\">%s</a></dt><dd>%s <span class=why>%s</span></dd>\n",
                       files[i].name, files[i].name, files[i].what, files[i].opened_by);
    fputs("</dl>\n", out);
}

/* ---- How to repeat it --------------------------------------------------------------------- */

static const struct column input_columns[] = {
    {"file", CELL_NAME, "path", NULL, NULL},
    {"size", CELL_BYTES, "size", NULL, NULL},
    {"SHA-256", CELL_NAME, "sha256", NULL, NULL},
};

static void write_hash(const struct page *page, const char *title, const char *path)
{
    const char *hash = report_string(page->report, path);
    if (hash)
        html_print(page->out, "<div><dt>%s</dt><dd><code class=line>%s</code></dd></div>\n", title,
                   hash);
}

void page_repeat(const struct page *page)
{
    FILE *out = page->out;
    const cJSON *configuration = report_at(page->report, "configuration");
    const char *command = report_string(page->report, "command");
    if (command && *command) {
        page_note(page, "Runs repeat bit for bit. This command, with the same inputs, makes the "
                        "same report:");
        fputs("<pre class=command>", out);
        html_lines(out, command);
        fputs("</pre>\n", out);
    }
    fputs("<dl class=\"facts hashes\">\n", out);
    page_fact(page, "Iaso", CELL_TEXT, page->report, "iaso");
    page_fact(page, "Engine", CELL_TEXT, page->report, "engine");
    page_fact(page, "Disassembler", CELL_TEXT, page->report, "disassembler");
    page_fact(page, "Format", CELL_TEXT, page->report, "format");
    page_fact(page, "Config", CELL_NAME, page->report, "config");
    page_fact(page, "Database", CELL_NAME, page->report, "database");
    write_hash(page, "SHA-256 of config and inputs", "digest");
    write_hash(page, "SHA-256 of the console", "console_sha256");
    write_hash(page, "SHA-256 of memory", "memory_sha256");
    write_hash(page, "SHA-256 of non-volatile memory", "power.nvm.sha256");
    fputs("</dl>\n", out);
    page_table(page, &(struct table){"Inputs", report_at(page->report, "inputs"),
                                     COLUMNS(input_columns), -1, 10, NULL});
    char *text = cJSON_IsObject(configuration) ? cJSON_Print(configuration) : NULL;
    if (text) {
        fputs("<details><summary>The full config</summary>\n<pre>", out);
        html_lines(out, text);
        fputs("</pre></details>\n", out);
    }
    free(text);
}
