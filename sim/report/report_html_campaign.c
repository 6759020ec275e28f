/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "sim/report/html.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_KINDS    16
#define MAX_EXAMPLES 60

/* ---- Crash states ------------------------------------------------------------------------- */

static void write_depths(const struct page *page, const cJSON *depths)
{
    const cJSON *item;
    char title[80];
    size_t depth = 0;
    cJSON_ArrayForEach(item, depths)
    {
        depth++;
        snprintf(title, sizeof title, "Runs with %zu power cut%s", depth, depth == 1 ? "" : "s");
        if (report_number_or(item, "", 0) > 0)
            page_fact(page, title, CELL_COUNT, item, "");
    }
}

static void write_lines(FILE *out, const char *title, const cJSON *lines)
{
    const cJSON *line;
    if (!report_count(lines, ""))
        return;
    html_print(out, "<dt>%s</dt><dd>", title);
    cJSON_ArrayForEach(line, lines)
    {
        if (cJSON_IsString(line))
            html_print(out, "<code class=line>%s</code>", line->valuestring);
    }
    fputs("</dd>\n", out);
}

static void write_detail(FILE *out, const char *title, const cJSON *json, const char *path)
{
    const char *text = report_string(json, path);
    if (!text || !*text)
        return;
    html_print(out, "<dt>%s</dt><dd>", title);
    html_name(out, text, 200);
    fputs("</dd>\n", out);
}

static void write_reproducer(const struct page *page, const char *name)
{
    FILE *out = page->out;
    html_print(out, "<dt>shown by</dt><dd>");
    if (page_has_file(page, name)) {
        fputs("<a href=\"", out);
        html_url(out, name);
        html_print(out, "\">%s</a>, a config for <code>iaso run</code> where the sweep ran</dd>\n",
                   name);
    } else {
        html_print(out, "<code>iaso run %s/%s</code></dd>\n",
                   report_string_or(page->report, "directory", "."), name);
    }
}

static void write_finding(const struct page *page, const cJSON *finding, size_t number)
{
    FILE *out = page->out;
    const cJSON *about = report_at(finding, "about");
    const char *console = report_string(about, "console");
    const char *reproducer = report_string(finding, "reproducer");
    double ns;
    html_print(out, "<article class=finding><h4>%zu. %s</h4>\n<dl>\n", number,
               report_string_or(finding, "verdict", "It failed"));
    write_detail(out, "found at cut", finding, "path");
    write_detail(out, "in", finding, "where");
    if (report_at(finding, "count")) {
        fputs("<dt>failures like it</dt><dd>", out);
        page_quantity(out, CELL_COUNT, report_number_or(finding, "count", 0));
        fputs("</dd>\n", out);
    }
    write_detail(out, "simplest cut", about, "path");
    if (report_number(about, "time_ns", &ns)) {
        fputs("<dt>after</dt><dd>", out);
        page_quantity(out, CELL_TIME, ns);
        fputs("</dd>\n", out);
    }
    write_detail(out, "in the block at", about, "block");
    write_detail(out, "behind a store to", about, "address");
    write_detail(out, "last event before it", about, "last");
    write_lines(out, "differs at the end", report_at(about, "difference"));
    if (reproducer)
        write_reproducer(page, reproducer);
    fputs("</dl>\n", out);
    if (console && *console) {
        fputs("<pre>", out);
        html_lines(out, console);
        fputs("</pre>\n", out);
    }
    fputs("</article>\n", out);
}

void page_sweep(const struct page *page)
{
    const cJSON *sweep = report_at(page->report, "sweep"), *finding;
    const cJSON *findings = report_at(sweep, "findings");
    size_t number = 0;
    page_facts_begin(page);
    page_fact(page, "Points where power was cut", CELL_COUNT, sweep, "points");
    page_fact(page, "Distinct crash states", CELL_COUNT, sweep, "distinct_states");
    page_fact(page, "Distinct once recovered", CELL_COUNT, sweep, "recovered_states");
    page_fact(page, "Run to the end", CELL_COUNT, sweep, "runs");
    write_depths(page, report_at(sweep, "runs_by_depth"));
    page_fact(page, "Failing", CELL_COUNT, sweep, "failures");
    page_fact(page, "Lost with their worker", CELL_COUNT, sweep, "lost");
    page_fact(page, "Instructions of the run without cuts", CELL_COUNT, sweep,
              "golden_instructions");
    page_fact(page, "Its stores to non-volatile memory", CELL_COUNT, sweep, "golden_writes");
    page_facts_end(page);
    page_pictures(page, "sweep");
    if (!report_count(findings, ""))
        return;
    page_heading(page, "Findings");
    page_note(page, "Failures in the same function with the same verdict are one finding, made as "
                    "simple as it gets. A cut is told by the store that it is behind; one after a "
                    "point counts the stores of the life after the cut before it.");
    cJSON_ArrayForEach(finding, findings) write_finding(page, finding, ++number);
}

/* ---- Faults ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *title, *tone, *means;
} outcomes[] = {
    {"recovered", "recovered", "1", "one request was undone and got its error; all else is right"},
    {"collateral", "recovered, with collateral", "5",
     "others had to be undone or failed, too, or a later failure could not be undone"},
    {"masked", "masked", "6", "nothing was noticed, all checks are right"},
    {"failed-request", "failed request only", "3",
     "nothing was undone; a program failed or was killed; all checks are right"},
    {"corruption", "silent corruption", "8", "it went on to the end, but a check finds wrong data"},
    {"hang", "hang", "2", "the kernel works, the workload never ends"},
    {"kernel-dead", "kernel dead", "4", "panic, lock-up, no progress, or reset"},
};

#define OUTCOMES (sizeof outcomes / sizeof outcomes[0])

static const char *const modes[][2] = {{"on", "With recovery"}, {"off", "Without recovery"}};

static const cJSON *mode_of(const cJSON *campaign, size_t mode)
{
    return report_at(report_at(campaign, "recovery"), modes[mode][0]);
}

/* A share with its interval, and a bar. */
static void write_share(FILE *out, const cJSON *share)
{
    char low[WORDS_SIZE], high[WORDS_SIZE], text[3 * WORDS_SIZE];
    double part;
    if (!report_number(share, "share", &part)) {
        fputs("<td class=n><span class=none>\u2013</span></td><td></td>", out);
        return;
    }
    page_share_begin(out, part);
    snprintf(text, sizeof text, "%s to %s", words_share(report_number_or(share, "low", part), low),
             words_share(report_number_or(share, "high", part), high));
    fputs("</td><td class=\"n range\">", out);
    html_prose(out, text);
    fputs("</td>", out);
}

static void write_head(FILE *out, const cJSON *campaign, const char *what)
{
    html_print(out, "<thead><tr><th scope=col>%s</th>", what);
    for (size_t mode = 0; mode < 2; mode++)
        if (mode_of(campaign, mode))
            html_print(out,
                       "<th scope=col class=n>%s</th><th scope=col class=n>95 %% interval</th>",
                       modes[mode][1]);
    fputs("</tr></thead>\n<tbody>\n", out);
}

static void write_outcomes(const struct page *page, const cJSON *campaign)
{
    FILE *out = page->out;
    page_table_begin(page, "What became of the faults", NULL, 5);
    write_head(out, campaign, "outcome");
    for (size_t i = 0; i < OUTCOMES; i++) {
        html_print(out, "<tr><td><i class=\"swatch tone%s\"></i>%s <span class=why>%s</span></td>",
                   outcomes[i].tone, outcomes[i].title, outcomes[i].means);
        for (size_t mode = 0; mode < 2; mode++) {
            const cJSON *tally = report_at(mode_of(campaign, mode), "outcomes");
            if (mode_of(campaign, mode))
                write_share(out, report_at(tally, outcomes[i].name));
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody><tbody class=sum>\n<tr><td>survived <span class=why>the first four</span></td>",
          out);
    for (size_t mode = 0; mode < 2; mode++)
        if (mode_of(campaign, mode))
            write_share(out, report_at(mode_of(campaign, mode), "survived"));
    fputs("</tr>\n</tbody>\n", out);
    page_table_end(page);
}

static void write_mode_bar(const struct page *page, const cJSON *tally, const char *title)
{
    struct bar_part parts[OUTCOMES];
    for (size_t i = 0; i < OUTCOMES; i++)
        parts[i] = (struct bar_part){
            outcomes[i].title, outcomes[i].tone,
            report_number_or(report_at(report_at(tally, "outcomes"), outcomes[i].name), "count",
                             0)};
    page_bar(page, title, parts, OUTCOMES, CELL_COUNT);
}

/* How many survived of each kind of fault. */
static void write_kinds(const struct page *page, const cJSON *campaign)
{
    FILE *out = page->out;
    const cJSON *kind, *kinds = NULL;
    size_t count = 0;
    for (size_t mode = 0; mode < 2 && !cJSON_IsObject(kinds); mode++)
        kinds = report_at(mode_of(campaign, mode), "kinds");
    if (!cJSON_IsObject(kinds) || !kinds->child)
        return;
    page_table_begin(page, "Survived, by kind of fault", NULL, 5);
    write_head(out, campaign, "kind");
    cJSON_ArrayForEach(kind, kinds)
    {
        if (!kind->string || ++count > MAX_KINDS)
            continue;
        html_print(out, "<tr><td><code>%s</code></td>", kind->string);
        for (size_t mode = 0; mode < 2; mode++)
            if (mode_of(campaign, mode))
                write_share(
                    out, report_at(cJSON_GetObjectItemCaseSensitive(
                                       report_at(mode_of(campaign, mode), "kinds"), kind->string),
                                   "survived"));
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
    page_table_end(page);
}

static void write_examples(const struct page *page, const cJSON *examples, size_t mode)
{
    FILE *out = page->out;
    const cJSON *example;
    const char *config = report_string_or(page->report, "config", "CONFIG");
    size_t count = 0;
    if (!cJSON_IsObject(examples))
        return;
    html_print(out, "<details><summary>Examples, %s</summary>\n",
               mode ? "without recovery" : "with recovery");
    for (size_t i = 0; i < OUTCOMES; i++) {
        cJSON_ArrayForEach(example, report_at(examples, outcomes[i].name))
        {
            if (!cJSON_IsString(example) || ++count > MAX_EXAMPLES)
                continue;
            html_print(out, "<p class=example>%s<code class=line>iaso inject %s %s%s</code></p>\n",
                       outcomes[i].title, config, example->valuestring,
                       mode ? " --set recovery.enabled=false" : "");
        }
    }
    fputs("</details>\n", out);
}

void page_campaign(const struct page *page)
{
    const cJSON *campaign = report_at(page->report, "campaign");
    page_facts_begin(page);
    page_fact(page, "Faults", CELL_COUNT, campaign, "drawn");
    page_fact(page, "Instructions that they are drawn from", CELL_COUNT, campaign, "places");
    page_fact(page, "Lost with recovery", CELL_COUNT, campaign, "recovery.on.lost");
    page_fact(page, "Lost without", CELL_COUNT, campaign, "recovery.off.lost");
    page_facts_end(page);
    for (size_t mode = 0; mode < 2; mode++)
        write_mode_bar(page, mode_of(campaign, mode), modes[mode][1]);
    page_pictures(page, "campaign");
    write_outcomes(page, campaign);
    write_kinds(page, campaign);
    if (!mode_of(campaign, 0) && !mode_of(campaign, 1))
        return;
    page_heading(page, "Examples");
    page_note(page, "Each command repeats one of the faults by itself, from power-on.");
    for (size_t mode = 0; mode < 2; mode++)
        write_examples(page, report_at(mode_of(campaign, mode), "examples"), mode);
}
