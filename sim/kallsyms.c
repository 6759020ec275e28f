/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/kallsyms.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKENS = 256,
    INDEX_SIZE = TOKENS * 2,
    MARKER_STEP = 256, /* symbols a marker */
    MAX_NAME = 1024,   /* KSYM_NAME_LEN is 128, 512 from 6.1 */
    MAX_GAP = 64,      /* padding between two tables */
    MIN_USED_TOKENS = 16,
};

#define LINK_ADDRESS 0xffffffff80000000u           /* KERNEL_LINK_ADDR on RISC-V 64 */
#define MAX_STRINGS  (UINT64_C(256) << 20)         /* bytes of decoded names */
#define MAX_WORK     (UINT64_C(256) * 1000 * 1000) /* names and places looked at before giving up */

/* A candidate; offsets into the image. */
struct tables {
    const uint8_t *image;
    size_t size;
    size_t token_table, token_index;
    size_t count_at, names, names_end;
    size_t count;
    bool uleb; /* name lengths */
    size_t addresses;
    enum {
        OFFSETS,
        OFFSETS_PER_CPU,
        ABSOLUTE
    } kind;
    uint64_t base;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static size_t align8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ---- Tokens ------------------------------------------------------------------------------- */

static bool is_token_index(const uint8_t *p)
{
    if (get16(p) != 0)
        return false;
    for (unsigned i = 1; i < TOKENS; i++)
        if (get16(p + 2 * i) <= get16(p + 2 * i - 2))
            return false;
    return true;
}

/* The 256 strings that the index at `index` describes, if they end just before it. */
static bool find_token_table(const uint8_t *image, size_t index, size_t *table)
{
    size_t last = get16(image + index + INDEX_SIZE - 2);
    for (size_t pad = 0; pad < 8; pad++) {
        if (index < pad + 1 + last)
            return false;
        size_t end = index - pad; /* behind the last string's NUL */
        if (image[end - 1] != 0)
            return false; /* and so for every longer padding */
        size_t start = end - 1;
        while (start > 0 && image[start - 1] != 0 && end - start < MAX_NAME)
            start--;
        if (start < last || (start - last) % 4 != 0)
            continue;
        size_t used = 0;
        bool good = true;
        for (unsigned i = 0; i < TOKENS && good; i++) {
            const uint8_t *token = image + start - last + get16(image + index + 2 * i);
            const uint8_t *stop = i + 1 < TOKENS
                                      ? image + start - last + get16(image + index + 2 * i + 2)
                                      : image + end;
            if (stop[-1] != 0)
                good = false;
            for (const uint8_t *c = token; c < stop - 1 && good; c++)
                good = *c > ' ' && *c < 0x7f;
            used += stop - token > 1;
        }
        if (good && used >= MIN_USED_TOKENS) {
            *table = start - last;
            return true;
        }
    }
    return false;
}

/* ---- Names -------------------------------------------------------------------------------- */

/* Reads the length at *at and steps over it and the name. False at the end of the image. */
static bool step_name(const struct tables *t, size_t *at, size_t *name, size_t *length)
{
    size_t p = *at;
    if (p >= t->token_table)
        return false;
    size_t n = t->image[p++];
    if (t->uleb && n & 0x80) {
        if (p >= t->token_table)
            return false;
        n = (n & 0x7f) | (size_t)t->image[p++] << 7;
    }
    if (n == 0 || n > MAX_NAME || n > t->token_table - p)
        return false;
    *name = p;
    *length = n;
    *at = p + n;
    return true;
}

static const char *token(const struct tables *t, uint8_t code)
{
    return (const char *)t->image + t->token_table + get16(t->image + t->token_index + 2 * code);
}

static bool has_type(const struct tables *t, size_t name)
{
    return strchr("AaBbCcDdGgiNnpRrSsTtuVvWw?-", token(t, t->image[name])[0]) != NULL &&
           token(t, t->image[name])[0] != 0;
}

/* Whether the markers at `at`, `width` bytes each, are those of the names. */
static bool check_markers(const struct tables *t, size_t at, unsigned width, uint64_t *work)
{
    size_t markers = (t->count + MARKER_STEP - 1) / MARKER_STEP;
    if (at > t->token_table || markers > (t->token_table - at) / width)
        return false;
    size_t end = align8(at + markers * width);
    size_t seqs_end = align8(end + 3 * t->count);
    bool plain = end <= t->token_table && t->token_table - end < MAX_GAP;
    bool seqs = seqs_end <= t->token_table && t->token_table - seqs_end < MAX_GAP;
    if (!plain && !seqs)
        return false;
    size_t p = t->names, name, length;
    for (size_t i = 0; i < t->count; i++) {
        if (i % MARKER_STEP == 0) {
            const uint8_t *m = t->image + at + i / MARKER_STEP * width;
            if ((width == 8 ? get64(m) : get32(m)) != p - t->names)
                return false;
        }
        ++*work;
        if (!step_name(t, &p, &name, &length))
            return false;
    }
    return true;
}

/* The names that start behind a symbol count at t->count_at. */
static bool check_names(struct tables *t, uint64_t *work)
{
    for (int uleb = 1; uleb >= 0; uleb--) {
        size_t p = t->names, name, length, i;
        t->uleb = uleb;
        for (i = 0; i < t->count && *work < MAX_WORK; i++) {
            ++*work;
            if (!step_name(t, &p, &name, &length) || !has_type(t, name))
                break;
        }
        if (i < t->count)
            continue;
        t->names_end = p;
        for (unsigned width = 4; width <= 8; width += 4)
            if (check_markers(t, align8(p), width, work))
                return true;
    }
    return false;
}

/* Searches backwards from the tokens: the count is a small number, padded to 8 bytes. */
static bool find_names(struct tables *t, uint64_t *work)
{
    for (size_t p = t->token_table & ~(size_t)3; p >= 12 && *work < MAX_WORK; p -= 4) {
        ++*work;
        t->count_at = p - 12;
        t->count = get32(t->image + t->count_at);
        if (t->count == 0 || t->count > (t->token_table - t->count_at) / 2 ||
            get32(t->image + t->count_at + 4) != 0)
            continue;
        t->names = t->count_at + 8;
        if (check_names(t, work))
            return true;
    }
    return false;
}

/* ---- Addresses ---------------------------------------------------------------------------- */

static uint64_t address_of(const struct tables *t, size_t i)
{
    if (t->kind == ABSOLUTE)
        return get64(t->image + t->addresses + 8 * i);
    uint32_t offset = get32(t->image + t->addresses + 4 * i);
    if (t->kind == OFFSETS)
        return t->base + offset;
    int32_t signed_offset = (int32_t)offset; /* CONFIG_KALLSYMS_ABSOLUTE_PERCPU */
    return signed_offset >= 0 ? (uint64_t)signed_offset
                              : t->base - 1 + (uint64_t)(-(int64_t)signed_offset);
}

/* How well the addresses at t->addresses look: 0 to 1000, 0 for not at all. The table is sorted;
 * kernels differ in what they do with a few absolute symbols. */
static unsigned rate_addresses(struct tables *t)
{
    size_t rising = 1, high = 0;
    for (size_t i = 0; i < t->count; i++) {
        uint64_t address = address_of(t, i);
        rising += i > 0 && address >= address_of(t, i - 1);
        high += address >> 63;
    }
    if (t->count > 1 && address_of(t, 0) == address_of(t, t->count - 1))
        return 0;
    if (rising < t->count - t->count / 20)
        return 0;
    unsigned rate = (unsigned)(600 * rising / t->count + 300 * high / t->count);
    if (t->kind != ABSOLUTE && t->base % 4096 == 0)
        rate += 100;
    return rate;
}

/* Keeps the best of the places where a version of the kernel may have put the addresses. */
static bool find_addresses(struct tables *t)
{
    struct tables best = *t;
    unsigned best_rate = 0;
    size_t behind = align8(t->token_index + INDEX_SIZE);
    for (int place = 0; place < 4; place++) {
        struct tables c = *t;
        size_t bytes = place < 2 ? align8(4 * t->count) + 8 : 8 * t->count;
        if (place % 2 == 0) { /* to 6.4 */
            if (t->count_at < bytes)
                continue;
            c.addresses = t->count_at - bytes;
        } else { /* from 6.5 */
            if (behind > t->size || t->size - behind < bytes)
                continue;
            c.addresses = behind;
        }
        if (place < 2) {
            c.base = get64(t->image + c.addresses + bytes - 8);
            if (c.base == 0)
                c.base = LINK_ADDRESS;
        }
        for (int kind = place < 2 ? OFFSETS : ABSOLUTE; kind <= (place < 2 ? 1 : ABSOLUTE);
             kind++) {
            c.kind = kind;
            unsigned rate = rate_addresses(&c);
            if (rate > best_rate) {
                best_rate = rate;
                best = c;
            }
        }
    }
    *t = best;
    return best_rate > 0;
}

/* ---- Decoding ----------------------------------------------------------------------------- */

/* Appends the name's tokens; the first character is the type. Returns the string's length without
 * the type, or -1 if it is too long. `out` has room for MAX_NAME + 1 bytes. */
static long expand(const struct tables *t, size_t name, size_t length, char *type, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        const char *s = token(t, t->image[name + i]);
        if (i == 0)
            *type = *s++;
        size_t add = strlen(s);
        if (add > MAX_NAME - n)
            return -1;
        memcpy(out + n, s, add);
        n += add;
    }
    out[n] = 0;
    return (long)n;
}

static int decode(const struct tables *t, struct kallsyms *k, struct error *err)
{
    size_t capacity = t->count * 16 + MAX_NAME + 1, used = 0, p = t->names, name, length;
    k->addresses = malloc(t->count * sizeof *k->addresses);
    k->names = malloc(t->count * sizeof *k->names);
    k->types = malloc(t->count);
    k->strings = malloc(capacity);
    if (!k->addresses || !k->names || !k->types || !k->strings)
        return error_set(err, "kallsyms: out of memory");
    for (size_t i = 0; i < t->count; i++) {
        if (capacity - used < MAX_NAME + 1) {
            capacity += capacity / 2;
            char *more = capacity > MAX_STRINGS ? NULL : realloc(k->strings, capacity);
            if (!more)
                return error_set(err, "kallsyms: %zu symbols with absurdly long names", t->count);
            k->strings = more;
        }
        if (!step_name(t, &p, &name, &length))
            return error_set(err, "kallsyms: symbol %zu of %zu is damaged", i, t->count);
        long n = expand(t, name, length, &k->types[i], k->strings + used);
        if (n < 0)
            return error_set(err, "kallsyms: symbol %zu of %zu has an absurdly long name", i,
                             t->count);
        k->names[i] = (uint32_t)used;
        k->addresses[i] = address_of(t, i);
        used += (size_t)n + 1;
    }
    k->count = t->count;
    k->file_offset = t->names;
    return 0;
}

int kallsyms_find(const uint8_t *image, size_t size, struct kallsyms *found, struct error *err)
{
    uint64_t work = 0;
    *found = (struct kallsyms){0};
    for (size_t p = 0; p + INDEX_SIZE <= size && work < MAX_WORK; p += 4) {
        struct tables t = {.image = image, .size = size, .token_index = p};
        if (get16(image + p) != 0 || !is_token_index(image + p) ||
            !find_token_table(image, p, &t.token_table) || !find_names(&t, &work) ||
            !find_addresses(&t))
            continue;
        if (decode(&t, found, err) < 0) {
            kallsyms_free(found);
            return -1;
        }
        return 0;
    }
    return 1;
}

void kallsyms_free(struct kallsyms *kallsyms)
{
    free(kallsyms->addresses);
    free(kallsyms->names);
    free(kallsyms->types);
    free(kallsyms->strings);
    *kallsyms = (struct kallsyms){0};
}
