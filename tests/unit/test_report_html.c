/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/input.h"
#include "sim/report/report_answer.h"
#include "sim/report/report_html.h"

#define CORPUS "tests/corpus/report/"

static cJSON *report_named(const char *name)
{
    char path[100];
    struct error err = {""};
    uint8_t *text;
    size_t size;
    snprintf(path, sizeof path, CORPUS "%s.json", name);
    cr_assert_eq(input_slurp(path, false, 1 << 20, &text, &size, &err), 0, "%s", err.text);
    cJSON *json = cJSON_Parse((const char *)text);
    cr_assert_not_null(json, "%s", path);
    free(text);
    return json;
}

static char *page_of(const cJSON *report, const struct report_extras *extras)
{
    char *text = NULL;
    size_t size;
    struct error err = {""};
    FILE *out = open_memstream(&text, &size);
    cr_expect_eq(report_html_write(report, extras, out, &err), 0, "%s", err.text);
    fclose(out);
    return text;
}

static size_t count_in(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

static void expect_in(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "\"%s\" is missing", part);
}

static void expect_not_in(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "\"%s\" is there", part);
}

/* Each tag that is opened is closed, and nothing is in the page that could do harm. */
static void expect_sound(const char *html)
{
    static const char *const pairs[] = {
        "table", "thead", "tbody",   "tr",     "td",   "div",  "dl",  "dd", "section", "main",
        "ul",    "p",     "details", "figure", "code", "data", "pre", "h2", "article", "summary"};
    char open[24], closed[24], bare[24];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        snprintf(bare, sizeof bare, "<%s>", pairs[i]);
        snprintf(open, sizeof open, "<%s ", pairs[i]);
        snprintf(closed, sizeof closed, "</%s>", pairs[i]);
        size_t opened = count_in(html, bare) + count_in(html, open);
        if (strcmp(pairs[i], "dd")) /* <dt> is not looked at */
            cr_expect_eq(opened, count_in(html, closed), "<%s>", pairs[i]);
    }
    expect_not_in(html, "<script");
    expect_not_in(html, "=\"javascript:");
    expect_not_in(html, "href=\"http");
    expect_not_in(html, "src=\"http");
    expect_not_in(html, "nan");
    for (const char *at = html; *at; at++)
        cr_expect((unsigned char)*at >= ' ' || *at == '\n' || *at == '\t');
}

/* ---- Pages -------------------------------------------------------------------------------- */

Test(report_html, recovery)
{
    cJSON *report = report_named("recovery");
    char *html = page_of(report, NULL);
    expect_sound(html);
    expect_in(html, "<title>&lt;linux&gt; &amp; &quot;more&quot;</title>");
    expect_in(html, "default-src 'none'");
    expect_in(html, "as expected");
    expect_in(html, "<data value=\"3318739958\">3\u202f318\u202f739\u202f958</data>");
    expect_in(html, "<data value=\"0.912\">91.2\u00a0%</data></b> of the kernel");
    expect_in(html, "a&lt;script&gt;alert(1)&lt;/script&gt;");
    expect_in(html, "memcpy\\x1b[31m\\u202egnp");
    expect_in(html, "kernel threads, which serve no request");
    expect_in(html, "something new");
    expect_in(html, "Domains of failure 1");
    expect_in(html, "had built on it");
    expect_in(html, "iaso inject &#39;a b.json&#39; --set x=1");
    expect_in(html, "&quot;at&quot;:\t&quot;pipe_write+0x10&quot;");
    expect_not_in(html, "id=\"power\"");
    expect_not_in(html, "href=\"#power\"");
    /* by share: the page fault, write, dup3, all others */
    const char *fault = strstr(html, "number 13"), *write = strstr(html, "<code>write</code>");
    cr_expect(fault && write && fault < write && write < strstr(html, "dup3"));
    free(html);
    cJSON_Delete(report);
}

Test(report_html, power)
{
    cJSON *report = report_named("power");
    char *html = page_of(report, NULL);
    expect_sound(html);
    expect_in(html, "verdict bad\">failed<");
    expect_in(html, "hog_main &lt;hog.c&gt;");
    expect_in(html, "933\u00a0\u00b5J");
    expect_in(html, "planned cut, torn store");
    expect_in(html, "title=\"0x20201000 to 0x20202000: at most 0\" style=\"--d:0.00\"");
    cr_expect_eq(count_in(html, "<div class=wear>"), 2, "a strip for each range");
    free(html);
    cJSON_Delete(report);
}

Test(report_html, campaigns)
{
    cJSON *report = report_named("sweep");
    char *html = page_of(report, NULL);
    expect_sound(html);
    expect_in(html, "<data value=\"12394\">");
    expect_in(html, "kv: lost: &lt;money&gt;\n</pre>");
    expect_in(html, "iaso run out/broken/finding-1.json");
    free(html);
    cJSON_Delete(report);
    report = report_named("campaign");
    html = page_of(report, NULL);
    expect_sound(html);
    expect_in(html, "88.1\u00a0% to 91.8\u00a0%");
    expect_in(html, "iaso inject configs/linux-campaign.json --at a --nth 1 --set "
                    "recovery.enabled=false");
    free(html);
    cJSON_Delete(report);
}

/* A report of one section, however odd, is still a page, and every key may be missing. */
Test(report_html, whatever_is_missing)
{
    static const char *const names[] = {"recovery", "power", "sweep", "campaign", "odd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cJSON *report = report_named(names[i]);
        while (report->child) {
            char *html = page_of(report, NULL);
            expect_sound(html);
            free(html);
            cJSON *answer = report_answer(report);
            cr_expect(cJSON_IsArray(answer));
            cJSON_Delete(answer);
            cJSON_Delete(cJSON_DetachItemViaPointer(report, report->child));
        }
        cJSON_Delete(report);
    }
    static const char *const others[] = {"[]", "1", "null", "\"x\"", "[{}]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cJSON *report = cJSON_Parse(others[i]);
        char *html = page_of(report, NULL);
        expect_sound(html);
        free(html);
        cJSON_Delete(report);
    }
    char *html = page_of(NULL, NULL);
    expect_sound(html);
    free(html);
}

Test(report_html, same_bytes_again)
{
    cJSON *report = report_named("recovery");
    char *once = page_of(report, NULL), *again = page_of(report, NULL);
    cr_expect_str_eq(once, again);
    free(once);
    free(again);
    cJSON_Delete(report);
}

Test(report_html, a_stream_that_fails)
{
    struct error err = {""};
    cJSON *report = report_named("recovery");
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    cr_expect_eq(report_html_write(report, NULL, full, &err), -1);
    expect_in(err.text, "report.html");
    fclose(full);
    cJSON_Delete(report);
}

Test(report_html, long_tables)
{
    cJSON *report = cJSON_CreateObject(), *functions = cJSON_AddArrayToObject(report, "functions");
    cJSON_AddObjectToObject(report, "coverage");
    for (int i = 0; i < 500; i++) {
        char name[16];
        cJSON *row = cJSON_CreateObject();
        snprintf(name, sizeof name, "f%03d", i);
        cJSON_AddStringToObject(row, "name", name);
        cJSON_AddItemToArray(functions, row);
    }
    char *html = page_of(report, NULL);
    expect_sound(html);
    expect_in(html, "388 more rows");
    expect_in(html, "100 more are not shown");
    const char *details = strstr(html, "<details"), *last = strstr(html, "f399");
    cr_expect(details && details < last && strstr(html, "f011") < details);
    expect_not_in(html, "f400");
    free(html);
    cJSON_Delete(report);
}

/* ---- Comparisons -------------------------------------------------------------------------- */

static char *comparison_of(const cJSON *json)
{
    char *text = NULL;
    size_t size;
    struct error err = {""};
    FILE *out = open_memstream(&text, &size);
    cr_expect_eq(compare_html_write(json, out, &err), 0, "%s", err.text);
    fclose(out);
    return text;
}

Test(report_html, comparison)
{
    cJSON *json = report_named("comparison");
    char *html = comparison_of(json);
    expect_sound(html);
    expect_in(html, "<h1>&lt;a&gt;, b</h1>");
    expect_in(html,
              "3 of 7 numbers differ between the 2 reports; their configs differ in 1 value.");
    expect_in(html, "<b><data value=\"1.5\">1.50</data></b>");
    expect_in(html, "<td class=\"n ratio\"><data value=\"1.011\">1.01</data></td>");
    expect_in(html, "<td>virtual time</td>");
    expect_in(html, "8.30\u00a0s");
    expect_in(html, "<td>survived (share), recovery on</td>");
    expect_in(html, "&quot;&lt;b&gt;&quot;");
    expect_in(html, "<span class=good>same</span>");
    expect_in(html, "&lt;panicked&gt;");
    free(html);
    while (json->child) {
        cJSON_Delete(cJSON_DetachItemViaPointer(json, json->child));
        html = comparison_of(json);
        expect_sound(html);
        free(html);
    }
    cJSON_Delete(json);
}

/* ---- Files beside it ---------------------------------------------------------------------- */

static char dir[64];

static void put(const char *name, const char *contents)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs(contents, out) >= 0 && fclose(out) == 0);
}

static void folder(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void set_up(void)
{
    strcpy(dir, "/tmp/iaso-page-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    folder("plots");
    folder("tables");
}

static void tear_down(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_expect_eq(system(command), 0);
}

TestSuite(report_folder, .init = set_up, .fini = tear_down);

Test(report_folder, pictures_and_links)
{
    put("plots/voltage.svg", "<svg>1</svg>");
    put("plots/energy.svg", "<svg>2</svg>");
    put("plots/functions.gp", "plot");
    put("plots/of <mine>.svg", "<svg>3</svg>");
    put("tables/lives.csv", "x");
    put("trace.json", "[]");
    cJSON *report = report_named("power");
    cJSON *host = cJSON_Parse("{\"cpu_seconds\": 7.25, \"peak_rss_bytes\": 1048576}");
    const struct report_extras extras = {.dir = dir, .host = host};
    cJSON_AddObjectToObject(report, "overhead");
    char *html = page_of(report, &extras);
    expect_sound(html);
    expect_in(html, "src=\"data:image/svg+xml;base64,PHN2Zz4xPC9zdmc+\"");
    expect_not_in(html, "PHN2Zz4yPC9zdmc+");
    expect_in(html, "href=\"plots/energy.svg\"");
    expect_in(html, "gnuplot could not draw it");
    expect_in(html, "href=\"plots/of%20%3cmine%3e.svg\"");
    expect_in(html, "href=\"tables/lives.csv\"");
    expect_not_in(html, "tables/nvm.csv");
    expect_in(html, "href=\"trace.json\"");
    expect_not_in(html, "power.vcd");
    expect_in(html, "1.00\u00a0MiB");
    free(html);
    /* of a report that is made anew, what a run has left is in the finished folder */
    const struct report_extras again = {.dir = "/nonexistent", .also = dir};
    html = page_of(report, &again);
    expect_in(html, "href=\"trace.json\"");
    free(html);
    cJSON_Delete(host);
    cJSON_Delete(report);
}

/* ---- Sentences ---------------------------------------------------------------------------- */

static void expect_says(const cJSON *report, const char *sentence)
{
    cJSON *answer = report_answer(report);
    const cJSON *item;
    bool said = false;
    cJSON_ArrayForEach(item, answer) said = said || !strcmp(item->valuestring, sentence);
    char *text = cJSON_Print(answer);
    cr_expect(said, "\"%s\" is not in %s", sentence, text);
    free(text);
    cJSON_Delete(answer);
}

Test(report_answer, of_a_fault)
{
    cJSON *report = report_named("recovery");
    static const char *const sentences[] = {
        "The guest switched itself off as expected after 3,318,739,958 instructions, 8.30 s of "
        "its time.",
        "It rebooted 1 time on the way.",
        "A fault was planted in pipe_write+0x10: a load from address 0.",
        "A failure (die): system call write of task sh failed with error -5 (EIO); 2 others that "
        "had "
        "built on it were undone and executed again.",
        "91.2 % of the kernel's writes and 17.8 % of its reads happened inside recovery domains; "
        "of the rest, the largest part (89.6 %) belongs to kernel threads, which serve no request.",
        "Had the kernel done this in software, the run would have taken 1.70 times as long, by the "
        "model.",
    };
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        expect_says(report, sentences[i]);
    cJSON_Delete(report);
}

Test(report_answer, of_power)
{
    cJSON *report = report_named("power");
    static const char *const sentences[] = {
        "The guest came no further from one power cut to the next and was stopped after 1,190,395 "
        "instructions, 2.25 s of its time, which is a failure: no progress in 100 lives: power "
        "fails in hog_main <hog.c>.",
        "Power failed 312 times; the machine was on for 141 ms, 6.2 % of the time.",
        "Of 933 uJ of energy, 93.0 % was useful, 6.3 % went into logging, and 0.70 % was lost in "
        "work that had to be done again.",
    };
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        expect_says(report, sentences[i]);
    cJSON_Delete(report);
}

Test(report_answer, of_campaigns)
{
    cJSON *report = report_named("sweep");
    expect_says(report, "12,394 distinct crash states, of power cuts at 600 points, were tried in "
                        "1,333 runs: 285 failed, for 2 different reasons.");
    expect_says(report, "The simplest: a power cut behind store 2072 in add+0x28/0x3c: the guest "
                        "exited with code 1, expected 0.");
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(report, "sweep"), "findings");
    cJSON_SetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(report, "sweep"), "failures"), 0);
    expect_says(report, "12,394 distinct crash states, of power cuts at 600 points, were tried in "
                        "1,333 runs, and nothing was lost in any of them.");
    cJSON_Delete(report);
    report = report_named("campaign");
    expect_says(report, "With recovery, 90.1 % of the faults were survived (between 88.1 % and "
                        "91.8 % with 95 % confidence); without it, 50.4 % would have been.");
    cJSON_Delete(report);
}

Test(report_answer, every_end_has_words)
{
    static const char *const ends[] = {
        "poweroff", "expected", "limit",     "stuck",       "panic", "locked-up",   "dead",
        "quit",     "timeout",  "unpowered", "no-progress", "lives", "interrupted", "fault"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        cJSON *report = cJSON_CreateObject();
        cJSON_AddStringToObject(report, "end", ends[i]);
        cJSON *answer = report_answer(report);
        const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(answer, 0));
        cr_expect(first && strncmp(first, "The run ended", 13), "%s: %s", ends[i], first);
        cJSON_Delete(answer);
        cJSON_Delete(report);
    }
}

Test(report_answer, long_names_fit)
{
    cJSON *report = report_named("recovery");
    char *name = malloc(10241);
    memset(name, 'x', 10240);
    name[10240] = '\0';
    cJSON *failure = cJSON_GetArrayItem(
        cJSON_GetObjectItem(cJSON_GetObjectItem(report, "recovery"), "failures"), 0);
    cJSON *domain = cJSON_GetArrayItem(cJSON_GetObjectItem(failure, "domains"), 0);
    cJSON_ReplaceItemInObject(domain, "name", cJSON_CreateString(name));
    cJSON_ReplaceItemInObject(domain, "task", cJSON_CreateString(name));
    cJSON_ReplaceItemInObject(domain, "request", cJSON_CreateString(name));
    cJSON_ReplaceItemInObject(
        cJSON_GetObjectItem(cJSON_GetObjectItem(report, "configuration"), "inject"), "at",
        cJSON_CreateString(name));
    cJSON *answer = report_answer(report);
    const cJSON *sentence;
    cJSON_ArrayForEach(sentence, answer) cr_expect_lt(strlen(sentence->valuestring), 500);
    cJSON_Delete(answer);
    cJSON_Delete(report);
    free(name);
}
