/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After RIoTBench's STATS: each reading goes to four tasks: block average, Kalman filter with a
 * sliding slope, second moment (Alon, Matias, Szegedy) and distinct count (Durand, Flajolet). */
#include "app.h"

#define LENGTH 4
#define SLOPE  8

struct reading {
    uint32_t number, sensor, value;
};

enum {
    AVERAGE,
    KALMAN,
    MOMENT,
    DISTINCT,
    KINDS
};

static NV int queues[KINDS];
static NV struct average {
    uint32_t count, sum, digest;
} averages[STATS_SENSORS];
static NV struct kalman {
    float x, p;
    uint32_t count, digest;
    int32_t latest[SLOPE]; /* number n is at n % SLOPE */
} filters[STATS_SENSORS];
static NV int32_t counters[STATS_COUNTERS];
static NV uint8_t registers[STATS_REGISTERS];

/* These in a transaction. */
static void take_average(const struct reading *reading)
{
    struct average average = nv_get(averages[reading->sensor]);
    average.sum += reading->value;
    if (++average.count == STATS_BLOCK) {
        average.digest = fold(average.digest, average.sum / STATS_BLOCK);
        average.sum = average.count = 0;
    }
    nv_set(averages[reading->sensor], average);
}

static void take_kalman(const struct reading *reading)
{
    struct kalman *at = nv_open(filters[reading->sensor]);
    at->p = at->p + STATS_Q;
    float gain = at->p / (at->p + STATS_R);
    at->x = at->x + gain * ((float)reading->value - at->x);
    at->p = (1.0f - gain) * at->p;
    at->latest[at->count++ % SLOPE] = (int32_t)at->x;
    if (at->count < SLOPE)
        return;
    int32_t slope = 0;
    for (uint32_t i = 0; i < SLOPE; i++)
        slope += (2 * (int32_t)i - (SLOPE - 1)) * at->latest[(at->count + i) % SLOPE];
    at->digest = fold(at->digest, (uint32_t)slope);
}

static void take_moment(const struct reading *reading)
{
    uint32_t signs = draw(STATS_SEED_SIGN, reading->value);
    for (uint32_t k = 0; k < STATS_COUNTERS; k++, signs >>= 1)
        nv_set(counters[k], nv_get(counters[k]) + (signs & 1 ? 1 : -1));
}

static void take_distinct(const struct reading *reading)
{
    uint32_t hash = draw(STATS_SEED_HASH, reading->value * STATS_SENSORS + reading->sensor);
    uint32_t rank = 1, which = hash % STATS_REGISTERS;
    for (hash = hash >> 4 | 1u << 28; !(hash & 1); hash >>= 1)
        rank++;
    if (rank > nv_get(registers[which]))
        nv_set(registers[which], (uint8_t)rank);
}

static void (*const takes[KINDS])(const struct reading *) = {
    [AVERAGE] = take_average,
    [KALMAN] = take_kalman,
    [MOMENT] = take_moment,
    [DISTINCT] = take_distinct,
};

static uint32_t readings(void)
{
    return STATS_READINGS * hypnos_scale();
}

static void stats_task(uint32_t kind)
{
    nv_for(n, 0, readings())
    {
        transaction()
        {
            struct reading reading;
            app_receive(nv_get(queues[kind]), &reading);
            app_expect("number of a reading", n, reading.number);
            takes[kind](&reading);
        }
    }
}

static void prepare(void)
{
    nv_for(i, 0, STATS_SENSORS)
    {
        transaction()
        {
            nv_put(averages[i].digest, FOLD_START);
            nv_put(filters[i].digest, FOLD_START);
            nv_put(filters[i].p, 1.0f);
        }
    }
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        transaction()
        {
            nv_put(queues[kind], hypnos_queue_create(LENGTH, sizeof(struct reading)));
        }
    }
}

/* Each in a transaction. */
static uint32_t fold_sensors(uint32_t result)
{
    for (uint32_t i = 0; i < STATS_SENSORS; i++)
        result = fold(result, nv_get(averages[i].digest));
    for (uint32_t i = 0; i < STATS_SENSORS; i++) {
        result = fold(result, float_bits(nv_get(filters[i].x)));
        result = fold(result, float_bits(nv_get(filters[i].p)));
        result = fold(result, nv_get(filters[i].digest));
    }
    return result;
}

static uint32_t fold_sketches(uint32_t result)
{
    for (uint32_t k = 0; k < STATS_COUNTERS; k++)
        result = fold(result, (uint32_t)nv_get(counters[k]));
    for (uint32_t k = 0; k < STATS_REGISTERS; k++)
        result = fold(result, nv_get(registers[k]));
    return result;
}

static void check_counts(void)
{
    uint32_t filtered = 0;
    for (uint32_t i = 0; i < STATS_SENSORS; i++)
        filtered += nv_get(filters[i].count);
    app_expect("readings of the filter", readings(), filtered);
    for (uint32_t k = 0; k < STATS_COUNTERS; k++)
        app_expect("parity of a counter", readings() & 1, (uint32_t)nv_get(counters[k]) & 1);
}

static void stats_main(uint32_t arg)
{
    (void)arg;
    int tasks[KINDS];
    uint32_t result = FOLD_START;
    prepare();
    for (uint32_t kind = 0; kind < KINDS; kind++)
        tasks[kind] = app_task("stats", stats_task, kind, 2 + kind);
    nv_for(n, 0, readings())
    {
        struct reading reading = {n, draw(STATS_SEED_SENSOR, n) % STATS_SENSORS,
                                  draw(STATS_SEED, n) % 1024};
        for (uint32_t kind = 0; kind < KINDS; kind++) {
            transaction()
            {
                app_send(nv_get(queues[kind]), &reading);
            }
        }
    }
    for (uint32_t kind = 0; kind < KINDS; kind++)
        app_join(tasks[kind]);
    transaction(result)
    {
        check_counts();
        result = fold_sensors(result);
    }
    transaction(result)
    {
        result = fold_sketches(result);
    }
    hypnos_finish(result);
}

HYPNOS_APP(stats, stats_main);
