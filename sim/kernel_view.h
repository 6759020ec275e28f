/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_KERNEL_VIEW_H
#define IASO_SIM_KERNEL_VIEW_H

#include "sim/machine.h"

/* Memory as the kernel's page tables show it, whatever level the RISC-V hart is at. */

/* Guest-virtual to guest-physical, for an access of that kind; false if it would fault. */
bool kernel_view_translate(const struct machine *machine, struct cpu *hart, uint64_t gva,
                           enum access_kind kind, uint64_t *gpa);

/* Through any hart's page tables; -1 if any byte is not mapped to memory. */
int kernel_view_read(const struct machine *machine, uint64_t gva, uint8_t *bytes, size_t size);

#endif
