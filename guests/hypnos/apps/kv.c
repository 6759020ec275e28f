/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads on one store under a lock: a hash table with linear probing, deletion by moving back
 * what follows. Money is moved between its accounts; none may appear or vanish.
 */
#include "app.h"

#define SLOTS   64u /* a power of two */
#define NOWHERE SLOTS
#define SEED    0x5107u
#define NO_KEY  0u

static NV struct slot {
    uint32_t mark; /* key + 1, or NO_KEY */
    int32_t value;
} slots[SLOTS];
static NV int lock;
static NV uint32_t deletions[KV_THREADS];

static uint32_t home(uint32_t mark)
{
    return draw(SEED, mark) % SLOTS;
}

/* All up to kv_thread in a transaction. Returns the key's slot, else the free one that it would
 * get, or NOWHERE. */
static uint32_t find(uint32_t key)
{
    uint32_t at = home(key + 1);
    for (uint32_t i = 0; i < SLOTS; i++, at = (at + 1) % SLOTS) {
        uint32_t mark = nv_get(slots[at].mark);
        if (mark == key + 1 || mark == NO_KEY)
            return at;
    }
    return NOWHERE;
}

/* Returns the slot of a key that must be there. */
static uint32_t need(uint32_t key)
{
    uint32_t at = find(key);
    if (at == NOWHERE || nv_get(slots[at].mark) == NO_KEY)
        hypnos_lost("key %u (expected in the store, found nowhere)", (unsigned)key);
    return at;
}

static void put(uint32_t key, int32_t value)
{
    uint32_t at = find(key);
    if (at == NOWHERE)
        hypnos_lost("free slots (expected some, found none)");
    NV_PTR(to, slots[at].value);
    nv_store(to, value);
    if (nv_get(slots[at].mark) == NO_KEY)
        nv_set(slots[at].mark, key + 1);
}

static void add(uint32_t key, int32_t value)
{
    NV_PTR(to, slots[need(key)].value);
    nv_store(to, nv_load(to) + value);
}

/* Returns whether it was there. */
static bool delete (uint32_t key)
{
    uint32_t hole = find(key);
    if (hole == NOWHERE || nv_get(slots[hole].mark) == NO_KEY)
        return false;
    uint32_t at = hole;
    for (uint32_t i = 1; i < SLOTS; i++) {
        at = (at + 1) % SLOTS;
        struct slot slot = nv_get(slots[at]);
        if (slot.mark == NO_KEY)
            break;
        if ((at - home(slot.mark)) % SLOTS >= (at - hole) % SLOTS) {
            nv_set(slots[hole], slot);
            hole = at;
        }
    }
    nv_set(slots[hole].mark, NO_KEY);
    return true;
}

static void move(uint32_t r)
{
    uint32_t from = r % KV_ACCOUNTS, to = (r >> 10) % KV_ACCOUNTS;
    int32_t amount = (int32_t)((r >> 20) % 100);
    if (from != to) {
        add(from, -amount);
        add(to, amount);
    }
    add(KV_VERSION, 1);
}

static void kv_thread(uint32_t thread)
{
    int mutex = 0;
    transaction(mutex)
    {
        mutex = nv_get(lock);
    }
    uint32_t receipts = KV_RECEIPT + thread * KV_RECEIPTS;
    nv_for(i, 0, KV_OPS * hypnos_scale())
    {
        uint32_t number = i / KV_STRIDE;
        hypnos_mutex_take(mutex, HYPNOS_FOREVER);
        transaction()
        {
            move(draw(KV_SEED + thread, i));
        }
        if (i % KV_STRIDE == 0) {
            transaction()
            {
                put(receipts + number % KV_RECEIPTS, (int32_t)i);
            }
        } else if (i % KV_STRIDE == 2) {
            transaction()
            {
                if (delete (receipts + (number + 3) % KV_RECEIPTS))
                    nv_set(deletions[thread], nv_get(deletions[thread]) + 1);
            }
        }
        hypnos_mutex_give(mutex);
    }
}

/* In a transaction. Returns the fold of what is there of `count` keys; *there goes up for each,
 * *sum by its value. */
static uint32_t fold_keys(uint32_t digest, uint32_t first, uint32_t count, uint32_t *there,
                          int32_t *sum)
{
    for (uint32_t key = first; key < first + count; key++) {
        uint32_t at = find(key);
        if (at == NOWHERE)
            continue;
        struct slot slot = nv_get(slots[at]);
        if (slot.mark == NO_KEY)
            continue;
        digest = fold(fold(digest, key), (uint32_t)slot.value);
        ++*there;
        *sum += slot.value;
    }
    return digest;
}

/* Each in a transaction; carries the digest on. */
static uint32_t check_accounts(uint32_t digest)
{
    uint32_t there = 0;
    int32_t money = 0, versions = 0;
    digest = fold_keys(digest, 0, KV_ACCOUNTS, &there, &money);
    app_expect("accounts", KV_ACCOUNTS, there);
    app_expect("money", KV_ACCOUNTS * KV_OPENING, (uint32_t)money);
    digest = fold_keys(digest, KV_VERSION, 1, &there, &versions);
    app_expect("operations", KV_THREADS * KV_OPS * hypnos_scale(), (uint32_t)versions);
    return digest;
}

static uint32_t check_receipts(uint32_t digest)
{
    uint32_t there = 0, used = 0;
    int32_t sum = 0;
    digest = fold_keys(digest, KV_RECEIPT, KV_THREADS * KV_RECEIPTS, &there, &sum);
    for (uint32_t i = 0; i < SLOTS; i++)
        used += nv_get(slots[i].mark) != NO_KEY;
    app_expect("reachable slots", used, KV_ACCOUNTS + 1 + there);
    for (uint32_t thread = 0; thread < KV_THREADS; thread++)
        digest = fold(digest, nv_get(deletions[thread]));
    return digest;
}

static void kv_main(uint32_t arg)
{
    (void)arg;
    int threads[KV_THREADS];
    uint32_t digest = FOLD_START;
    nv_for(account, 0, KV_ACCOUNTS)
    {
        transaction()
        {
            put(account, KV_OPENING);
        }
    }
    transaction()
    {
        put(KV_VERSION, 0);
        nv_put(lock, hypnos_mutex_create());
    }
    for (uint32_t i = 0; i < KV_THREADS; i++)
        threads[i] = app_task("kv", kv_thread, i, 3);
    for (uint32_t i = 0; i < KV_THREADS; i++)
        app_join(threads[i]);
    transaction(digest)
    {
        digest = check_accounts(digest);
    }
    transaction(digest)
    {
        digest = check_receipts(digest);
    }
    hypnos_finish(digest);
}

HYPNOS_APP(kv, kv_main);
