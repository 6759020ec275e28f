/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "devices/test_finisher.h"
#include "tests/unit/devices.h"

struct seen {
    unsigned calls;
    enum finish how;
    unsigned code;
};

static void finished(void *opaque, enum finish how, unsigned code)
{
    struct seen *seen = opaque;
    *seen = (struct seen){seen->calls + 1, how, code};
}

struct store {
    uint64_t offset;
    unsigned size;
    uint64_t value;
    struct seen seen;
};

ParameterizedTestParameters(test_finisher, stores)
{
    static struct store stores[] = {
        {0, 4, 0x5555, {1, FINISH_PASS, 0}},    {0, 4, 0x75555, {1, FINISH_PASS, 0}},
        {0, 4, 0x3333, {1, FINISH_FAIL, 0}},    {0, 4, 0x2a3333, {1, FINISH_FAIL, 42}},
        {0, 8, 0x2a3333, {1, FINISH_FAIL, 42}}, {0, 4, 0xffff3333, {1, FINISH_FAIL, 0xffff}},
        {0, 4, 0x7777, {1, FINISH_RESET, 0}},   {0, 2, 0x7777, {1, FINISH_RESET, 0}},
        {0, 1, 0x55, {0, FINISH_PASS, 0}},      {4, 4, 0x5555, {0, FINISH_PASS, 0}},
        {0, 4, 0, {0, FINISH_PASS, 0}},         {0, 4, 0x5556, {0, FINISH_PASS, 0}},
    };
    return cr_make_param_array(struct store, stores, sizeof stores / sizeof *stores);
}

ParameterizedTest(struct store *store, test_finisher, stores)
{
    struct seen seen = {0};
    struct device *device = test_finisher_new(finished, &seen);
    cr_assert_not_null(device);
    device_reset(device);
    put(device, store->offset, store->size, store->value);
    cr_expect_eq(seen.calls, store->seen.calls);
    cr_expect_eq(seen.how, store->seen.how);
    cr_expect_eq(seen.code, store->seen.code);
    cr_expect_eq(get32(device, 0), 0);
    device_free(device);
}
