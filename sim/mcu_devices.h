/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_MCU_DEVICES_H
#define IASO_SIM_MCU_DEVICES_H

#include "sim/machine.h"

/* The private peripheral bus, and nothing else above. */
#define MCU_CORE_REGISTERS UINT64_C(0xe0000000)

/* Makes the device that the config describes and puts it on the bus. */
int mcu_add_device(struct machine *machine, const struct config_device *wanted, struct error *err);

/* Is it of a type that microcontrollers have, with all that it needs, at a possible
 * place? */
int mcu_check_device(const struct config *config, const struct config_device *wanted,
                     struct error *err);

#endif
