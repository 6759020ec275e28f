/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/tasks.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem/input.h"

enum {
    BTF_MAGIC_LE = 0xeb9f,
    BTF_HEADER_SIZE = 24,
    MAX_TASK_STRUCT = 1 << 20, /* bytes */
    MAX_PID = 1 << 22,         /* PID_MAX_LIMIT on 64-bit kernels */
    MAX_DEPTH = 8,             /* of anonymous structures */
};

#define MAX_KERNEL_SIZE ((size_t)512 << 20) /* bytes, uncompressed */

struct tasks {
    size_t comm, comm_size;
    size_t pid;
    size_t tgid;
};

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* ---- Types -------------------------------------------------------------------------------- */

/* Finds a member by name, looking into anonymous members too. */
static bool find_member(const struct btf *btf, const struct btf_type *type, const char *name,
                        unsigned depth, size_t *bits, uint32_t *member_type)
{
    const struct btf_member *members = btf_members(type);
    for (unsigned i = 0; i < btf_vlen(type); i++) {
        const char *found = btf__name_by_offset(btf, members[i].name_off);
        size_t at = btf_member_bit_offset(type, i);
        if (found && strcmp(found, name) == 0) {
            *bits = at;
            *member_type = members[i].type;
            return true;
        }
        if (found && *found)
            continue;
        const struct btf_type *inner = btf__type_by_id(btf, members[i].type);
        if (depth < MAX_DEPTH && inner && btf_is_composite(inner) &&
            find_member(btf, inner, name, depth + 1, bits, member_type)) {
            *bits += at;
            return true;
        }
    }
    return false;
}

static bool member_offset(const struct btf *btf, const struct btf_type *type, const char *name,
                          size_t *offset, uint32_t *member_type)
{
    size_t bits;
    if (!find_member(btf, type, name, 0, &bits, member_type) || bits % 8 != 0 ||
        bits / 8 >= MAX_TASK_STRUCT)
        return false;
    *offset = bits / 8;
    return true;
}

/* Reads what is needed from one blob of BTF; false if it is not there. */
static bool read_btf(const uint8_t *data, size_t size, struct tasks *tasks)
{
    if (size > UINT32_MAX)
        return false;
    libbpf_print_fn_t print = libbpf_set_print(NULL); /* a library does not print */
    struct btf *btf = btf__new(data, (uint32_t)size);
    libbpf_set_print(print);
    if (libbpf_get_error(btf))
        return false;
    bool good = false;
    int id = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
    const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
    uint32_t comm_type, other;
    if (type && member_offset(btf, type, "comm", &tasks->comm, &comm_type) &&
        member_offset(btf, type, "pid", &tasks->pid, &other) &&
        member_offset(btf, type, "tgid", &tasks->tgid, &other)) {
        const struct btf_type *array = btf__type_by_id(btf, comm_type);
        if (array && btf_is_array(array)) {
            size_t elements = btf_array(array)->nelems;
            tasks->comm_size = elements < TASKS_COMM_SIZE ? elements : TASKS_COMM_SIZE;
            good = elements > 0;
        }
    }
    btf__free(btf);
    return good;
}

/* ---- Where the types are ------------------------------------------------------------------ */

/* The whole length of the BTF at `data`, or 0 if it is none (linux/btf.h: the header). */
static size_t btf_length(const uint8_t *data, size_t size)
{
    if (size < BTF_HEADER_SIZE || data[0] != (BTF_MAGIC_LE & 0xff) ||
        data[1] != BTF_MAGIC_LE >> 8 || data[2] != 1 || data[3] != 0 ||
        get32(data + 4) < BTF_HEADER_SIZE)
        return 0;
    uint64_t header = get32(data + 4);
    uint64_t types_end = header + get32(data + 8) + get32(data + 12);
    uint64_t strings_end = header + get32(data + 16) + get32(data + 20);
    uint64_t length = types_end > strings_end ? types_end : strings_end;
    return length <= size && get32(data + 12) && get32(data + 20) ? (size_t)length : 0;
}

static bool from_image(const uint8_t *image, size_t size, const struct symbols *symbols,
                       struct tasks *tasks)
{
    const struct symbol *base = symbols_named(symbols, "_start");
    const struct symbol *start = symbols_named(symbols, "__start_BTF");
    const struct symbol *stop = symbols_named(symbols, "__stop_BTF");
    if (base && start && stop && base->address <= start->address &&
        start->address < stop->address && stop->address - base->address <= size &&
        read_btf(image + (start->address - base->address), stop->address - start->address, tasks))
        return true;
    for (size_t at = 0; at + BTF_HEADER_SIZE <= size; at += 4) {
        size_t length = btf_length(image + at, size - at);
        if (length && read_btf(image + at, length, tasks))
            return true;
    }
    return false;
}

static bool from_elf(struct input *input, struct tasks *tasks)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return false;
    Elf *elf = elf_begin(input_fd(input), ELF_C_READ, NULL);
    size_t names;
    bool good = false;
    if (elf && elf_kind(elf) == ELF_K_ELF && elf_getshdrstrndx(elf, &names) == 0) {
        Elf_Scn *section = NULL;
        while (!good && (section = elf_nextscn(elf, section))) {
            GElf_Shdr header;
            const char *name =
                gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
            if (!name || strcmp(name, ".BTF") != 0)
                continue;
            Elf_Data *data = elf_getdata(section, NULL);
            good = data && data->d_buf && read_btf(data->d_buf, data->d_size, tasks);
        }
    }
    elf_end(elf);
    return good;
}

struct tasks *tasks_new(const char *path, const struct symbols *symbols, struct error *err)
{
    if (err)
        err->text[0] = 0;
    struct input *input = input_open(path, true, err);
    if (!input)
        return NULL;
    struct tasks found = {0};
    bool good = false;
    uint8_t head[64];
    long n = input_read(input, head, sizeof head, err);
    if (n >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0 && !input_is_gzip(input)) {
        good = from_elf(input, &found);
    } else if (n == (long)sizeof head && memcmp(head + 0x38, "RSC\x05", 4) == 0) {
        uint8_t *image;
        size_t size;
        if (input_slurp(path, true, MAX_KERNEL_SIZE, &image, &size, err) == 0) {
            good = from_image(image, size, symbols, &found);
            free(image);
        }
    }
    input_close(input);
    struct tasks *tasks = good ? malloc(sizeof *tasks) : NULL;
    if (good && !tasks)
        error_set(err, "%s: out of memory", path);
    if (tasks)
        *tasks = found;
    return tasks;
}

void tasks_free(struct tasks *tasks)
{
    free(tasks);
}

size_t tasks_comm_offset(const struct tasks *tasks)
{
    return tasks->comm;
}

size_t tasks_pid_offset(const struct tasks *tasks)
{
    return tasks->pid;
}

size_t tasks_tgid_offset(const struct tasks *tasks)
{
    return tasks->tgid;
}

/* ---- Asking the guest --------------------------------------------------------------------- */

int tasks_name(const struct tasks *tasks,
               int (*read)(void *opaque, uint64_t gva, void *buffer, size_t size), void *opaque,
               uint64_t task_pointer, char comm[TASKS_COMM_SIZE], int *pid)
{
    char name[TASKS_COMM_SIZE] = "";
    uint8_t number[4];
    comm[0] = 0;
    *pid = -1;
    /* A task_struct is in the kernel's half of the address space, and not at its very end. */
    if (!tasks || task_pointer >> 63 == 0 || task_pointer % 8 != 0 ||
        task_pointer > UINT64_MAX - 2 * MAX_TASK_STRUCT)
        return -1;
    if (read(opaque, task_pointer + tasks->comm, name, tasks->comm_size) != 0 ||
        read(opaque, task_pointer + tasks->pid, number, sizeof number) != 0)
        return -1;
    if (!memchr(name, 0, tasks->comm_size) || get32(number) > MAX_PID)
        return -1;
    for (char *c = name; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    memcpy(comm, name, sizeof name);
    *pid = (int)get32(number);
    return 0;
}
