/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_DISASSEMBLER_H
#define IASO_CPU_DISASSEMBLER_H

#include <capstone/capstone.h>

#include "mem/error.h"

/* Capstone for one kind of instructions, and room for one of them. */
struct disassembler {
    csh capstone;
    cs_insn *insn;
};

/* `name` ("Thumb") is for the message. On failure there is nothing to close. */
int disassembler_open(struct disassembler *disassembler, cs_arch arch, cs_mode mode,
                      const char *name, struct error *err);
void disassembler_close(struct disassembler *disassembler);

#endif
