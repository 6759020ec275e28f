/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_EMBED_H
#define IASO_SIM_EMBED_H

/* A file as a string constant: the assembler takes it, as seen from where `make` runs. */
#define EMBED(file, symbol)                                                                     \
    __asm__(".pushsection .rodata\n" #symbol ": .incbin \"" file "\"\n.byte 0\n.popsection\n"); \
    extern const char symbol[] __attribute__((visibility("hidden")))

#endif
