/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_KEYS_H
#define IASO_SIM_DISPLAY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who gets a key: the machine's controls, or the guest's console. F1 changes that. While the guest
 * has the keyboard, Ctrl-A makes the next key a command, as on a terminal.
 */
enum display_order {
    ORDER_NONE,
    ORDER_PAUSE,
    ORDER_STEP,
    ORDER_FASTER,
    ORDER_SLOWER,
    ORDER_CUT,
    ORDER_FAULT,
    ORDER_PICTURE,
    ORDER_QUIT,
    ORDER_FOCUS, /* the other one has the keyboard now */
};

struct display_keys {
    bool typing; /* the guest has it */
    bool after_ctrl_a;
};

/* A key is the byte that a terminal would send (Return 13, Backspace 127, Ctrl-C 3), or one of
 * these. */
enum display_key {
    KEY_FOCUS = 256,
    KEY_UP,
    KEY_DOWN,
    KEY_RIGHT,
    KEY_LEFT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
};

#define DISPLAY_KEY_BYTES 4

/* Takes a key: what it orders; and what the guest gets, `*count` bytes. */
enum display_order display_keys_take(struct display_keys *keys, int key,
                                     uint8_t bytes[DISPLAY_KEY_BYTES], size_t *count);

#endif
