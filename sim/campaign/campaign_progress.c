/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/campaign_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host_clock.h"
#include "sim/screen.h"

#define SECOND_NS   UINT64_C(1000000000)
#define INTERVAL_NS (SECOND_NS / 5)
#define MINUTE_NS   (60 * SECOND_NS)
#define MAX_LINE    200
#define MIN_BAR     5
#define MAX_BAR     40

struct campaign_progress {
    int fd;
    bool terminal, is_drawn;
    const char *what;
    uint64_t total, had;        /* items in all, and when it began */
    uint64_t began_ns, told_ns; /* of the host */
};

struct campaign_progress *campaign_progress_new(int fd, bool quiet, const char *what,
                                                uint64_t total, uint64_t done)
{
    struct campaign_progress *progress = quiet ? NULL : calloc(1, sizeof *progress);
    if (progress)
        *progress = (struct campaign_progress){
            .fd = fd,
            .terminal = screen_rewrites(fd),
            .what = what,
            .total = total,
            .had = done,
            .began_ns = host_clock_ns(),
        };
    if (progress)
        progress->told_ns = progress->began_ns;
    return progress;
}

/* "1:02:03", "2:03". */
static void put_time(char *text, size_t size, uint64_t seconds)
{
    if (seconds >= 3600)
        snprintf(text, size, "%" PRIu64 ":%02u:%02u", seconds / 3600, (unsigned)(seconds / 60 % 60),
                 (unsigned)(seconds % 60));
    else
        snprintf(text, size, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
}

/* What follows the bar. */
static void put_figures(char *text, size_t size, uint64_t done, uint64_t total, uint64_t fresh,
                        uint64_t passed, uint64_t failures)
{
    char left[32] = "?";
    double rate = passed ? (double)fresh * (double)SECOND_NS / (double)passed : 0;
    if (rate > 0)
        put_time(left, sizeof left, (uint64_t)((double)(total - done) / rate));
    snprintf(text, size, "%" PRIu64 "/%" PRIu64 "  %.*f/s  %s left  %" PRIu64 " failure%s", done,
             total, rate < 10 ? 1 : 0, rate, left, failures, failures == 1 ? "" : "s");
}

int campaign_progress_line(char *line, size_t size, unsigned width, const char *what, uint64_t done,
                           uint64_t total, uint64_t fresh, uint64_t passed, uint64_t failures)
{
    char figures[120], bar[MAX_BAR + 5] = "";
    put_figures(figures, sizeof figures, done, total, fresh, passed, failures);
    size_t used = strlen(what) + strlen(figures) + 7, room = width > used ? width - used : 0;
    if (room > MAX_BAR)
        room = MAX_BAR;
    if (room >= MIN_BAR) {
        size_t full = total ? (size_t)((double)room * (double)done / (double)total) : room;
        bar[0] = '[';
        memset(bar + 1, '#', full);
        memset(bar + 1 + full, '.', room - full);
        memcpy(bar + 1 + room, "]  ", 3);
    }
    int length = snprintf(line, size, "%s  %s%s", what, bar, figures);
    if (length >= 0 && (unsigned)length > width && width < size)
        line[width] = 0;
    return (int)strlen(line);
}

void campaign_progress_update(struct campaign_progress *progress, uint64_t done, uint64_t failures)
{
    uint64_t now = progress ? host_clock_ns() : 0;
    if (!progress || now - progress->told_ns < (progress->terminal ? INTERVAL_NS : MINUTE_NS))
        return;
    char text[MAX_LINE + 1];
    unsigned width = progress->terminal ? screen_columns(progress->fd) - 1 : MAX_LINE - 1;
    int length = campaign_progress_line(text, MAX_LINE, width < MAX_LINE ? width : MAX_LINE - 1,
                                        progress->what, done, progress->total, done - progress->had,
                                        now - progress->began_ns, failures);
    if (progress->terminal)
        screen_status(progress->fd, text);
    else
        dprintf(progress->fd, "%.*s\n", length, text);
    progress->is_drawn = progress->terminal;
    progress->told_ns = now;
}

void campaign_progress_free(struct campaign_progress *progress)
{
    if (progress && progress->is_drawn)
        screen_status(progress->fd, "");
    free(progress);
}
