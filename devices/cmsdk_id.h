/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_CMSDK_ID_H
#define IASO_DEVICES_CMSDK_ID_H

#include <stdint.h>

/* Identification registers of the Cortex-M System Design Kit's APB components (DDI 0479D, chapter
 * 4): peripheral ID 4 to 7 and 0 to 3, component ID 0 to 3, at 0xfd0 to 0xffc. */
enum cmsdk_part {
    CMSDK_UART = 0x821,
    CMSDK_TIMER = 0x822,
    CMSDK_DUALTIMER = 0x823,
};

/* The register at an offset; 0 if there is none. */
static inline uint32_t cmsdk_id(uint64_t offset, enum cmsdk_part part)
{
    const uint8_t id[12] = {
        0x04,          0x00,
        0x00,          0x00, /* PID4 to PID7 */
        (uint8_t)part, (uint8_t)(0xb0 | part >> 8),
        0x1b,          0x00, /* PID0 to PID3 */
        0x0d,          0xf0,
        0x05,          0xb1, /* CID0 to CID3 */
    };
    return offset >= 0xfd0 && offset < 0x1000 && offset % 4 == 0 ? id[(offset - 0xfd0) / 4] : 0;
}

#endif
