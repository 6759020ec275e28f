/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After RIoTBench's TRAIN: a linear regression and a decision stump are trained with one block of
 * rows after the other, by two tasks. */
#include "app.h"

#define LENGTH 2
#define HALF   (TRAIN_RULES / 2)

static NV int to_line, to_stump;
static NV struct sums {
    int64_t n, x, y, xx, xy;
} sums;
static NV struct line {
    int64_t slope, intercept;
    uint32_t digest;
} line;
static NV uint32_t wrong[TRAIN_RULES];
static NV struct stump {
    uint32_t blocks, rule, wrong, digest;
} stump;

static uint32_t blocks(void)
{
    return TRAIN_BLOCKS * hypnos_scale();
}

/* All up to make_tasks in a transaction; `first` is a number of a row. */
static void add_rows(uint32_t first)
{
    struct sums add = nv_get(sums);
    for (uint32_t n = first; n < first + TRAIN_CHUNK; n++) {
        uint32_t x = draw(TRAIN_SEED, n) & 255;
        uint32_t y = 3 * x + (draw(TRAIN_SEED_Y, n) & 63);
        add.n++;
        add.x += x;
        add.y += y;
        add.xx += x * x;
        add.xy += x * y;
    }
    nv_set(sums, add);
}

static void fit(uint32_t block)
{
    struct sums s = nv_get(sums);
    app_expect("rows of the regression", (block + 1) * TRAIN_BLOCK, (uint32_t)s.n);
    struct line new = {.slope = 256 * (s.n * s.xy - s.x * s.y) / (s.n * s.xx - s.x * s.x)};
    new.intercept = (256 * s.y - new.slope *s.x) / s.n;
    new.digest = fold(fold(nv_get(line.digest), (uint32_t) new.slope), (uint32_t) new.intercept);
    nv_set(line, new);
}

static void judge_rows(uint32_t first)
{
    uint32_t more[TRAIN_RULES] = {0};
    for (uint32_t n = first; n < first + TRAIN_CHUNK; n++) {
        uint32_t x = draw(TRAIN_SEED, n) & 255, z = draw(TRAIN_SEED_Z, n) & 255;
        bool label = (z > 140) ^ (draw(TRAIN_SEED_LABEL, n) % 10 == 0);
        for (uint32_t t = 0; t < HALF; t++) {
            more[t] += (x > 28 * (t + 1)) ^ label;
            more[HALF + t] += (z > 28 * (t + 1)) ^ label;
        }
    }
    for (uint32_t rule = 0; rule < TRAIN_RULES; rule++)
        nv_set(wrong[rule], nv_get(wrong[rule]) + more[rule]);
}

static void choose(uint32_t block)
{
    struct stump best = nv_get(stump);
    app_expect("blocks of the stump", block, best.blocks++);
    best.rule = 0;
    best.wrong = nv_get(wrong[0]);
    for (uint32_t rule = 1; rule < TRAIN_RULES; rule++) {
        uint32_t count = nv_get(wrong[rule]);
        if (count < best.wrong) {
            best.rule = rule;
            best.wrong = count;
        }
    }
    best.digest = fold(fold(best.digest, best.rule), best.wrong);
    nv_set(stump, best);
}

static void train(int *queue, void (*rows)(uint32_t first), void (*end)(uint32_t block))
{
    nv_for(i, 0, blocks())
    {
        uint32_t block = 0;
        transaction(block)
        {
            app_receive(nv_get(*queue), &block);
            app_expect("number of a block", i, block);
        }
        nv_for(chunk, 0, TRAIN_BLOCK / TRAIN_CHUNK)
        {
            transaction()
            {
                rows(block * TRAIN_BLOCK + chunk * TRAIN_CHUNK);
            }
        }
        transaction()
        {
            end(block);
        }
    }
}

static void line_task(uint32_t arg)
{
    (void)arg;
    train(&to_line, add_rows, fit);
}

static void stump_task(uint32_t arg)
{
    (void)arg;
    train(&to_stump, judge_rows, choose);
}

static void train_main(uint32_t arg)
{
    (void)arg;
    uint32_t result = FOLD_START;
    transaction()
    {
        nv_put(to_line, hypnos_queue_create(LENGTH, sizeof(uint32_t)));
        nv_put(to_stump, hypnos_queue_create(LENGTH, sizeof(uint32_t)));
        nv_put(line.digest, FOLD_START);
        nv_put(stump.digest, FOLD_START);
    }
    int tasks[] = {app_task("line", line_task, 0, 3), app_task("stump", stump_task, 0, 5)};
    nv_for(block, 0, blocks())
    {
        transaction()
        {
            app_send(nv_get(to_line), &block);
        }
        transaction()
        {
            app_send(nv_get(to_stump), &block);
        }
    }
    app_join(tasks[0]);
    app_join(tasks[1]);
    transaction(result)
    {
        struct line l = nv_get(line);
        struct stump s = nv_get(stump);
        app_expect("rows", blocks() * TRAIN_BLOCK, (uint32_t)nv_get(sums.n));
        result = fold(fold(result, (uint32_t)l.slope), (uint32_t)l.intercept);
        result = fold(fold(result, l.digest), s.rule);
        result = fold(fold(result, s.wrong), s.digest);
    }
    hypnos_finish(result);
}

HYPNOS_APP(train, train_main);
