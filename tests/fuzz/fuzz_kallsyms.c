/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search for kallsyms tables, and their decoding. */
#include <stdlib.h>
#include <string.h>

#include "sim/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kallsyms found;
    struct error err = {""};
    size_t length = 0;
    int rc = kallsyms_find(data, size, &found, &err);
    if (rc == 0) {
        for (size_t i = 0; i < found.count; i++)
            length += strlen(found.strings + found.names[i]) + (found.addresses[i] & 1);
        if (found.count == 0 || found.count > size || length > (size_t)1 << 30)
            abort();
    } else if (found.count != 0 || found.strings) {
        abort();
    }
    kallsyms_free(&found);
    return 0;
}
