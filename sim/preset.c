/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/preset.h"

/* The assembler takes the files from configs/presets, as seen from where `make` runs. */
#define EMBED(name, symbol)                                                                  \
    __asm__(".pushsection .rodata\n" #symbol ": .incbin \"configs/presets/" name ".json\"\n" \
            ".byte 0\n.popsection\n");                                                       \
    extern const char symbol[] __attribute__((visibility("hidden")));

EMBED("linux-riscv64", preset_linux_riscv64)
EMBED("agora", preset_agora)
EMBED("xv6-like", preset_xv6_like)
EMBED("by-stack", preset_by_stack)
EMBED("by-symbol", preset_by_symbol)

static const struct preset presets[] = {
    {"linux-riscv64", preset_linux_riscv64}, {"agora", preset_agora},
    {"xv6-like", preset_xv6_like},           {"by-stack", preset_by_stack},
    {"by-symbol", preset_by_symbol},
};

const struct preset *preset_at(size_t index)
{
    return index < sizeof presets / sizeof *presets ? &presets[index] : NULL;
}
