/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.html of real runs in a real browser: Debian's Chromium, without a screen. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

/* ---- The browser -------------------------------------------------------------------------- */

struct browser {
    struct place place;
    char profile[160], page[160]; /* folder, URL */
};

/* Runs `arguments`, which end in "--report", with the page of that report; false: no browser. */
static void browser_start(struct browser *browser, const char *command, const char *config)
{
    struct run run;
    char dir[120];
    if (!have_command("chromium"))
        cr_skip_test("chromium is not installed");
    place_make(&browser->place);
    snprintf(dir, sizeof dir, "%s/report", browser->place.dir);
    snprintf(browser->profile, sizeof browser->profile, "--user-data-dir=%s/profile",
             browser->place.dir);
    snprintf(browser->page, sizeof browser->page, "file://%s/report.html", dir);
    RUN(&run, command, config, "--console", "none", "-q", "--report", dir);
    cr_assert_eq(run.code, 0, "%s: %d\n%s", config, run.code, run.err);
    run_free(&run);
}

static void browser_end(struct browser *browser)
{
    struct run run;
    char report[120];
    snprintf(report, sizeof report, "%s/report", browser->place.dir);
    RUN_COMMAND(&run, "rm", "-rf", report, strchr(browser->profile, '/'));
    run_free(&run);
    place_remove(&browser->place);
}

/* Loads a page; `what` is what is to be done with it, `scheme` "light" or "dark". */
static void browse(struct run *run, const struct browser *browser, const char *page,
                   const char *scheme, const char *size, const char *what)
{
    RUN_COMMAND(run, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--no-first-run", "--enable-logging=stderr", "--v=0", browser->profile, size,
                strcmp(scheme, "dark") ? "--blink-settings=preferredColorScheme=1"
                                       : "--blink-settings=preferredColorScheme=0",
                what, page);
    cr_assert_eq(run->code, 0, "chromium: %d\n%s", run->code, run->err);
}

/* What a page complains about, in its console. */
static bool complains(const struct run *run)
{
    return strstr(run->err, ":CONSOLE") != NULL;
}

static char *report_text(const struct browser *browser)
{
    return read_whole(browser->page + strlen("file://"), NULL);
}

/* ---- Contents ----------------------------------------------------------------------------- */

static void expect_number(const struct run *dom, const cJSON *report, const char *path)
{
    char text[64];
    double value = number_at(report, path);
    snprintf(text, sizeof text, "<data value=\"%.15g\">", value);
    cr_expect(strstr(dom->out, text), "%s: no %s", path, text);
}

static void expect_page(const struct browser *browser, const char *const numbers[])
{
    struct run dom;
    char path[160];
    snprintf(path, sizeof path, "%s/report/report.json", browser->place.dir);
    cJSON *report = read_json(path);
    browse(&dom, browser, browser->page, "light", "--window-size=1280,900", "--dump-dom");
    cr_expect(!complains(&dom), "%s", dom.err);
    for (size_t i = 0; numbers[i]; i++)
        expect_number(&dom, report, numbers[i]);
    const cJSON *first = cJSON_GetObjectItem(report, "answer");
    cr_expect(cJSON_GetArraySize(first) > 1);
    cr_expect(strstr(dom.out, "as expected"));
    cr_expect(strstr(dom.out, "</html>"));
    run_free(&dom);
    cJSON_Delete(report);
}

/* ---- Width -------------------------------------------------------------------------------- */

/* A page that shows the report in a frame and notes by how much it is wider than that. */
static const char *framed(struct browser *browser, const char *report, unsigned width)
{
    char name[32], *text = malloc(6 * strlen(report) + 1), *at = text;
    cr_assert_not_null(text);
    for (const char *c = report; *c; c++)
        at = *c == '&'   ? stpcpy(at, "&amp;")
             : *c == '"' ? stpcpy(at, "&quot;")
                         : (*at = *c, at + 1);
    *at = '\0';
    snprintf(name, sizeof name, "frame-%u.html", width);
    const char *path = place_write(
        &browser->place, name,
        "<!DOCTYPE html><meta charset=utf-8><body style=\"margin:0\"><iframe id=f "
        "style=\"border:0;width:%upx;height:900px\" srcdoc=\"%s\"></iframe><script>\n"
        "f.onload = () => {\n"
        "  const root = f.contentDocument.documentElement;\n"
        "  root.querySelectorAll('details').forEach(d => d.open = true);\n"
        "  document.body.title = 'wide ' + root.clientWidth + ' over ' +\n"
        "    (Math.max(root.scrollWidth, f.contentDocument.body.scrollWidth) - root.clientWidth);\n"
        "};\n</script>",
        width, text);
    free(text);
    return path;
}

/* By how many pixels the report is wider than a window of that width. */
static int overflow(struct browser *browser, const char *report, unsigned width)
{
    struct run dom;
    char page[200], size[40], found[40];
    unsigned client = 0;
    int over = -1;
    snprintf(page, sizeof page, "file://%s", framed(browser, report, width));
    snprintf(size, sizeof size, "--window-size=%u,900", width + 100);
    browse(&dom, browser, page, "light", size, "--dump-dom");
    const char *title = strstr(dom.out, "title=\"wide ");
    snprintf(found, sizeof found, "%.39s", title ? title : "");
    cr_assert(title && sscanf(title, "title=\"wide %u over %d", &client, &over) == 2, "%s",
              dom.err);
    cr_expect_eq(client, width, "%s", found);
    run_free(&dom);
    return over;
}

static void expect_fits(struct browser *browser)
{
    char *report = report_text(browser), *wide;
    cr_expect_eq(overflow(browser, report, 390), 0);
    cr_expect_eq(overflow(browser, report, 1280), 0);
    /* Would it be seen? */
    cr_assert(asprintf(&wide, "%s<p style=\"max-width:none;width:500px\">x", report) > 0);
    cr_expect_gt(overflow(browser, wide, 390), 100);
    free(wide);
    free(report);
}

/* ---- Looks -------------------------------------------------------------------------------- */

struct picture {
    double mean, deviation; /* of brightness, 0 to 1 */
    unsigned width, height;
};

static struct picture look(struct browser *browser, const char *name, const char *scheme,
                           unsigned width)
{
    struct run run;
    struct picture picture = {0};
    char size[40], what[160];
    const char *file = place_file(&browser->place, name);
    snprintf(size, sizeof size, "--window-size=%u,1000", width);
    snprintf(what, sizeof what, "--screenshot=%s", file);
    browse(&run, browser, browser->page, scheme, size, what);
    run_free(&run);
    RUN_COMMAND(&run, "identify", "-format", "%[fx:mean] %[fx:standard_deviation] %w %h", file);
    cr_assert(run.code == 0 && sscanf(run.out, "%lf %lf %u %u", &picture.mean, &picture.deviation,
                                      &picture.width, &picture.height) == 4,
              "identify: %d\n%s", run.code, run.err);
    run_free(&run);
    cr_expect_eq(picture.width, width);
    cr_expect_gt(picture.deviation, 0.03, "%s is blank", name);
    return picture;
}

static void expect_looks(struct browser *browser)
{
    struct picture phone = look(browser, "phone.png", "light", 390);
    struct picture light = look(browser, "light.png", "light", 1280);
    struct picture dark = look(browser, "dark.png", "dark", 1280);
    cr_expect_gt(phone.mean, 0.8);
    cr_expect_gt(light.mean, 0.8);
    cr_expect_lt(dark.mean, 0.3);
}

/* ---- Reports ------------------------------------------------------------------------------ */

Test(system_pages, of_recovery, .timeout = 600)
{
    static const char *const numbers[] = {"instructions",
                                          "virtual_time_ns",
                                          "coverage.totals.covered_writes",
                                          "coverage.totals.covered_reads",
                                          "overhead.software.slowdown",
                                          "recovery.rolled_back",
                                          "recovery.cascade_max",
                                          NULL};
    struct browser browser;
    browser_start(&browser, "run", "configs/agora-dependent.json");
    expect_page(&browser, numbers);
    expect_fits(&browser);
    browser_end(&browser);
}

Test(system_pages, of_power, .timeout = 600)
{
    static const char *const numbers[] = {"instructions",
                                          "power.cuts",
                                          "power.energy_nj.total",
                                          "power.lost_instructions",
                                          "power.nvm.writes",
                                          "power.nvm.wear.max",
                                          NULL};
    struct browser browser;
    browser_start(&browser, "run", "configs/hypnos-trace.json");
    expect_page(&browser, numbers);
    expect_fits(&browser);
    expect_looks(&browser);
    browser_end(&browser);
}

/* The browser obeys the page's own policy, and says so: what the other tests rely on. */
Test(system_pages, nothing_is_fetched_or_executed, .timeout = 600)
{
    static const char *const harm[] = {"<script>document.title = 'harm'</script>",
                                       "<img src=\"http://127.0.0.1:9/x.png\">",
                                       "<img src=\"x.png\" onerror=\"document.title = 'harm'\">"};
    struct browser browser;
    struct run dom;
    char page[200];
    browser_start(&browser, "run", "configs/hello.json");
    char *report = report_text(&browser);
    for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "harm-%zu.html", i);
        snprintf(page, sizeof page, "file://%s",
                 place_write(&browser.place, name, "%s%s", report, harm[i]));
        browse(&dom, &browser, page, "light", "--window-size=1280,900", "--dump-dom");
        cr_expect(complains(&dom), "%s", harm[i]);
        cr_expect(!strstr(dom.out, "<title>harm"));
        run_free(&dom);
    }
    free(report);
    browser_end(&browser);
}
