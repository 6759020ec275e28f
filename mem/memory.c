/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/memory.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem/memory_parts.h"

struct memory *memory_new(unsigned page_bits)
{
    if (page_bits < 10 || page_bits > 16)
        return NULL;
    struct memory *mem = calloc(1, sizeof *mem);
    if (mem)
        mem->page_bits = page_bits;
    return mem;
}

static void slot_free(struct slot *slot)
{
    if (slot->region.host)
        munmap(slot->region.host, slot->region.size);
    free(slot->pages);
    free(slot);
}

void memory_free(struct memory *mem)
{
    if (!mem)
        return;
    for (size_t i = 0; i < mem->slot_count; i++)
        slot_free(mem->slots[i]);
    free(mem->slots);
    free(mem->listeners);
    memory_free_journal(mem);
    free(mem);
}

unsigned memory_page_bits(const struct memory *mem)
{
    return mem->page_bits;
}

uint64_t memory_page_size(const struct memory *mem)
{
    return UINT64_C(1) << mem->page_bits;
}

static bool slot_holds(const struct slot *slot, uint64_t gpa)
{
    return gpa - slot->region.base < slot->region.size;
}

static struct slot *find_slot(const struct memory *mem, uint64_t gpa)
{
    size_t low = 0, high = mem->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct slot *slot = mem->slots[middle];
        if (slot_holds(slot, gpa))
            return slot;
        if (gpa < slot->region.base)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Whether the region fits among the others; *at is where it belongs. */
static int find_place(const struct memory *mem, const struct region *new, size_t *at,
                      struct error *err)
{
    uint64_t mask = memory_page_size(mem) - 1;
    if (new->size == 0 || ((new->base | new->size) & mask))
        return error_set(err,
                         "region \"%s\": expected base and size in pages of %" PRIu64
                         " bytes, found base 0x%" PRIx64 " size 0x%" PRIx64,
                         new->name, mask + 1, new->base, new->size);
    if (new->base + (new->size - 1) < new->base)
        return error_set(err, "region \"%s\": 0x%" PRIx64 " bytes at 0x%" PRIx64 " wrap around",
                         new->name, new->size, new->base);
    for (*at = 0; *at < mem->slot_count; ++*at) {
        const struct region *old = &mem->slots[*at]->region;
        if (new->base <= old->base + (old->size - 1) && old->base <= new->base + (new->size - 1))
            return error_set(err, "region \"%s\" at 0x%" PRIx64 " overlaps \"%s\" at 0x%" PRIx64,
                             new->name, new->base, old->name, old->base);
        if (old->base > new->base)
            break;
    }
    return 0;
}

static int insert(struct memory *mem, struct slot *slot, size_t at, struct error *err)
{
    struct slot **slots = realloc(mem->slots, (mem->slot_count + 1) * sizeof(struct slot *));
    if (!slots)
        return error_set(err, "out of memory");
    mem->slots = slots;
    memmove(slots + at + 1, slots + at, (mem->slot_count - at) * sizeof(struct slot *));
    slots[at] = slot;
    mem->slot_count++;
    return 0;
}

static struct slot *slot_new(const char *name, uint64_t base, uint64_t size, enum region_kind kind)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot)
        return NULL;
    strncpy(slot->region.name, name, sizeof slot->region.name - 1);
    slot->region.base = base;
    slot->region.size = size;
    slot->region.kind = kind;
    return slot;
}

/* Host memory for RAM and ROM; untouched pages cost nothing. */
static int back(struct slot *slot, unsigned page_bits, struct error *err)
{
    struct region *region = &slot->region;
    void *host = mmap(NULL, region->size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host != MAP_FAILED) {
        region->host = host;
        slot->pages = calloc(region->size >> page_bits, sizeof *slot->pages);
    }
    if (!slot->pages)
        return error_set(err, "region \"%s\": no host memory for %" PRIu64 " bytes", region->name,
                         region->size);
    return 0;
}

int memory_add(struct memory *mem, const char *name, uint64_t base, uint64_t size,
               enum region_kind kind, bool nonvolatile, struct error *err)
{
    struct slot *slot = slot_new(name, base, size, kind);
    if (!slot)
        return error_set(err, "out of memory");
    slot->region.nonvolatile = nonvolatile;
    size_t at;
    int result = find_place(mem, &slot->region, &at, err);
    if (!result)
        result = back(slot, mem->page_bits, err);
    if (!result)
        result = insert(mem, slot, at, err);
    if (result)
        slot_free(slot);
    return result;
}

int memory_add_device(struct memory *mem, const char *name, uint64_t base, uint64_t size,
                      const struct mmio_ops *ops, void *opaque, struct error *err)
{
    struct slot *slot = slot_new(name, base, size, REGION_DEVICE);
    if (!slot)
        return error_set(err, "out of memory");
    slot->region.ops = ops;
    slot->region.opaque = opaque;
    size_t at;
    int result = find_place(mem, &slot->region, &at, err);
    if (!result)
        result = insert(mem, slot, at, err);
    if (result)
        slot_free(slot);
    return result;
}

size_t memory_region_count(const struct memory *mem)
{
    return mem->slot_count;
}

const struct region *memory_region(const struct memory *mem, size_t index)
{
    return &mem->slots[index]->region;
}

const struct region *memory_find(const struct memory *mem, uint64_t gpa)
{
    struct slot *slot = find_slot(mem, gpa);
    return slot ? &slot->region : NULL;
}

/* As find_slot(), but RAM is what is asked for most. */
static struct slot *recent_slot(struct memory *mem, uint64_t gpa)
{
    if (mem->recent && slot_holds(mem->recent, gpa))
        return mem->recent;
    struct slot *slot = find_slot(mem, gpa);
    if (slot && slot->region.host)
        mem->recent = slot;
    return slot;
}

/* Lengths that the compiler knows make copies of one instruction. */
static uint64_t load_le(const uint8_t *from, unsigned size)
{
    uint64_t value = 0;
    switch (size) {
    case 1:
        return *from;
    case 2:
        memcpy(&value, from, 2);
        return value;
    case 4:
        memcpy(&value, from, 4);
        return value;
    default:
        memcpy(&value, from, size);
        return value;
    }
}

const uint8_t *memory_host(const struct memory *mem, uint64_t gpa, uint64_t length)
{
    struct slot *slot =
        mem->recent && slot_holds(mem->recent, gpa) ? mem->recent : find_slot(mem, gpa);
    if (!slot || !slot->region.host)
        return NULL;
    uint64_t offset = gpa - slot->region.base;
    return length <= slot->region.size - offset ? slot->region.host + offset : NULL;
}

/* ---- Page states -------------------------------------------------------------------------- */

static enum page_state state_of(const struct memory *mem, const struct page *page)
{
    if (page->precise)
        return PAGE_PRECISE;
    return page->armed || page->opened != mem->epoch ? PAGE_ARMED : PAGE_OPEN;
}

static void open_page(const struct memory *mem, struct page *page)
{
    page->precise = page->armed = false;
    page->opened = mem->epoch;
}

void memory_set_state(struct memory *mem, uint64_t gpa, uint64_t length, enum page_state state)
{
    if (length == 0)
        return;
    enum page_state wanted = state;
    uint64_t last = gpa + (length - 1) < gpa ? UINT64_MAX : gpa + (length - 1);
    for (size_t i = 0; i < mem->slot_count; i++) {
        struct slot *slot = mem->slots[i];
        const struct region *region = &slot->region;
        uint64_t end = region->base + (region->size - 1);
        if (region->kind == REGION_DEVICE || last < region->base || gpa > end)
            continue;
        state = wanted == PAGE_ARMED && region->kind == REGION_ROM ? PAGE_OPEN : wanted;
        uint64_t from = (gpa > region->base ? gpa - region->base : 0) >> mem->page_bits;
        uint64_t to = ((last < end ? last : end) - region->base) >> mem->page_bits;
        for (uint64_t n = from; n <= to; n++) {
            struct page *page = &slot->pages[n];
            enum page_state old = state_of(mem, page);
            /* Armed for who accesses now may still be open for somebody else. */
            if (region->kind == REGION_ROM)
                old = page->precise ? PAGE_PRECISE : PAGE_OPEN;
            if (state == PAGE_ARMED ? page->armed && !page->precise : old == state)
                continue;
            keep(mem, slot, page);
            open_page(mem, page);
            page->armed = state == PAGE_ARMED;
            page->precise = state == PAGE_PRECISE;
            /* A precise page that becomes open may stay mapped precise: nothing is lost, but its
             * owner asked for speed, so every change of state counts. */
            mem->withdrawals++;
        }
    }
}

void memory_arm_all(struct memory *mem)
{
    mem->epoch = memory_new_epoch(mem);
    mem->withdrawals++;
}

uint64_t memory_new_epoch(struct memory *mem)
{
    return ++mem->last_epoch;
}

void memory_enter(struct memory *mem, uint32_t who, uint64_t epoch)
{
    mem->who = who;
    mem->epoch = epoch;
}

void memory_withdraw(struct memory *mem)
{
    mem->withdrawals++;
}

static struct page *page_in(const struct memory *mem, const struct slot *slot, uint64_t gpa)
{
    return &slot->pages[(gpa - slot->region.base) >> mem->page_bits];
}

/* The page's own record, NULL for what is not memory. */
static struct page *page_at(const struct memory *mem, uint64_t gpa)
{
    struct slot *slot = find_slot(mem, gpa);
    return slot && slot->region.kind != REGION_DEVICE ? page_in(mem, slot, gpa) : NULL;
}

void memory_own(struct memory *mem, uint64_t gpa, uint32_t who)
{
    struct slot *slot = find_slot(mem, gpa);
    if (!slot || slot->region.kind == REGION_DEVICE)
        return;
    struct page *page = page_in(mem, slot, gpa);
    keep(mem, slot, page);
    page->owner = who;
    mem->handovers += who != 0;
}

uint32_t memory_owner(const struct memory *mem, uint64_t gpa)
{
    const struct page *page = page_at(mem, gpa);
    return page ? page->owner : 0;
}

const uint64_t *memory_handovers(const struct memory *mem)
{
    return &mem->handovers;
}

enum page_state memory_state(const struct memory *mem, uint64_t gpa)
{
    const struct slot *slot = find_slot(mem, gpa);
    const struct page *page = page_at(mem, gpa);
    if (!page || (slot->region.kind == REGION_ROM && !page->precise))
        return PAGE_OPEN;
    return state_of(mem, page);
}

const uint64_t *memory_withdrawals(const struct memory *mem)
{
    return &mem->withdrawals;
}

static void announce_access(const struct memory *mem, uint64_t gpa, unsigned size,
                            enum access_kind kind, uint64_t value)
{
    for (size_t i = 0; i < mem->listener_count; i++) {
        const struct memory_listener *listener = &mem->listeners[i];
        if (listener->access)
            listener->access(listener->opaque, gpa, size, kind, value);
    }
}

/* The first store to an armed page: announce and open it. */
static void first_write(struct memory *mem, struct slot *slot, struct page *page)
{
    uint64_t offset = (uint64_t)(page - slot->pages) << mem->page_bits;
    keep(mem, slot, page);
    for (size_t i = 0; i < mem->listener_count; i++) {
        const struct memory_listener *listener = &mem->listeners[i];
        if (listener->first_write)
            listener->first_write(listener->opaque, slot->region.base + offset,
                                  slot->region.host + offset);
    }
    if (!page->precise) /* a listener may have changed its mind about the page */
        open_page(mem, page);
}

static bool is_foreign(const struct memory *mem, const struct page *page)
{
    return page->owner && page->owner != mem->who;
}

static __attribute__((noinline)) void conflict(struct memory *mem, struct slot *slot,
                                               struct page *page)
{
    uint64_t gpa = slot->region.base + ((uint64_t)(page - slot->pages) << mem->page_bits);
    for (size_t i = 0; i < mem->listener_count; i++) {
        const struct memory_listener *listener = &mem->listeners[i];
        if (listener->conflict)
            listener->conflict(listener->opaque, gpa);
    }
}

void memory_code_changed(struct memory *mem, struct slot *slot, struct page *page)
{
    uint64_t gpa = slot->region.base + ((uint64_t)(page - slot->pages) << mem->page_bits);
    page->in_code = false;
    mem->withdrawals++;
    for (size_t i = 0; i < mem->listener_count; i++) {
        const struct memory_listener *listener = &mem->listeners[i];
        if (listener->code_changed)
            listener->code_changed(listener->opaque, gpa);
    }
}

static struct grant grant_fetch(struct memory *mem, struct page *page)
{
    if (page->in_writable) {
        page->in_writable = false;
        mem->withdrawals++;
    }
    page->in_code = true;
    /* Loads of a precise page must miss, so that they can be mapped precise. */
    return (struct grant){.fetch = true, .read = !page->precise};
}

struct grant memory_translate(struct memory *mem, uint64_t gpa, enum access_kind kind,
                              bool may_write)
{
    struct slot *slot = recent_slot(mem, gpa);
    if (!slot)
        return (struct grant){0};
    if (slot->region.kind == REGION_DEVICE)
        return (struct grant){.read = true, .write = true};
    struct page *page = &slot->pages[(gpa - slot->region.base) >> mem->page_bits];
    if (is_foreign(mem, page))
        conflict(mem, slot, page);
    if (kind == ACCESS_FETCH)
        return grant_fetch(mem, page);
    if (slot->region.kind == REGION_ROM)
        return (struct grant){.read = true, .precise = page->precise};
    if (kind == ACCESS_WRITE && state_of(mem, page) == PAGE_ARMED)
        first_write(mem, slot, page);
    if (page->precise)
        return (struct grant){.read = true, .write = true, .precise = true};
    if (kind == ACCESS_READ) {
        bool write = may_write && !page->in_code && state_of(mem, page) == PAGE_OPEN &&
                     page->kept == mem->marks;
        page->in_writable |= write;
        return (struct grant){.read = true, .write = write};
    }
    keep(mem, slot, page);
    if (page->in_code)
        memory_code_changed(mem, slot, page);
    page->in_writable = true;
    return (struct grant){.read = true, .write = true};
}

uint64_t memory_access(struct memory *mem, uint64_t gpa, unsigned size, enum access_kind kind,
                       uint64_t value)
{
    struct slot *slot = recent_slot(mem, gpa);
    if (!slot || !slot->region.host)
        return 0;
    uint64_t offset = gpa - slot->region.base;
    uint8_t *host = slot->region.host + offset;
    struct page *page = &slot->pages[offset >> mem->page_bits];
    if (kind != ACCESS_WRITE)
        value = load_le(host, size);
    /* A TLB may still map a page precise that is so no more. */
    if (__builtin_expect(!page->precise, 0)) {
        if (is_foreign(mem, page))
            conflict(mem, slot, page);
        if (kind == ACCESS_WRITE && state_of(mem, page) == PAGE_ARMED)
            first_write(mem, slot, page);
    }
    announce_access(mem, gpa, size, kind, value);
    if (kind == ACCESS_WRITE) {
        keep(mem, slot, page);
        if (page->in_code)
            memory_code_changed(mem, slot, page);
        memcpy(host, &value, size);
    }
    return value;
}

void memory_set_power(struct memory *mem, bool on)
{
    mem->dead = !on;
}

bool memory_power(const struct memory *mem)
{
    return !mem->dead;
}

uint64_t memory_device_read(struct memory *mem, const struct region *region, uint64_t offset,
                            unsigned size)
{
    return mem->dead ? 0 : region->ops->read(region->opaque, offset, size);
}

void memory_device_write(struct memory *mem, const struct region *region, uint64_t offset,
                         unsigned size, uint64_t value)
{
    if (mem->dead)
        return;
    for (size_t i = 0; i < mem->listener_count; i++) {
        const struct memory_listener *listener = &mem->listeners[i];
        if (listener->device_write)
            listener->device_write(listener->opaque, region);
    }
    region->ops->write(region->opaque, offset, size, value);
}

/* ---- Host accesses ------------------------------------------------------------------------ */

/* The longest piece of [gpa, gpa + length) that one region holds, and which; NULL if none. */
static struct slot *piece(const struct memory *mem, uint64_t gpa, uint64_t length, uint64_t *size)
{
    struct slot *slot = find_slot(mem, gpa);
    if (!slot || !slot->region.host)
        return NULL;
    uint64_t left = slot->region.size - (gpa - slot->region.base);
    *size = length < left ? length : left;
    return slot;
}

static int check_backed(const struct memory *mem, uint64_t gpa, uint64_t length, bool rom_too)
{
    while (length) {
        uint64_t size;
        struct slot *slot = piece(mem, gpa, length, &size);
        if (!slot || (slot->region.kind == REGION_ROM && !rom_too))
            return -1;
        length -= size;
        gpa += size;
        if (length && gpa == 0)
            return -1;
    }
    return 0;
}

int memory_read(const struct memory *mem, uint64_t gpa, void *buffer, uint64_t length)
{
    if (check_backed(mem, gpa, length, true))
        return -1;
    for (uint8_t *to = buffer; length;) {
        uint64_t size;
        struct slot *slot = piece(mem, gpa, length, &size);
        memcpy(to, slot->region.host + (gpa - slot->region.base), size);
        to += size;
        gpa += size;
        length -= size;
    }
    return 0;
}

/* A host store to part of one page, announced as the guest's own would be. */
static void store_in_page(struct memory *mem, struct slot *slot, uint64_t gpa, const uint8_t *from,
                          uint64_t size)
{
    uint64_t offset = gpa - slot->region.base;
    struct page *page = &slot->pages[offset >> mem->page_bits];
    if (is_foreign(mem, page))
        conflict(mem, slot, page);
    if (state_of(mem, page) == PAGE_ARMED)
        first_write(mem, slot, page);
    if (page->precise) {
        for (uint64_t done = 0; done < size;) {
            unsigned step = size - done >= 8 && !((gpa + done) & 7) ? 8 : 1;
            uint64_t value = 0;
            memcpy(&value, from + done, step);
            announce_access(mem, gpa + done, step, ACCESS_WRITE, value);
            done += step;
        }
    }
    keep(mem, slot, page);
    if (page->in_code)
        memory_code_changed(mem, slot, page);
    memcpy(slot->region.host + offset, from, size);
}

int memory_write(struct memory *mem, uint64_t gpa, const void *buffer, uint64_t length)
{
    if (check_backed(mem, gpa, length, false))
        return -1;
    for (const uint8_t *from = buffer; length;) {
        uint64_t in_page = memory_page_size(mem) - (gpa & (memory_page_size(mem) - 1));
        uint64_t size = length < in_page ? length : in_page;
        store_in_page(mem, find_slot(mem, gpa), gpa, from, size);
        from += size;
        gpa += size;
        length -= size;
    }
    return 0;
}

int memory_load(struct memory *mem, uint64_t gpa, const void *buffer, uint64_t length)
{
    if (check_backed(mem, gpa, length, true))
        return -1;
    const uint64_t start = gpa, all = length;
    for (const uint8_t *from = buffer; length;) {
        uint64_t size;
        struct slot *slot = piece(mem, gpa, length, &size);
        uint64_t offset = gpa - slot->region.base;
        struct page *last = &slot->pages[(offset + size - 1) >> mem->page_bits];
        for (struct page *page = &slot->pages[offset >> mem->page_bits]; page <= last; page++) {
            keep(mem, slot, page);
            if (page->in_code)
                memory_code_changed(mem, slot, page);
        }
        memcpy(slot->region.host + offset, from, size);
        from += size;
        gpa += size;
        length -= size;
    }
    for (size_t i = 0; i < mem->listener_count; i++)
        if (mem->listeners[i].loaded)
            mem->listeners[i].loaded(mem->listeners[i].opaque, start, all);
    return 0;
}

int memory_listen(struct memory *mem, const struct memory_listener *listener)
{
    struct memory_listener *all =
        realloc(mem->listeners, (mem->listener_count + 1) * sizeof(struct memory_listener));
    if (!all)
        return -1;
    mem->listeners = all;
    all[mem->listener_count++] = *listener;
    return 0;
}

/* ---- Contents as a whole ------------------------------------------------------------------ */

static bool all_zero(const uint8_t *bytes, uint64_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

void memory_digest(const struct memory *mem, uint8_t digest[MEMORY_DIGEST_SIZE])
{
    _Static_assert(MEMORY_DIGEST_SIZE == SHA256_DIGEST_SIZE, "size of SHA-256");
    struct sha256_ctx sha;
    sha256_init(&sha);
    uint64_t page_size = memory_page_size(mem);
    for (size_t i = 0; i < mem->slot_count; i++) {
        const struct region *region = &mem->slots[i]->region;
        if (region->kind != REGION_RAM)
            continue;
        for (uint64_t offset = 0; offset < region->size; offset += page_size) {
            const uint8_t *page = region->host + offset;
            if (all_zero(page, page_size))
                continue;
            uint8_t address[8];
            for (unsigned b = 0; b < 8; b++)
                address[b] = (uint8_t)((region->base + offset) >> (8 * b));
            sha256_update(&sha, sizeof address, address);
            sha256_update(&sha, page_size, page);
        }
    }
    sha256_digest(&sha, MEMORY_DIGEST_SIZE, digest);
}
