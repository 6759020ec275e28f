/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_ERROR_H
#define IASO_MEM_ERROR_H

/*
 * One line of text that says where, what was expected and what was found.
 *
 * Functions that can fail return 0 or -1 (or NULL) and fill the caller's `struct error`; nothing in
 * the library prints or exits. A NULL error is allowed where the caller only wants the result.
 */
struct error {
    char text[512];
};

/* Sets the message and returns -1, so that a caller can `return error_set(err, ...)`. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix" in front of the message that is already there (a file name, a path); returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
