/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_BENCH_STOPWATCH_H
#define IASO_TESTS_BENCH_STOPWATCH_H

#include <stdlib.h>
#include <time.h>

/* User and system time of this process, in us. */
static inline double stopwatch(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static inline int stopwatch_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts times, so that the median is in the middle. */
static inline void stopwatch_sort(double *took, size_t count)
{
    qsort(took, count, sizeof *took, stopwatch_compare);
}

#endif
