/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/symbols.h"

#include <ctype.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/input.h"
#include "sim/kallsyms.h"
#include "sim/nearest.h"

enum {
    LONGEST_NAME = 1024,
    BLOCK_SIZE = 256 * 1024,
    MAX_SYMBOLS = 16 * 1000 * 1000,
    MAX_NESTING = 16, /* symbols inside a larger one that are looked past */
};

#define MAX_KERNEL_SIZE ((size_t)512 << 20) /* bytes, uncompressed */
#define MAX_MAP_SIZE    ((size_t)128 << 20)
#define MAX_NAME_BYTES  ((size_t)512 << 20)

struct entry {
    struct symbol symbol;
    uint64_t limit;    /* where the section ends, for a symbol without a size */
    uint32_t sequence; /* order of arrival */
    uint8_t rank;      /* among names of one address: the lowest is shown */
    bool sized;        /* the source says */
};

struct block {
    struct block *next;
    char text[BLOCK_SIZE];
};

struct symbols {
    struct entry *entries; /* sorted by address, rank, arrival */
    size_t count, capacity;
    uint32_t *at; /* entries to show, one an address */
    size_t at_count;
    uint32_t *hash; /* entry + 1 by name, the first by address; open addressing */
    size_t hash_size;
    struct block *blocks; /* names; the newest first */
    size_t block_used, name_bytes;
};

struct symbols *symbols_new(void)
{
    return calloc(1, sizeof(struct symbols));
}

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    while (symbols->blocks) {
        struct block *block = symbols->blocks;
        symbols->blocks = block->next;
        free(block);
    }
    free(symbols->entries);
    free(symbols->at);
    free(symbols->hash);
    free(symbols);
}

/* ---- Adding ------------------------------------------------------------------------------- */

/* Names that linkers and compilers make up, which say less than a neighbour at the same address. */
static bool made_up(const char *name)
{
    static const char *const prefixes[] = {"__start_", "__stop_", "__end_", "__bss_", "_stext",
                                           "_etext",   "_sdata",  "_edata", "_text",  "_end"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    size_t n = strlen(name);
    return (n > 6 && strcmp(name + n - 6, "_start") == 0) ||
           (n > 4 && strcmp(name + n - 4, "_end") == 0);
}

static uint8_t rank_of(const char *name, char type, bool sized)
{
    return (uint8_t)(8 * made_up(name) + 4 * !sized + 2 * (tolower(type) == 'w') + islower(type));
}

/* Copies the name into the table, control characters made visible; it may end up on a terminal. */
static const char *keep_name(struct symbols *symbols, const char *name, size_t length)
{
    if (!symbols->blocks || BLOCK_SIZE - symbols->block_used < length + 1) {
        struct block *block = symbols->name_bytes < MAX_NAME_BYTES ? malloc(sizeof *block) : NULL;
        if (!block)
            return NULL;
        block->next = symbols->blocks;
        symbols->blocks = block;
        symbols->block_used = 0;
        symbols->name_bytes += BLOCK_SIZE;
    }
    char *copy = symbols->blocks->text + symbols->block_used;
    symbols->block_used += length + 1;
    for (size_t i = 0; i < length; i++)
        copy[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
    copy[length] = 0;
    return copy;
}

/* Returns 1 if added, 0 if it is not worth having, -1 when out of memory. */
static int add(struct symbols *symbols, const char *name, uint64_t address, char type,
               uint64_t size, uint64_t limit)
{
    size_t length = strnlen(name, LONGEST_NAME + 1);
    /* "$x" and the like mark instruction sets, ".L" labels are an assembler's own. */
    if (length == 0 || length > LONGEST_NAME || name[0] == '$' || strncmp(name, ".L", 2) == 0)
        return 0;
    if (symbols->count == symbols->capacity) {
        size_t capacity = symbols->capacity ? 2 * symbols->capacity : 1024;
        struct entry *more = capacity > 2 * (size_t)MAX_SYMBOLS
                                 ? NULL
                                 : realloc(symbols->entries, capacity * sizeof *more);
        if (!more)
            return -1;
        symbols->entries = more;
        symbols->capacity = capacity;
    }
    const char *copy = keep_name(symbols, name, length);
    if (!copy)
        return -1;
    symbols->entries[symbols->count] = (struct entry){
        .symbol = {.name = copy, .address = address, .size = size, .type = type},
        .limit = limit,
        .sequence = (uint32_t)symbols->count,
        .rank = rank_of(copy, type, size > 0),
        .sized = size > 0,
    };
    symbols->count++;
    return 1;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->symbol.address != y->symbol.address)
        return x->symbol.address < y->symbol.address ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static uint64_t hash_of(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    while (*name)
        h = (h ^ (unsigned char)*name++) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static uint32_t *hash_slot(const struct symbols *symbols, const char *name)
{
    size_t i = hash_of(name) & (symbols->hash_size - 1);
    while (symbols->hash[i] &&
           strcmp(symbols->entries[symbols->hash[i] - 1].symbol.name, name) != 0)
        i = (i + 1) & (symbols->hash_size - 1);
    return &symbols->hash[i];
}

/* Constants are not places in memory. */
static bool has_place(const struct symbol *symbol)
{
    return !strchr("AaUuN", symbol->type);
}

/* Sorts, chooses the names to show, fills in sizes, and hashes the names. */
static int rebuild(struct symbols *symbols)
{
    size_t count = symbols->count, hash_size = 16;
    while (hash_size < 2 * count)
        hash_size *= 2;
    uint32_t *at = malloc((count + 1) * sizeof *at);
    uint32_t *hash = calloc(hash_size, sizeof *hash);
    if (!at || !hash) {
        free(at);
        free(hash);
        return -1;
    }
    free(symbols->at);
    free(symbols->hash);
    symbols->at = at;
    symbols->hash = hash;
    symbols->hash_size = hash_size;
    symbols->at_count = 0;

    struct entry *entries = symbols->entries;
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++)
        sorted = compare_entries(&entries[i - 1], &entries[i]) <= 0;
    if (!sorted)
        qsort(entries, count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < count; i++) {
        uint32_t *slot = hash_slot(symbols, entries[i].symbol.name);
        if (!*slot)
            *slot = (uint32_t)i + 1;
        entries[i].sequence = (uint32_t)i;
        size_t n = symbols->at_count;
        if (has_place(&entries[i].symbol) &&
            (n == 0 || entries[at[n - 1]].symbol.address != entries[i].symbol.address))
            at[symbols->at_count++] = (uint32_t)i;
    }
    uint64_t next = 0; /* the next higher address, 0 if none */
    size_t n = symbols->at_count;
    for (size_t i = count; i-- > 0;) {
        struct symbol *symbol = &entries[i].symbol;
        while (n > 0 && entries[at[n - 1]].symbol.address > symbol->address)
            next = entries[at[--n]].symbol.address;
        if (entries[i].sized)
            continue;
        uint64_t end = entries[i].limit;
        if (next && next < end)
            end = next;
        symbol->size = end == UINT64_MAX || end <= symbol->address || !has_place(symbol)
                           ? 0
                           : end - symbol->address;
    }
    return 0;
}

/* Ends an addition: `added` symbols, or -1. What was added before an error stays usable. */
static long finish(struct symbols *symbols, long added, const char *path, struct error *err)
{
    if (rebuild(symbols) < 0)
        return error_set(err, "%s: out of memory for %zu symbols", path, symbols->count);
    return added;
}

/* ---- ELF ---------------------------------------------------------------------------------- */

static char elf_type(const GElf_Sym *symbol, const GElf_Shdr *section)
{
    unsigned bind = GELF_ST_BIND(symbol->st_info);
    char type;
    if (symbol->st_shndx == SHN_ABS)
        type = 'A';
    else if (symbol->st_shndx == SHN_COMMON)
        type = 'C';
    else if (bind == STB_WEAK)
        return GELF_ST_TYPE(symbol->st_info) == STT_OBJECT ? 'V' : 'W';
    else if (!section)
        type = '?';
    else if (section->sh_flags & SHF_EXECINSTR)
        type = 'T';
    else if (section->sh_type == SHT_NOBITS)
        type = 'B';
    else
        type = section->sh_flags & SHF_WRITE ? 'D' : 'R';
    return bind == STB_LOCAL ? (char)tolower(type) : type;
}

static long add_elf_table(struct symbols *symbols, Elf *elf, Elf_Scn *table,
                          const GElf_Shdr *header, const char *path, struct error *err)
{
    Elf_Data *data = elf_getdata(table, NULL);
    if (!data || !data->d_buf || header->sh_entsize == 0)
        return error_set(err, "%s: the ELF symbol table is damaged: %s", path,
                         data ? "it is empty" : elf_errmsg(-1));
    size_t count = data->d_size / header->sh_entsize;
    if (count > MAX_SYMBOLS)
        return error_set(err, "%s: %zu ELF symbols are more than the limit of %d", path, count,
                         MAX_SYMBOLS);
    long added = 0;
    size_t section_index = 0; /* what `section` is of; 0 for none */
    GElf_Shdr section;
    for (size_t i = 1; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            return error_set(err, "%s: ELF symbol %zu is damaged: %s", path, i, elf_errmsg(-1));
        unsigned type = GELF_ST_TYPE(symbol.st_info);
        if (symbol.st_shndx == SHN_UNDEF || type == STT_FILE || type == STT_SECTION ||
            type == STT_TLS)
            continue;
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (!name)
            return error_set(err, "%s: the name of ELF symbol %zu is damaged: %s", path, i,
                             elf_errmsg(-1));
        if (symbol.st_shndx < SHN_LORESERVE && symbol.st_shndx != section_index) {
            Elf_Scn *scn = elf_getscn(elf, symbol.st_shndx);
            section_index = scn && gelf_getshdr(scn, &section) ? symbol.st_shndx : 0;
        }
        bool known = symbol.st_shndx < SHN_LORESERVE && section_index != 0;
        uint64_t limit = UINT64_MAX;
        if (known && section.sh_addr <= UINT64_MAX - section.sh_size)
            limit = section.sh_addr + section.sh_size;
        uint64_t address = symbol.st_value;
        GElf_Ehdr ehdr;
        if (type == STT_FUNC && gelf_getehdr(elf, &ehdr) && ehdr.e_machine == EM_ARM)
            address &= ~UINT64_C(1); /* bit 0 says Thumb */
        int rc = add(symbols, name, address, elf_type(&symbol, known ? &section : NULL),
                     symbol.st_size, limit);
        if (rc < 0)
            return error_set(err, "%s: out of memory after %ld symbols", path, added);
        added += rc;
    }
    return added;
}

static long add_elf(struct symbols *symbols, struct input *input, const char *path,
                    struct error *err)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return error_set(err, "%s: libelf is too old: %s", path, elf_errmsg(-1));
    Elf *elf = elf_begin(input_fd(input), ELF_C_READ, NULL);
    GElf_Ehdr ehdr;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr)) {
        elf_end(elf);
        return error_set(err, "%s: the ELF header is damaged or truncated", path);
    }
    long added = 0;
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(elf, scn))) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) && header.sh_type == SHT_SYMTAB) {
            added = add_elf_table(symbols, elf, scn, &header, path, err);
            break;
        }
    }
    elf_end(elf);
    return added;
}

/* ---- Linux Image -------------------------------------------------------------------------- */

static long add_image(struct symbols *symbols, const char *path, struct error *err)
{
    uint8_t *image;
    size_t size;
    struct kallsyms found;
    if (input_slurp(path, true, MAX_KERNEL_SIZE, &image, &size, err) < 0)
        return -1;
    int rc = kallsyms_find(image, size, &found, err);
    free(image);
    if (rc < 0) {
        error_prefix(err, "%s: ", path);
        return -1;
    }
    long added = 0;
    for (size_t i = 0; i < found.count && added >= 0; i++) {
        rc = add(symbols, found.strings + found.names[i], found.addresses[i], found.types[i], 0,
                 UINT64_MAX);
        added = rc < 0 ? error_set(err, "%s: out of memory after %ld symbols", path, added)
                       : added + rc;
    }
    kallsyms_free(&found);
    return added;
}

long symbols_add_file(struct symbols *symbols, const char *path, struct error *err)
{
    struct input *input = input_open(path, true, err);
    if (!input)
        return -1;
    uint8_t head[64];
    long n = input_read(input, head, sizeof head, err), added = n < 0 ? -1 : 0;
    if (n >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0 && !input_is_gzip(input))
        added = add_elf(symbols, input, path, err);
    else if (n == (long)sizeof head && memcmp(head + 0x38, "RSC\x05", 4) == 0)
        added = add_image(symbols, path, err);
    input_close(input);
    return finish(symbols, added, path, err);
}

/* ---- System.map --------------------------------------------------------------------------- */

/* Parses "ffffffff80002000 T _stext", cutting the name off in place. A module's name may follow
 * behind a tab, as in /proc/kallsyms. */
static bool parse_map_line(char *line, uint64_t *address, char *type, char **name)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 16 || line[digits] != ' ' ||
        !strchr("AaBbCcDdGgiNnpRrSsTtUuVvWw?-", line[digits + 1]) || line[digits + 1] == 0 ||
        line[digits + 2] != ' ')
        return false;
    *address = strtoull(line, NULL, 16);
    *type = line[digits + 1];
    *name = line + digits + 3;
    (*name)[strcspn(*name, "\t\r")] = 0;
    return **name && !strchr(*name, ' ');
}

long symbols_add_system_map(struct symbols *symbols, const char *path, struct error *err)
{
    uint8_t *data;
    size_t size;
    if (input_slurp(path, true, MAX_MAP_SIZE, &data, &size, err) < 0)
        return -1;
    long added = 0, number = 0;
    char *line = (char *)data, *end = line + size;
    while (line < end && added >= 0) {
        number++;
        char *newline = memchr(line, '\n', (size_t)(end - line));
        if (newline)
            *newline = 0;
        char *next = newline ? newline + 1 : end, *name, type;
        uint64_t address;
        if (strlen(line) > 0 && strcmp(line, "\r") != 0) {
            char found[100];
            size_t k = 0;
            for (; line[k] && k < sizeof found - 1; k++)
                found[k] = isprint((unsigned char)line[k]) ? line[k] : '?';
            found[k] = 0;
            if (strlen(line) != (size_t)((newline ? newline : end) - line) ||
                !parse_map_line(line, &address, &type, &name)) {
                added = error_set(err, "%s:%ld: expected \"address type name\", found \"%s\"", path,
                                  number, found);
            } else {
                int rc = add(symbols, name, address, type, 0, UINT64_MAX);
                added = rc < 0 ? error_set(err, "%s: out of memory after %ld symbols", path, added)
                               : added + rc;
            }
        }
        line = next;
    }
    free(data);
    return finish(symbols, added, path, err);
}

/* ---- Looking up --------------------------------------------------------------------------- */

const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset)
{
    if (!symbols || symbols->at_count == 0)
        return NULL;
    size_t low = 0, high = symbols->at_count; /* the last one at or below the address */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->entries[symbols->at[middle]].symbol.address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (unsigned i = 0; i < MAX_NESTING && low > 0; i++) {
        const struct entry *entry = &symbols->entries[symbols->at[--low]];
        uint64_t distance = address - entry->symbol.address;
        bool covers = distance < entry->symbol.size || distance == 0;
        if (covers && (i == 0 || entry->sized)) {
            if (offset)
                *offset = distance;
            return &entry->symbol;
        }
    }
    return NULL;
}

size_t symbols_functions(const struct symbols *symbols, struct symbol *functions, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < symbols->at_count; i++) {
        const struct symbol *symbol = &symbols->entries[symbols->at[i]].symbol;
        if (!strchr("TtWw", symbol->type))
            continue;
        if (count < room)
            functions[count] = *symbol;
        count++;
    }
    return count;
}

const struct symbol *symbols_named(const struct symbols *symbols, const char *name)
{
    if (!symbols || symbols->hash_size == 0)
        return NULL;
    uint32_t entry = *hash_slot(symbols, name);
    return entry ? &symbols->entries[entry - 1].symbol : NULL;
}

const char *symbols_nearest(const struct symbols *symbols, const char *name)
{
    if (!symbols)
        return NULL;
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (size_t i = 0; i < symbols->count; i++)
        nearest_offer(&nearest, symbols->entries[i].symbol.name);
    return nearest.best;
}

size_t symbols_count(const struct symbols *symbols)
{
    return symbols ? symbols->count : 0;
}

void symbols_format(const struct symbols *symbols, uint64_t address, char *buffer, size_t size)
{
    uint64_t offset;
    const struct symbol *symbol = symbols_at(symbols, address, &offset);
    if (!symbol)
        snprintf(buffer, size, "0x%016" PRIx64, address);
    else if (symbol->size)
        snprintf(buffer, size, "%s+0x%" PRIx64 "/0x%" PRIx64, symbol->name, offset, symbol->size);
    else
        snprintf(buffer, size, "%s+0x%" PRIx64, symbol->name, offset);
}
