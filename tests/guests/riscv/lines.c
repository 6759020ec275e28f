/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often each line is executed is said beside it. */
#include "runtime.h"

static volatile unsigned sink;

static inline __attribute__((always_inline)) void add(unsigned n)
{
    sink += n; /*= 60 */
}

static __attribute__((noinline)) void choose(unsigned n)
{
    if (n % 4)     /*= 1000 */
        sink += 1; /*= 750 */
    else
        sink += 2; /*= 250 */
}

static __attribute__((noinline)) void never(void)
{
    sink += 3; /*= 0 */
}

void guest_main(void)
{
    for (unsigned i = 0; i < 1000; i++)
        choose(i); /*= 1000 */
    for (unsigned i = 0; i < 10; i++)
        add(i);
    for (unsigned i = 0; i < 20; i++)
        add(i);
    for (unsigned i = 0; i < 30; i++)
        add(i);
    if (sink == 12345)
        never();          /*= 0 */
    put_line("Counted."); /*= 1 */
    guest_exit(0);        /*= 1 */
}
