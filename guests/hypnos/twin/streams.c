/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications after RIoTBench (Shukla, Chaturvedi, Simmhan 2017): streams of readings. */
#include <stdbool.h>
#include <string.h>

#include "twin.h"

struct etl_field {
    int32_t kept[ETL_WINDOW]; /* a ring; value number n is in n % ETL_WINDOW */
    uint32_t values;
};

/* Returns the field's value, repaired where it is missing or out of range. */
static int32_t etl_value(struct etl_field *field, uint32_t n, uint32_t f, uint32_t *repaired)
{
    static const int32_t low[] = ETL_LOW, span[] = ETL_SPAN, high[] = ETL_HIGH;
    uint32_t r = draw(ETL_SEED, n * ETL_FIELDS + f);
    int32_t value = low[f] + (int32_t)((r >> 8) % (uint32_t)span[f]);
    if ((r >> 4) % 16 == 0)
        value *= 10;
    if (r % 8 && value >= low[f] && value <= high[f]) {
        field->kept[field->values++ % ETL_WINDOW] = value;
        return value;
    }
    uint32_t count = field->values < ETL_WINDOW ? field->values : ETL_WINDOW;
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += field->kept[i];
    ++*repaired;
    return count ? sum / (int32_t)count : 0;
}

static bool etl_seen(bool bloom[ETL_BLOOM], uint32_t id)
{
    bool seen = true;
    for (uint32_t k = 0; k < 2; k++) {
        bool *bit = &bloom[draw(ETL_SEED_BLOOM + k, id) % ETL_BLOOM];
        seen = seen && *bit;
        *bit = true;
    }
    return seen;
}

uint32_t twin_etl(uint32_t scale)
{
    static const uint32_t label[] = ETL_LABEL;
    struct etl_field fields[ETL_FIELDS] = {0};
    bool bloom[ETL_BLOOM] = {0};
    uint32_t kept = 0, dropped = 0, repaired = 0, digest = FOLD_START, result = FOLD_START;
    for (uint32_t n = 0; n < ETL_READINGS * scale; n++) {
        uint32_t id = n - (n && draw(ETL_SEED_ID, n) % 10 == 0);
        if (n % ETL_PERIOD == 0)
            memset(bloom, 0, sizeof(bloom));
        if (etl_seen(bloom, id)) {
            dropped++;
            continue;
        }
        kept++;
        fold(&digest, id);
        fold(&digest, label[id % ETL_LABELS]);
        for (uint32_t f = 0; f < ETL_FIELDS; f++)
            fold(&digest, (uint32_t)etl_value(&fields[f], n, f, &repaired));
    }
    fold(&result, kept);
    fold(&result, dropped);
    fold(&result, repaired);
    fold(&result, digest);
    return result;
}

static uint32_t pred_leaf(const uint32_t features[PRED_FEATURES])
{
    uint32_t node = 0;
    while (node < PRED_LEAVES - 1) {
        bool left = features[node % PRED_FEATURES] < draw(PRED_SEED_TREE, node) % 1000;
        node = 2 * node + (left ? 1 : 2);
    }
    return node - (PRED_LEAVES - 1);
}

uint32_t twin_pred(uint32_t scale)
{
    uint32_t leaves[PRED_LEAVES] = {0}, block = 0, mean = 0, error = 0, result = FOLD_START;
    uint32_t chosen = FOLD_START, predicted = FOLD_START, means = FOLD_START;
    for (uint32_t n = 0; n < PRED_READINGS * scale; n++) {
        uint32_t features[PRED_FEATURES], y = 0;
        for (uint32_t j = 0; j < PRED_FEATURES; j++) {
            features[j] = draw(PRED_SEED, n * PRED_FEATURES + j) % 1000;
            y += draw(PRED_SEED_FACTOR, j) % 512 * features[j];
        }
        y /= 256;
        uint32_t leaf = pred_leaf(features);
        leaves[leaf]++;
        fold(&chosen, leaf);
        fold(&predicted, y);
        error += y > mean ? y - mean : mean - y;
        block += y + draw(PRED_SEED_NOISE, n) % 64;
        if (n % PRED_BLOCK == PRED_BLOCK - 1) {
            mean = block / PRED_BLOCK;
            block = 0;
            fold(&means, mean);
        }
    }
    for (uint32_t leaf = 0; leaf < PRED_LEAVES; leaf++)
        fold(&result, leaves[leaf]);
    fold(&result, chosen);
    fold(&result, predicted);
    fold(&result, error);
    fold(&result, means);
    return result;
}

struct stats_sensor {
    uint32_t count, block, averages, slopes;
    float x, p;
    int32_t latest[8]; /* oldest first */
};

static void stats_take(struct stats_sensor *sensor, uint32_t value)
{
    sensor->count++;
    sensor->block += value;
    if (sensor->count % STATS_BLOCK == 0) {
        fold(&sensor->averages, sensor->block / STATS_BLOCK);
        sensor->block = 0;
    }
    sensor->p += STATS_Q;
    float gain = sensor->p / (sensor->p + STATS_R);
    sensor->x += gain * ((float)value - sensor->x);
    sensor->p = (1.0f - gain) * sensor->p;
    memmove(sensor->latest, sensor->latest + 1, sizeof(sensor->latest) - sizeof(sensor->latest[0]));
    sensor->latest[7] = (int32_t)sensor->x;
    if (sensor->count < 8)
        return;
    int32_t slope = 0;
    for (int32_t i = 0; i < 8; i++)
        slope += (2 * i - 7) * sensor->latest[i];
    fold(&sensor->slopes, (uint32_t)slope);
}

uint32_t twin_stats(uint32_t scale)
{
    struct stats_sensor sensors[STATS_SENSORS];
    int32_t counters[STATS_COUNTERS] = {0};
    uint32_t registers[STATS_REGISTERS] = {0}, result = FOLD_START;
    for (uint32_t i = 0; i < STATS_SENSORS; i++)
        sensors[i] = (struct stats_sensor){.averages = FOLD_START, .slopes = FOLD_START, .p = 1};
    for (uint32_t n = 0; n < STATS_READINGS * scale; n++) {
        uint32_t which = draw(STATS_SEED_SENSOR, n) % STATS_SENSORS;
        uint32_t value = draw(STATS_SEED, n) % 1024;
        stats_take(&sensors[which], value);
        for (uint32_t k = 0; k < STATS_COUNTERS; k++)
            counters[k] += draw(STATS_SEED_SIGN, value) >> k & 1 ? 1 : -1;
        uint32_t hash = draw(STATS_SEED_HASH, value * STATS_SENSORS + which);
        uint32_t rank = 1 + (uint32_t)__builtin_ctz(hash >> 4 | 1u << 28);
        uint32_t *largest = &registers[hash % STATS_REGISTERS];
        *largest = rank > *largest ? rank : *largest;
    }
    for (uint32_t i = 0; i < STATS_SENSORS; i++)
        fold(&result, sensors[i].averages);
    for (uint32_t i = 0; i < STATS_SENSORS; i++) {
        fold(&result, float_bits(sensors[i].x));
        fold(&result, float_bits(sensors[i].p));
        fold(&result, sensors[i].slopes);
    }
    for (uint32_t k = 0; k < STATS_COUNTERS; k++)
        fold(&result, (uint32_t)counters[k]);
    for (uint32_t k = 0; k < STATS_REGISTERS; k++)
        fold(&result, registers[k]);
    return result;
}

struct train_sums {
    int64_t n, x, y, xx, xy;
    uint32_t wrong[TRAIN_RULES];
};

static void train_row(struct train_sums *sums, uint32_t n)
{
    uint32_t x = draw(TRAIN_SEED, n) % 256, z = draw(TRAIN_SEED_Z, n) % 256;
    uint32_t y = 3 * x + draw(TRAIN_SEED_Y, n) % 64;
    bool label = (z > 140) != (draw(TRAIN_SEED_LABEL, n) % 10 == 0);
    sums->n++;
    sums->x += x;
    sums->y += y;
    sums->xx += (int64_t)x * x;
    sums->xy += (int64_t)x * y;
    for (uint32_t rule = 0; rule < TRAIN_RULES; rule++)
        sums->wrong[rule] += ((rule < 8 ? x : z) > 28 * (rule % 8 + 1)) != label;
}

uint32_t twin_train(uint32_t scale)
{
    struct train_sums sums = {0};
    uint32_t best = 0, line = FOLD_START, stump = FOLD_START, result = FOLD_START;
    int64_t slope = 0, intercept = 0;
    for (uint32_t block = 0; block < TRAIN_BLOCKS * scale; block++) {
        for (uint32_t row = 0; row < TRAIN_BLOCK; row++)
            train_row(&sums, block * TRAIN_BLOCK + row);
        slope = 256 * (sums.n * sums.xy - sums.x * sums.y) / (sums.n * sums.xx - sums.x * sums.x);
        intercept = (256 * sums.y - slope * sums.x) / sums.n;
        fold(&line, (uint32_t)slope);
        fold(&line, (uint32_t)intercept);
        best = 0;
        for (uint32_t rule = 1; rule < TRAIN_RULES; rule++)
            if (sums.wrong[rule] < sums.wrong[best])
                best = rule;
        fold(&stump, best);
        fold(&stump, sums.wrong[best]);
    }
    fold(&result, (uint32_t)slope);
    fold(&result, (uint32_t)intercept);
    fold(&result, line);
    fold(&result, best);
    fold(&result, sums.wrong[best]);
    fold(&result, stump);
    return result;
}
