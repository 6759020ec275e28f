/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/disassembler.h"

int disassembler_open(struct disassembler *disassembler, cs_arch arch, cs_mode mode,
                      const char *name, struct error *err)
{
    cs_err status = cs_open(arch, mode, &disassembler->capstone);
    if (status != CS_ERR_OK)
        return error_set(err, "Capstone cannot decode %s: %s", name, cs_strerror(status));
    disassembler->insn = cs_malloc(disassembler->capstone);
    if (disassembler->insn)
        return 0;
    cs_close(&disassembler->capstone);
    return error_set(err, "out of memory");
}

void disassembler_close(struct disassembler *disassembler)
{
    cs_free(disassembler->insn, 1);
    cs_close(&disassembler->capstone);
}
