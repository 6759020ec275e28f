/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A few lines, then power off: the smallest guest that shows a machine alive. */
#include "runtime.h"

void guest_main(void)
{
    uint64_t base, size;

    put_line("Hello from M-mode.");
    dtb_memory(&base, &size);
    put_string("hart ");
    put_decimal(csr_read(mhartid));
    put_string(" of ");
    put_decimal(dtb_count_harts());
    put_string(", RAM at ");
    put_hex(base);
    put_string(", ");
    put_decimal(size >> 20);
    put_line(" MiB");
    put_line("Goodbye.");
    guest_exit(0);
}
