/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/journal.h"
#include "power/nvm.h"

#define RAM  UINT64_C(0x20000000)
#define SIZE UINT64_C(0x10000)
#define NVM  (RAM + 0x8000) /* 0x1000 bytes of it */
#define MRAM UINT64_C(0x60000000)

static struct memory *mem;
static struct nvm *nvm;
static unsigned reached;

static void on_reached(void *opaque)
{
    (void)opaque;
    reached++;
    memory_set_power(mem, false);
}

static void setup_policy(const struct nvm_policy *policy)
{
    struct error err = {""};
    mem = memory_new(10);
    cr_assert_eq(memory_add(mem, "ram", RAM, SIZE, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "mram", MRAM, 0x1000, REGION_RAM, true, &err), 0);
    nvm = nvm_new(mem, policy, &err);
    cr_assert(nvm, "%s", err.text);
    cr_assert_eq(nvm_add_range(nvm, "pmem", NVM, NVM + 0x1000, &err), 0, "%s", err.text);
    nvm_begin_life(nvm);
    reached = 0;
}

static void setup(void)
{
    struct nvm_policy policy = nvm_default_policy();
    setup_policy(&policy);
}

static void teardown(void)
{
    nvm_free(nvm);
    memory_free(mem);
}

TestSuite(nvm, .fini = teardown);

static void store(uint64_t gpa, unsigned size, uint64_t value)
{
    memory_access(mem, gpa, size, ACCESS_WRITE, value);
}

static uint64_t load(uint64_t gpa, unsigned size)
{
    uint64_t value = 0;
    cr_assert_eq(memory_read(mem, gpa, &value, size), 0);
    return value;
}

static struct nvm_cut cut(void)
{
    struct nvm_cut done;
    struct error err = {""};
    cr_assert_eq(nvm_cut(nvm, &done, &err), 0, "%s", err.text);
    return done;
}

static void refuse_range(uint64_t start, uint64_t end, const char *message)
{
    struct error err = {""};
    cr_assert_eq(nvm_add_range(nvm, "more", start, end, &err), -1);
    cr_assert_str_eq(err.text, message);
}

Test(nvm, ranges_are_checked)
{
    setup();
    refuse_range(NVM + 0xfff, NVM + 0x1001,
                 "non-volatile ranges \"more\" at 0x20008fff and \"pmem\" overlap");
    refuse_range(NVM - 1, NVM + 1,
                 "non-volatile ranges \"more\" at 0x20007fff and \"pmem\" overlap");
    refuse_range(NVM, NVM,
                 "non-volatile range \"more\": expected it to end after 0x20008000, found "
                 "0x20008000");
    refuse_range(RAM + SIZE - 1, RAM + SIZE + 1,
                 "non-volatile range \"more\": expected memory at all of 0x2000ffff to 0x20010001");
    struct error err = {""};
    cr_assert_eq(nvm_add_range(nvm, "low", NVM - 8, NVM, &err), 0, "%s", err.text);
    cr_assert_eq(nvm_add_range(nvm, "mram", MRAM, MRAM + 0x1000, &err), 0, "%s", err.text);
    cr_assert_eq(nvm_range_count(nvm), 3);
    cr_assert_str_eq(nvm_range(nvm, 0)->name, "low");
    cr_assert_str_eq(nvm_range(nvm, 1)->name, "pmem");
    cr_assert_eq(memory_state(mem, NVM - 8), PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, NVM + 0x1000), PAGE_OPEN);
}

Test(nvm, policies_are_checked)
{
    setup();
    struct nvm_policy bad[5];
    for (unsigned i = 0; i < 5; i++)
        bad[i] = nvm_default_policy();
    bad[0].atomic = 3;
    bad[1].wear_line = 24;
    bad[2].cache.ways = 1;
    bad[3].cache.ways = NVM_MAX_WAYS + 1;
    bad[4].cache.ways = bad[4].cache.sets = 1;
    bad[4].cache.line = 2;
    const char *said[] = {
        "atomic width: expected 1, 2, 4, 8 or 16 bytes, found 3",
        "wear line: expected a power of two up to 4096 bytes, found 24",
        "cache: expected a power of two up to 65536 of sets, found 0",
        "cache: expected at most 256 ways, found 257",
        "cache: expected lines of a power of two from 4 to 256 bytes, found 2",
    };
    for (unsigned i = 0; i < 5; i++) {
        struct error err = {""};
        cr_assert_null(nvm_new(mem, &bad[i], &err));
        cr_assert_str_eq(err.text, said[i]);
    }
}

Test(nvm, accesses_are_counted_by_range)
{
    setup();
    cr_assert_eq(nvm_add_range(nvm, "mram", MRAM, MRAM + 0x1000, NULL), 0);
    store(NVM, 4, 1);
    store(NVM + 4, 2, 1);
    store(MRAM, 1, 1);
    memory_access(mem, NVM, 8, ACCESS_READ, 0);
    store(RAM, 4, 1);       /* not NVM */
    store(NVM - 2, 4, ~0u); /* half of it is */
    cr_assert_eq(nvm_writes(nvm), 4);
    const struct nvm_range *pmem = nvm_range(nvm, 0), *mram = nvm_range(nvm, 1);
    cr_assert_eq(pmem->writes, 3);
    cr_assert_eq(pmem->written_bytes, 10);
    cr_assert_eq(pmem->reads, 1);
    cr_assert_eq(pmem->read_bytes, 8);
    cr_assert_eq(pmem->medium_writes, 3);
    cr_assert_eq(mram->writes, 1);
    nvm_begin_life(nvm);
    store(NVM, 4, 1);
    cr_assert_eq(nvm_writes(nvm), 5);
    cr_assert_eq(nvm_life_writes(nvm), 1);
}

Test(nvm, power_fails_behind_the_nth_write)
{
    setup();
    nvm_set_write_limit(nvm, 2, false, on_reached, NULL);
    store(NVM, 4, 0x11111111);
    cr_assert_eq(reached, 0);
    store(NVM + 4, 4, 0x22222222);
    cr_assert_eq(reached, 1);
    store(NVM, 4, 0x33333333); /* ghosts, two of them at one place */
    store(NVM, 4, 0x44444444);
    store(NVM + 8, 8, 5);
    store(NVM - 4, 8, ~UINT64_C(0));
    cr_assert_eq(load(NVM, 4), 0xffffffff, "the guest sees them until the cut");
    cr_assert_eq(nvm_writes(nvm), 2, "ghosts do not count");
    struct nvm_cut done = cut();
    cr_assert_eq(done.ghosts, 4);
    cr_assert_not(done.torn);
    cr_assert_eq(load(NVM, 4), 0x11111111);
    cr_assert_eq(load(NVM + 4, 4), 0x22222222, "the store that was asked for is there");
    cr_assert_eq(load(NVM + 8, 8), 0);
    cr_assert_eq(load(NVM - 4, 4), 0xffffffff, "what is not NVM is not the NVM's");

    nvm_begin_life(nvm);
    memory_set_power(mem, true);
    store(NVM, 4, 7);
    cr_assert_eq(reached, 1, "the limit was of the life");
    nvm_freeze(nvm);
    store(NVM, 4, 8);
    cut();
    cr_assert_eq(load(NVM, 4), 7);
}

/* How often each outcome of a torn 8-byte store was seen: bit i of the index is whether unit i is
 * new. */
static void tear(enum nvm_torn torn, unsigned atomic, uint64_t gpa, unsigned seen[4])
{
    struct nvm_policy policy = nvm_default_policy();
    policy.atomic = atomic;
    policy.torn = torn;
    setup_policy(&policy);
    memset(seen, 0, 4 * sizeof *seen);
    for (unsigned i = 0; i < 200; i++) {
        nvm_begin_life(nvm);
        uint64_t zero = 0;
        memory_load(mem, gpa, &zero, 8);
        nvm_set_write_limit(nvm, nvm_writes(nvm) + 1, true, on_reached, NULL);
        store(gpa, 8, ~UINT64_C(0));
        struct nvm_cut done = cut();
        uint64_t left = load(gpa, 4), right = load(gpa + 4, 4);
        cr_assert(left == 0 || left == 0xffffffff, "%lx", (unsigned long)left);
        cr_assert(right == 0 || right == 0xffffffff, "%lx", (unsigned long)right);
        cr_assert_eq(done.torn, left != right);
        seen[(left & 1) | (right & 2)]++;
    }
}

Test(nvm, torn_stores_keep_units_whole)
{
    unsigned seen[4];
    tear(NVM_TORN_NONE, 4, NVM, seen);
    cr_assert_eq(seen[3], 200);
    teardown();
    tear(NVM_TORN_PREFIX, 4, NVM, seen);
    cr_assert(seen[0] > 40 && seen[1] > 40 && seen[3] > 40);
    cr_assert_eq(seen[2], 0, "the second unit without the first");
    teardown();
    tear(NVM_TORN_RANDOM, 4, NVM, seen);
    cr_assert(seen[0] > 25 && seen[1] > 25 && seen[2] > 25 && seen[3] > 25);
    teardown();
    tear(NVM_TORN_RANDOM, 8, NVM, seen);
    cr_assert(seen[0] > 60 && seen[3] > 60);
    cr_assert_eq(seen[1] + seen[2], 0, "one unit");
    teardown();
    tear(NVM_TORN_RANDOM, 8, NVM + 4, seen);
    cr_assert(seen[1] && seen[2], "two units, as it is not aligned");
}

Test(nvm, seeds_decide)
{
    unsigned once[4], again[4];
    tear(NVM_TORN_RANDOM, 4, NVM, once);
    teardown();
    tear(NVM_TORN_RANDOM, 4, NVM, again);
    cr_assert_arr_eq(once, again, sizeof once);
}

static struct nvm_policy with_cache(unsigned sets, unsigned ways, enum nvm_dirty dirty)
{
    struct nvm_policy policy = nvm_default_policy();
    policy.cache.sets = sets;
    policy.cache.ways = ways;
    policy.cache.line = 16;
    policy.cache.dirty = dirty;
    return policy;
}

Test(nvm, dirty_lines_are_lost_unless_flushed)
{
    struct nvm_policy policy = with_cache(1, 4, NVM_DIRTY_LOST);
    setup_policy(&policy);
    store(NVM, 4, 1);
    store(NVM + 16, 4, 2);
    nvm_flush(nvm);
    store(NVM + 16, 4, 3);
    store(NVM + 32, 4, 4);
    cr_assert_eq(nvm_cache_counts(nvm).dirty, 2);
    nvm_freeze(nvm);
    store(NVM, 4, 5);
    nvm_flush(nvm); /* no power */
    cr_assert_eq(cut().lost_lines, 2);
    cr_assert_eq(load(NVM, 4), 1);
    cr_assert_eq(load(NVM + 16, 4), 2);
    cr_assert_eq(load(NVM + 32, 4), 0);
    struct nvm_cache_counts counts = nvm_cache_counts(nvm);
    cr_assert_eq(counts.dirty, 0);
    cr_assert_eq(counts.write_backs, 2);
    cr_assert_eq(nvm_range(nvm, 0)->medium_writes, 2);
}

Test(nvm, the_line_used_longest_ago_is_evicted)
{
    struct nvm_policy policy = with_cache(1, 2, NVM_DIRTY_LOST);
    setup_policy(&policy);
    store(NVM, 4, 1);
    store(NVM + 16, 4, 2);
    memory_access(mem, NVM, 4, ACCESS_READ, 0);
    store(NVM + 32, 4, 3); /* evicts the second */
    struct nvm_cache_counts counts = nvm_cache_counts(nvm);
    cr_assert_eq(counts.misses, 3);
    cr_assert_eq(counts.hits, 1);
    cr_assert_eq(counts.write_backs, 1);
    cut();
    cr_assert_eq(load(NVM, 4), 0);
    cr_assert_eq(load(NVM + 16, 4), 2);
    cr_assert_eq(load(NVM + 32, 4), 0);
}

Test(nvm, sets_are_apart_and_stores_may_span_lines)
{
    struct nvm_policy policy = with_cache(2, 1, NVM_DIRTY_LOST);
    setup_policy(&policy);
    store(NVM + 12, 8, ~UINT64_C(0)); /* both sets */
    cr_assert_eq(nvm_cache_counts(nvm).dirty, 2);
    memory_access(mem, NVM + 32, 4, ACCESS_READ, 0); /* evicts set 0 */
    cut();
    cr_assert_eq(load(NVM + 12, 4), 0xffffffff);
    cr_assert_eq(load(NVM + 16, 4), 0);
}

Test(nvm, batteries_and_chance_keep_lines)
{
    struct nvm_policy policy = with_cache(1, 64, NVM_DIRTY_KEPT);
    setup_policy(&policy);
    store(NVM, 4, 1);
    cr_assert_eq(cut().lost_lines, 0);
    cr_assert_eq(load(NVM, 4), 1);
    teardown();

    policy.torn = NVM_TORN_RANDOM; /* but no store is on its way to the medium */
    policy.atomic = 1;
    setup_policy(&policy);
    nvm_set_write_limit(nvm, 1, true, on_reached, NULL);
    store(NVM, 8, ~UINT64_C(0));
    cr_assert_not(cut().torn);
    cr_assert_eq(load(NVM, 8), ~UINT64_C(0));
    teardown();

    policy = with_cache(1, 64, NVM_DIRTY_RANDOM);
    setup_policy(&policy);
    for (unsigned i = 0; i < 64; i++)
        store(NVM + 16 * i, 4, 1);
    uint64_t lost = cut().lost_lines, found = 0;
    for (unsigned i = 0; i < 64; i++)
        found += load(NVM + 16 * i, 4);
    cr_assert_eq(lost + found, 64);
    cr_assert(lost > 16 && lost < 48);
}

Test(nvm, wear_is_counted_by_line)
{
    setup();
    for (unsigned i = 0; i < 5; i++)
        store(NVM + 64 + 4 * (i % 4), 4, i);
    store(NVM + 14, 4, 1); /* two lines */
    store(NVM + 0xfff, 1, 1);
    struct nvm_wear wear = nvm_wear(nvm);
    cr_assert_eq(wear.lines, 256);
    cr_assert_eq(wear.worn, 4);
    cr_assert_eq(wear.total, 8);
    cr_assert_eq(wear.max, 5);
    cr_assert_float_eq(wear.mean, 8.0 / 256, 1e-12);
    struct nvm_wear_line top[3];
    cr_assert_eq(nvm_wear_top(nvm, top, 3), 3);
    cr_assert_eq(top[0].gpa, NVM + 64);
    cr_assert_eq(top[0].writes, 5);
    cr_assert_eq(top[1].gpa, NVM);
    cr_assert_eq(top[2].gpa, NVM + 16);
}

Test(nvm, files_hold_exactly_the_range)
{
    setup();
    char dir[] = "/tmp/iaso-nvm-XXXXXX", path[64];
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/pmem", dir);
    struct error err = {""};
    store(NVM + 0xffc, 4, 0x12345678);
    cr_assert_eq(nvm_save_file(nvm, 0, path, &err), 0, "%s", err.text);
    uint32_t zero = 0;
    memory_load(mem, NVM + 0xffc, &zero, 4);
    cr_assert_eq(nvm_load_file(nvm, 0, path, &err), 0, "%s", err.text);
    cr_assert_eq(load(NVM + 0xffc, 4), 0x12345678);

    cr_assert_eq(truncate(path, 100), 0);
    cr_assert_eq(nvm_load_file(nvm, 0, path, &err), -1);
    char expected[256];
    snprintf(expected, sizeof expected,
             "%s: expected the 4096 bytes of non-volatile range \"pmem\", found 100", path);
    cr_assert_str_eq(err.text, expected);

    cr_assert_eq(nvm_save_file(nvm, 0, path, &err), 0, "over the old one");
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_size, 4096);
    unlink(path);
    cr_assert_eq(rmdir(dir), 0, "nothing else is left");
    cr_assert_eq(nvm_save_file(nvm, 0, path, &err), -1);
    snprintf(expected, sizeof expected,
             "%s: cannot save non-volatile range \"pmem\": No such file or directory", path);
    cr_assert_str_eq(err.text, expected);
}

Test(nvm, hashes_see_every_byte_of_the_ranges)
{
    setup();
    uint8_t before[32], after[32];
    uint64_t print = nvm_fingerprint(nvm);
    nvm_digest(nvm, before);
    store(RAM, 4, 1);
    nvm_digest(nvm, after);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_eq(nvm_fingerprint(nvm), print);
    store(NVM + 0xfff, 1, 1);
    nvm_digest(nvm, after);
    cr_assert_arr_neq(before, after, sizeof before);
    cr_assert_neq(nvm_fingerprint(nvm), print);
}

Test(nvm, snapshots_hold_counts_wear_and_cache)
{
    struct nvm_policy policy = with_cache(1, 4, NVM_DIRTY_LOST);
    setup_policy(&policy);
    struct error err = {""};
    struct state_copy copy = {0};
    store(NVM, 4, 1);
    nvm_state(nvm, &copy);
    uint8_t *state = malloc(copy.size);
    copy.at = state;
    nvm_state(nvm, &copy);
    cr_assert_eq(memory_mark(mem, &err), 0);
    store(NVM + 16, 4, 2);
    nvm_flush(nvm);
    nvm_set_write_limit(nvm, 3, false, on_reached, NULL);
    store(NVM, 4, 3);
    cr_assert_eq(memory_rewind(mem, &err), 0);
    copy = (struct state_copy){.at = state, .restore = true};
    nvm_state(nvm, &copy);
    cr_assert_not(nvm_frozen(nvm));
    cr_assert_eq(nvm_writes(nvm), 1);
    cr_assert_eq(nvm_wear(nvm).total, 0);
    cr_assert_eq(nvm_cache_counts(nvm).dirty, 1);
    cut();
    cr_assert_eq(load(NVM, 4), 0);
    free(state);
}
