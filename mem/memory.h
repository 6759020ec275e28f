/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_MEMORY_H
#define IASO_MEM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * Guest-physical memory of one machine: a table of regions that do not overlap, the host memory
 * behind those that have any, and a state for each page of it.
 *
 * A page is
 *   open     mapped straight through: loads and stores cost nothing and nobody hears of them;
 *   armed    readable; the first store announces PAGE_FIRST_WRITE (the page still holds its old
 *            contents, so a listener can save the pre-image) and then opens the page;
 *   precise  every access is announced with its address, size and value.
 *
 * Accesses are made by somebody: memory_enter() says who from now on, and in which epoch. A page is
 * opened in an epoch and armed in every other, so beginning a new one arms all pages at once. A
 * page may be somebody's own: the access of anybody else is announced as a conflict first.
 *
 * Who asks for permissions: a CPU back end calls memory_translate() when its TLB misses and maps
 * only what it is granted. When a permission is withdrawn (a page is armed or made precise, or it
 * changes between data and code) the `withdrawals` counter moves on; a back end that has seen
 * another value must flush its TLB before it maps anything and before the next guest instruction.
 *
 * Host accesses on the guest's behalf (DMA, trap frames, page-table A/D updates) go through
 * memory_read() and memory_write(), which announce like the guest's own.
 *
 * Not safe for concurrent use: a machine is run by one host thread.
 */
struct memory;

enum region_kind {
    REGION_RAM,
    REGION_ROM,    /* stores are access faults */
    REGION_DEVICE, /* no memory behind it; see struct mmio_ops */
};

enum page_state {
    PAGE_OPEN,
    PAGE_ARMED,
    PAGE_PRECISE,
};

enum access_kind {
    ACCESS_READ,
    ACCESS_WRITE,
    ACCESS_FETCH,
};

/* A device's registers. `offset` is from the region's base, `size` is 1, 2, 4 or 8 bytes, values
 * are little-endian and zero-extended. An access that a device does not decode reads 0 and drops
 * writes. */
struct mmio_ops {
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);
};

struct region {
    char name[32];
    uint64_t base; /* guest-physical, page-aligned */
    uint64_t size; /* bytes, a multiple of the page size, not 0 */
    enum region_kind kind;
    bool nonvolatile;           /* contents survive a power cut */
    uint8_t *host;              /* RAM and ROM: `size` bytes, zeroed at first; owned by memory */
    const struct mmio_ops *ops; /* REGION_DEVICE */
    void *opaque;               /* REGION_DEVICE: first argument of ops */
};

/* Page sizes are 2^page_bits bytes, 10 to 16. Returns NULL when out of memory. */
struct memory *memory_new(unsigned page_bits);
void memory_free(struct memory *mem);

/* 2^page_bits, and its exponent. */
uint64_t memory_page_size(const struct memory *mem);
unsigned memory_page_bits(const struct memory *mem);

/* Adds a region; fails on overlap, misalignment, address wrap or lack of host memory. */
int memory_add(struct memory *mem, const char *name, uint64_t base, uint64_t size,
               enum region_kind kind, bool nonvolatile, struct error *err);
int memory_add_device(struct memory *mem, const char *name, uint64_t base, uint64_t size,
                      const struct mmio_ops *ops, void *opaque, struct error *err);

/* Regions in order of their base; valid until the next memory_add*. */
size_t memory_region_count(const struct memory *mem);
const struct region *memory_region(const struct memory *mem, size_t index);
const struct region *memory_find(const struct memory *mem, uint64_t gpa);

/*
 * Plain copies to and from RAM and ROM that may span regions. memory_write() is what a DMA engine
 * does: it announces like a guest store and fails on ROM. memory_load() is what a programmer's
 * cable does: it fills RAM and ROM alike and announces `loaded` only, afterwards. All fail, without
 * having copied anything, if any byte of the range is not backed by memory.
 */
int memory_read(const struct memory *mem, uint64_t gpa, void *buffer, uint64_t length);
int memory_write(struct memory *mem, uint64_t gpa, const void *buffer, uint64_t length);
int memory_load(struct memory *mem, uint64_t gpa, const void *buffer, uint64_t length);

/* Host address of [gpa, gpa + length) if one RAM or ROM region holds all of it, else NULL. For
 * reading; writers use memory_write(). */
const uint8_t *memory_host(const struct memory *mem, uint64_t gpa, uint64_t length);

/* ---- Page states -------------------------------------------------------------------------- */

/* Changes the state of every page of RAM or ROM that overlaps the range; a ROM's pages are never
 * written, so only precise makes a difference there. */
void memory_set_state(struct memory *mem, uint64_t gpa, uint64_t length, enum page_state state);

/* Arms every RAM page that is not precise, in constant time: begins a new epoch. */
void memory_arm_all(struct memory *mem);

/* ---- Who accesses ------------------------------------------------------------------------- */

/* A number that no epoch had before. The first epoch is 0, and is entered by nobody (0). */
uint64_t memory_new_epoch(struct memory *mem);

/* Accesses are `who`'s from now on, in that epoch. What a TLB was granted for somebody else, or in
 * another epoch, must not be used any more: the caller sees to it, with memory_withdraw() if it is
 * not known that the TLB in question holds nothing of the kind. */
void memory_enter(struct memory *mem, uint32_t who, uint64_t epoch);
void memory_withdraw(struct memory *mem);

/* Makes the page of `gpa` somebody's own (0: nobody's). */
void memory_own(struct memory *mem, uint64_t gpa, uint32_t who);
uint32_t memory_owner(const struct memory *mem, uint64_t gpa);

/* A counter that moves on whenever a page became somebody's own. TLBs of harts other than the one
 * that runs may hold grants for such a page: they compare before they run again. */
const uint64_t *memory_handovers(const struct memory *mem);

/* The state now; PAGE_OPEN for what is not memory. */
enum page_state memory_state(const struct memory *mem, uint64_t gpa);

/* A counter that moves on whenever a permission that may be cached in a TLB was withdrawn. The
 * pointer stays valid, so that a hot path can compare without a call. */
const uint64_t *memory_withdrawals(const struct memory *mem);

/* What a TLB may map for the page of `gpa`. */
struct grant {
    bool read, write, fetch; /* all false: nothing there, an access fault */
    bool precise;            /* map loads and stores so that each reaches memory_access() */
};

/*
 * Asked at a TLB miss by a back end that is about to do `kind` at `gpa`. A write to an armed page
 * announces its first write here. With `may_write`, a read is also granted write if that is free of
 * consequences. A page is writable or executable in TLBs, never both: granting one withdraws the
 * other, and the first write to a page that was fetched announces `code_changed`.
 */
struct grant memory_translate(struct memory *mem, uint64_t gpa, enum access_kind kind,
                              bool may_write);

/* One access to a precise page, announced and performed: returns the value read, or does the
 * write. `size` is 1, 2, 4 or 8 and the access stays within one page. */
uint64_t memory_access(struct memory *mem, uint64_t gpa, unsigned size, enum access_kind kind,
                       uint64_t value);

/* Without power, stores to devices are dropped and loads from them read 0; for the few guest
 * instructions between a power cut and the end of their block. On at first. */
void memory_set_power(struct memory *mem, bool on);
bool memory_power(const struct memory *mem);

/* A load from a device's register. */
uint64_t memory_device_read(struct memory *mem, const struct region *region, uint64_t offset,
                            unsigned size);

/* A store to a device's register, announced and performed. */
void memory_device_write(struct memory *mem, const struct region *region, uint64_t offset,
                         unsigned size, uint64_t value);

/* ---- Listeners ---------------------------------------------------------------------------- */

/*
 * Told in the order in which they were added, before the memory changes (`loaded`: after). A
 * listener may read memory and change page states, but must not write guest memory from within a
 * call.
 */
struct memory_listener {
    /* `contents` is the page's pre-image, one page long; valid during the call only. */
    void (*first_write)(void *opaque, uint64_t page_gpa, const uint8_t *contents);
    /* `value` is what is read or about to be stored. */
    void (*access)(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                   uint64_t value);
    /* Somebody else is about to access a page that has an owner. The listener is expected to make
     * the page precise or nobody's; if it is still owned, the access goes on as if it were not. */
    void (*conflict)(void *opaque, uint64_t page_gpa);
    /* memory_load() has filled the range. */
    void (*loaded)(void *opaque, uint64_t gpa, uint64_t length);
    /* A device's register is about to be written. */
    void (*device_write)(void *opaque, const struct region *region);
    /* A page from which code may have been translated is about to change. */
    void (*code_changed)(void *opaque, uint64_t page_gpa);
    void *opaque;
};

/* The listener is copied; each function may be NULL. Fails when out of memory. */
int memory_listen(struct memory *mem, const struct memory_listener *listener);

/* ---- Contents as a whole ------------------------------------------------------------------ */

#define MEMORY_DIGEST_SIZE 32

/* SHA-256 over (address as 8 little-endian bytes, contents) of each RAM page that is not all
 * zeros, in address order. Equal contents give equal digests however they came about. */
void memory_digest(const struct memory *mem, uint8_t digest[MEMORY_DIGEST_SIZE]);

#endif
