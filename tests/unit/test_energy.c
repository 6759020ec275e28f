/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <string.h>

#include "cpu/code.h"
#include "power/energy.h"

#define ROM  UINT64_C(0)
#define SRAM UINT64_C(0x20000000)
#define NVM  UINT64_C(0x60000000)

enum {
    MAIN,
    LEAF,
    IN_ROM, /* code in no function, by region, in the order of setup() */
    IN_SRAM,
    IN_NVM,
    OTHER,
    CLASSES,
};

static struct memory *mem;
static struct clock the_clock;
static struct energy *energy;
static struct cpu_pricing pricing;

/* A core that only has tallies. */
static struct cpu_tally tallies[CLASSES];
static unsigned running;

static size_t give_tallies(struct cpu *cpu, const struct cpu_tally **to, unsigned *now)
{
    (void)cpu;
    *to = tallies;
    if (now)
        *now = running;
    return CLASSES;
}

static const struct cpu_ops ops = {.name = "tallies", .tallies = give_tallies};
static struct cpu cpu = {.ops = &ops};

static const struct energy_costs rom = {.fetch = {1, 100}, .read = {0, 10}, .write = {0, 20}};
static const struct energy_costs sram = {.fetch = {0, 30}, .read = {0, 10}, .write = {0, 20}};
static const struct energy_costs nvm = {.fetch = {2, 50}, .read = {1, 7}, .write = {4, 1000}};

static void setup(void)
{
    static const struct energy_function functions[] = {{0x200, 0x240, "leaf"},
                                                       {0x100, 0x300, "main"}};
    struct error err = {""};
    mem = memory_new(10);
    cr_assert_eq(memory_add(mem, "rom", ROM, 0x1000, REGION_ROM, true, &err), 0);
    cr_assert_eq(memory_add(mem, "sram", SRAM, 0x1000, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "nvm", NVM, 0x1000, REGION_RAM, true, &err), 0);
    clock_init(&the_clock, 16000000);
    struct energy_options options = {.mem = mem,
                                     .clock = &the_clock,
                                     .cycle_fj = 1000,
                                     .sleep_nw = 1500,
                                     .functions = functions,
                                     .function_count = 2};
    energy = energy_new(&options, &err);
    cr_assert(energy, "%s", err.text);
    cr_assert_eq(energy_add_region(energy, "rom", ROM, 0x1000, &rom, true, &err), 0);
    cr_assert_eq(energy_add_region(energy, "sram", SRAM, SRAM + 0x1000, &sram, true, &err), 0);
    cr_assert_eq(energy_add_region(energy, "nvm", NVM, NVM + 0x1000, &nvm, false, &err), 0);
    pricing = energy_pricing(energy, 2);
    cr_assert_eq(energy_attach(energy, &cpu, &err), 0);
}

static void teardown(void)
{
    energy_free(energy);
    memory_free(mem);
}

TestSuite(energy, .init = setup, .fini = teardown);

static struct cpu_price price_of(uint64_t pc, struct block block)
{
    struct cpu_price price;
    pricing.price(pricing.opaque, pc, &block, &price);
    return price;
}

/* The core runs a block, as a back end tallies it. */
static void run(uint64_t pc, struct block block)
{
    struct cpu_price price = price_of(pc, block);
    struct cpu_tally *tally = &tallies[running = price.class];
    tally->blocks++;
    tally->insns += block.insns;
    tally->loads += block.loads;
    tally->stores += block.stores;
    tally->ticks += price.ticks;
    tally->energy += price.energy;
    the_clock.now += price.ticks;
}

Test(energy, blocks_are_priced_by_where_their_code_is)
{
    cr_assert_eq(pricing.classes, CLASSES);
    cr_assert_eq(pricing.taken_branch, 2);
    struct block block = {.size = 10, .insns = 5, .cycles = 6};
    struct cpu_price price = price_of(0x104, block);
    cr_assert_eq(price.class, MAIN);
    cr_assert_eq(price.energy, 3, "words");
    cr_assert_eq(price.ticks, 6 + 3);
    cr_assert_eq(price_of(0x23e, block).class, LEAF);
    cr_assert_eq(price_of(0x240, block).class, IN_ROM, "leaf begins last and has ended");
    cr_assert_eq(price_of(0xff, block).class, IN_ROM);
    price = price_of(SRAM, block);
    cr_assert_eq(price.class, IN_SRAM);
    cr_assert_eq(price.ticks, 6);
    cr_assert_eq(price_of(NVM, block).ticks, 6 + 3 * 2);
    cr_assert_eq(price_of(0x40000000, block).class, OTHER);
    cr_assert_eq(energy_class_of(energy, 0x104), MAIN);
}

Test(energy, accesses_are_charged_where_they_go)
{
    cr_assert_eq(memory_state(mem, NVM), PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, SRAM), PAGE_OPEN);
    run(0x104, (struct block){.size = 8, .insns = 4, .loads = 3, .stores = 2, .cycles = 4});
    uint64_t before = the_clock.now;
    cr_assert_eq(before, 4 + 2);
    memory_access(mem, NVM, 4, ACCESS_READ, 0);
    cr_assert_eq(the_clock.now, before + 1);
    memory_access(mem, NVM, 4, ACCESS_WRITE, 5);
    cr_assert_eq(the_clock.now, before + 5);
    memory_set_power(mem, false);
    memory_access(mem, NVM, 4, ACCESS_WRITE, 5);
    cr_assert_eq(the_clock.now, before + 5, "a ghost");

    struct energy_region region = energy_region(energy, 2);
    cr_assert_str_eq(region.name, "nvm");
    cr_assert_eq(region.kinds[ACCESS_READ].count, 1);
    cr_assert_eq(region.kinds[ACCESS_WRITE].count, 1);
    cr_assert_eq(region.kinds[ACCESS_WRITE].ticks, 4);
    cr_assert_eq(region.kinds[ACCESS_WRITE].fj, 1000);
    cr_assert_eq(region.kinds[ACCESS_FETCH].count, 0);
    region = energy_region(energy, 0); /* the first open one has all that was not announced */
    cr_assert_eq(region.kinds[ACCESS_READ].count, 2);
    cr_assert_eq(region.kinds[ACCESS_WRITE].count, 1);
    cr_assert_eq(region.kinds[ACCESS_FETCH].count, 2);
    cr_assert_eq(region.kinds[ACCESS_FETCH].fj, 200);
    cr_assert_eq(region.kinds[ACCESS_FETCH].ticks, 2);
    cr_assert_eq(energy_region(energy, 1).kinds[ACCESS_READ].count, 0);

    struct energy_causes causes = energy_causes(energy);
    cr_assert_eq(causes.ticks, 11);
    cr_assert_eq(causes.wait_ticks, 7);
    cr_assert_eq(causes.active, 11000);
    cr_assert_eq(causes.fetch, 200);
    cr_assert_eq(causes.read, 2 * 10 + 7);
    cr_assert_eq(causes.write, 20 + 1000);
    cr_assert_eq(energy_total(energy), 11000 + 200 + 27 + 1020);
    struct energy_class class = energy_class(energy, MAIN);
    cr_assert_str_eq(class.name, "main");
    cr_assert_eq(class.insns, 4);
    cr_assert_eq(class.ticks, 11);
    cr_assert_eq(class.fj, energy_total(energy));
}

Test(energy, classes_add_up_to_the_total)
{
    struct block block = {.size = 6, .insns = 3, .loads = 1, .stores = 1, .cycles = 3};
    const uint64_t at[] = {0x104, 0x210, 0x800, SRAM + 4, NVM + 8, 0x40000000};
    uint64_t sum = 0, insns = 0;
    for (unsigned i = 0; i < CLASSES; i++) {
        for (unsigned n = 0; n <= i; n++)
            run(at[i], block);
        memory_access(mem, NVM + 16, 4, ACCESS_WRITE, i);
    }
    for (size_t i = 0; i < energy_class_count(energy); i++) {
        struct energy_class class = energy_class(energy, i);
        cr_assert_eq(class.insns, 3 * (i + 1));
        cr_assert_eq(class.function, i <= LEAF);
        cr_assert_eq(class.ticks, tallies[i].ticks + 4, "its write waited");
        sum += class.fj;
        insns += class.insns;
    }
    cr_assert_eq(sum, energy_total(energy));
    cr_assert_eq(insns, 3 * 21);
    cr_assert_eq(energy_causes(energy).ticks, the_clock.now);
    cr_assert_str_eq(energy_class(energy, LEAF).name, "leaf");
    cr_assert_str_eq(energy_class(energy, IN_NVM).name, "nvm");
    cr_assert_str_eq(energy_class(energy, OTHER).name, "other");
}

Test(energy, sleep_is_told_apart)
{
    energy_sleep(energy, 16000); /* 1 ms of 1.5 uW: 1.5 nJ */
    cr_assert_eq(energy_causes(energy).sleep, 1500000);
    energy_sleep(energy, 1);
    cr_assert_eq(energy_causes(energy).sleep, 1500093);
    run(0x104, (struct block){.size = 4, .insns = 1, .cycles = 1});
    cr_assert_eq(energy_total(energy), 1500093 + 2100);
}

Test(energy, a_region_within_another_counts)
{
    struct error err = {""};
    static const struct energy_costs slow = {.write = {9, 9}};
    cr_assert_eq(energy_add_region(energy, "pmem", SRAM, SRAM + 8, &slow, false, &err), 0);
    energy_pricing(energy, 0);
    memory_access(mem, SRAM, 4, ACCESS_WRITE, 1);
    cr_assert_eq(the_clock.now, 9);
    memory_access(mem, SRAM + 8, 4, ACCESS_WRITE, 1); /* announced, as the page is precise */
    cr_assert_eq(the_clock.now, 9);
    cr_assert_eq(energy_region(energy, 3).kinds[ACCESS_WRITE].count, 1);
}

Test(energy, the_impossible_is_refused)
{
    struct error err = {""};
    cr_assert_eq(energy_add_region(energy, "more", SRAM, SRAM + 4, &nvm, true, &err), -1);
    cr_assert_str_eq(err.text,
                     "region \"more\": expected accesses to cost what they do in \"rom\", "
                     "as they are not told apart; or count them");
    cr_assert_eq(energy_add_region(energy, "more", SRAM, SRAM, &nvm, false, &err), -1);
    cr_assert_str_eq(err.text, "region \"more\": expected it to end after 0x20000000, found "
                               "0x20000000");
    for (unsigned i = 3; i < ENERGY_MAX_REGIONS; i++)
        cr_assert_eq(energy_add_region(energy, "more", SRAM, SRAM + 4, &nvm, false, &err), 0);
    cr_assert_eq(energy_add_region(energy, "more", SRAM, SRAM + 4, &nvm, false, &err), -1);
    cr_assert_str_eq(err.text, "region \"more\": expected at most 16 regions with costs");
}

Test(energy, presets_say_where_they_are_from)
{
    const struct energy_preset *preset;
    size_t count = 0;
    for (; (preset = energy_preset_at(count)); count++) {
        cr_assert_eq(energy_preset(preset->name), preset);
        cr_assert(preset->source && *preset->source && preset->hz);
        cr_assert(energy_preset_costs(preset, "sram") && energy_preset_costs(preset, "nvm"));
    }
    cr_assert_eq(count, 3);
    cr_assert_null(energy_preset("6502-like"));
    preset = energy_preset("msp430fr5994-like");
    cr_assert_eq(energy_preset_costs(preset, "nvm")->write.fj, 682317);
    cr_assert_null(energy_preset_costs(preset, "tape"));
    cr_assert(energy_preset("apollo4-like")->assumed);
}
