/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/report/source_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/input.h"
#include "sim/report/names.h"

#define MAX_DEPTH 64 /* of DIEs */

struct range {
    uint64_t start, end;
};

/* A copy of a function, while its unit is read. */
struct scope {
    uint64_t start, end;
    uint32_t file, line; /* where the function is declared */
    uint32_t copy;
};

struct source_lines {
    struct names files, names; /* names: of functions */
    struct source_row *rows;
    size_t row_count, row_room;
    struct source_function *functions;
    size_t function_count, function_room;
    uint32_t copies;
};

/* One ELF file, while it is read. */
struct reader {
    struct source_lines *lines;
    struct range *code; /* executable sections */
    size_t code_count;
    bool zero;            /* there is a function at address 0 */
    size_t budget;        /* DIEs that there can be at most */
    struct scope *scopes; /* of the unit */
    size_t scope_count, scope_room;
    const char *folder;    /* where the unit was compiled, NULL: not known */
    const char *last_name; /* of a file, as libdw has it ... */
    uint32_t last_file;    /* ... and its number */
    bool failed;           /* out of memory */
};

/* Makes room for one more; false when out of memory. */
static bool more(void *array, size_t count, size_t *room, size_t size)
{
    void **at = array;
    if (count < *room)
        return true;
    size_t larger = 2 * *room + 64;
    void *all = realloc(*at, larger * size);
    if (!all)
        return false;
    *at = all;
    *room = larger;
    return true;
}

/* ---- Files --------------------------------------------------------------------------------- */

/* Takes "//", "/./" and "/x/../" out, in place. */
static void tidy(char *path)
{
    char *out = path;
    for (const char *in = path; *in;) {
        size_t length = strcspn(in + (*in == '/'), "/") + (*in == '/');
        if (*in == '/' && (length == 1 || (length == 2 && in[1] == '.'))) {
            in += length;
            continue;
        }
        char *up = out;
        while (up > path && *--up != '/')
            ;
        bool is_up = out - up == 3 && !memcmp(up, "/..", 3);
        if (length == 3 && !memcmp(in, "/..", 3) && out > up && *up == '/' && !is_up) {
            out = up;
        } else {
            memmove(out, in, length);
            out += length;
        }
        in += length;
    }
    *out = 0;
}

static uint32_t file_of(struct reader *reader, const char *name)
{
    struct source_lines *lines = reader->lines;
    if (name == reader->last_name)
        return reader->last_file;
    char *path = NULL;
    if (*name == '/' || !reader->folder)
        path = strdup(name);
    else if (asprintf(&path, "%s/%s", reader->folder, name) < 0)
        path = NULL;
    if (path)
        tidy(path);
    uint32_t file = path ? names_add(&lines->files, path) : NAMES_FULL;
    free(path);
    reader->failed |= file == NAMES_FULL;
    if (file == NAMES_FULL)
        return 0;
    reader->last_name = name;
    reader->last_file = file;
    return file;
}

/* ---- Functions ----------------------------------------------------------------------------- */

static bool is_code(const struct reader *reader, uint64_t address)
{
    if (!address && !reader->zero)
        return false;
    for (size_t i = 0; i < reader->code_count; i++)
        if (address >= reader->code[i].start && address < reader->code[i].end)
            return true;
    return false;
}

static void add_scope(struct reader *reader, const struct scope *scope)
{
    if (!is_code(reader, scope->start) || scope->end <= scope->start)
        return;
    if (more(&reader->scopes, reader->scope_count, &reader->scope_room, sizeof *reader->scopes))
        reader->scopes[reader->scope_count++] = *scope;
    else
        reader->failed = true;
}

/* A function that the linker has dropped: its lines are nobody else's. */
static void add_dropped(struct reader *reader, struct scope scope)
{
    scope.start = scope.end = 0;
    if (more(&reader->scopes, reader->scope_count, &reader->scope_room, sizeof *reader->scopes))
        reader->scopes[reader->scope_count++] = scope;
    else
        reader->failed = true;
}

static void add_function(struct reader *reader, const struct scope *scope, uint64_t entry,
                         const char *name, bool inlined)
{
    struct source_lines *lines = reader->lines;
    uint32_t number = names_add(&lines->names, name);
    if (number == NAMES_FULL || !more(&lines->functions, lines->function_count,
                                      &lines->function_room, sizeof *lines->functions)) {
        reader->failed = true;
        return;
    }
    lines->functions[lines->function_count++] = (struct source_function){
        entry, scope->file, scope->line, lines->names.all[number], !inlined};
}

/* The attribute of the DIE, or of the one that says what it is a copy of. */
static const char *text_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static void read_function(struct reader *reader, Dwarf_Die *die)
{
    const char *name = text_of(die, DW_AT_name), *file = dwarf_decl_file(die);
    int line = 0;
    Dwarf_Addr base, start, end, first = UINT64_MAX, entry;
    if (!name || !file || dwarf_decl_line(die, &line) || line < 1)
        return;
    struct scope scope = {.file = file_of(reader, file), .line = (uint32_t)line};
    scope.copy = reader->lines->copies + 1;
    size_t before = reader->scope_count;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;) {
        scope.start = start;
        scope.end = end;
        add_scope(reader, &scope);
        first = start < first ? start : first;
    }
    if (reader->scope_count == before) {
        if (dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges))
            add_dropped(reader, scope);
        return;
    }
    reader->lines->copies++;
    if (dwarf_entrypc(die, &entry) || !is_code(reader, entry))
        entry = first;
    add_function(reader, &scope, entry, name, dwarf_tag(die) == DW_TAG_inlined_subroutine);
}

static void read_dies(struct reader *reader, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die;
    if (depth == MAX_DEPTH || dwarf_child(parent, &die))
        return;
    do {
        if (!reader->budget || reader->failed)
            return;
        reader->budget--;
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
            read_function(reader, &die);
        if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
            tag == DW_TAG_lexical_block || tag == DW_TAG_namespace || tag == DW_TAG_module ||
            tag == DW_TAG_class_type || tag == DW_TAG_structure_type)
            read_dies(reader, &die, depth + 1);
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* ---- Lines --------------------------------------------------------------------------------- */

static int by_declaration(const void *a, const void *b)
{
    const struct scope *x = a, *y = b;
    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* By address; what is within another comes after it. */
static int by_nesting(const void *a, const void *b)
{
    const struct scope *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->end != y->end)
        return x->end > y->end ? -1 : 1;
    return x->copy < y->copy ? -1 : x->copy > y->copy;
}

/* The function in whose text the line is: that which begins last before it, or NULL. */
static const struct scope *owner_of(const struct scope *declared, size_t count, uint32_t file,
                                    uint32_t line)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct scope *scope = &declared[middle];
        if (scope->file < file || (scope->file == file && scope->line <= line))
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || declared[low - 1].file != file)
        return NULL;
    for (const struct scope *scope = &declared[low - 1];
         scope >= declared && !by_declaration(scope, &declared[low - 1]); scope--)
        if (scope->end)
            return scope;
    return &declared[low - 1];
}

/* Where a walk over the unit's scopes, in step with its rows, has come to. */
struct walk {
    const struct scope *scopes; /* by nesting */
    size_t count, next;
    const struct scope *open[MAX_DEPTH]; /* those around the address, the innermost last */
    size_t depth;
};

static void walk_to(struct walk *walk, uint64_t address)
{
    for (; walk->next < walk->count && walk->scopes[walk->next].start <= address; walk->next++) {
        const struct scope *scope = &walk->scopes[walk->next];
        while (walk->depth && walk->open[walk->depth - 1]->end <= scope->start)
            walk->depth--;
        if (walk->depth < MAX_DEPTH)
            walk->open[walk->depth++] = scope;
    }
    while (walk->depth && walk->open[walk->depth - 1]->end <= address)
        walk->depth--;
}

static void add_row(struct reader *reader, const struct source_row *row)
{
    struct source_lines *lines = reader->lines;
    if (more(&lines->rows, lines->row_count, &lines->row_room, sizeof *lines->rows))
        lines->rows[lines->row_count++] = *row;
    else
        reader->failed = true;
}

/* Where lines of one function are found within the ranges of another that was inlined into it, they
 * belong to the outer one's copy. Dropped functions seem to be at addresses of others. */
static void place_row(struct reader *reader, const struct walk *walk, const struct scope *declared,
                      struct source_row *row)
{
    if (walk->count) { /* else the unit has no functions: assembly */
        const struct scope *owner = owner_of(declared, walk->count, row->file, row->line);
        if (!walk->depth || (owner && !owner->end))
            return;
        row->copy = walk->open[0]->copy;
        for (size_t i = walk->depth; i--;) {
            if (owner && !by_declaration(walk->open[i], owner)) {
                row->copy = walk->open[i]->copy;
                break;
            }
        }
    }
    add_row(reader, row);
    if (!row->copy || !row->begins)
        return;
    /* The first instruction of an inlined function may have been moved out of the loop it is in. */
    struct source_function *function = &reader->lines->functions[row->copy - 1];
    if (!function->settled)
        function->entry = row->address;
    function->settled = true;
}

/* Whether a statement begins with the row's instructions: that may be said by one of the rows
 * before it at its address, which have no instructions of their own. */
static bool begins_statement(Dwarf_Lines *all, size_t index, Dwarf_Addr address, int number)
{
    for (size_t i = index + 1; i--;) {
        Dwarf_Line *line = dwarf_onesrcline(all, i);
        Dwarf_Addr at;
        bool begins, ends;
        int other;
        if (dwarf_lineaddr(line, &at) || at != address || dwarf_lineendsequence(line, &ends) ||
            ends)
            return false;
        if (dwarf_lineno(line, &other) == 0 && other == number &&
            dwarf_linebeginstatement(line, &begins) == 0 && begins)
            return true;
    }
    return false;
}

static void read_rows(struct reader *reader, Dwarf_Die *unit)
{
    Dwarf_Lines *all;
    size_t count, scopes = reader->scope_count;
    struct scope *declared = malloc((scopes + 1) * sizeof *declared);
    struct walk walk = {.scopes = reader->scopes, .count = scopes};
    reader->failed |= !declared;
    if (!declared || dwarf_getsrclines(unit, &all, &count)) {
        free(declared);
        return;
    }
    if (scopes) {
        memcpy(declared, reader->scopes, scopes * sizeof *declared);
        qsort(declared, scopes, sizeof *declared, by_declaration);
        qsort(reader->scopes, scopes, sizeof *reader->scopes, by_nesting);
    }
    for (size_t i = 0; i + 1 < count && !reader->failed; i++) {
        Dwarf_Line *line = dwarf_onesrcline(all, i), *after = dwarf_onesrcline(all, i + 1);
        Dwarf_Addr address, next;
        bool ends = true;
        int number = 0;
        const char *file;
        if (dwarf_lineendsequence(line, &ends) || ends || dwarf_lineaddr(line, &address) ||
            dwarf_lineaddr(after, &next) || next <= address || dwarf_lineno(line, &number) ||
            number < 1 || !is_code(reader, address) || !(file = dwarf_linesrc(line, NULL, NULL)))
            continue;
        struct source_row row = {.address = address,
                                 .line = (uint32_t)number,
                                 .begins = begins_statement(all, i, address, number)};
        row.file = file_of(reader, file);
        walk_to(&walk, address);
        place_row(reader, &walk, declared, &row);
    }
    free(declared);
}

/* ---- ELF files ----------------------------------------------------------------------------- */

static void find_function_at_zero(struct reader *reader, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
    GElf_Sym symbol;
    for (size_t i = 0; i < count && gelf_getsym(data, (int)i, &symbol); i++)
        if (GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF &&
            symbol.st_value <= 1)
            reader->zero = true;
}

static void read_sections(struct reader *reader, Elf *elf)
{
    size_t room = 0;
    GElf_Shdr header;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        if (!gelf_getshdr(section, &header))
            continue;
        if (header.sh_type == SHT_SYMTAB)
            find_function_at_zero(reader, section, &header);
        if (!(header.sh_flags & SHF_EXECINSTR) || !(header.sh_flags & SHF_ALLOC) ||
            header.sh_size > UINT64_MAX - header.sh_addr)
            continue;
        if (!more(&reader->code, reader->code_count, &room, sizeof *reader->code)) {
            reader->failed = true;
            return;
        }
        reader->code[reader->code_count++] =
            (struct range){header.sh_addr, header.sh_addr + header.sh_size};
    }
}

static void read_dwarf(struct reader *reader, Dwarf *dwarf)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t type;
    while (!reader->failed && reader->budget &&
           dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL) == 0) {
        if (type != DW_UT_compile && type != DW_UT_partial)
            continue;
        reader->budget--;
        reader->scope_count = 0;
        reader->last_name = NULL;
        reader->folder = text_of(&die, DW_AT_comp_dir);
        read_dies(reader, &die, 0);
        read_rows(reader, &die);
    }
}

/* Opens what may be an ELF file with DWARF; *elf and the result are NULL if it is none. */
static Dwarf *open_dwarf(struct input *input, Elf **elf)
{
    *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL
                                              : elf_begin(input_fd(input), ELF_C_READ_MMAP, NULL);
    return *elf && elf_kind(*elf) == ELF_K_ELF ? dwarf_begin_elf(*elf, DWARF_C_READ, NULL) : NULL;
}

bool source_lines_in(const char *path)
{
    struct input *input = input_open(path, false, NULL);
    if (!input)
        return false;
    Elf *elf;
    Dwarf *dwarf = open_dwarf(input, &elf);
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Attribute attribute;
    bool found = false;
    for (size_t i = 0; dwarf && !found && i < (size_t)input_file_size(input); i++) {
        if (dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL))
            break;
        found = dwarf_attr(&die, DW_AT_stmt_list, &attribute);
    }
    dwarf_end(dwarf);
    elf_end(elf);
    input_close(input);
    return found;
}

int source_lines_add(struct source_lines *lines, const char *path, struct error *err)
{
    struct input *input = input_open(path, false, err);
    if (!input)
        return -1;
    struct reader reader = {.lines = lines, .budget = (size_t)input_file_size(input)};
    Elf *elf;
    Dwarf *dwarf = open_dwarf(input, &elf);
    if (dwarf) {
        read_sections(&reader, elf);
        read_dwarf(&reader, dwarf);
    }
    dwarf_end(dwarf);
    elf_end(elf);
    input_close(input);
    free(reader.code);
    free(reader.scopes);
    return reader.failed ? error_set(err, "%s: out of memory", path) : 0;
}

/* ---- The result ---------------------------------------------------------------------------- */

struct source_lines *source_lines_new(void)
{
    return calloc(1, sizeof(struct source_lines));
}

void source_lines_free(struct source_lines *lines)
{
    if (!lines)
        return;
    names_free(&lines->files);
    names_free(&lines->names);
    free(lines->rows);
    free(lines->functions);
    free(lines);
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_line(const void *a, const void *b)
{
    const struct source_row *x = a, *y = b;
    int order = compare(x->file, y->file);
    order = order ? order : compare(x->line, y->line);
    order = order ? order : compare(x->copy, y->copy);
    order = order ? order : compare(!x->begins, !y->begins);
    return order ? order : compare(x->address, y->address);
}

static int by_name(const void *a, const void *b)
{
    const struct source_function *x = a, *y = b;
    int order = compare(x->file, y->file);
    order = order ? order : strcmp(x->name, y->name);
    order = order ? order : compare(x->line, y->line);
    return order ? order : compare(x->entry, y->entry);
}

size_t source_lines_rows(struct source_lines *lines, const struct source_row **rows)
{
    if (lines->row_count)
        qsort(lines->rows, lines->row_count, sizeof *lines->rows, by_line);
    *rows = lines->rows;
    return lines->row_count;
}

size_t source_lines_functions(struct source_lines *lines, const struct source_function **functions)
{
    if (lines->function_count)
        qsort(lines->functions, lines->function_count, sizeof *lines->functions, by_name);
    *functions = lines->functions;
    return lines->function_count;
}

size_t source_lines_files(const struct source_lines *lines)
{
    return lines->files.count;
}

const char *source_lines_file(const struct source_lines *lines, uint32_t file)
{
    return lines->files.all[file];
}
