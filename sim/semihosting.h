/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SEMIHOSTING_H
#define IASO_SIM_SEMIHOSTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/memory.h"
#include "sim/clock.h"

/*
 * Arm semihosting, 32 bits ("Semihosting for AArch32 and AArch64", release 2.0): what
 * firmware asks of a debugger. The console is the file ":tt"; ":semihosting-features"
 * can be read; all other files are refused. Pointers and lengths that lead outside of memory are
 * errors for the guest: -1, or the number of bytes that were not transferred, and errno.
 *
 * Input is what there is now: a read that finds none is at the end of the file. SYS_HEAPINFO leaves
 * heap and stack to the image (all 0). Time is virtual, since the last reset.
 */
struct semihosting_host {
    /* One byte of output. NULL: dropped. */
    void (*output)(void *opaque, uint8_t byte);
    /* Fills in up to `size` bytes and returns how many. NULL: there is never any. */
    size_t (*input)(void *opaque, uint8_t *bytes, size_t size);
    /* The guest is done, with this exit code. It may go on for a while. */
    void (*exited)(void *opaque, unsigned code);
    void *opaque;
    const char *command_line; /* of SYS_GET_CMDLINE; NULL: empty */
    uint64_t epoch_s;         /* SYS_TIME at reset, since 1970 */
    struct memory *mem;
    struct clock *clock;
};

#define SEMIHOSTING_MAX_FILES 8

/* All fields private. */
struct semihosting {
    struct semihosting_host host;
    struct semihosting_state { /* plain data: saved, restored, lost in a power cut */
        uint64_t start;        /* tick of the last reset */
        uint32_t error;        /* errno */
        struct semihosting_file {
            uint8_t kind;
            uint32_t position;
        } files[SEMIHOSTING_MAX_FILES];
    } state;
};

/* `host` is copied; what it points to must outlive this. */
void semihosting_init(struct semihosting *semihosting, const struct semihosting_host *host);
void semihosting_reset(struct semihosting *semihosting);

/* Does what r0 (`operation`) and r1 (`argument`) ask for; returns what goes into r0. Without power
 * (memory_set_power()) it does nothing. */
uint32_t semihosting_call(struct semihosting *semihosting, uint32_t operation, uint32_t argument);

#endif
