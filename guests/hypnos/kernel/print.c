// SPDX-License-Identifier: GPL-2.0-or-later
/* The console, and the ends of a run. */
#include "kernel.h"

#include <stdarg.h>

struct line {
    char text[128];
    size_t length;
};

static void flush(struct line *line)
{
    line->text[line->length] = '\0';
    port_write(line->text);
    line->length = 0;
}

static void put(struct line *line, char c)
{
    if (line->length == sizeof(line->text) - 1)
        flush(line);
    line->text[line->length++] = c;
}

static void put_number(struct line *line, uint32_t value, unsigned base, unsigned width, char fill)
{
    char digits[10];
    unsigned n = 0;
    do
        digits[n++] = "0123456789abcdef"[value % base];
    while (value /= base);
    for (; width > n; width--)
        put(line, fill);
    while (n)
        put(line, digits[--n]);
}

static void print(const char *format, va_list arguments)
{
    struct line line = {.length = 0};
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            put(&line, *f);
            continue;
        }
        char fill = *++f == '0' ? '0' : ' ';
        unsigned width = 0;
        for (; *f >= '0' && *f <= '9'; f++)
            width = width * 10 + (*f - '0');
        if (*f == 'l')
            f++;
        if (*f == 's') {
            for (const char *s = va_arg(arguments, const char *); *s; s++)
                put(&line, *s);
        } else if (*f == 'c') {
            put(&line, (char)va_arg(arguments, int));
        } else if (*f == 'd') {
            int32_t value = va_arg(arguments, int32_t);
            if (value < 0)
                put(&line, '-');
            put_number(&line, value < 0 ? -(uint32_t)value : (uint32_t)value, 10, width, fill);
        } else if (*f == 'u' || *f == 'x') {
            put_number(&line, va_arg(arguments, uint32_t), *f == 'u' ? 10 : 16, width, fill);
        } else {
            put(&line, *f);
        }
    }
    flush(&line);
}

void hypnos_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
}

void hypnos_finish(uint32_t checksum)
{
    hypnos_printf("%s: checksum 0x%08x\n", kernel.app->name, (unsigned)checksum);
    port_exit(0);
}

void hypnos_lost(const char *what, ...)
{
    va_list arguments;
    hypnos_printf("%s: lost: ", kernel.app->name);
    va_start(arguments, what);
    print(what, arguments);
    va_end(arguments);
    hypnos_printf("\n");
    port_exit(1);
}

void hypnos_panic(const char *what)
{
    hypnos_printf("hypnos: panic: %s (task %s)\n", what, current ? current->name : "none");
    port_exit(3);
}
