/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "sim/report/html.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_BINS 4096 /* of a wear map */

/* ---- Energy ------------------------------------------------------------------------------- */

static void write_purposes(const struct page *page, const cJSON *energy)
{
    const struct bar_part parts[] = {
        {"useful", "1", report_number_or(energy, "useful", 0)},
        {"logging", "2", report_number_or(energy, "logging", 0)},
        {"recovery", "3", report_number_or(energy, "recovery", 0)},
        {"lost, to be done again", "4", report_number_or(energy, "lost", 0)},
        {"sleep", "6", report_number_or(energy, "sleep", 0)},
    };
    page_bar(page, "Energy by what it was for", parts, sizeof parts / sizeof parts[0], CELL_ENERGY);
}

static void write_causes(const struct page *page, const cJSON *kinds)
{
    const struct bar_part parts[] = {
        {"executing", "1", report_number_or(kinds, "active", 0)},
        {"fetching code", "5", report_number_or(kinds, "fetch", 0)},
        {"reading", "3", report_number_or(kinds, "read", 0)},
        {"writing", "2", report_number_or(kinds, "write", 0)},
        {"sleeping", "6", report_number_or(kinds, "sleep", 0)},
    };
    page_bar(page, "Energy by what took it", parts, sizeof parts / sizeof parts[0], CELL_ENERGY);
}

static double region_energy(const cJSON *row)
{
    return report_number_or(row, "reads.nj", 0) + report_number_or(row, "writes.nj", 0) +
           report_number_or(row, "fetches.nj", 0);
}

static double region_waits(const cJSON *row)
{
    return report_number_or(row, "reads.wait_cycles", 0) +
           report_number_or(row, "writes.wait_cycles", 0) +
           report_number_or(row, "fetches.wait_cycles", 0);
}

static const struct column region_columns[] = {
    {"memory", CELL_NAME, "name", NULL, NULL},
    {"energy", CELL_ENERGY, NULL, region_energy, NULL},
    {"reads", CELL_COUNT, "reads.count", NULL, NULL},
    {"writes", CELL_COUNT, "writes.count", NULL, NULL},
    {"fetches", CELL_COUNT, "fetches.count", NULL, NULL},
    {"cycles waited", CELL_COUNT, NULL, region_waits, NULL},
};

static const struct column function_columns[] = {
    {"function", CELL_NAME, "name", NULL, NULL},
    {"energy", CELL_ENERGY, "nj", NULL, NULL},
    {"instructions", CELL_COUNT, "instructions", NULL, NULL},
    {"cycles", CELL_COUNT, "cycles", NULL, NULL},
};

static void write_energy(const struct page *page, const cJSON *energy)
{
    page_heading(page, "Energy");
    write_purposes(page, energy);
    write_causes(page, report_at(energy, "by_kind"));
    page_pictures(page, "energy");
    const struct table tables[] = {
        {"Energy by function", report_at(energy, "functions"), COLUMNS(function_columns), 1, 12,
         "energy-functions.csv"},
        {"Energy of accesses, by memory", report_at(energy, "regions"), COLUMNS(region_columns), 1,
         12, "energy-regions.csv"},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        page_table(page, &tables[i]);
}

/* ---- Non-volatile memory ------------------------------------------------------------------ */

static const struct column range_columns[] = {
    {"range", CELL_NAME, "name", NULL, NULL},
    {"from", CELL_NAME, "start", NULL, NULL},
    {"size", CELL_BYTES, "size", NULL, NULL},
    {"reads", CELL_COUNT, "reads", NULL, NULL},
    {"writes", CELL_COUNT, "writes", NULL, NULL},
    {"writes of the medium", CELL_COUNT, "medium_writes", NULL, NULL},
};

static const struct column worn_columns[] = {
    {"line", CELL_NAME, "line", NULL, NULL},
    {"writes", CELL_COUNT, "writes", NULL, NULL},
};

static void write_address(FILE *out, const cJSON *bin, const char *key)
{
    double number;
    if (report_number(bin, key, &number) && number >= 0 && number < 0x1p63)
        fprintf(out, "0x%" PRIx64, (uint64_t)number);
    else
        html_text(out, report_string_or(bin, key, "?"));
}

/* One cell: the darker, the more its most worn line was written, on a logarithmic scale up to
 * `most`. */
static void write_bin(FILE *out, const cJSON *bin, double most)
{
    double worst = report_number_or(bin, "max", 0);
    double depth = worst > 0 && most > 0 ? log1p(worst) / log1p(most) : 0;
    fputs("<i title=\"", out);
    write_address(out, bin, "start");
    fputs(" to ", out);
    write_address(out, bin, "end");
    fprintf(out, ": at most %.0f\" style=\"--d:%.2f\"></i>", worst, depth < 1 ? depth : 1);
}

/* A strip for each range. */
static void write_map(FILE *out, const cJSON *map, double most)
{
    const cJSON *bin;
    const char *last = NULL;
    size_t count = 0;
    cJSON_ArrayForEach(bin, map)
    {
        const char *range = report_string_or(bin, "range", "");
        if (++count > MAX_BINS)
            break;
        if (!last || strcmp(last, range)) {
            fputs(last ? "</div>\n" : "", out);
            if (*range)
                html_name(out, range, PAGE_NAME);
            fputs("<div class=wear>", out);
            last = range;
        }
        write_bin(out, bin, most);
    }
    fputs("</div>\n", out);
}

static void write_wear(const struct page *page, const cJSON *wear)
{
    const cJSON *map = report_at(wear, "map");
    double most = report_number_or(wear, "max", 0);
    page_facts_begin(page);
    page_fact(page, "Lines", CELL_COUNT, wear, "lines");
    page_fact(page, "Written at all", CELL_COUNT, wear, "worn");
    page_fact(page, "Writes to the most worn", CELL_COUNT, wear, "max");
    page_fact(page, "Mean over all lines", CELL_COUNT, wear, "mean");
    page_facts_end(page);
    if (report_count(map, "")) {
        fputs("<figure class=map><figcaption>Wear by address, from the lowest to the highest; "
              "colour is the most worn line of each part, on a logarithmic scale.</figcaption>\n",
              page->out);
        write_map(page->out, map, most);
        fputs("</figure>\n", page->out);
    }
    page_pictures(page, "wear");
    page_table(page, &(struct table){"The most worn lines", report_at(wear, "most"),
                                     COLUMNS(worn_columns), -1, 8, NULL});
}

static void write_nvm(const struct page *page, const cJSON *nvm)
{
    page_heading(page, "Non-volatile memory");
    page_facts_begin(page);
    page_fact(page, "Reads", CELL_COUNT, nvm, "reads");
    page_fact(page, "Writes", CELL_COUNT, nvm, "writes");
    page_fact(page, "Read", CELL_BYTES, nvm, "read_bytes");
    page_fact(page, "Written", CELL_BYTES, nvm, "written_bytes");
    page_fact(page, "Writes that reached the medium", CELL_COUNT, nvm, "medium_writes");
    page_facts_end(page);
    page_table(page, &(struct table){"Ranges that survive", report_at(nvm, "ranges"),
                                     COLUMNS(range_columns), -1, 10, "nvm.csv"});
    write_wear(page, report_at(nvm, "wear"));
}

/* ---- Lives -------------------------------------------------------------------------------- */

static void write_end(FILE *out, const cJSON *life)
{
    static const struct report_word words[] = {
        {"planned", "planned cut"}, {"brown-out", "brown-out"}, {"last", "end of the run"}};
    const char *end = report_string_or(life, "end", "?");
    html_text(out, REPORT_WORD(words, end, end));
    if (cJSON_IsTrue(report_at(life, "torn")))
        fputs(", torn store", out);
}

static const struct column life_columns[] = {
    {"began", CELL_TIME, "start_ns", NULL, NULL},
    {"on", CELL_TIME, "on_ns", NULL, NULL},
    {"off after it", CELL_TIME, "off_ns", NULL, NULL},
    {"instructions", CELL_COUNT, "instructions", NULL, NULL},
    {"writes", CELL_COUNT, "nvm_writes", NULL, NULL},
    {"progress", CELL_COUNT, "progress", NULL, NULL},
    {"energy", CELL_ENERGY, "nj", NULL, NULL},
    {"from", CELL_VOLTS, "volts_from", NULL, NULL},
    {"to", CELL_VOLTS, "volts_to", NULL, NULL},
    {"ended by", CELL_TEXT, NULL, NULL, write_end},
    {"where", CELL_NAME, "pc", NULL, NULL},
};

/* The rows of counters, which are an object in the report. */
static void write_counters(const struct page *page, const cJSON *counters)
{
    static const struct column columns[] = {
        {"counter", CELL_NAME, "name", NULL, NULL},
        {"hits", CELL_COUNT, "hits", NULL, NULL},
        {"sum", CELL_COUNT, "sum", NULL, NULL},
    };
    const cJSON *item;
    cJSON *rows = cJSON_CreateArray();
    cJSON_ArrayForEach(item, counters)
    {
        if (!cJSON_IsObject(item) || !item->string)
            continue;
        cJSON *row = cJSON_Duplicate(item, true);
        cJSON_DeleteItemFromObjectCaseSensitive(row, "name");
        cJSON_AddStringToObject(row, "name", item->string);
        cJSON_AddItemToArray(rows, row);
    }
    page_table(page, &(struct table){"What the guest counted", rows, COLUMNS(columns), -1, 15,
                                     "counters.csv"});
    cJSON_Delete(rows);
}

void page_power(const struct page *page)
{
    const cJSON *power = report_at(page->report, "power");
    page_facts_begin(page);
    page_fact(page, "Lives", CELL_COUNT, power, "lives");
    page_fact(page, "Power cuts that were planned", CELL_COUNT, power, "planned");
    page_fact(page, "Brown-outs", CELL_COUNT, power, "brown_outs");
    page_fact(page, "Torn stores", CELL_COUNT, power, "torn");
    page_fact(page, "Power on", CELL_TIME, power, "on_time_ns");
    page_fact(page, "Power off", CELL_TIME, power, "off_time_ns");
    page_fact(page, "Steps of progress", CELL_COUNT, power, "progress");
    page_fact(page, "Instructions executed in vain", CELL_COUNT, power, "lost_instructions");
    page_fact(page, "Energy", CELL_ENERGY, power, "energy_nj.total");
    page_fact(page, "Verdict", CELL_TEXT, power, "verdict");
    page_facts_end(page);
    page_pictures(page, "power");
    page_table(page,
               &(struct table){"Lives, from power-on to power failure", report_at(power, "list"),
                               COLUMNS(life_columns), -1, 10, "lives.csv"});
    if (report_at(power, "energy_nj"))
        write_energy(page, report_at(power, "energy_nj"));
    if (report_at(power, "nvm"))
        write_nvm(page, report_at(power, "nvm"));
    write_counters(page, report_at(power, "counters"));
}
