/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/sweep_explore.h"

#include <stdlib.h>

#include "power/random.h"
#include "sim/lives.h"

static int add_failure(struct sweep_tree *tree, const struct sweep_path *path,
                       const struct sweep_verdict *verdict, struct error *err)
{
    if (tree->failure_count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 16;
        struct sweep_found *failures = realloc(tree->failures, room * sizeof *failures);
        if (!failures)
            return error_set(err, "out of memory");
        tree->failures = failures;
        tree->room = room;
    }
    tree->failures[tree->failure_count++] = (struct sweep_found){*path, *verdict};
    return 0;
}

/* Leaves out what is known already. */
static int sift(const struct sweep_run *run, struct sweep_points *points, struct error *err)
{
    struct sweep_states siblings = {0};
    size_t kept = 0;
    int is_new = 0;
    for (size_t i = 0; i < points->count && is_new >= 0; i++) {
        if (sweep_states_has(&run->known, points->all[i].state))
            continue;
        is_new = sweep_states_add(&siblings, points->all[i].state);
        if (is_new > 0)
            points->all[kept++] = points->all[i];
    }
    points->count = kept;
    sweep_states_free(&siblings);
    return is_new < 0 ? error_set(err, "out of memory") : 0;
}

/* Marks `wanted` of the points in [first, end), each subset as likely. */
static void mark(struct random *random, bool *chosen, size_t first, size_t end, uint64_t wanted)
{
    for (size_t i = first; i < end; i++) {
        chosen[i] = random_below(random, end - i) < wanted;
        wanted -= chosen[i];
    }
}

/* Keeps as many as the config says, half of them from before the guest had recovered; the same
 * ones for the same path. */
static int choose(const struct sweep_run *run, const struct sweep_path *path,
                  uint64_t recovered_writes, struct sweep_points *points, struct error *err)
{
    uint64_t wanted = run->config->sweep.children, early = wanted - wanted / 2;
    size_t border = 0, kept = 0;
    if (points->count <= wanted)
        return 0;
    bool *chosen = calloc(points->count, sizeof *chosen);
    if (!chosen)
        return error_set(err, "out of memory");
    while (border < points->count && points->all[border].cut.write <= recovered_writes)
        border++;
    early = border < early ? border : early;
    uint64_t late = wanted - early, rest = points->count - border;
    if (late > rest) {
        early += late - rest;
        late = rest;
    }
    struct random random = {run->config->sweep.seed};
    for (unsigned i = 0; i < path->count; i++)
        random.state = random_next(&random) + path->cuts[i].write * 64 + path->cuts[i].variant.seed;
    mark(&random, chosen, 0, border, early);
    mark(&random, chosen, border, points->count, late);
    for (size_t i = 0; i < points->count; i++)
        if (chosen[i])
            points->all[kept++] = points->all[i];
    points->count = kept;
    free(chosen);
    return 0;
}

static int explore(struct sweep_run *run, struct sweep_path *path, struct sweep_tree *tree,
                   struct error *err);

/* The life behind the path's last cut has been recorded; the machine is at its start. */
static int explore_children(struct sweep_run *run, struct golden *life, uint64_t life_start,
                            struct sweep_path *path, const struct sweep_points *points,
                            struct sweep_tree *tree, struct error *err)
{
    int result = 0;
    unsigned depth = path->count++;
    for (size_t i = 0; i < points->count && result == 0; i++) {
        const struct sweep_point *point = &points->all[i];
        path->cuts[depth] = point->cut;
        if (golden_seek(life, point->position, err))
            return -1;
        lives_move_cut(run->machine->lives, depth, point->cut.write, &point->cut.variant);
        run->awaited = life_start + point->cut.write;
        result = explore(run, path, tree, err);
    }
    path->count--;
    return result;
}

/* Records the life behind the path's last cut, on the way to the end, and then branches off it. */
static int explore_life(struct sweep_run *run, struct sweep_path *path, struct sweep_tree *tree,
                        struct sweep_points *points, struct error *err)
{
    struct sweep_verdict verdict;
    run->has_recovered = false;
    sweep_run_to_life(run, path->count + 1);
    struct golden *life = golden_new(run->machine, err);
    if (!life)
        return -1;
    uint64_t start = run->life_start;
    run->record = points;
    int result = sweep_run_finish(run, &verdict, err);
    run->record = NULL;
    tree->runs[path->count - 1]++;
    if (result == 0 && verdict.failed)
        result = add_failure(tree, path, &verdict, err);
    if (result == 0 && points->lost)
        result = error_set(err, "out of memory");
    uint64_t recovered = run->has_recovered ? run->recovered_writes - start : 0;
    if (result == 0 && !verdict.failed)
        result = sift(run, points, err) || choose(run, path, recovered, points, err) ||
                         golden_back(life, err) ||
                         explore_children(run, life, start, path, points, tree, err)
                     ? -1
                     : 0;
    golden_free(life);
    return result;
}

/* The machine is before the block of the path's last cut, which is planned. */
static int explore(struct sweep_run *run, struct sweep_path *path, struct sweep_tree *tree,
                   struct error *err)
{
    struct sweep_verdict verdict;
    if (path->count < run->config->sweep.depth) {
        struct sweep_points points = {0};
        int result = explore_life(run, path, tree, &points, err);
        sweep_points_free(&points);
        return result;
    }
    if (sweep_run_finish(run, &verdict, err))
        return -1;
    tree->runs[path->count - 1]++;
    return verdict.failed ? add_failure(tree, path, &verdict, err) : 0;
}

int sweep_explore(struct sweep_run *run, const struct sweep_point *point, struct sweep_tree *tree,
                  struct error *err)
{
    struct sweep_path path = {.cuts = {point->cut}, .count = 1};
    *tree = (struct sweep_tree){0};
    if (sweep_run_seek(run, &path, point->position, err))
        return -1;
    return explore(run, &path, tree, err);
}

void sweep_tree_free(struct sweep_tree *tree)
{
    free(tree->failures);
    *tree = (struct sweep_tree){0};
}
