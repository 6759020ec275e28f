/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the simulator takes for a power cut and the reset after it: a machine with 64 KiB of
 * RAM, a quarter of it non-volatile, of which each page was written in the life before. What the
 * guest does to recover is not in it, as it executes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/config.h"
#include "sim/lives.h"
#include "sim/machine.h"

#define CUTS  20000
#define RAM   UINT64_C(0x20000000)
#define BYTES 65536

static const char text[] =
    "{ \"machine\": { \"board\": \"lm3s6965evb\", \"cpu\": \"cortex-m4\" }, \"memory\": ["
    "{ \"name\": \"flash\", \"base\": \"0\", \"size\": \"256K\", \"kind\": \"rom\" },"
    "{ \"name\": \"sram\", \"base\": \"0x20000000\", \"size\": \"48K\" },"
    "{ \"name\": \"nvm\", \"base\": \"0x2000c000\", \"size\": \"16K\", \"kind\": \"nonvolatile\" "
    "}],"
    "\"load\": [ { \"kernel\": \"%s\" } ],"
    "\"power\": { \"max_lives\": 0, \"stuck_lives\": 0, \"progress\": [] } }";

/* Stack pointer, reset vector, and `b .`. */
static const uint32_t image[] = {0x20010000, 0x00000009, 0xe7fee7fe};

static int write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        return -1;
    return 0;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int touch(struct machine *machine)
{
    for (uint64_t at = 0; at < BYTES; at += 256)
        if (memory_write(machine->mem, RAM + at, &at, 4))
            return -1;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(struct machine *machine, struct error *err)
{
    static double took[CUTS];
    for (int i = 0; i < CUTS; i++) {
        if (touch(machine))
            return error_set(err, "there is no memory to touch");
        double start = now();
        if (lives_cut(machine->lives, err))
            return -1;
        took[i] = now() - start;
    }
    qsort(took, CUTS, sizeof took[0], compare);
    printf("power cut and reset, 64 KiB of RAM (16 KiB non-volatile), all written: %.1f us (median "
           "of %d, "
           "user and system time; 9 in 10 below %.1f us; target: at most 20 us)\n",
           took[CUTS / 2], CUTS, took[CUTS * 9 / 10]);
    return 0;
}

int main(void)
{
    char kernel[] = "/tmp/iaso-bench-XXXXXX", path[] = "/tmp/iaso-bench-XXXXXX", json[2048];
    struct error err = {""};
    struct config config = {0};
    struct machine *machine = NULL;
    int failed = 1, one = mkstemp(kernel), two = mkstemp(path);
    snprintf(json, sizeof json, text, kernel);
    if (one < 0 || two < 0 || write_file(kernel, image, sizeof image) ||
        write_file(path, json, strlen(json)))
        error_set(&err, "cannot write temporary files");
    else if (!config_load(&config, path, NULL, 0, &err) && (machine = machine_new(&config, &err)))
        failed = measure(machine, &err);
    if (failed)
        fprintf(stderr, "bench-cut: %s\n", err.text);
    machine_free(machine);
    config_free(&config);
    close(one);
    close(two);
    unlink(kernel);
    unlink(path);
    return failed != 0;
}
