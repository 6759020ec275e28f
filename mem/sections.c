/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/sections.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes the section's contents out of the file. */
static int take(Elf_Scn *scn, const GElf_Shdr *header, const char *path, const char *name,
                struct section *section, struct error *err)
{
    *section = (struct section){.address = header->sh_addr, .size = header->sh_size};
    if (header->sh_type == SHT_NOBITS || !header->sh_size)
        return 0;
    const Elf_Data *data = elf_rawdata(scn, NULL);
    if (!data || !data->d_buf || data->d_size < header->sh_size)
        return error_set(err, "%s: section \"%s\": %s", path, name,
                         data ? "it is truncated" : elf_errmsg(-1));
    section->bytes = malloc(header->sh_size);
    if (!section->bytes)
        return error_set(err, "out of memory");
    memcpy(section->bytes, data->d_buf, header->sh_size);
    return 0;
}

static int find(Elf *elf, const char *path, const char *name, struct section *section,
                struct error *err)
{
    char known[200] = "";
    size_t names, length = 0;
    if (elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names))
        return error_set(err, "%s: expected an ELF file with sections", path);
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr header;
        if (!gelf_getshdr(scn, &header))
            return error_set(err, "%s: ELF section header: %s", path, elf_errmsg(-1));
        const char *own = elf_strptr(elf, names, header.sh_name);
        if (!own || !(header.sh_flags & SHF_ALLOC))
            continue;
        if (!strcmp(own, name))
            return take(scn, &header, path, name, section, err);
        if (length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                       length ? ", " : "", own);
    }
    return error_set(err, "%s: expected a section \"%s\", found only %s", path, name,
                     known[0] ? known : "sections that are not loaded");
}

int section_find(const char *path, const char *name, struct section *section, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "%s: cannot open: %s", path, strerror(errno));
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    int result = elf ? find(elf, path, name, section, err)
                     : error_set(err, "%s: cannot read: %s", path, elf_errmsg(-1));
    elf_end(elf);
    close(fd);
    return result;
}
