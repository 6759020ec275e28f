/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints each line of input in reverse until a line says "quit". */
#include "runtime.h"

static char get_char(void)
{
    while (!(read8(UART_BASE + 5) & 1))
        ;
    return (char)read8(UART_BASE);
}

void guest_main(void)
{
    static char line[256];
    static const char quit[] = "quit";

    put_line("echo ready");
    for (;;) {
        size_t n = 0;
        put_string("> ");
        for (char c; (c = get_char()) != '\n' && c != '\r';)
            if (n < sizeof(line))
                line[n++] = c;
        bool same = n == sizeof(quit) - 1;
        for (size_t i = 0; same && i < n; i++)
            same = line[i] == quit[i];
        if (same)
            break;
        while (n)
            put_char(line[--n]);
        put_char('\n');
    }
    put_line("bye");
    guest_exit(0);
}
