/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the simulator itself costs for a crash state of hypnos kv, beside the guest instructions
 * that the branch executes: branch off the golden run, cut, reset, hash, verdict. Branches go from
 * the cut to where the guest has recovered; what their instructions would take at the speed of a
 * long golden run is taken off. With runs that are 1, 10 and 100 times as long and the same number
 * of states, so that it shows whether anything before a cut is executed again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/campaign/sweep_run.h"
#include "tests/bench/stopwatch.h"

#define STATES 2000

/* 1 if it recovered: what runs to the end instead is left out. */
static int branch(struct sweep_run *run, const struct sweep_point *point, double *took,
                  uint64_t *insns, struct error *err)
{
    const struct sweep_path path = {.cuts = {point->cut}, .count = 1};
    struct sweep_verdict verdict;
    struct nvm_hash state;
    if (sweep_run_seek(run, &path, point->position, err)) /* up to there: the golden run, once */
        return -1;
    double start = stopwatch();
    int recovered = sweep_run_recover(run, point, &state, &verdict, err);
    *took = stopwatch() - start;
    *insns = machine_insns(run->machine) - point->position;
    return recovered;
}

static int measure(struct sweep_run *run, unsigned scale, double *per_insn, struct error *err)
{
    static double own[STATES], whole[STATES];
    uint64_t executed = 0;
    double start = stopwatch();
    if (sweep_run_golden(run, err))
        return -1;
    double golden = stopwatch() - start, pass = stopwatch();
    if (!*per_insn)
        *per_insn = golden / (double)run->insns;
    size_t count = 0;
    for (size_t i = 0; i < run->points.count && count < STATES; i++) {
        uint64_t insns;
        int recovered = branch(run, &run->points.all[i], &whole[count], &insns, err);
        if (recovered < 0)
            return -1;
        if (!recovered)
            continue;
        own[count] = whole[count] - (double)insns * *per_insn;
        count++;
        executed += insns;
    }
    pass = stopwatch() - pass;
    stopwatch_sort(own, count);
    stopwatch_sort(whole, count);
    printf(
        "  scale %4u: %9" PRIu64 " instructions, golden run %8.1f ms; a state %5.1f us, %.0f "
        "instructions of it; own cost %5.1f us, 9 in 10 below %5.1f us; all %zu with one pass of "
        "the golden run %.1f ms\n",
        scale, run->insns, golden * 1e-3, whole[count / 2], (double)executed / (double)count,
        own[count / 2], own[count * 9 / 10], count, pass * 1e-3);
    return 0;
}

int main(void)
{
    static const unsigned scales[] = {100, 10,
                                      1} /* the first says how fast plain instructions are */;
    struct error err = {""};
    double per_insn = 0; /* us */
    int failed = 0;
    printf("a crash state of hypnos kv, to the point where the guest has recovered (medians of %d, "
           "user and system time; target of the own cost: at most 20 us)\n",
           STATES);
    for (unsigned i = 0; i < 3 && !failed; i++) {
        char words[80], sample[40];
        struct config config;
        snprintf(words, sizeof words, "bootargs=hypnos app=kv scale=%u", scales[i]);
        snprintf(sample, sizeof sample, "sweep.sample=%d", STATES);
        const char *set[] = {words, sample, "expect.console=kv: checksum"};
        if (config_load(&config, "configs/hypnos-kv.json", set, 3, &err))
            break;
        struct sweep_run *run = sweep_run_new(&config, &err);
        failed = !run || measure(run, scales[i], &per_insn, &err);
        sweep_run_free(run);
        config_free(&config);
    }
    if (err.text[0])
        fprintf(stderr, "bench-sweep: %s\n", err.text);
    return err.text[0] != 0;
}
