/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications of several threads, whose results do not depend on who runs when. */
#include <stdbool.h>

#include "twin.h"

struct receipt {
    bool there;
    uint32_t value;
};

static void kv_thread(uint32_t thread, uint32_t ops, int32_t *accounts, struct receipt *receipts,
                      uint32_t *deletions)
{
    for (uint32_t i = 0; i < ops; i++) {
        uint32_t r = draw(KV_SEED + thread, i), number = i / KV_STRIDE;
        int32_t amount = (int32_t)((r >> 20) % 100);
        accounts[r % KV_ACCOUNTS] -= amount;
        accounts[(r >> 10) % KV_ACCOUNTS] += amount;
        if (i % KV_STRIDE == 0) {
            receipts[number % KV_RECEIPTS] = (struct receipt){true, i};
        } else if (i % KV_STRIDE == 2) {
            struct receipt *receipt = &receipts[(number + 3) % KV_RECEIPTS];
            *deletions += receipt->there;
            receipt->there = false;
        }
    }
}

uint32_t twin_kv(uint32_t scale)
{
    int32_t accounts[KV_ACCOUNTS];
    struct receipt receipts[KV_THREADS][KV_RECEIPTS] = {{{0}}};
    uint32_t deletions[KV_THREADS] = {0}, result = FOLD_START;
    for (uint32_t i = 0; i < KV_ACCOUNTS; i++)
        accounts[i] = KV_OPENING;
    for (uint32_t thread = 0; thread < KV_THREADS; thread++)
        kv_thread(thread, KV_OPS * scale, accounts, receipts[thread], &deletions[thread]);
    for (uint32_t i = 0; i < KV_ACCOUNTS; i++) {
        fold(&result, i);
        fold(&result, (uint32_t)accounts[i]);
    }
    fold(&result, KV_VERSION);
    fold(&result, KV_THREADS * KV_OPS * scale);
    for (uint32_t thread = 0; thread < KV_THREADS; thread++) {
        for (uint32_t i = 0; i < KV_RECEIPTS; i++) {
            if (receipts[thread][i].there) {
                fold(&result, KV_RECEIPT + thread * KV_RECEIPTS + i);
                fold(&result, receipts[thread][i].value);
            }
        }
    }
    for (uint32_t thread = 0; thread < KV_THREADS; thread++)
        fold(&result, deletions[thread]);
    return result;
}

uint32_t twin_sense(uint32_t scale)
{
    uint32_t result = FOLD_START;
    for (uint32_t c = 0; c < SENSE_CHANNELS; c++) {
        uint32_t least = UINT32_MAX, largest = 0, sum = 0, block = 0, digest = FOLD_START;
        for (uint32_t n = 0; n < SENSE_TIMES / (c + 1) * scale; n++) {
            uint32_t sample = SENSE_BASE + draw(SENSE_SEED + c, n) % (SENSE_SPAN << c);
            least = sample < least ? sample : least;
            largest = sample > largest ? sample : largest;
            sum += sample;
            block += sample;
            if (n % SENSE_BLOCK == SENSE_BLOCK - 1) {
                fold(&digest, block / SENSE_BLOCK);
                block = 0;
            }
        }
        fold(&result, least);
        fold(&result, largest);
        fold(&result, sum);
        fold(&result, digest);
    }
    return result;
}

uint32_t twin_em(uint32_t scale)
{
    uint32_t total = 0, digest = FOLD_START, result = FOLD_START;
    for (uint32_t round = 0; round < EM_ROUNDS * scale; round++) {
        uint32_t sum = 0;
        for (uint32_t k = 0; k < EM_WORKERS * EM_TERMS; k++)
            sum += draw(EM_SEED, round * EM_WORKERS * EM_TERMS + k) % 1000;
        total += sum;
        fold(&digest, sum);
    }
    fold(&result, total);
    fold(&result, digest);
    return result;
}

uint32_t twin_mq(uint32_t scale)
{
    uint32_t items = 0, sum = 0, parity = 0, result = FOLD_START;
    for (uint32_t p = 0; p < MQ_PRODUCERS; p++) {
        for (uint32_t i = 0; i < MQ_ITEMS * scale; i++) {
            uint32_t mark = draw(draw(MQ_SEED + p, i), i * 2 + p);
            items++;
            sum += mark;
            parity ^= mark;
        }
    }
    fold(&result, items);
    fold(&result, sum);
    fold(&result, parity);
    return result;
}
