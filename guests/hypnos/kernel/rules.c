// SPDX-License-Identifier: GPL-2.0-or-later
/* app=rule scale=N, in the check build: breaks rule N of those below. Nothing of it may get
 * through. */
#include "hypnos.h"

#ifdef HYPNOS_CHECK

#define NVIC_ISER0 (*(volatile uint32_t *)0xe000e100)
#define NVIC_ISPR0 (*(volatile uint32_t *)0xe000e200)
#define NVIC_IPR3  (*(volatile uint32_t *)0xe000e40c)
#define LINE_15    (1u << 15)

static NV uint32_t word;
static NV uint32_t *pointer;

static void write_new_word(void)
{
    transaction() nv_put(word, 1);
}

static void read_outside(void)
{
    (void)nv_get(word);
}

static void write_outside(void)
{
    nv_set(word, 1);
}

static void not_persistent(void)
{
    uint32_t local = 0;
    transaction() nv_set(local, 1);
}

static void persistent_leaves(void)
{
    uint32_t *at = NULL;
    transaction(at) at = &word;
}

static void volatile_enters(void)
{
    uint32_t local = 0;
    transaction() nv_set(pointer, &local);
}

static void call_outside(void)
{
    hypnos_delay(1);
}

static void lock_inside(void)
{
    transaction() hypnos_mutex_take(hypnos_mutex_create(), 0);
}

/* One right inside of the other does not compile. */
static void nested(void)
{
    transaction() write_new_word();
}

static void loop_inside(void)
{
    transaction() nv_for(i, 0, 3) nv_set(word, i);
}

static void new_after_read(void)
{
    transaction() nv_put(word, nv_get(word) + 1);
}

static void two_handles(void)
{
    transaction()
    {
        NV_PTR(a, word);
        NV_PTR(b, word);
        uint32_t seen = nv_load(a);
        nv_store(b, seen + 1);
    }
}

void port_line15(void);
void port_line15(void)
{
    transaction() nv_set(word, 1);
}

static void in_interrupt(void)
{
    NVIC_IPR3 = 0x80u << 24;
    NVIC_ISER0 = LINE_15;
    NVIC_ISPR0 = LINE_15;
    __asm__ volatile("dsb\n\tisb");
}

static void ends_inside(void)
{
    transaction() return;
}

static void (*const BREACHES[])(void) = {
    read_outside, write_outside, not_persistent, persistent_leaves, volatile_enters,
    call_outside, lock_inside,   nested,         loop_inside,       new_after_read,
    two_handles,  in_interrupt,  ends_inside,
};

static void rule(uint32_t arg)
{
    (void)arg;
    uint32_t number = hypnos_scale() - 1;
    if (number >= sizeof(BREACHES) / sizeof(BREACHES[0]))
        hypnos_finish(0);
    BREACHES[number]();
    if (number < sizeof(BREACHES) / sizeof(BREACHES[0]) - 1)
        hypnos_lost("rule %u: not noticed", (unsigned)number + 1);
}
HYPNOS_APP(rule, rule);

#endif
