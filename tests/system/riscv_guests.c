/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * riscv_guests IASO GUESTS TABLE SCRATCH [NAME [--set PATH=VALUE]...]
 *
 * Runs the bare-metal guests in the folder GUESTS on the simulator IASO and compares what they
 * print with TABLE (tests/guests/riscv/expectations, which explains its format). With NAME only
 * that guest. Configs, consoles and summaries stay in SCRATCH. Ends with "N passed, N failed"; exit
 * code 1 if any failed.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STUCK_INSNS "20000000"

struct expectation {
    char guest[32], devices[32], input[256], code[16], passed[16], last[256];
    unsigned harts;
};

struct place {
    const char *iaso, *guests, *scratch;
    char *const *extra; /* further arguments of `iaso run` */
    size_t extra_count;
};

static bool parse(const char *line, struct expectation *e)
{
    return sscanf(line, "%31s %u %31s %255s %15s %15s %255[^\n]", e->guest, &e->harts, e->devices,
                  e->input, e->code, e->passed, e->last) == 7;
}

/* The name of one of the run's files, such as "mmu-1-blk.json". */
static void file_name(char *name, size_t size, const struct place *place,
                      const struct expectation *e, const char *suffix)
{
    snprintf(name, size, "%s/%s-%u-%s.%s", place->scratch, e->guest, e->harts, e->devices, suffix);
}

static bool write_config(const struct place *place, const struct expectation *e)
{
    char name[512], disk[512];
    file_name(name, sizeof(name), place, e, "json");
    file_name(disk, sizeof(disk), place, e, "disk");
    bool stuck = !strcmp(e->code, "stuck"), blk = strstr(e->devices, "blk"),
         rng = strstr(e->devices, "rng");
    if (blk) {
        FILE *image = fopen(disk, "w");
        if (!image)
            return false;
        bool sized = !ftruncate(fileno(image), 1 << 20);
        if (fclose(image) || !sized)
            return false;
    }
    FILE *file = fopen(name, "w");
    if (!file)
        return false;
    fprintf(file,
            "{ \"machine\": { \"board\": \"virt\", \"harts\": %u },\n"
            "  \"memory\": [ { \"name\": \"dram\", \"base\": \"0x80000000\", \"size\": \"16M\","
            " \"kind\": \"volatile\" } ],\n"
            "  \"load\": [ { \"kernel\": \"%s/%s.elf\" } ],\n",
            e->harts, place->guests, e->guest);
    if (blk || rng)
        fprintf(file, "  \"devices\": {%s%s%s%s%s },\n",
                blk ? " \"disk0\": { \"type\": \"virtio-blk\", \"file\": \"" : "", blk ? disk : "",
                blk ? "\" }" : "", blk && rng ? "," : "",
                rng ? " \"rng0\": { \"type\": \"virtio-rng\" }" : "");
    fprintf(file, "  \"run\": { \"max_insns\": \"4G\"");
    if (stuck)
        fprintf(file, ", \"stuck_insns\": " STUCK_INSNS);
    if (strcmp(e->input, "-")) /* \n in the table is \n in JSON */
        fprintf(file, ",\n    \"script\": [ { \"expect\": \"ready\", \"send\": \"%s\" } ]",
                e->input);
    fprintf(file, " },\n  \"expect\": { \"exit\": %s } }\n", stuck ? "0" : e->code);
    return !fclose(file);
}

/* The exit code of `iaso run`, or -1. */
static int run(const struct place *place, const struct expectation *e)
{
    char config[512], console[512], log[512], summary[512], option[520];
    const char *arguments[64] = {place->iaso, "run",  config,      "--quiet",
                                 "--console", option, "--summary", summary};
    size_t count = 8;
    file_name(config, sizeof(config), place, e, "json");
    file_name(console, sizeof(console), place, e, "out");
    file_name(log, sizeof(log), place, e, "err");
    file_name(summary, sizeof(summary), place, e, "summary");
    remove(console); /* iaso does not overwrite it */
    remove(summary);
    snprintf(option, sizeof(option), "file=%s", console);
    for (size_t i = 0; i < place->extra_count && count < 63; i++)
        arguments[count++] = place->extra[i];
    pid_t child = fork();
    if (!child) {
        if (!freopen("/dev/null", "r", stdin) || !freopen(log, "w", stderr))
            _exit(126);
        execv(place->iaso, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

/* Whether the file has a line with `text` in it. */
static bool contains(const char *name, const char *text)
{
    char line[1024];
    bool found = false;
    FILE *file = fopen(name, "r");
    while (file && !found && fgets(line, sizeof(line), file))
        found = strstr(line, text);
    if (file)
        fclose(file);
    return found;
}

static bool judge(const struct place *place, const struct expectation *e, int code)
{
    char name[512], line[1024], last[1024] = "";
    unsigned long passed = 0, wanted = strtoul(e->passed, NULL, 10);
    bool stuck = !strcmp(e->code, "stuck"), ok = true;

    file_name(name, sizeof(name), place, e, "out");
    FILE *file = fopen(name, "r");
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strncmp(line, "PASS ", 5))
            passed++;
        if (!strncmp(line, "FAIL ", 5))
            printf("  %s\n", line);
        if (*line)
            memcpy(last, line, sizeof(last));
    }
    if (file)
        fclose(file);
    if (code != (stuck ? 1 : 0)) {
        printf("  iaso exited with %d\n", code);
        ok = false;
    }
    file_name(name, sizeof(name), place, e, "summary");
    if (stuck && !contains(name, "\"stuck\"")) {
        printf("  not found to be stuck\n");
        ok = false;
    }
    if (passed < wanted) {
        printf("  %lu checks passed, expected %lu\n", passed, wanted);
        ok = false;
    }
    if (fnmatch(e->last, last, 0)) {
        printf("  last line \"%s\", expected \"%s\"\n", last, e->last);
        ok = false;
    }
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: riscv_guests IASO GUESTS TABLE SCRATCH [NAME [OPTION]...]\n");
        return 2;
    }
    struct place place = {.iaso = argv[1], .guests = argv[2], .scratch = argv[4]};
    const char *only = argc > 5 ? argv[5] : NULL;
    if (argc > 6) {
        place.extra = argv + 6;
        place.extra_count = (size_t)argc - 6;
    }
    FILE *table = fopen(argv[3], "r");
    if (!table) {
        fprintf(stderr, "%s: %s\n", argv[3], strerror(errno));
        return 2;
    }
    unsigned passed = 0, failed = 0;
    char line[1024];
    for (unsigned number = 1; fgets(line, sizeof(line), table); number++) {
        struct expectation e;
        if (*line == '#' || *line == '\n')
            continue;
        if (!parse(line, &e)) {
            fprintf(stderr, "%s:%u: expected seven fields\n", argv[3], number);
            return 2;
        }
        if (only && strcmp(only, "all") && strcmp(only, e.guest))
            continue;
        if (!write_config(&place, &e)) {
            fprintf(stderr, "%s: cannot write the config of %s\n", place.scratch, e.guest);
            return 2;
        }
        bool ok = judge(&place, &e, run(&place, &e));
        printf("%s %s, %u hart%s, devices %s\n", ok ? "PASS" : "FAIL", e.guest, e.harts,
               e.harts == 1 ? "" : "s", e.devices);
        fflush(stdout);
        ok ? passed++ : failed++;
    }
    fclose(table);
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed;
}
