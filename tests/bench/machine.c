/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long it takes to take a snapshot of a machine and to go back to it, and to cut and reset it:
 * a Cortex-M with 64 KiB of RAM, 16 KiB of it non-volatile, of which each page was written since.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/config.h"
#include "sim/lives.h"
#include "sim/machine.h"
#include "sim/snapshot.h"
#include "tests/bench/stopwatch.h"

#define ROUNDS 20000
#define RAM    UINT64_C(0x20000000)
#define BYTES  65536

static const char text[] =
    "{ \"machine\": { \"board\": \"lm3s6965evb\", \"cpu\": \"cortex-m4\" }, \"memory\": ["
    "{ \"name\": \"flash\", \"base\": \"0\", \"size\": \"256K\", \"kind\": \"rom\" },"
    "{ \"name\": \"sram\", \"base\": \"0x20000000\", \"size\": \"48K\" },"
    "{ \"name\": \"nvm\", \"base\": \"0x2000c000\", \"size\": \"16K\", \"kind\": \"nonvolatile\" "
    "}],"
    "\"load\": [ { \"kernel\": \"%s\" } ], \"power\": { \"max_lives\": 0, \"stuck_lives\": 0, "
    "\"progress\": [] } }";

/* Stack pointer, reset vector, and a loop that stores: str r0, [sp, #-4]; b . - 4 */
static const uint32_t image[] = {0x20010000, 0x00000009, 0x0c04f84d, 0xbf00e7fc};

static void print(const char *what, double took[ROUNDS], unsigned target)
{
    stopwatch_sort(took, ROUNDS);
    printf("  %s: %.1f us (median of %d; 9 in 10 below %.1f us; target: at most %u us)\n", what,
           took[ROUNDS / 2], ROUNDS, took[ROUNDS * 9 / 10], target);
}

static int touch(struct machine *machine, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += 256)
        if (memory_write(machine->mem, RAM + at, &at, 4))
            return -1;
    return 0;
}

/* Times in us, of a machine that writes so much of its memory each time. */
static int measure_snapshots(struct machine *machine, uint64_t bytes, struct error *err)
{
    static double taking[ROUNDS], going_back[ROUNDS], dropping[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = stopwatch();
        struct snapshot *snapshot = snapshot_take(machine, err);
        taking[i] = stopwatch() - start;
        if (!snapshot || touch(machine, bytes))
            return -1;
        machine_go(machine, machine_insns(machine) + 10, NULL, NULL, err);
        start = stopwatch();
        if (machine->end != END_NONE || snapshot_restore(snapshot, err))
            return -1;
        going_back[i] = stopwatch() - start;
        machine_go(machine, machine_insns(machine) + 10, NULL, NULL, err);
        start = stopwatch();
        snapshot_drop(snapshot);
        dropping[i] = stopwatch() - start;
    }
    printf("%llu KiB written\n", (unsigned long long)bytes / 1024);
    print("snapshot, take", taking, 10);
    print("snapshot, go back", going_back, 10);
    print("snapshot, drop", dropping, 10);
    return 0;
}

/* What the guest does to recover is not in it, as it executes nothing. */
static int measure_cuts(struct machine *machine, struct error *err)
{
    static double took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        if (touch(machine, BYTES))
            return error_set(err, "there is no memory to touch");
        double start = stopwatch();
        if (lives_cut(machine->lives, err))
            return -1;
        took[i] = stopwatch() - start;
    }
    printf("%d KiB written, a quarter of them non-volatile\n", BYTES / 1024);
    print("power cut and reset", took, 20);
    return 0;
}

static int write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        return -1;
    return 0;
}

int main(void)
{
    char kernel[] = "/tmp/iaso-bench-XXXXXX", path[] = "/tmp/iaso-bench-XXXXXX", json[2048];
    struct error err = {""};
    struct config config = {0};
    struct machine *machine = NULL;
    struct console *console = NULL;
    int failed = 1, one = mkstemp(kernel), two = mkstemp(path);
    snprintf(json, sizeof json, text, kernel);
    if (one < 0 || two < 0 || write_file(kernel, image, sizeof image) ||
        write_file(path, json, strlen(json)))
        error_set(&err, "cannot write temporary files");
    else if (!config_load(&config, path, NULL, 0, &err) && (machine = machine_new(&config, &err)) &&
             (console = console_new(CONSOLE_NONE, NULL, &machine->clock, NULL, 0, &err))) {
        machine_attach(machine, console);
        failed = machine_start(machine, &err) || measure_snapshots(machine, BYTES, &err) ||
                 measure_snapshots(machine, 4096, &err) || measure_cuts(machine, &err);
    }
    if (failed)
        fprintf(stderr, "bench-machine: %s\n", err.text);
    machine_free(machine);
    console_free(console);
    config_free(&config);
    close(one);
    close(two);
    unlink(kernel);
    unlink(path);
    return failed != 0;
}
