/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After RIoTBench's PRED: each reading goes to a decision tree and to a linear regression, whose
 * error against the running mean of blocks a third task adds up. */
#include "app.h"

#define LENGTH 4

struct reading {
    uint32_t number, features[PRED_FEATURES];
};

struct prediction {
    uint32_t number, y;
};

static NV int to_tree, to_line, to_mean;
static NV_RAW uint32_t factors[PRED_FEATURES];
static NV_RAW uint32_t thresholds[PRED_LEAVES - 1];
static NV uint32_t leaves[PRED_LEAVES];
static NV uint32_t chosen, predicted;
static NV struct errors {
    uint32_t sum, block, mean, means;
} errors;

static uint32_t readings(void)
{
    return PRED_READINGS * hypnos_scale();
}

static void tree_task(uint32_t arg)
{
    (void)arg;
    nv_for(n, 0, readings())
    {
        transaction()
        {
            struct reading reading;
            app_receive(nv_get(to_tree), &reading);
            app_expect("number of a reading for the tree", n, reading.number);
            uint32_t node = 0;
            while (node < PRED_LEAVES - 1) {
                uint32_t value = reading.features[node % PRED_FEATURES];
                node = 2 * node + 1 + (value >= nv_get(thresholds[node]));
            }
            uint32_t leaf = node - (PRED_LEAVES - 1);
            nv_set(leaves[leaf], nv_get(leaves[leaf]) + 1);
            nv_set(chosen, fold(nv_get(chosen), leaf));
        }
    }
}

static void line_task(uint32_t arg)
{
    (void)arg;
    nv_for(n, 0, readings())
    {
        struct prediction prediction = {n, 0};
        transaction(prediction)
        {
            struct reading reading;
            app_receive(nv_get(to_line), &reading);
            app_expect("number of a reading for the line", n, reading.number);
            for (uint32_t j = 0; j < PRED_FEATURES; j++)
                prediction.y += nv_get(factors[j]) * reading.features[j];
            prediction.y >>= 8;
            nv_set(predicted, fold(nv_get(predicted), prediction.y));
        }
        transaction()
        {
            app_send(nv_get(to_mean), &prediction);
        }
    }
}

static void mean_task(uint32_t arg)
{
    (void)arg;
    nv_for(n, 0, readings())
    {
        transaction()
        {
            struct prediction prediction;
            app_receive(nv_get(to_mean), &prediction);
            app_expect("number of a prediction", n, prediction.number);
            struct errors e = nv_get(errors);
            e.sum += prediction.y > e.mean ? prediction.y - e.mean : e.mean - prediction.y;
            e.block += prediction.y + draw(PRED_SEED_NOISE, n) % 64;
            if (n % PRED_BLOCK == PRED_BLOCK - 1) {
                e.mean = e.block / PRED_BLOCK;
                e.means = fold(e.means, e.mean);
                e.block = 0;
            }
            nv_set(errors, e);
        }
    }
}

static void make_models(void)
{
    transaction()
    {
        for (uint32_t j = 0; j < PRED_FEATURES; j++)
            nv_put(factors[j], draw(PRED_SEED_FACTOR, j) % 512);
        for (uint32_t node = 0; node < PRED_LEAVES - 1; node++)
            nv_put(thresholds[node], draw(PRED_SEED_TREE, node) % 1000);
        nv_put(chosen, FOLD_START);
        nv_put(predicted, FOLD_START);
        nv_put(errors, ((struct errors){.means = FOLD_START}));
    }
    transaction()
    {
        nv_put(to_tree, hypnos_queue_create(LENGTH, sizeof(struct reading)));
        nv_put(to_line, hypnos_queue_create(LENGTH, sizeof(struct reading)));
        nv_put(to_mean, hypnos_queue_create(LENGTH, sizeof(struct prediction)));
    }
}

static void pred_main(uint32_t arg)
{
    (void)arg;
    uint32_t result = FOLD_START;
    make_models();
    int tree = app_task("tree", tree_task, 0, 3), line = app_task("line", line_task, 0, 5);
    int mean = app_task("mean", mean_task, 0, 6);
    nv_for(n, 0, readings())
    {
        struct reading reading = {.number = n};
        for (uint32_t j = 0; j < PRED_FEATURES; j++)
            reading.features[j] = draw(PRED_SEED, n * PRED_FEATURES + j) % 1000;
        transaction()
        {
            app_send(nv_get(to_tree), &reading);
        }
        transaction()
        {
            app_send(nv_get(to_line), &reading);
        }
    }
    app_join(tree);
    app_join(line);
    app_join(mean);
    transaction(result)
    {
        uint32_t all = 0;
        for (uint32_t leaf = 0; leaf < PRED_LEAVES; leaf++) {
            all += nv_get(leaves[leaf]);
            result = fold(result, nv_get(leaves[leaf]));
        }
        app_expect("readings", readings(), all);
        result = fold(fold(result, nv_get(chosen)), nv_get(predicted));
        result = fold(fold(result, nv_get(errors.sum)), nv_get(errors.means));
    }
    hypnos_finish(result);
}

HYPNOS_APP(pred, pred_main);
