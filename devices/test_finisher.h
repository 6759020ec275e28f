/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_TEST_FINISHER_H
#define IASO_DEVICES_TEST_FINISHER_H

#include "devices/device.h"

/*
 * SiFive test finisher ("sifive,test0" and "sifive,test1"): one write-only register at offset 0.
 * Writes of 2, 4 or 8 bytes: bits 15..0 say what (0x5555 pass, 0x3333 fail, 0x7777 reset),
 * bits 31..16 are the exit code of a failure. Other values are ignored.
 */
enum finish {
    FINISH_PASS,  /* power off, exit code 0 */
    FINISH_FAIL,  /* power off with an exit code */
    FINISH_RESET, /* reboot */
};

/* `finished` is called from within the guest's store: note it and stop at the next block. */
struct device *test_finisher_new(void (*finished)(void *opaque, enum finish how, unsigned code),
                                 void *opaque);

#endif
