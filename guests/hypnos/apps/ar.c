/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Activity recognition: windows of an accelerometer, their features, the nearest centroid. */
#include "app.h"

#define FEATURES (2 * AR_AXES)

static NV_RAW int16_t window[AR_SAMPLES][AR_AXES];
static NV_RAW int16_t features[FEATURES];
static NV float centroids[AR_CLASSES][FEATURES];
static NV uint32_t trained[AR_CLASSES];
static NV uint32_t seen[AR_CLASSES];
static NV uint32_t right;
static NV uint32_t digest;

static uint32_t class_of(uint32_t w)
{
    return w < AR_TRAINING ? w % AR_CLASSES : draw(AR_SEED_CLASS, w) % AR_CLASSES;
}

/* These four in a transaction. */
static void sample(uint32_t w)
{
    static const int16_t rest[AR_AXES] = AR_REST, swings[AR_CLASSES] = AR_SWING;
    int16_t swing = swings[class_of(w)];
    uint32_t span = 2u * (uint32_t)swing + 1, n = w * AR_SAMPLES * AR_AXES;
    for (uint32_t k = 0; k < AR_SAMPLES; k++)
        for (uint32_t axis = 0; axis < AR_AXES; axis++)
            nv_put(window[k][axis],
                   (int16_t)(rest[axis] + (int16_t)(draw(AR_SEED, n++) % span) - swing));
}

static void find_features(void)
{
    for (uint32_t axis = 0; axis < AR_AXES; axis++) {
        int32_t sum = 0, spread = 0;
        for (uint32_t k = 0; k < AR_SAMPLES; k++)
            sum += nv_get(window[k][axis]);
        int32_t mean = sum / (int32_t)AR_SAMPLES;
        for (uint32_t k = 0; k < AR_SAMPLES; k++) {
            int32_t off = nv_get(window[k][axis]) - mean;
            spread += off < 0 ? -off : off;
        }
        nv_put(features[axis], (int16_t)mean);
        nv_put(features[AR_AXES + axis], (int16_t)(spread / (int32_t)AR_SAMPLES));
    }
}

static void train(uint32_t class)
{
    uint32_t n = nv_get(trained[class]) + 1;
    nv_set(trained[class], n);
    for (uint32_t f = 0; f < FEATURES; f++) {
        float old = nv_get(centroids[class][f]);
        nv_set(centroids[class][f], old + ((float)nv_get(features[f]) - old) / (float)n);
    }
}

static void recognize(uint32_t class)
{
    uint32_t best = 0;
    float least = 0;
    for (uint32_t c = 0; c < AR_CLASSES; c++) {
        float distance = 0;
        for (uint32_t f = 0; f < FEATURES; f++) {
            float off = (float)nv_get(features[f]) - nv_get(centroids[c][f]);
            distance += off * off;
        }
        if (c == 0 || distance < least) {
            least = distance;
            best = c;
        }
    }
    nv_set(seen[best], nv_get(seen[best]) + 1);
    nv_set(digest, fold(nv_get(digest), best));
    if (best == class)
        nv_set(right, nv_get(right) + 1);
}

static void ar_main(uint32_t arg)
{
    (void)arg;
    uint32_t windows = AR_WINDOWS * hypnos_scale(), result = FOLD_START;
    transaction()
    {
        nv_put(digest, FOLD_START);
    }
    nv_for(w, 0, windows)
    {
        transaction()
        {
            sample(w);
        }
        transaction()
        {
            find_features();
        }
        transaction()
        {
            if (w < AR_TRAINING)
                train(class_of(w));
            else
                recognize(class_of(w));
        }
    }
    transaction(result)
    {
        uint32_t all = 0;
        for (uint32_t c = 0; c < AR_CLASSES; c++) {
            for (uint32_t f = 0; f < FEATURES; f++)
                result = fold(result, float_bits(nv_get(centroids[c][f])));
            all += nv_get(seen[c]) + nv_get(trained[c]);
        }
        app_expect("windows", windows, all);
        for (uint32_t c = 0; c < AR_CLASSES; c++)
            result = fold(result, nv_get(seen[c]));
        result = fold(fold(result, nv_get(right)), nv_get(digest));
    }
    hypnos_finish(result);
}

HYPNOS_APP(ar, ar_main);
