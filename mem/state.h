/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_STATE_H
#define IASO_MEM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * What of a part changes as the guest runs, named once: the same function of the part measures it,
 * saves it and restores it, field by field. How much a field holds may depend on fields that come
 * before it.
 */
struct state_copy {
    uint8_t *at; /* where the next field goes, or comes from; NULL: only measured */
    size_t size; /* of the fields so far, in bytes */
    bool restore;
};

static inline void state_copy(struct state_copy *copy, void *field, size_t size)
{
    copy->size += size;
    if (!copy->at || !size)
        return;
    if (copy->restore)
        memcpy(field, copy->at, size);
    else
        memcpy(copy->at, field, size);
    copy->at += size;
}

#endif
