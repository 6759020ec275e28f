/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: words such as agora.work=2 and agora.fault=null,bug@7; others are not ours. */
#include "kernel.h"

uint64_t option_work = 1;

/* Returns what follows the key, or NULL. */
static const char *after(const char *text, const char *key)
{
    while (*key)
        if (*text++ != *key++)
            return NULL;
    return text;
}

static const char *read_number(const char *text, uint64_t *value)
{
    for (*value = 0; *text >= '0' && *text <= '9'; text++)
        *value = *value * 10 + (uint64_t)(*text - '0');
    return text;
}

static bool ends(char c)
{
    return !c || c == ' ';
}

static void read_faults(const char *text)
{
    while (!ends(*text)) {
        uint64_t length = 0, at = 0;
        while (!ends(text[length]) && text[length] != '@' && text[length] != ',')
            length++;
        const char *end = text + length;
        if (*end == '@')
            end = read_number(end + 1, &at);
        fault_arm(text, length, at);
        if (!ends(*end) && *end != ',')
            panic("agora.fault: expected NAME or NAME@N, with commas between them");
        text = end + (*end == ',');
    }
}

void options_read(const char *bootargs)
{
    while (*bootargs) {
        const char *value;
        if ((value = after(bootargs, "agora.work=")))
            read_number(value, &option_work);
        else if ((value = after(bootargs, "agora.fault=")))
            read_faults(value);
        while (!ends(*bootargs))
            bootargs++;
        while (*bootargs == ' ')
            bootargs++;
    }
}
