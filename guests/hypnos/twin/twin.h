/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications of guests/hypnos on the host, without tasks or transactions: apps/inputs.h says
 * what they compute. */
#ifndef HYPNOS_TWIN_H
#define HYPNOS_TWIN_H

#include <stdint.h>

#include "../apps/inputs.h"

uint32_t draw(uint32_t seed, uint32_t n);
void fold(uint32_t *digest, uint32_t word);
uint32_t float_bits(float value);

/* Each returns the checksum of the application of that name. */
uint32_t twin_bc(uint32_t scale);
uint32_t twin_dnn(uint32_t scale);
uint32_t twin_ar(uint32_t scale);
uint32_t twin_kv(uint32_t scale);
uint32_t twin_sense(uint32_t scale);
uint32_t twin_em(uint32_t scale);
uint32_t twin_mq(uint32_t scale);
uint32_t twin_etl(uint32_t scale);
uint32_t twin_pred(uint32_t scale);
uint32_t twin_stats(uint32_t scale);
uint32_t twin_train(uint32_t scale);
uint32_t twin_hog(uint32_t scale);

#endif
