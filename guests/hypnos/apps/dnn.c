/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inference with a perceptron of two layers, in fixed point. */
#include "app.h"

static NV_RAW int8_t weight1[DNN_HIDDEN][DNN_INPUTS];
static NV_RAW int16_t bias1[DNN_HIDDEN];
static NV_RAW int8_t weight2[DNN_OUTPUTS][DNN_HIDDEN];
static NV_RAW int16_t bias2[DNN_OUTPUTS];
static NV_RAW int16_t hidden[DNN_HIDDEN];
static NV uint32_t labels[DNN_OUTPUTS];
static NV uint32_t digest;

/* In a transaction. */
static void make_row(int8_t *weights, uint32_t length, int16_t *bias, uint32_t row,
                     uint32_t weight_seed, uint32_t bias_seed)
{
    for (uint32_t i = 0; i < length; i++)
        nv_put(weights[i], (int8_t)(draw(weight_seed, row * length + i) % 255 - 127));
    nv_put(*bias, (int16_t)(draw(bias_seed, row) % 2001 - 1000));
}

static void make_network(void)
{
    transaction()
    {
        nv_put(digest, FOLD_START);
    }
    nv_for(row, 0, DNN_HIDDEN)
    {
        transaction()
        {
            make_row(weight1[row], DNN_INPUTS, &bias1[row], row, DNN_SEED_WEIGHT1, DNN_SEED_BIAS1);
        }
    }
    nv_for(row, 0, DNN_OUTPUTS)
    {
        transaction()
        {
            make_row(weight2[row], DNN_HIDDEN, &bias2[row], row, DNN_SEED_WEIGHT2, DNN_SEED_BIAS2);
        }
    }
}

/* The first layer, in a transaction: fills in hidden[]. */
static void see(uint32_t sample)
{
    int32_t input[DNN_INPUTS];
    for (uint32_t i = 0; i < DNN_INPUTS; i++)
        input[i] = (int32_t)(draw(DNN_SEED_INPUT, sample * DNN_INPUTS + i) & 255) - 128;
    for (uint32_t row = 0; row < DNN_HIDDEN; row++) {
        int32_t sum = nv_get(bias1[row]);
        for (uint32_t i = 0; i < DNN_INPUTS; i++)
            sum += input[i] * nv_get(weight1[row][i]);
        if (sum < 0)
            sum = 0;
        if (sum > DNN_CLAMP)
            sum = DNN_CLAMP;
        nv_put(hidden[row], (int16_t)(sum >> 7));
    }
}

/* The second layer, in a transaction. */
static void decide(void)
{
    uint32_t label = 0;
    int32_t most = INT32_MIN;
    for (uint32_t row = 0; row < DNN_OUTPUTS; row++) {
        int32_t sum = nv_get(bias2[row]);
        for (uint32_t i = 0; i < DNN_HIDDEN; i++)
            sum += nv_get(hidden[i]) * nv_get(weight2[row][i]);
        if (sum > most) {
            most = sum;
            label = row;
        }
    }
    nv_set(labels[label], nv_get(labels[label]) + 1);
    nv_set(digest, fold(fold(nv_get(digest), label), (uint32_t)most));
}

static void dnn_main(uint32_t arg)
{
    (void)arg;
    make_network();
    nv_for(sample, 0, DNN_SAMPLES * hypnos_scale())
    {
        transaction()
        {
            see(sample);
        }
        transaction()
        {
            decide();
        }
    }
    uint32_t result = FOLD_START;
    transaction(result)
    {
        uint32_t all = 0;
        for (uint32_t i = 0; i < DNN_OUTPUTS; i++) {
            all += nv_get(labels[i]);
            result = fold(result, nv_get(labels[i]));
        }
        app_expect("labels", DNN_SAMPLES * hypnos_scale(), all);
        result = fold(result, nv_get(digest));
    }
    hypnos_finish(result);
}

HYPNOS_APP(dnn, dnn_main);
