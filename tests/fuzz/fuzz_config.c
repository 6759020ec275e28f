/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a config: a clear error or a config within its own limits, never a crash. What
 * follows a byte 0xff (which is nowhere in UTF-8) is given to --set, a line each.
 *
 * Meant to be run in an empty directory; opens, but never writes, files that the input names.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/config.h"

#define MAX_OVERRIDES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_config: %s\n", what);
    abort();
}

static void check_recovery(const struct config *config)
{
    const struct recovery_policy *policy = &config->recovery;
    uint64_t stack = policy->thread.stack_size;
    check(policy->thread.by == THREAD_BY_STACK ? !(stack & (stack - 1)) : !!policy->thread.name,
          "thread");
    check(policy->function_count <= POLICY_MAX_FUNCTIONS &&
              policy->exempt_count <= POLICY_MAX_FUNCTIONS &&
              policy->output_count <= POLICY_MAX_OUTPUTS,
          "policy counts");
    for (size_t i = 0; i < policy->exempt_count; i++)
        check(policy->exempt[i] && policy->exempt[i][0], "exempt");
    for (size_t i = 0; i < policy->inverse_count; i++)
        check(policy->inverses[i].call && policy->inverses[i].undo, "inverse");
    for (size_t i = 0; i < policy->output_count; i++)
        check(policy->outputs[i].device && policy->outputs[i].policy <= OUTPUT_IGNORE, "output");
    check(policy->error >= -4095 && policy->error <= -1 && policy->torture_every, "policy");
    const struct inject_policy *inject = &config->inject;
    check(inject->kind == INJECT_NONE || (inject->symbol && inject->nth), "inject");
    check(inject->kind != INJECT_FLIP || (inject->reg && inject->bit < 64), "flip");
}

static void check_config(const struct config *config)
{
    check(config->machine.harts >= 1 && config->machine.harts <= CONFIG_MAX_HARTS, "harts");
    check(config->machine.board && config->machine.mips && config->machine.quantum, "machine");
    check(config->memory_count >= 1 && config->memory_count <= CONFIG_MAX_REGIONS, "memory");
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        check(region->size && region->base % 4096 == 0 && region->size % 4096 == 0, "alignment");
        check(region->base + region->size > region->base, "wraps");
        check(i == 0 || region[-1].base + region[-1].size <= region->base, "overlaps");
    }
    for (size_t i = 0; i < config->load_count; i++)
        check(config->load[i].file && config->load[i].kind <= LOAD_RAW, "load");
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        check(device->name && (device->kind == DEVICE_VIRTIO_BLK) == !!device->file, "device");
    }
    for (size_t i = 0; i < config->run.script_count; i++)
        check(config->run.script[i].expect || config->run.script[i].send, "script");
    check_recovery(config);
}

static void check_message(const struct error *err)
{
    size_t length = strnlen(err->text, sizeof err->text);
    check(length > 0 && length < sizeof err->text, "no message");
    for (size_t i = 0; i < length; i++)
        check((unsigned char)err->text[i] >= ' ', "the message is not one line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], *sets = NULL, *rest, *line;
    const char *overrides[MAX_OVERRIDES];
    size_t count = 0;
    const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
    size_t json_size = end ? (size_t)(end - data) : size;
    if (end)
        sets = strndup((const char *)end + 1, size - json_size - 1);
    for (rest = sets; count < MAX_OVERRIDES && (line = strsep(&rest, "\n"));)
        overrides[count++] = line;

    int fd = memfd_create("config", 0);
    check(fd >= 0 && write(fd, data, json_size) == (ssize_t)json_size, "cannot write the input");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct config config;
    struct error err = {""};
    if (config_load(&config, path, overrides, count, &err) == 0)
        check_config(&config);
    else
        check_message(&err);
    config_free(&config);
    close(fd);
    free(sets);
    return 0;
}
