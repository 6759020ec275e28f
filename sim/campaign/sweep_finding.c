/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* open_memstream() */
#include "sim/campaign/sweep_finding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/sweep_reproducer.h"
#include "sim/lives.h"

#define CONSOLE_LINES   8
#define MAX_DIFFERENCES 6

/* ---- The simplest path that fails so ------------------------------------------------------- */

/* Does the path fail with that verdict? */
static int fails_so(struct sweep_run *run, const struct sweep_path *path, const char *text,
                    struct error *err)
{
    struct sweep_verdict verdict;
    if (sweep_run_seek(run, path, sweep_run_before(run, path->cuts[0].write), err) ||
        sweep_run_finish(run, &verdict, err))
        return -1;
    return verdict.failed && !strcmp(verdict.text, text);
}

/* Takes the candidate if it fails so; 1 if it does. */
static int try(struct sweep_run *run, struct sweep_path *path, const struct sweep_path *candidate,
               const char *text, struct error *err)
{
    int fails = fails_so(run, candidate, text, err);
    if (fails > 0)
        *path = *candidate;
    return fails;
}

static int with_one_cut(struct sweep_run *run, struct sweep_path *path, const char *text,
                        struct error *err)
{
    int taken = 0;
    for (unsigned i = 0; i < path->count && path->count > 1 && taken == 0; i++) {
        const struct sweep_path candidate = {.cuts = {path->cuts[i]}, .count = 1};
        taken = try(run, path, &candidate, text, err);
    }
    return taken < 0 ? -1 : 0;
}

static int with_whole_stores(struct sweep_run *run, struct sweep_path *path, const char *text,
                             struct error *err)
{
    for (unsigned i = 0; i < path->count; i++) {
        struct sweep_path candidate = *path;
        candidate.cuts[i].variant.store = NVM_STORE_WHOLE;
        candidate.cuts[i].variant.units = 0;
        if (path->cuts[i].variant.store != NVM_STORE_WHOLE &&
            try(run, path, &candidate, text, err) < 0)
            return -1;
    }
    return 0;
}

/* In large steps first. There may be earlier ones still that these skip. */
static int with_earlier_cuts(struct sweep_run *run, struct sweep_path *path, const char *text,
                             struct error *err)
{
    for (unsigned i = path->count; i-- > 0;) {
        for (uint64_t step = path->cuts[i].write / 2; step; step /= 2) {
            int taken = 1;
            while (taken > 0 && step < path->cuts[i].write) {
                struct sweep_path candidate = *path;
                candidate.cuts[i].write -= step;
                taken = try(run, path, &candidate, text, err);
            }
            if (taken < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- What there is to say ------------------------------------------------------------------ */

static void add_cut(cJSON *about, const struct sweep_run *run, const struct sweep_path *path,
                    FILE *out)
{
    const struct machine *machine = run->machine;
    const struct life *life = lives_at(machine->lives, path->count - 1);
    uint64_t ns = clock_ns(&machine->clock, life->start + life->on);
    char pc[160], address[160], text[SWEEP_PATH_SIZE];
    sweep_path_format(path, text);
    symbols_format(machine->symbols, run->cut_pc, pc, sizeof pc);
    symbols_format(machine->symbols, run->cut_store.gpa, address, sizeof address);
    cJSON_AddStringToObject(about, "path", text);
    cJSON_AddNumberToObject(about, "nvm_write", (double)run->cut_store.ordinal);
    cJSON_AddNumberToObject(about, "instruction", (double)machine_insns(machine));
    cJSON_AddNumberToObject(about, "time_ns", (double)ns);
    cJSON_AddStringToObject(about, "block", pc);
    cJSON_AddStringToObject(about, "address", address);
    fprintf(out, "    cut %s: store %" PRIu64 ", about instruction %" PRIu64 ", %.6f ms\n", text,
            run->cut_store.ordinal, machine_insns(machine), (double)ns * 1e-6);
    fprintf(out, "      in the block at %s, to %s\n", pc, address);
}

static void add_transaction(cJSON *about, const struct sweep_run *run, FILE *out)
{
    const struct lives *lives = run->machine->lives;
    const struct power_policy *policy = &run->config->power;
    size_t last = lives_last_counter(lives);
    cJSON *counters = cJSON_AddObjectToObject(about, "counters");
    for (size_t i = 0; i < policy->counter_count; i++) {
        uint64_t hits, sum;
        lives_counter(lives, i, &hits, &sum);
        cJSON_AddNumberToObject(counters, policy->counters[i].name, (double)hits);
    }
    if (last == policy->counter_count)
        return;
    uint64_t hits, sum;
    lives_counter(lives, last, &hits, &sum);
    cJSON_AddStringToObject(about, "last", policy->counters[last].name);
    fprintf(out, "      last event before it: %s (%s), number %" PRIu64 "\n",
            policy->counters[last].name, policy->counters[last].symbol, hits);
}

/* Words of non-volatile memory that the golden run leaves otherwise, one for each symbol. */
static void add_difference(cJSON *about, const struct sweep_run *run, FILE *out)
{
    const struct machine *machine = run->machine;
    const struct nvm *nvm = lives_nvm(machine->lives);
    const struct symbol *before = NULL;
    const uint8_t *golden = run->nvm;
    unsigned shown = 0;
    cJSON *array = cJSON_AddArrayToObject(about, "difference");
    for (size_t i = 0; i < nvm_range_count(nvm); i++) {
        const struct nvm_range *range = nvm_range(nvm, i);
        uint64_t size = range->end - range->start;
        for (uint64_t at = 0; at < size && shown < MAX_DIFFERENCES; at += 4) {
            uint32_t found = 0, expected = 0;
            uint64_t length = size - at < 4 ? size - at : 4;
            memory_read(machine->mem, range->start + at, &found, length);
            memcpy(&expected, golden + at, length);
            const struct symbol *symbol = symbols_at(machine->symbols, range->start + at, NULL);
            if (found == expected || (symbol && symbol == before))
                continue;
            before = symbol;
            shown++;
            char place[160], line[240];
            symbols_format(machine->symbols, range->start + at, place, sizeof place);
            snprintf(line, sizeof line, "%s: 0x%08" PRIx32 ", uncut 0x%08" PRIx32, place, found,
                     expected);
            cJSON_AddItemToArray(array, cJSON_CreateString(line));
            fprintf(out, "      %s %s\n", shown == 1 ? "at the end" : "          ", line);
        }
        golden += size;
    }
}

static int add_console(cJSON *about, const struct sweep_run *run, FILE *out, struct error *err)
{
    char *tail = console_tail(run->console, CONSOLE_LINES), *rest = tail;
    if (!tail)
        return error_set(err, "out of memory");
    cJSON_AddStringToObject(about, "console", tail);
    fprintf(out, "      console:\n");
    for (const char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            fprintf(out, "        %s\n", line);
    free(tail);
    return 0;
}

static int describe(cJSON *about, struct sweep_run *run, const struct sweep_path *path,
                    struct sweep_verdict *verdict, uint64_t *limit, FILE *out, struct error *err)
{
    if (sweep_run_seek(run, path, sweep_run_before(run, path->cuts[0].write), err))
        return -1;
    *limit = sweep_run_limit(run);
    sweep_run_to_life(run, path->count + 1);
    add_cut(about, run, path, out);
    add_transaction(about, run, out);
    if (sweep_run_finish(run, verdict, err))
        return -1;
    add_difference(about, run, out);
    return add_console(about, run, out, err);
}

static int fill(cJSON *json, struct sweep_run *run, const struct options *options,
                const struct sweep_group *group, FILE *out, struct error *err)
{
    struct sweep_path path = group->path;
    struct sweep_verdict verdict;
    uint64_t limit;
    bool confirmed;
    cJSON *about = cJSON_AddObjectToObject(json, "about");
    if (with_one_cut(run, &path, group->verdict, err) ||
        with_whole_stores(run, &path, group->verdict, err) ||
        with_earlier_cuts(run, &path, group->verdict, err) ||
        describe(about, run, &path, &verdict, &limit, out, err))
        return -1;
    char *text = sweep_reproducer(run, options, &path, limit, err);
    if (!text)
        return -1;
    int result = sweep_reproducer_confirm(text, group->verdict, &confirmed, err);
    cJSON_AddStringToObject(json, "reproducer", text);
    cJSON_AddBoolToObject(about, "confirmed", confirmed);
    if (result == 0 && !confirmed)
        fprintf(out, "      `iaso run` of the reproducer does not fail in this way\n");
    free(text);
    return result;
}

cJSON *sweep_finding(struct sweep_run *run, const struct options *options,
                     const struct sweep_group *group, struct error *err)
{
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    size_t size;
    FILE *out = json ? open_memstream(&text, &size) : NULL;
    int result = out ? fill(json, run, options, group, out, err) : error_set(err, "out of memory");
    if (out && fclose(out) && result == 0)
        result = error_set(err, "out of memory");
    if (result == 0)
        cJSON_AddStringToObject(json, "text", text);
    free(text);
    if (result == 0)
        return json;
    cJSON_Delete(json);
    return NULL;
}
