/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One transaction that no charge is large enough for. Without cuts it ends. */
#include "app.h"

static NV uint32_t sum;

static void hog_main(uint32_t arg)
{
    (void)arg;
    uint32_t result = 0;
    transaction(result)
    {
        uint32_t terms = HOG_TERMS * hypnos_scale();
        for (uint32_t n = 0; n < terms; n++)
            result += draw(HOG_SEED, n);
        nv_put(sum, result);
    }
    hypnos_finish(fold(FOLD_START, result));
}

HYPNOS_APP(hog, hog_main);
