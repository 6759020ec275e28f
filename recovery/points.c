/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "recovery/engine.h"

/* The functions of the guest that the policy names. */

static int by_address(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

/* Resolves a name of the policy; one that ends in "?" may be missing, then *address is 0. */
static int resolve(struct recovery *recovery, const char *name, uint64_t *address,
                   struct error *err)
{
    char plain[128];
    size_t length = strlen(name);
    bool optional = length > 0 && name[length - 1] == '?';
    *address = 0;
    if (length >= sizeof plain)
        return error_set(err, "the name is too long");
    memcpy(plain, name, length + 1);
    if (optional)
        plain[length - 1] = 0;
    const struct recovery_host *host = &recovery->options.host;
    struct error why = {""};
    if (host->symbol(host->opaque, plain, address, &why) && !optional)
        return error_set(err, "%s", why.text);
    return 0;
}

static int add_points(struct recovery *recovery, enum point_kind kind, const char *path,
                      const char *const *names, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t address;
        if (resolve(recovery, names[i], &address, err))
            return error_prefix(err, "recovery.%s[%zu]%s: ", path, i,
                                kind == POINT_INVERSE ? ".call" : "");
        if (!address)
            continue;
        if (recovery->point_count == recovery->point_room) {
            size_t room = recovery->point_room + 64;
            struct point *points =
                arena_resize(recovery->arena, recovery->points, room * sizeof *points);
            if (!points)
                return error_set(err, "out of memory");
            recovery->points = points;
            recovery->point_room = room;
        }
        recovery->points[recovery->point_count++] =
            (struct point){address, kind, (unsigned)i, names[i]};
    }
    return 0;
}

int points_find(struct recovery *recovery, struct error *err)
{
    const struct recovery_policy *policy = recovery->policy;
    const char *calls[POLICY_MAX_FUNCTIONS];
    for (size_t i = 0; i < policy->inverse_count; i++)
        calls[i] = policy->inverses[i].call;
    if (add_points(recovery, POINT_REQUEST, "requests.functions", policy->functions,
                   policy->function_count, err) ||
        add_points(recovery, POINT_EXEMPT, "exempt", policy->exempt, policy->exempt_count, err) ||
        add_points(recovery, POINT_UNBROKEN, "unbroken", policy->unbroken, policy->unbroken_count,
                   err) ||
        add_points(recovery, POINT_ENDLESS, "endless", policy->endless, policy->endless_count,
                   err) ||
        add_points(recovery, POINT_INVERSE, "inverse", calls, policy->inverse_count, err) ||
        add_points(recovery, POINT_FAILURE, "failure.functions", policy->failure.functions,
                   policy->failure.function_count, err) ||
        add_points(recovery, POINT_CHECK, "failure.checks", policy->failure.checks,
                   policy->failure.check_count, err))
        return -1;
    for (size_t i = 0; i < policy->inverse_count; i++)
        if (resolve(recovery, policy->inverses[i].undo, &recovery->undos[i], err))
            return error_prefix(err, "recovery.inverse[%zu].undo: ", i);
    if (policy->wake && resolve(recovery, policy->wake, &recovery->wake, err))
        return error_prefix(err, "recovery.wake: ");
    if (policy->thread.by == THREAD_BY_SYMBOL &&
        resolve(recovery, policy->thread.name, &recovery->identity_symbol, err))
        return error_prefix(err, "recovery.thread.name: ");
    if (recovery->point_count)
        qsort(recovery->points, recovery->point_count, sizeof *recovery->points, by_address);
    return 0;
}

const struct point *points_at(const struct recovery *recovery, uint64_t address)
{
    size_t low = 0, high = recovery->point_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recovery->points[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return recovery->points + low;
}
