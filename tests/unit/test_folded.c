/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* open_memstream() */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/folded.h"

static char *written(struct folded *folded, unsigned column, const char *root, uint64_t unit)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(folded_write(folded, column, root, unit, out), 0);
    fclose(out);
    return text;
}

static void expect_text(struct folded *folded, unsigned column, const char *root, uint64_t unit,
                        const char *wanted)
{
    char *text = written(folded, column, root, unit);
    cr_expect_str_eq(text, wanted);
    free(text);
}

static uint32_t push(struct folded *folded, uint32_t node, const char *name)
{
    return folded_push(folded, node, folded_frame(folded, name));
}

Test(folded, empty)
{
    struct folded *folded = folded_new();
    expect_text(folded, 0, NULL, 1, "");
    folded_free(folded);
    folded_free(NULL);
}

Test(folded, one_tree_for_all)
{
    struct folded *folded = folded_new();
    uint32_t main = push(folded, 0, "main"), b = push(folded, main, "b"),
             a = push(folded, main, "a");
    cr_expect_eq(push(folded, 0, "main"), main);
    cr_expect_eq(push(folded, main, "b"), b);
    cr_expect_eq(push(folded, main, "a"), a);
    folded_add(folded, b, 0, 7);
    folded_add(folded, main, 0, 2);
    folded_add(folded, a, 0, 1);
    folded_add(folded, a, 0, 3);
    folded_add(folded, a, 1, 5);
    folded_add(folded, push(folded, b, "main"), 0, 9);
    expect_text(folded, 0, NULL, 1, "main 2\nmain;a 4\nmain;b 7\nmain;b;main 9\n");
    expect_text(folded, 1, "root", 1, "root;main;a 5\n");
    expect_text(folded, 2, "root", 1, "");
    folded_add(folded, 0, 2, 8);
    folded_add(folded, b, 2, -8);
    expect_text(folded, 2, "a root", 1, "a_root 8\n");
    expect_text(folded, 2, NULL, 1, "all 8\n");
    folded_free(folded);
}

Test(folded, hostile_names)
{
    struct folded *folded = folded_new();
    char name[10241];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    folded_add(folded, push(folded, 0, "a;b c\n\t\x7f\x1b[31m<&>\"'%s\\"), 0, 1);
    folded_add(folded, push(folded, 0, ""), 0, 2);
    folded_add(folded, push(folded, 0, name), 0, 3);
    name[300] = 'y';
    folded_add(folded, push(folded, 0, name), 0, 4); /* the same in what counts */
    folded_add(folded, push(folded, 0, "\xc3\xa4 1"), 0, 5);
    char *text = written(folded, 0, NULL, 1);
    cr_expect(strstr(text, "a:b_c????[31m<&>\"'%s\\ 1\n"), "%s", text);
    cr_expect(strstr(text, "? 2\n"), "%s", text);
    cr_expect(strstr(text, "xxx 7\n"), "%s", text);
    cr_expect(strstr(text, "\xc3\xa4_1 5\n"), "%s", text);
    cr_expect_lt(strlen(text), 400);
    free(text);
    folded_free(folded);
}

/* Nothing is lost by rounding, whatever the order. */
Test(folded, sums_survive_rounding)
{
    struct folded *folded = folded_new();
    char name[16];
    uint64_t sum = 0, total = 0;
    uint32_t node = 0;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "f%u", i);
        node = push(folded, i % 40 ? node : 0, name);
        folded_add(folded, node, 3, i * 37 % 1000);
        sum += i * 37 % 1000;
    }
    char *text = written(folded, 3, NULL, 1000), *rest = text, *line;
    while ((line = strsep(&rest, "\n")) && *line) {
        uint64_t value = strtoull(strchr(line, ' ') + 1, NULL, 10);
        cr_expect_gt(value, 0);
        total += value;
    }
    cr_expect_eq(total, (sum + 500) / 1000);
    free(text);
    folded_free(folded);
}
