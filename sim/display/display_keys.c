/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_keys.h"

#include <string.h>

#define CTRL_A 1

static enum display_order order_of(int key)
{
    switch (key) {
    case ' ':
        return ORDER_PAUSE;
    case '.':
    case 'n':
    case 'N':
        return ORDER_STEP;
    case '+':
    case '=':
        return ORDER_FASTER;
    case '-':
        return ORDER_SLOWER;
    case 'p':
    case 'P':
        return ORDER_CUT;
    case 'f':
    case 'F':
        return ORDER_FAULT;
    case 's':
    case 'S':
        return ORDER_PICTURE;
    case 'q':
    case 'Q':
    case 'x': /* as on a terminal */
        return ORDER_QUIT;
    default:
        return ORDER_NONE;
    }
}

/* As a VT100 sends them. */
static const char *sequence(int key)
{
    switch (key) {
    case KEY_UP:
        return "\033[A";
    case KEY_DOWN:
        return "\033[B";
    case KEY_RIGHT:
        return "\033[C";
    case KEY_LEFT:
        return "\033[D";
    case KEY_HOME:
        return "\033[H";
    case KEY_END:
        return "\033[F";
    case KEY_DELETE:
        return "\033[3~";
    default:
        return "";
    }
}

enum display_order display_keys_take(struct display_keys *keys, int key,
                                     uint8_t bytes[DISPLAY_KEY_BYTES], size_t *count)
{
    bool command = !keys->typing || keys->after_ctrl_a;
    *count = 0;
    if (key == KEY_FOCUS) {
        keys->typing = !keys->typing;
        keys->after_ctrl_a = false;
        return ORDER_FOCUS;
    }
    if (keys->typing && !keys->after_ctrl_a && key == CTRL_A) {
        keys->after_ctrl_a = true;
        return ORDER_NONE;
    }
    keys->after_ctrl_a = false;
    if (command && !(keys->typing && key == CTRL_A))
        return order_of(key);
    if (key < KEY_FOCUS) {
        bytes[(*count)++] = (uint8_t)key;
    } else {
        *count = strlen(sequence(key));
        memcpy(bytes, sequence(key), *count);
    }
    return ORDER_NONE;
}
