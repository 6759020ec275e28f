/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench IASO CONFIG OUT ROUNDS [LETTER...]
 *
 * What a run of CONFIG costs on the simulator IASO in each of its page modes, and on QEMU with the
 * same images, boot arguments and devices. The variants (all, or those whose letters are given)
 * take turns, ROUNDS times. Ratios are taken within a round, of user time, and the median of them
 * counts: what slows the whole machine down for a while then hurts nobody. A run that does not
 * print what the config expects, or does not exit with 0, ends the benchmark with exit code 1;
 * missed targets do not. Results go to standard output as a table and to the file OUT as JSON;
 * consoles and summaries stay beside it.
 */
#define _GNU_SOURCE /* memmem */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include "mem/input.h"
#include "sim/boot.h"
#include "sim/config.h"
#include "sim/json.h"
#include "sim/options.h"

#define QEMU "qemu-system-riscv64"

#define RECOVERY "recovery.preset=linux-riscv64"
#define POSTMARK \
    "bootargs=console=ttyS0 rdinit=/init cryptomgr.notests iaso.workload=postmark iaso.repeat=5"

#define MAX_ROUNDS    100
#define MAX_ARGUMENTS 64
#define RUN_LIMIT_S   1800 /* a run that takes longer hangs */
#define CONSOLE_LIMIT (64u << 20)
#define MIB           (1u << 20)

enum {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    VARIANTS
};

static const struct {
    const char *name, *pages; /* run.pages; NULL: QEMU */
    const char *set[2]; /* more overrides; what others are compared with must run the same guest */
} variants[VARIANTS] = {
    [A] = {"iaso", "open"},
    [B] = {"iaso, all pages armed at each trap", "armed"},
    [C] = {"iaso, all pages precise", "precise"},
    [D] = {"iaso, engine's access hooks", "hooked"},
    [E] = {"qemu, TCG, single thread", NULL},
    [F] = {"iaso, recovery domains", "open", {RECOVERY}},
    [G] = {"iaso, PostMark five times", "open", {POSTMARK}},
    [H] = {"iaso, the same with recovery domains", "open", {POSTMARK, RECOVERY}},
};

/* What a run took. */
enum measure {
    USER,
    SYSTEM,
    WALL,
    PEAK,
    MEASURES
};

static const char *const measure_names[MEASURES] = {"user_s", "system_s", "wall_s",
                                                    "peak_rss_bytes"};

struct run {
    double measured[MEASURES];
    double instructions; /* 0: not known */
    char memory_sha256[65];
};

/* Arguments of a command; `text` holds those that were put together. */
struct invocation {
    const char *arguments[MAX_ARGUMENTS + 1]; /* NULL at the end */
    size_t count;
    char text[8192];
    size_t used;
};

struct bench {
    const char *iaso, *out;
    struct config config;
    unsigned rounds;
    bool chosen[VARIANTS];
    struct invocation commands[VARIANTS];
    struct run runs[VARIANTS][MAX_ROUNDS];
};

/* OUT without ".json", and more: "build/bench-a.console". */
static void name_file(const struct bench *bench, unsigned variant, const char *suffix, char *name,
                      size_t size)
{
    size_t length = strlen(bench->out);
    if (length > 5 && !strcmp(bench->out + length - 5, ".json"))
        length -= 5;
    snprintf(name, size, "%.*s-%c.%s", (int)length, bench->out, 'a' + (int)variant, suffix);
}

/* ---- Commands ---- */

/* An argument that does not fit is a config that nobody has: the run fails for want of it. */
static void __attribute__((format(printf, 2, 3)))
add(struct invocation *command, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    size_t room = sizeof command->text - command->used;
    char *text = command->text + command->used;
    int length = vsnprintf(text, room, format, list);
    va_end(list);
    if (command->count == MAX_ARGUMENTS || length < 0 || (size_t)length >= room)
        return;
    command->arguments[command->count++] = text;
    command->used += (size_t)length + 1;
}

static void make_iaso(struct bench *bench, unsigned variant)
{
    struct invocation *command = &bench->commands[variant];
    char summary[512];
    name_file(bench, variant, "summary", summary, sizeof summary);
    add(command, "%s", bench->iaso);
    add(command, "run");
    add(command, "%s", bench->config.path);
    add(command, "--quiet");
    add(command, "--summary");
    add(command, "%s", summary);
    add(command, "--set");
    add(command, "run.pages=%s", variants[variant].pages);
    for (size_t i = 0; i < 2 && variants[variant].set[i]; i++) {
        add(command, "--set");
        add(command, "%s", variants[variant].set[i]);
    }
}

/* The same machine in QEMU's words, where writes to disks go nowhere either. */
static int make_qemu(struct bench *bench, struct error *err)
{
    static const struct {
        enum load_kind kind;
        const char *option;
    } images[] = {{LOAD_FIRMWARE, "-bios"}, {LOAD_KERNEL, "-kernel"}, {LOAD_INITRD, "-initrd"}};
    const struct config *config = &bench->config;
    struct invocation *command = &bench->commands[E];
    add(command, QEMU);
    add(command, "-nographic");
    add(command, "-no-reboot");
    add(command, "-snapshot");
    add(command, "-accel");
    add(command, "tcg,thread=single");
    add(command, "-M");
    add(command, "virt");
    add(command, "-global");
    add(command, "virtio-mmio.force-legacy=false");
    add(command, "-smp");
    add(command, "%u", config->machine.harts);
    add(command, "-m");
    add(command, "%" PRIu64 "K", config->memory[0].size / 1024);
    add(command, "-append");
    add(command, "%s", config->bootargs);
    for (size_t i = 0; i < config->load_count; i++) {
        for (size_t k = 0; k < sizeof images / sizeof *images; k++) {
            if (config->load[i].kind != images[k].kind)
                continue;
            const char *file = boot_firmware_file(config->load[i].file);
            if (!file)
                return error_set(err, "load[%zu]: no %s on this machine", i, config->load[i].file);
            add(command, "%s", images[k].option);
            add(command, "%s", file);
        }
    }
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        if (device->kind == DEVICE_VIRTIO_BLK) {
            add(command, "-drive");
            add(command, "if=none,format=raw,id=%s,file=%s", device->name, device->file);
            add(command, "-device");
            add(command, "virtio-blk-device,drive=%s", device->name);
        } else {
            add(command, "-object");
            add(command, "rng-builtin,id=%s", device->name);
            add(command, "-device");
            add(command, "virtio-rng-device,rng=%s", device->name);
        }
    }
    return 0;
}

static int make_commands(struct bench *bench, struct error *err)
{
    const struct config *config = &bench->config;
    if (config->memory_count != 1 || config->run.script_count || !config->expect.console)
        return error_set(err, "%s: expected one region of memory, expect.console and no run.script",
                         config->path);
    for (unsigned i = 0; i < VARIANTS; i++)
        if (variants[i].pages)
            make_iaso(bench, i);
    return make_qemu(bench, err);
}

/* ---- Runs ---- */

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void become(const struct invocation *command, const char *console, const sigset_t *mask)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(console, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0 || sigprocmask(SIG_SETMASK, mask, NULL))
        _exit(126);
    execvp(command->arguments[0], (char *const *)(uintptr_t)command->arguments);
    fprintf(stderr, "%s: %s\n", command->arguments[0], strerror(errno));
    _exit(127);
}

/* Runs to the end and measures; the exit code, 128 + signal, or -1 if it could not be started. */
static int measure(const struct invocation *command, const char *console, double measured[MEASURES])
{
    sigset_t child_ended, mask;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &mask);
    double began = wall_clock();
    fflush(NULL);
    pid_t child = fork();
    if (!child)
        become(command, console, &mask);
    const struct timespec limit = {.tv_sec = RUN_LIMIT_S};
    int caught = -1;
    while (child > 0 && caught < 0) {
        caught = sigtimedwait(&child_ended, NULL, &limit);
        if (caught < 0 && errno != EINTR) {
            kill(child, SIGKILL);
            break;
        }
    }
    int status = 0;
    struct rusage usage;
    pid_t ended = child > 0 ? wait4(child, &status, 0, &usage) : -1;
    measured[WALL] = wall_clock() - began;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (ended < 0)
        return -1;
    measured[USER] = seconds_of(usage.ru_utime);
    measured[SYSTEM] = seconds_of(usage.ru_stime);
    measured[PEAK] = (double)usage.ru_maxrss * 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool contains(const char *file, const char *text, struct error *err)
{
    uint8_t *data;
    size_t size;
    if (input_slurp(file, false, CONSOLE_LIMIT, &data, &size, err))
        return false;
    bool found = memmem(data, size, text, strlen(text));
    free(data);
    return found;
}

static int read_summary(const char *file, struct run *run, struct error *err)
{
    cJSON *json = json_parse_file(file, err);
    if (!json)
        return -1;
    const cJSON *insns = cJSON_GetObjectItemCaseSensitive(json, "instructions");
    const char *sha256 =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "memory_sha256"));
    int result = 0;
    if (cJSON_IsNumber(insns) && sha256) {
        run->instructions = insns->valuedouble;
        snprintf(run->memory_sha256, sizeof run->memory_sha256, "%s", sha256);
    } else {
        result = error_set(err, "%s: not a summary", file);
    }
    cJSON_Delete(json);
    return result;
}

static int run_one(struct bench *bench, unsigned variant, unsigned round, struct error *err)
{
    char console[512], summary[512];
    name_file(bench, variant, "console", console, sizeof console);
    name_file(bench, variant, "summary", summary, sizeof summary);
    remove(summary);
    struct run *run = &bench->runs[variant][round];
    int code = measure(&bench->commands[variant], console, run->measured);
    if (code)
        return error_set(err, "round %u of \"%s\" ended with exit code %d; see %s", round + 1,
                         variants[variant].name, code, console);
    if (!contains(console, bench->config.expect.console, err))
        return error_set(err, "round %u of \"%s\" never printed \"%s\"; see %s", round + 1,
                         variants[variant].name, bench->config.expect.console, console);
    if (variants[variant].pages && read_summary(summary, run, err))
        return -1;
    const struct run *first = &bench->runs[variant][0];
    if (run->instructions != first->instructions ||
        strcmp(run->memory_sha256, first->memory_sha256) != 0)
        return error_set(err, "round %u of \"%s\" was not the same run as round 1", round + 1,
                         variants[variant].name);
    fprintf(stderr, "round %u of %u, %c: %6.2f s user, %6.2f s wall\n", round + 1, bench->rounds,
            'a' + (int)variant, run->measured[USER], run->measured[WALL]);
    return 0;
}

static int run_all(struct bench *bench, struct error *err)
{
    for (unsigned round = 0; round < bench->rounds; round++)
        for (unsigned variant = 0; variant < VARIANTS; variant++)
            if (bench->chosen[variant] && run_one(bench, variant, round, err))
                return -1;
    return 0;
}

/* ---- Results ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(const double *values, unsigned count)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static double median(const struct bench *bench, unsigned variant, enum measure what)
{
    double values[MAX_ROUNDS];
    for (unsigned i = 0; i < bench->rounds; i++)
        values[i] = bench->runs[variant][i].measured[what];
    return median_of(values, bench->rounds);
}

/* Median over the rounds of one variant's user time in units of the other's; 0 if unknown. */
static double ratio(const struct bench *bench, unsigned variant, unsigned base)
{
    double values[MAX_ROUNDS];
    if (!bench->chosen[variant] || !bench->chosen[base])
        return 0;
    for (unsigned i = 0; i < bench->rounds; i++)
        values[i] = bench->runs[variant][i].measured[USER] / bench->runs[base][i].measured[USER];
    return median_of(values, bench->rounds);
}

struct target {
    char text[80];
    double limit, found; /* found 0: not measured */
};

#define TARGETS 6

static void judge(const struct bench *bench, struct target targets[TARGETS])
{
    uint64_t ram = bench->config.memory[0].size / MIB;
    targets[0] = (struct target){"user time, a / e", 0.7, ratio(bench, A, E)};
    targets[1] = (struct target){"user time, b / a", 1.15, ratio(bench, B, A)};
    targets[2] = (struct target){"user time, c / a", 6, ratio(bench, C, A)};
    targets[4] = (struct target){"user time, f / a", 1.3, ratio(bench, F, A)};
    targets[5] = (struct target){"user time, h / g", 1.3, ratio(bench, H, G)};
    targets[3] = (struct target){"peak memory of a, MiB", (double)(ram + 600),
                                 bench->chosen[A] ? median(bench, A, PEAK) / MIB : 0};
}

static void print_table(const struct bench *bench)
{
    printf("\n%-38s %8s %8s %9s %7s %7s\n", "median", "user s", "wall s", "peak MiB", "/ a", "/ e");
    for (unsigned i = 0; i < VARIANTS; i++) {
        if (!bench->chosen[i])
            continue;
        printf("%c  %-35s %8.2f %8.2f %9.0f", 'a' + (int)i, variants[i].name,
               median(bench, i, USER), median(bench, i, WALL), median(bench, i, PEAK) / MIB);
        for (unsigned base = A; base <= E; base += E - A) {
            double found = ratio(bench, i, base);
            if (found > 0)
                printf(" %7.2f", found);
            else
                printf(" %7s", "-");
        }
        printf("\n");
    }
    struct target targets[TARGETS];
    judge(bench, targets);
    printf("\n%-38s %8s %8s\n", "target", "at most", "found");
    for (unsigned i = 0; i < TARGETS; i++)
        if (targets[i].found > 0)
            printf("%-38s %8g %8.4g  %s\n", targets[i].text, targets[i].limit, targets[i].found,
                   targets[i].found <= targets[i].limit ? "met" : "not met");
}

/* The first line that a program prints about its version, without the words before the number. */
static const char *qemu_version(char *line, size_t size)
{
    FILE *pipe = popen(QEMU " --version", "r");
    bool read = pipe && fgets(line, (int)size, pipe);
    if (pipe)
        pclose(pipe);
    if (!read)
        return "unknown";
    line[strcspn(line, "\n")] = 0;
    return line + strcspn(line, "0123456789");
}

static void write_versions(const struct bench *bench, cJSON *json)
{
    char text[200];
    cJSON *versions = cJSON_AddObjectToObject(json, "versions");
    cJSON_AddStringToObject(versions, "iaso", IASO_VERSION);
    unsigned unicorn = uc_version(NULL, NULL);
    snprintf(text, sizeof text, "%u.%u.%u", unicorn >> 24, unicorn >> 16 & 255, unicorn >> 8 & 255);
    cJSON_AddStringToObject(versions, "unicorn", text);
    if (bench->chosen[E])
        cJSON_AddStringToObject(versions, "qemu", qemu_version(text, sizeof text));
}

static cJSON *run_json(const struct run *run)
{
    cJSON *json = cJSON_CreateObject();
    for (unsigned i = 0; i < MEASURES; i++)
        cJSON_AddNumberToObject(json, measure_names[i], run->measured[i]);
    if (run->instructions > 0) {
        cJSON_AddNumberToObject(json, "instructions", run->instructions);
        cJSON_AddStringToObject(json, "memory_sha256", run->memory_sha256);
    }
    return json;
}

static cJSON *variant_json(const struct bench *bench, unsigned variant)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", variants[variant].name);
    cJSON *words = cJSON_AddArrayToObject(json, "command");
    for (const char *const *word = bench->commands[variant].arguments; *word; word++)
        cJSON_AddItemToArray(words, cJSON_CreateString(*word));
    cJSON *runs = cJSON_AddArrayToObject(json, "runs");
    for (unsigned i = 0; i < bench->rounds; i++)
        cJSON_AddItemToArray(runs, run_json(&bench->runs[variant][i]));
    cJSON *medians = cJSON_AddObjectToObject(json, "median");
    for (unsigned i = 0; i < MEASURES; i++)
        cJSON_AddNumberToObject(medians, measure_names[i], median(bench, variant, (enum measure)i));
    if (bench->chosen[A])
        cJSON_AddNumberToObject(json, "user_ratio_to_a", ratio(bench, variant, A));
    if (bench->chosen[E])
        cJSON_AddNumberToObject(json, "user_ratio_to_e", ratio(bench, variant, E));
    return json;
}

static cJSON *bench_json(const struct bench *bench)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "config", bench->config.path);
    cJSON_AddNumberToObject(json, "guest_ram_bytes", (double)bench->config.memory[0].size);
    cJSON_AddNumberToObject(json, "rounds", bench->rounds);
    write_versions(bench, json);
    cJSON *all = cJSON_AddObjectToObject(json, "variants");
    for (unsigned i = 0; i < VARIANTS; i++) {
        const char letter[2] = {(char)('a' + i), 0};
        if (bench->chosen[i])
            cJSON_AddItemToObject(all, letter, variant_json(bench, i));
    }
    struct target targets[TARGETS];
    judge(bench, targets);
    cJSON *list = cJSON_AddArrayToObject(json, "targets");
    for (unsigned i = 0; i < TARGETS; i++) {
        if (targets[i].found <= 0)
            continue;
        cJSON *target = cJSON_CreateObject();
        cJSON_AddStringToObject(target, "target", targets[i].text);
        cJSON_AddNumberToObject(target, "at_most", targets[i].limit);
        cJSON_AddNumberToObject(target, "found", targets[i].found);
        cJSON_AddBoolToObject(target, "met", targets[i].found <= targets[i].limit);
        cJSON_AddItemToArray(list, target);
    }
    return json;
}

static int write_json(const struct bench *bench, struct error *err)
{
    cJSON *json = bench_json(bench);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    FILE *out = text ? fopen(bench->out, "w") : NULL;
    int result = 0;
    if (!out || fprintf(out, "%s\n", text) < 0 || fflush(out))
        result = error_set(err, "%s: cannot write: %s", bench->out, strerror(errno));
    if (out)
        fclose(out);
    free(text);
    return result;
}

static bool parse(struct bench *bench, int argc, char **argv)
{
    if (argc < 5)
        return false;
    bench->iaso = argv[1];
    bench->out = argv[3];
    char *end;
    unsigned long rounds = strtoul(argv[4], &end, 10);
    if (*end || rounds < 1 || rounds > MAX_ROUNDS)
        return false;
    bench->rounds = (unsigned)rounds;
    for (unsigned i = 0; i < VARIANTS; i++)
        bench->chosen[i] = argc == 5;
    for (int i = 5; i < argc; i++) {
        if (argv[i][0] < 'a' || argv[i][0] >= 'a' + VARIANTS || argv[i][1])
            return false;
        bench->chosen[argv[i][0] - 'a'] = true;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    struct error err = {""};
    if (!parse(&bench, argc, argv)) {
        fprintf(stderr, "usage: bench IASO CONFIG OUT ROUNDS [a] [b] [c] [d] [e]\n");
        return 2;
    }
    int code = 2;
    if (!config_load(&bench.config, argv[2], NULL, 0, &err)) {
        if (!make_commands(&bench, &err)) {
            code = 1;
            if (!run_all(&bench, &err) && !write_json(&bench, &err)) {
                print_table(&bench);
                code = 0;
            }
        }
        config_free(&bench.config);
    }
    if (code)
        fprintf(stderr, "bench: %s\n", err.text);
    return code;
}
