/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/preset.h"

#include "sim/embed.h"

EMBED("configs/presets/linux-riscv64.json", preset_linux_riscv64);
EMBED("configs/presets/agora.json", preset_agora);
EMBED("configs/presets/xv6-like.json", preset_xv6_like);
EMBED("configs/presets/by-stack.json", preset_by_stack);
EMBED("configs/presets/by-symbol.json", preset_by_symbol);
EMBED("configs/presets/hypnos.json", preset_hypnos);
EMBED("configs/presets/intos.json", preset_intos);
EMBED("configs/boards/lm3s6965evb.json", board_lm3s6965evb);
EMBED("configs/boards/mps2-an386.json", board_mps2_an386);
EMBED("configs/boards/apollo4-like.json", board_apollo4_like);

static const struct preset presets[] = {
    {PRESET_RECOVERY, "linux-riscv64", preset_linux_riscv64},
    {PRESET_RECOVERY, "agora", preset_agora},
    {PRESET_RECOVERY, "xv6-like", preset_xv6_like},
    {PRESET_RECOVERY, "by-stack", preset_by_stack},
    {PRESET_RECOVERY, "by-symbol", preset_by_symbol},
    {PRESET_POWER, "hypnos", preset_hypnos},
    {PRESET_POWER, "intos", preset_intos},
    {PRESET_BOARD, "lm3s6965evb", board_lm3s6965evb},
    {PRESET_BOARD, "mps2-an386", board_mps2_an386},
    {PRESET_BOARD, "apollo4-like", board_apollo4_like},
};

const struct preset *preset_at(enum preset_kind kind, size_t index)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (presets[i].kind == kind && index-- == 0)
            return &presets[i];
    return NULL;
}

const char *preset_section(enum preset_kind kind)
{
    return kind == PRESET_RECOVERY ? "recovery" : kind == PRESET_POWER ? "power" : NULL;
}
