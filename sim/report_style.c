/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report_html_parts.h"

/* The assembler takes the file from where `make` runs, as it does in sim/preset.c. */
__asm__(".pushsection .rodata\n.globl report_style\nreport_style: .incbin \"sim/report.css\"\n"
        ".byte 0\n.popsection\n");
