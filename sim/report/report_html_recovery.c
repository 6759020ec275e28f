/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <string.h>

#include "sim/report/html.h"
#include "sim/report/report_answer.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_OPENED 20 /* failures of which each domain is listed */

/* ---- Failures ----------------------------------------------------------------------------- */

/* Thread and task of a failure or a domain. */
static void write_thread(FILE *out, const cJSON *row)
{
    const char *task = report_string(row, "task");
    html_name(out, task ? task : report_string_or(row, "thread", "?"), PAGE_NAME);
}

static void write_request(FILE *out, const cJSON *domain)
{
    const char *name = report_string(domain, "name");
    const char *kind = report_string(domain, "request");
    double number;
    if (kind)
        html_print(out, "%s ", kind);
    if (name)
        html_name(out, name, PAGE_NAME);
    else if (report_number(domain, "number", &number))
        fprintf(out, "%.0f", number);
}

static void write_failed(FILE *out, const cJSON *failure)
{
    const cJSON *domain = report_failed_domain(failure);
    if (domain)
        write_request(out, domain);
    else
        fputs("<span class=none>\u2013</span>", out);
}

static void write_outcome(FILE *out, const cJSON *failure)
{
    static const struct report_word words[] = {
        {"error", "undone; its caller got the error"},
        {"retry", "undone and executed again"},
        {"refused", "refused"},
    };
    const char *outcome = report_string_or(failure, "outcome", "?");
    const char *reason = report_string(failure, "reason");
    html_print(out, "<span class=%s>%s</span>", strcmp(outcome, "refused") ? "good" : "bad",
               REPORT_WORD(words, outcome, outcome));
    if (reason)
        html_print(out, " <span class=why>%s</span>", report_refused_words(reason));
}

static double domain_count(const cJSON *failure)
{
    return cJSON_IsArray(report_at(failure, "domains"))
               ? (double)report_count(failure, "domains") +
                     report_number_or(failure, "domains_left_out", 0)
               : NAN;
}

static double log_bytes(const cJSON *failure)
{
    const cJSON *domain;
    double sum = NAN, bytes;
    cJSON_ArrayForEach(domain, report_at(failure, "domains"))
    {
        if (report_number(domain, "log_bytes", &bytes))
            sum = isnan(sum) ? bytes : sum + bytes;
    }
    return sum;
}

static void write_role(FILE *out, const cJSON *domain)
{
    static const struct report_word words[] = {
        {"failed", "failed"},
        {"dependent", "had built on it"},
        {"later", "came later in such a thread"},
    };
    const char *role = report_string_or(domain, "role", "?");
    html_text(out, REPORT_WORD(words, role, role));
}

static void write_fate(FILE *out, const cJSON *domain)
{
    const char *back = report_string(domain, "goes_back");
    fputs(!back                        ? "with what it lies in"
          : strcmp(back, "error") == 0 ? "its caller gets the error"
                                       : "is executed again",
          out);
}

static const struct column failure_columns[] = {
    {"time", CELL_TIME, "time_ns", NULL, NULL},
    {"instruction", CELL_COUNT, "at", NULL, NULL},
    {"seen as", CELL_NAME, "failure", NULL, NULL},
    {"thread", CELL_TEXT, NULL, NULL, write_thread},
    {"request", CELL_TEXT, NULL, NULL, write_failed},
    {"outcome", CELL_TEXT, NULL, NULL, write_outcome},
    {"domains", CELL_COUNT, NULL, domain_count, NULL},
    {"log undone", CELL_BYTES, NULL, log_bytes, NULL},
};

static const struct column domain_columns[] = {
    {"domain", CELL_COUNT, "id", NULL, NULL},
    {"role", CELL_TEXT, NULL, NULL, write_role},
    {"thread", CELL_TEXT, NULL, NULL, write_thread},
    {"request", CELL_TEXT, NULL, NULL, write_request},
    {"opened", CELL_TIME, "opened_ns", NULL, NULL},
    {"log", CELL_BYTES, "log_bytes", NULL, NULL},
    {"undone", CELL_TEXT, NULL, NULL, write_fate},
};

/* What was undone at one failure, each domain a row. */
static void write_domains(const struct page *page, const cJSON *failure, size_t number)
{
    const cJSON *domains = report_at(failure, "domains");
    char caption[80];
    if (!report_count(domains, ""))
        return;
    snprintf(caption, sizeof caption, "Domains of failure %zu", number);
    html_print(page->out, "<details class=rest><summary>%s</summary>\n", caption);
    page_table(page, &(struct table){caption, domains, COLUMNS(domain_columns), -1, 50, NULL});
    fputs("</details>\n", page->out);
}

/* ---- What was refused --------------------------------------------------------------------- */

static void write_refused(const struct page *page, const cJSON *refused)
{
    const cJSON *item;
    double count;
    if (report_sum(refused, "") <= 0)
        return;
    page_table_begin(page, "Failures that could not be undone", NULL, 2);
    fputs("<thead><tr><th scope=col>because</th><th scope=col class=n>failures</th></tr></thead>"
          "\n<tbody>\n",
          page->out);
    cJSON_ArrayForEach(item, refused)
    {
        if (!item->string || !report_number(item, "", &count) || count <= 0)
            continue;
        html_print(page->out, "<tr><td><code>%s</code> <span class=why>%s</span></td><td class=n>",
                   item->string, report_refused_words(item->string));
        page_quantity(page->out, CELL_COUNT, count);
        fputs("</td></tr>\n", page->out);
    }
    fputs("</tbody>\n", page->out);
    page_table_end(page);
}

void page_recovery(const struct page *page)
{
    const cJSON *recovery = report_at(page->report, "recovery"), *failure;
    const cJSON *failures = report_at(recovery, "failures");
    size_t number = 0;
    page_facts_begin(page);
    page_fact(page, "Failures", CELL_COUNT, recovery, "faults");
    page_fact(page, "Recovered from", CELL_COUNT, recovery, "recovered");
    page_fact(page, "Domains undone", CELL_COUNT, recovery, "rolled_back");
    page_fact(page, "Cascades", CELL_COUNT, recovery, "cascades");
    page_fact(page, "Domains in the largest", CELL_COUNT, recovery, "cascade_max");
    page_facts_end(page);
    write_refused(page, report_at(recovery, "refused"));
    page_pictures(page, "recovery");
    page_table(page, &(struct table){"Failures and what became of them", failures,
                                     COLUMNS(failure_columns), -1, 20, "failures.csv"});
    if (report_number_or(recovery, "failures_left_out", 0) > 0) {
        page_facts_begin(page);
        page_fact(page, "More failures, which are not listed", CELL_COUNT, recovery,
                  "failures_left_out");
        page_facts_end(page);
    }
    cJSON_ArrayForEach(failure, failures)
    {
        if (++number <= MAX_OPENED)
            write_domains(page, failure, number);
    }
}
