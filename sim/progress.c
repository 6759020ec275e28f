/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/host_clock.h"
#include "sim/screen.h"

#define INTERVAL_NS (UINT64_C(200) * 1000 * 1000)

struct progress {
    int fd;
    bool is_drawn;
    uint64_t host_ns, instructions; /* when it was last drawn, or began */
};

struct progress *progress_new(int fd, bool quiet)
{
    if (quiet || !screen_rewrites(fd))
        return NULL;
    struct progress *progress = calloc(1, sizeof *progress);
    if (progress) {
        progress->fd = fd;
        progress->host_ns = host_clock_ns();
    }
    return progress;
}

void progress_free(struct progress *progress)
{
    progress_clear(progress);
    free(progress);
}

void progress_update(struct progress *progress, uint64_t virtual_ns, uint64_t instructions,
                     const char *phase)
{
    if (!progress)
        return;
    uint64_t now = host_clock_ns(), passed = now - progress->host_ns;
    if (passed < INTERVAL_NS)
        return;
    uint64_t done = instructions - progress->instructions;
    char line[100];
    snprintf(line, sizeof line, "%" PRIu64 ".%03" PRIu64 " s  %" PRIu64 " MIPS  %.40s",
             virtual_ns / 1000000000, virtual_ns / 1000000 % 1000, done / (passed / 1000),
             phase ? phase : "");
    screen_status(progress->fd, line);
    progress->is_drawn = true;
    progress->host_ns = now;
    progress->instructions = instructions;
}

void progress_clear(struct progress *progress)
{
    if (!progress || !progress->is_drawn)
        return;
    screen_status(progress->fd, "");
    progress->is_drawn = false;
}
