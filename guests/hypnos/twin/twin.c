/* SPDX-License-Identifier: GPL-2.0-or-later */
/* twin NAME [SCALE]: prints the line with which the application of that name must end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

uint32_t draw(uint32_t seed, uint32_t n)
{
    uint32_t value = seed + n * 0x9e3779b9u;
    value = (value ^ value >> 16) * 0x85ebca6bu;
    value = (value ^ value >> 13) * 0xc2b2ae35u;
    return value ^ value >> 16;
}

void fold(uint32_t *digest, uint32_t word)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        *digest = (*digest ^ (word >> shift & 0xff)) * FOLD_PRIME;
}

uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static const struct {
    const char *name;
    uint32_t (*checksum)(uint32_t scale);
} twins[] = {
    {"bc", twin_bc},     {"dnn", twin_dnn},     {"ar", twin_ar},       {"kv", twin_kv},
    {"em", twin_em},     {"mq", twin_mq},       {"sense", twin_sense}, {"etl", twin_etl},
    {"pred", twin_pred}, {"stats", twin_stats}, {"train", twin_train}, {"hog", twin_hog},
};

int main(int argc, char **argv)
{
    char *end = NULL;
    unsigned long scale = argc == 3 ? strtoul(argv[2], &end, 10) : 1;
    if (argc < 2 || argc > 3 || (end && *end) || scale < 1 || scale > 1000) {
        fprintf(stderr, "usage: twin NAME [SCALE], with SCALE from 1 to 1000\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(twins) / sizeof(twins[0]); i++) {
        if (strcmp(twins[i].name, argv[1]))
            continue;
        printf("%s: checksum 0x%08x\n", argv[1], (unsigned)twins[i].checksum((uint32_t)scale));
        return 0;
    }
    fprintf(stderr, "twin: no application is named %s\n", argv[1]);
    return 2;
}
