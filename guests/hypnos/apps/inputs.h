/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the applications compute, as far as they and their host twin must agree: seeds, sizes,
 * orders. The two share nothing else.
 *
 * draw(seed, n) is the finalizer of MurmurHash3 (public domain, A. Appleby) applied to seed + n *
 * 0x9e3779b9 modulo 2^32: the n-th number of a generator that needs no state. fold(digest, word) is
 * FNV-1a with 32 bits over the word's four bytes, least significant first, and starts from
 * FOLD_START. The result line's checksum is the fold of the results in the order named here.
 * Integers wrap at 32 bits, division truncates towards zero, floats are IEEE single without
 * contraction.
 */
#ifndef HYPNOS_INPUTS_H
#define HYPNOS_INPUTS_H

#define FOLD_START 2166136261u
#define FOLD_PRIME 16777619u

/* bc: the set bits of draw(seed, 0 .. BC_VALUES * scale - 1), counted by each of the methods.
 * Results: total by method. */
#define BC_SEED    0x0b17c0deu
#define BC_VALUES  1024u
#define BC_BLOCK   16u
#define BC_METHODS 7u

/*
 * dnn: input i of sample s is draw(DNN_SEED_INPUT, s * DNN_INPUTS + i) % 256 - 128. A weight,
 * numbered row by row, is draw(layer's seed, number) % 255 - 127; a bias is draw(layer's seed of
 * biases, row) % 2001 - 1000. hidden = clamp(sum + bias, 0, DNN_CLAMP) >> 7; output = sum + bias;
 * the label is the first largest output. Results: samples by label, then the digest of label and
 * largest output, sample by sample.
 */
#define DNN_SAMPLES      208u
#define DNN_INPUTS       16u
#define DNN_HIDDEN       16u
#define DNN_OUTPUTS      4u
#define DNN_CLAMP        32767
#define DNN_SEED_INPUT   0xd2200001u
#define DNN_SEED_WEIGHT1 0xd2200002u
#define DNN_SEED_BIAS1   0xd2200003u
#define DNN_SEED_WEIGHT2 0xd2200004u
#define DNN_SEED_BIAS2   0xd2200005u

/*
 * ar: window w has AR_SAMPLES samples of AR_AXES axes: rest of the axis + draw(AR_SEED, (w *
 * AR_SAMPLES + k) * AR_AXES + axis) % (2 * swing + 1) - swing, with the class's swing. Features:
 * each axis' mean = sum / AR_SAMPLES, then each axis' deviation = sum of |sample - mean| /
 * AR_SAMPLES. The first AR_TRAINING windows train class w % AR_CLASSES: centroid += (feature -
 * centroid) / n in float, n = 1, 2, ... The others, of class draw(AR_SEED_CLASS, w) % AR_CLASSES,
 * get the class of the first nearest centroid (squares added in the order of features, float).
 * Results: the centroids' bits, windows by recognized class, windows recognized rightly, digest of
 * the recognized classes in order.
 */
#define AR_WINDOWS    144u
#define AR_TRAINING   24u
#define AR_SAMPLES    16u
#define AR_AXES       3u
#define AR_CLASSES    3u
#define AR_SEED       0xac710001u
#define AR_SEED_CLASS 0xac710002u
#define AR_REST   \
    {             \
        0, 0, 256 \
    }
#define AR_SWING     \
    {                \
        90, 120, 160 \
    }

/*
 * kv: accounts are keys 0 .. KV_ACCOUNTS - 1, each with KV_OPENING at first. With r = draw(KV_SEED
 * + thread, i), operation i of a thread moves (r >> 20) % 100 from account r % KV_ACCOUNTS to
 * account (r >> 10) % KV_ACCOUNTS, and adds one to key KV_VERSION. Every KV_STRIDE-th (i %
 * KV_STRIDE == 0) then puts receipt (i / KV_STRIDE) % KV_RECEIPTS of the thread, value i; those
 * with i % KV_STRIDE == 2 delete receipt (i / KV_STRIDE + 3) % KV_RECEIPTS, if it is there.
 * Receipts have the keys KV_RECEIPT + thread * KV_RECEIPTS + number. Results: key and value of all
 * that is there by ascending key, then deletions by thread.
 */
#define KV_THREADS  2u
#define KV_OPS      120u
#define KV_ACCOUNTS 24u
#define KV_OPENING  1000
#define KV_VERSION  900u
#define KV_RECEIPT  1000u
#define KV_RECEIPTS 6u
#define KV_STRIDE   4u
#define KV_SEED     0x000bab1eu

/*
 * sense: channel c takes one sample each c + 1 ticks until it has SENSE_TIMES / (c + 1) * scale:
 * SENSE_BASE + draw(SENSE_SEED + c, n) % (SENSE_SPAN << c). After each SENSE_BLOCK samples the
 * digest takes the mean of these. Results by channel: least, largest, sum, digest.
 */
#define SENSE_CHANNELS 3u
#define SENSE_TIMES    192u
#define SENSE_BLOCK    8u
#define SENSE_BASE     200u
#define SENSE_SPAN     100u
#define SENSE_SEED     0x5e250000u

/*
 * em: in each round worker w adds up draw(EM_SEED, (round * EM_WORKERS + w) * EM_TERMS + k) % 1000
 * for all k. Results: the total, and the digest of the sums of rounds.
 */
#define EM_WORKERS 3u
#define EM_ROUNDS  96u
#define EM_TERMS   8u
#define EM_SEED    0x0e3e0001u

/*
 * mq: item i of producer p carries draw(MQ_SEED + p, i); an item's mark is draw(payload, i * 2 +
 * p). Results: items, sum of the marks, exclusive or of the marks.
 */
#define MQ_PRODUCERS 2u
#define MQ_CONSUMERS 2u
#define MQ_ITEMS     128u
#define MQ_SEED      0x09000000u

/*
 * etl: reading n has id n, or n - 1 if n > 0 and draw(ETL_SEED_ID, n) % 10 == 0. Field f comes from
 * r = draw(ETL_SEED, n * ETL_FIELDS + f): missing if r % 8 == 0, else low[f] + (r >> 8) % span[f],
 * times 10 if (r >> 4) % 16 == 0. The line is "id;field;field;field\n", a missing field being
 * empty. Out of [low[f], high[f]] is as missing. A bloom filter of ETL_BLOOM bits, cleared before
 * each reading with n % ETL_PERIOD == 0, with the bits draw(ETL_SEED_BLOOM + k, id) % ETL_BLOOM for
 * k = 0, 1, drops readings whose bits are set already. What is missing in the others becomes the
 * mean of the field's last ETL_WINDOW values that were not missing (0 if there are none yet). Then
 * the digest takes id, label[id % ETL_LABELS] and the fields. Results: readings kept, readings
 * dropped, values repaired, digest.
 */
#define ETL_READINGS 192u
#define ETL_FIELDS   3u
#define ETL_LOW      \
    {                \
        -1000, 0, 10 \
    }
#define ETL_SPAN         \
    {                    \
        5500, 1000, 8000 \
    }
#define ETL_HIGH        \
    {                   \
        4499, 999, 8009 \
    }
#define ETL_BLOOM  256u
#define ETL_PERIOD 64u
#define ETL_WINDOW 4u
#define ETL_LABELS 5u
#define ETL_LABEL                                                  \
    {                                                              \
        0x6b697463, 0x68616c6c, 0x6c6f6674, 0x79617264, 0x726f6f66 \
    }
#define ETL_SEED       0xe7100001u
#define ETL_SEED_ID    0xe7100002u
#define ETL_SEED_BLOOM 0xe7100003u

/*
 * pred: feature j of reading n is draw(PRED_SEED, n * PRED_FEATURES + j) % 1000. Node k of the tree
 * (children 2k + 1, 2k + 2; 7 nodes) sends it left if feature k % PRED_FEATURES <
 * draw(PRED_SEED_TREE, k) % 1000; leaves are numbered 0 to 7 from left to right. The regression
 * gives y = (sum of c[j] * feature j) / 256 with c[j] = draw(PRED_SEED_FACTOR, j) % 512. Seen is y
 * + draw(PRED_SEED_NOISE, n) % 64; the mean of what was seen is taken each PRED_BLOCK readings (0
 * before the first). Results: readings by leaf, digest of the leaves, digest of y, sum of |y -
 * latest mean| with the mean from before this reading, digest of the means.
 */
#define PRED_READINGS    160u
#define PRED_FEATURES    4u
#define PRED_LEAVES      8u
#define PRED_BLOCK       10u
#define PRED_SEED        0x93ed0001u
#define PRED_SEED_TREE   0x93ed0002u
#define PRED_SEED_FACTOR 0x93ed0003u
#define PRED_SEED_NOISE  0x93ed0004u

/*
 * stats: reading n is of sensor draw(STATS_SEED_SENSOR, n) % STATS_SENSORS, value v =
 * draw(STATS_SEED, n) % 1024. Average: each sensor's digest takes the mean of each STATS_BLOCK of
 * its values. Kalman filter of each sensor, in float, from x = 0, p = 1: p = p + Q; k = p / (p +
 * R); x = x + k * (v - x); p = (1 - k) * p; and with y0 .. y7 the latest eight x of that sensor,
 * truncated, oldest first, the sensor's digest takes the sum of (2i - 7) * yi, once there are
 * eight. Second moment: counter k of STATS_COUNTERS gets +1 if bit k of draw(STATS_SEED_SIGN, v) is
 * set, else -1. Distinct: with h = draw(STATS_SEED_HASH, v * STATS_SENSORS + sensor) register h %
 * 16 keeps the largest of 1 + trailing zeros of (h / 16 | 1 << 28). Results: digests of averages;
 * bits of x and p and digest of slopes, sensor by sensor; counters; registers.
 */
#define STATS_READINGS    128u
#define STATS_SENSORS     4u
#define STATS_BLOCK       8u
#define STATS_Q           0.125f
#define STATS_R           0.7f
#define STATS_COUNTERS    16u
#define STATS_REGISTERS   16u
#define STATS_SEED        0x57a70001u
#define STATS_SEED_SENSOR 0x57a70002u
#define STATS_SEED_SIGN   0x57a70003u
#define STATS_SEED_HASH   0x57a70004u

/*
 * train: row n has x = draw(TRAIN_SEED, n) % 256, z = draw(TRAIN_SEED_Z, n) % 256, y = 3 * x +
 * draw(TRAIN_SEED_Y, n) % 64, and a label, z > 140, negated if draw(TRAIN_SEED_LABEL, n) % 10 == 0.
 * After each block of TRAIN_BLOCK rows, over all rows so far (64 bits): slope = 256 * (n * Sxy - Sx
 * * Sy) / (n * Sxx - Sx * Sx), intercept = (256 * Sy - slope * Sx) / n; the regression's digest
 * takes both, low 32 bits. The stump counts, for x and z and each threshold 28 * (t + 1), t = 0 ..
 * 7, the rows for which "greater than the threshold" is not the label; after each block its digest
 * takes number (8 * (0 for x, 1 for z) + t) and count of the first with the lowest count. Results:
 * last slope, last intercept, the digest, last number, last count, the digest.
 */
#define TRAIN_BLOCKS     32u
#define TRAIN_BLOCK      32u
#define TRAIN_CHUNK      4u
#define TRAIN_RULES      16u
#define TRAIN_SEED       0x72a10001u
#define TRAIN_SEED_Z     0x72a10002u
#define TRAIN_SEED_Y     0x72a10003u
#define TRAIN_SEED_LABEL 0x72a10004u

/* hog: one transaction adds up draw(HOG_SEED, n) for all n < HOG_TERMS * scale. Result: the sum. */
#define HOG_TERMS 400000u
#define HOG_SEED  0x00000409u

#endif
