// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line, read at first boot; what it says is kept, as a short life has no time for it.
 */
#include "kernel.h"

extern const struct hypnos_app apps_start[], apps_end[];

static const struct {
    const char *text;
    uint32_t flag;
} FLAGS[] = {
    {"war=off", OPTION_LOG_ALL},         {"nv_for=off", OPTION_NO_LOOPS},
    {"list=undo", OPTION_LIST_UNDO},     {"lazy=off", OPTION_EAGER},
    {"rr=off", OPTION_NO_TURNS},         {"break=log", OPTION_BREAK_LOG},
    {"break=fence", OPTION_BREAK_FENCE},
};
static const char *const DEFAULTS[] = {"war=on", "nv_for=on", "list=forward", "lazy=on", "rr=on",
                                       "hypnos", ""};

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* After "key=", or NULL if that is not the option's key. */
static const char *value_of(const char *option, const char *key)
{
    while (*key && *option == *key)
        option++, key++;
    return *key == '\0' && *option == '=' ? option + 1 : NULL;
}

static bool number(const char *text, uint32_t *value)
{
    uint32_t n = 0;
    if (!text || !*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (*text - '0');
    *value = n;
    return *text == '\0' && n > 0;
}

static void bad(const char *option)
{
    hypnos_printf("hypnos: option %s: expected app=NAME, scale=N, tick_us=N, ", option);
    hypnos_printf("nv_for=on|off, list=forward|undo, war=on|off, lazy=on|off, rr=on|off or "
                  "break=log|fence\n");
    port_exit(2);
}

static void option(const char *text)
{
    for (size_t i = 0; i < sizeof(FLAGS) / sizeof(FLAGS[0]); i++)
        if (same(text, FLAGS[i].text)) {
            STORE(kernel.flags, kernel.flags | FLAGS[i].flag);
            return;
        }
    for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(DEFAULTS[0]); i++)
        if (same(text, DEFAULTS[i]))
            return;
    uint32_t value;
    const char *name = value_of(text, "app");
    if (name) {
        for (const struct hypnos_app *app = apps_start; app < apps_end; app++)
            if (same(name, app->name))
                STORE(kernel.app, app);
        if (!kernel.app)
            bad(text);
    } else if (number(value_of(text, "scale"), &value)) {
        STORE(kernel.scale, value);
    } else if (number(value_of(text, "tick_us"), &value)) {
        STORE(kernel.tick_us, value);
    } else {
        bad(text);
    }
}

void options_read(void)
{
    char line[256], *word = line;
    port_command_line(line, sizeof(line));
    STORE(kernel.scale, 1);
    STORE(kernel.tick_us, 1000);
    for (bool more = true; more;) {
        char *end = word;
        while (*end && *end != ' ')
            end++;
        more = *end != '\0';
        *end = '\0';
        option(word);
        word = end + 1;
    }
    if (!kernel.app) {
        hypnos_printf("hypnos: no application: expected app= and one of");
        for (const struct hypnos_app *app = apps_start; app < apps_end; app++)
            hypnos_printf(" %s", app->name);
        hypnos_printf("\n");
        port_exit(2);
    }
}

uint32_t hypnos_scale(void)
{
    return kernel.scale;
}
