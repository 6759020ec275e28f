/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications that only compute. */
#include <stdlib.h>

#include "twin.h"

uint32_t twin_bc(uint32_t scale)
{
    uint32_t total = 0, digest = FOLD_START;
    for (uint32_t n = 0; n < BC_VALUES * scale; n++)
        total += (uint32_t)__builtin_popcount(draw(BC_SEED, n));
    for (uint32_t method = 0; method < BC_METHODS; method++)
        fold(&digest, total);
    return digest;
}

uint32_t twin_hog(uint32_t scale)
{
    uint32_t sum = 0, digest = FOLD_START;
    for (uint32_t n = 0; n < HOG_TERMS * scale; n++)
        sum += draw(HOG_SEED, n);
    fold(&digest, sum);
    return digest;
}

static int32_t neuron(const int32_t *input, uint32_t inputs, uint32_t row, uint32_t weights,
                      uint32_t biases)
{
    int32_t sum = (int32_t)(draw(biases, row) % 2001) - 1000;
    for (uint32_t i = 0; i < inputs; i++)
        sum += input[i] * ((int32_t)(draw(weights, row * inputs + i) % 255) - 127);
    return sum;
}

uint32_t twin_dnn(uint32_t scale)
{
    uint32_t labels[DNN_OUTPUTS] = {0}, digest = FOLD_START, result = FOLD_START;
    for (uint32_t s = 0; s < DNN_SAMPLES * scale; s++) {
        int32_t input[DNN_INPUTS], hidden[DNN_HIDDEN], best = 0;
        uint32_t label = 0;
        for (uint32_t i = 0; i < DNN_INPUTS; i++)
            input[i] = (int32_t)(draw(DNN_SEED_INPUT, s * DNN_INPUTS + i) % 256) - 128;
        for (uint32_t i = 0; i < DNN_HIDDEN; i++) {
            int32_t sum = neuron(input, DNN_INPUTS, i, DNN_SEED_WEIGHT1, DNN_SEED_BIAS1);
            hidden[i] = sum < 0 ? 0 : (sum > DNN_CLAMP ? DNN_CLAMP : sum) / 128;
        }
        for (uint32_t i = 0; i < DNN_OUTPUTS; i++) {
            int32_t output = neuron(hidden, DNN_HIDDEN, i, DNN_SEED_WEIGHT2, DNN_SEED_BIAS2);
            if (!i || output > best) {
                best = output;
                label = i;
            }
        }
        labels[label]++;
        fold(&digest, label);
        fold(&digest, (uint32_t)best);
    }
    for (uint32_t i = 0; i < DNN_OUTPUTS; i++)
        fold(&result, labels[i]);
    fold(&result, digest);
    return result;
}

/* Fills in the features of one window of the class: the means, then the deviations. */
static void features_of(uint32_t window, uint32_t class, int32_t features[2 * AR_AXES])
{
    static const int32_t rest[] = AR_REST, swing[] = AR_SWING;
    for (uint32_t axis = 0; axis < AR_AXES; axis++) {
        int32_t sample[AR_SAMPLES], sum = 0, spread = 0;
        for (uint32_t k = 0; k < AR_SAMPLES; k++) {
            uint32_t noise = draw(AR_SEED, (window * AR_SAMPLES + k) * AR_AXES + axis);
            sample[k] =
                rest[axis] + (int32_t)(noise % (2 * (uint32_t)swing[class] + 1)) - swing[class];
            sum += sample[k];
        }
        features[axis] = sum / (int32_t)AR_SAMPLES;
        for (uint32_t k = 0; k < AR_SAMPLES; k++)
            spread += abs(sample[k] - features[axis]);
        features[AR_AXES + axis] = spread / (int32_t)AR_SAMPLES;
    }
}

static uint32_t nearest(float centroids[AR_CLASSES][2 * AR_AXES],
                        const int32_t features[2 * AR_AXES])
{
    uint32_t best = 0;
    float least = 0;
    for (uint32_t class = 0; class < AR_CLASSES; class ++) {
        float distance = 0;
        for (uint32_t f = 0; f < 2 * AR_AXES; f++) {
            float difference = (float)features[f] - centroids[class][f];
            distance += difference * difference;
        }
        if (!class || distance < least) {
            least = distance;
            best = class;
        }
    }
    return best;
}

uint32_t twin_ar(uint32_t scale)
{
    float centroids[AR_CLASSES][2 * AR_AXES] = {{0}};
    uint32_t trained[AR_CLASSES] = {0}, seen[AR_CLASSES] = {0}, right = 0;
    uint32_t digest = FOLD_START, result = FOLD_START;
    for (uint32_t w = 0; w < AR_WINDOWS * scale; w++) {
        int32_t features[2 * AR_AXES];
        if (w < AR_TRAINING) {
            uint32_t class = w % AR_CLASSES;
            features_of(w, class, features);
            trained[class]++;
            for (uint32_t f = 0; f < 2 * AR_AXES; f++)
                centroids[class][f] +=
                    ((float)features[f] - centroids[class][f]) / (float)trained[class];
        } else {
            uint32_t class = draw(AR_SEED_CLASS, w) % AR_CLASSES;
            features_of(w, class, features);
            uint32_t found = nearest(centroids, features);
            seen[found]++;
            right += found == class;
            fold(&digest, found);
        }
    }
    for (uint32_t class = 0; class < AR_CLASSES; class ++)
        for (uint32_t f = 0; f < 2 * AR_AXES; f++)
            fold(&result, float_bits(centroids[class][f]));
    for (uint32_t class = 0; class < AR_CLASSES; class ++)
        fold(&result, seen[class]);
    fold(&result, right);
    fold(&result, digest);
    return result;
}
