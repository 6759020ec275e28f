/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fails: reports code 3 through the test finisher. */
#include "runtime.h"

void guest_main(void)
{
    put_line("panic: this guest always fails");
    guest_exit(3);
}
