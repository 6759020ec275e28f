/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpu/riscv.h"
#include "sim/nearest.h"
#include "sim/text.h"
#include "sim/units.h"
#include "sim/walk.h"

/* What one key alone does not tell, of the sections `recovery`, `inject` and `report`. */

static const cJSON *section(const struct walk *walk, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(walk->root, name);
}

/* ---- Functions that contradict each other -------------------------------------------------- */

/* Functions named in an array of the config: recovery.exempt[i], or recovery.inverse[i].call. */
struct list {
    const char *array, *member;
    const void *names; /* the first `const char *`; the others each a stride further */
    size_t count, stride;
};

static const char *name_of(const struct list *list, size_t index)
{
    const char *name;
    memcpy(&name, (const char *)list->names + index * list->stride, sizeof name);
    return name;
}

static void path_of(const struct list *list, size_t index, char path[OVERRIDE_PATH_SIZE])
{
    snprintf(path, OVERRIDE_PATH_SIZE, "recovery.%s[%zu]%s", list->array, index, list->member);
}

/* A "?" at the end is no part of the name. */
static bool same_function(const char *a, const char *b)
{
    size_t length = strcspn(a, "?");
    return length == strcspn(b, "?") && !strncmp(a, b, length);
}

/* No function is in both lists; or, if they are one, twice in it. */
static int check_distinct(struct walk *walk, const struct list *later, const struct list *earlier)
{
    char path[OVERRIDE_PATH_SIZE], other[OVERRIDE_PATH_SIZE], quoted[WALK_FOUND_SIZE];
    for (size_t i = 0; i < later->count; i++) {
        for (size_t j = 0; j < (later == earlier ? i : earlier->count); j++) {
            const char *name = name_of(later, i), *twin = name_of(earlier, j);
            if (!same_function(name, twin))
                continue;
            path_of(later, i, path);
            path_of(earlier, j, other);
            bool swap = walk_origin(walk, other) > walk_origin(walk, path);
            walk_at(walk, "%s", swap ? other : path);
            return walk_fail(walk, "expected a function other than that of %s, found %s",
                             swap ? path : other,
                             text_quote(swap ? twin : name, quoted, sizeof quoted));
        }
    }
    return 0;
}

static int check_functions(struct walk *walk)
{
    const struct recovery_policy *policy = &walk->config->recovery;
    const size_t one = sizeof(const char *), pair = sizeof policy->inverses[0];
    const struct list requests = {"requests.functions", "", policy->functions,
                                  policy->function_count, one};
    const struct list exempt = {"exempt", "", policy->exempt, policy->exempt_count, one};
    const struct list failures = {"failure.functions", "", policy->failure.functions,
                                  policy->failure.function_count, one};
    const struct list checks = {"failure.checks", "", policy->failure.checks,
                                policy->failure.check_count, one};
    const struct list calls = {"inverse", ".call", &policy->inverses[0].call, policy->inverse_count,
                               pair};
    const struct list undos = {"inverse", ".undo", &policy->inverses[0].undo, policy->inverse_count,
                               pair};
    return check_distinct(walk, &requests, &requests) || check_distinct(walk, &exempt, &exempt) ||
           check_distinct(walk, &failures, &failures) || check_distinct(walk, &checks, &checks) ||
           check_distinct(walk, &calls, &calls) || check_distinct(walk, &exempt, &requests) ||
           check_distinct(walk, &exempt, &calls) || check_distinct(walk, &exempt, &undos);
}

/* ---- Threads and output -------------------------------------------------------------------- */

/* The ABI's name for a register that may be written "x4" or "fp" as well; NULL if it is none. */
static const char *find_register(const char *name)
{
    char number[8];
    if (!strcmp(name, "fp"))
        name = "s0";
    for (unsigned i = 0; i < 32; i++) {
        snprintf(number, sizeof number, "x%u", i);
        if (!strcmp(name, riscv_x_names[i]) || !strcmp(name, number))
            return riscv_x_names[i];
    }
    return NULL;
}

/* Replaces *name by the ABI's; the walk points at the key. */
static int check_register(struct walk *walk, const char **name, bool may_be_gp)
{
    char quoted[WALK_FOUND_SIZE];
    const char *found = find_register(*name);
    text_quote(*name, quoted, sizeof quoted);
    if (!found) {
        const char *near = nearest(*name, riscv_x_names, 32);
        return walk_fail(walk, "expected a register such as \"%s\", found %s%s%s%s",
                         may_be_gp ? "a0" : "tp", quoted, near ? "; did you mean \"" : "",
                         near ? near : "", near ? "\"?" : "");
    }
    if (!strcmp(found, "zero") || (!may_be_gp && !strcmp(found, "gp")))
        return walk_fail(walk, "expected a register that %s, found %s",
                         may_be_gp ? "can change" : "differs between threads", quoted);
    *name = found;
    return 0;
}

static int check_thread(struct walk *walk)
{
    struct recovery_policy *policy = &walk->config->recovery;
    uint64_t size = policy->thread.stack_size;
    char found[32];
    switch (policy->thread.by) {
    case THREAD_BY_REGISTER:
        walk_at(walk, "recovery.thread.name");
        if (!policy->thread.name)
            policy->thread.name = "tp";
        return check_register(walk, &policy->thread.name, false);
    case THREAD_BY_STACK:
        walk_at(walk, "recovery.thread.stack_size");
        if (size & (size - 1))
            return walk_fail(walk, "expected a power of two such as \"16K\", found \"%s\"",
                             units_format(UNITS_SIZE, size, found, sizeof found));
        return 0;
    case THREAD_BY_SYMBOL:
        walk_at(walk, "recovery.thread.by");
        if (!policy->thread.name)
            return walk_fail(walk, "expected the key \"name\" beside it");
        return 0;
    }
    return 0;
}

static int check_outputs(struct walk *walk)
{
    static const char *const board[] = {"uart0", "clint", "plic", "rtc", "test"};
    struct config *config = walk->config;
    struct recovery_policy *policy = &config->recovery;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(section(walk, "recovery"), "output");
    item = item ? item->child : NULL;
    for (size_t i = 0; i < policy->output_count; i++, item = item->next) {
        struct policy_output *output = &policy->outputs[i];
        struct nearest search;
        char known[300] = "", quoted[WALK_FOUND_SIZE];
        size_t length = 0;
        bool found = false;
        output->device = item->string;
        nearest_init(&search, output->device);
        for (size_t j = 0; j < 5 + config->device_count; j++) {
            const char *name = j < 5 ? board[j] : config->devices[j - 5].name;
            found |= !strcmp(name, output->device);
            nearest_offer(&search, name);
            if (length < sizeof known)
                length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                           length ? ", " : "", name);
        }
        walk_at(walk, "recovery.output.%s", output->device);
        text_quote(output->device, quoted, sizeof quoted);
        if (!found && search.best)
            return walk_fail(walk, "unknown device %s; did you mean \"%s\"?", quoted, search.best);
        if (!found)
            return walk_fail(walk, "unknown device %s; expected one of %s", quoted, known);
        if (output->policy == OUTPUT_DEFER && strcmp(output->device, "uart0"))
            return walk_fail(walk, "expected \"barrier\" or \"ignore\" (only uart0 can defer), "
                                   "found \"defer\"");
    }
    return 0;
}

/* ---- Faults -------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [INJECT_NONE] = "none", [INJECT_NULL] = "null", [INJECT_FLIP] = "flip", [INJECT_WILD] = "wild",
    [INJECT_SKIP] = "skip", [INJECT_BUG] = "bug",   [INJECT_HANG] = "hang",
};

/* Keys that only one kind of fault has. */
static int check_inject_key(struct walk *walk, const char *key, enum inject_kind of, bool needed)
{
    enum inject_kind kind = walk->config->inject.kind;
    bool given = cJSON_GetObjectItemCaseSensitive(section(walk, "inject"), key);
    char path[OVERRIDE_PATH_SIZE];
    if (kind == of && needed && !given) {
        walk_at(walk, "inject.kind");
        return walk_fail(walk, "expected the key \"%s\" beside \"%s\"", key, kind_names[kind]);
    }
    snprintf(path, sizeof path, "inject.%s", key);
    /* A kind given on the command line is not held up by what the file says of another. */
    if (!given || kind == of || kind == INJECT_NONE ||
        walk_origin(walk, "inject.kind") > walk_origin(walk, path))
        return 0;
    walk_at(walk, "%s", path);
    return walk_fail(walk, "expected no such key beside the kind \"%s\"", kind_names[kind]);
}

static int check_inject(struct walk *walk)
{
    struct config *config = walk->config;
    struct inject_policy *inject = &config->inject;
    if (!section(walk, "inject"))
        return 0;
    if (check_inject_key(walk, "register", INJECT_FLIP, true) ||
        check_inject_key(walk, "bit", INJECT_FLIP, true) ||
        check_inject_key(walk, "address", INJECT_WILD, true) ||
        check_inject_key(walk, "value", INJECT_WILD, false))
        return -1;
    walk_at(walk, "inject.register");
    if (inject->kind == INJECT_FLIP && check_register(walk, &inject->reg, true))
        return -1;
    if (inject->kind == INJECT_NONE || !config->recovery.enabled ||
        config->recovery.torture == TORTURE_OFF)
        return 0;
    bool blame_inject = walk_origin(walk, "inject.kind") > walk_origin(walk, "recovery.torture");
    walk_at(walk, blame_inject ? "inject.kind" : "recovery.torture");
    return walk_fail(walk, "expected either a fault (inject.kind) or torture (recovery.torture), "
                           "found both");
}

/* ---- Reports ------------------------------------------------------------------------------- */

static int check_report(struct walk *walk)
{
    const char *dir = walk->config->report.dir;
    char quoted[2 * WALK_FOUND_SIZE];
    struct stat status;
    if (!dir)
        return 0;
    walk_at(walk, "report.dir");
    text_quote(dir, quoted, sizeof quoted);
    if (stat(dir, &status))
        return errno == ENOENT ? 0
                               : walk_fail(walk,
                                           "expected a directory, or the name of a new one, "
                                           "but %s: %s",
                                           quoted, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return walk_fail(walk, "expected a directory, or the name of a new one, but %s is a file",
                         quoted);
    return 0;
}

int walk_check_recovery(struct walk *walk)
{
    if (!section(walk, "recovery"))
        walk->config->recovery.enabled = false;
    return check_functions(walk) || check_thread(walk) || check_outputs(walk) ||
                   check_inject(walk) || check_report(walk)
               ? -1
               : 0;
}
