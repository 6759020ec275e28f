/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/requests.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE  8
#define MAX_ENTRIES 65536 /* of a table whose size is not known */

static const char *const prefixes[] = {"__riscv_sys_", "__se_sys_", "__do_sys_", "sys_"};

#define PREFIXES (sizeof prefixes / sizeof prefixes[0])

static int name_is(char *buffer, size_t size, const char *name)
{
    snprintf(buffer, size, "%s", name ? name : "");
    return name && *name ? 0 : -1;
}

/* Whether system calls that the kernel was built without lead there: many names, one function. */
static bool is_not_implemented(const struct symbols *symbols, uint64_t address)
{
    for (size_t i = 0; i < PREFIXES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%sni_syscall", prefixes[i]);
        const struct symbol *symbol = symbols_named(symbols, name);
        if (symbol && symbol->address == address)
            return true;
    }
    return false;
}

int syscall_name(const struct request_names *names, uint64_t number, char *buffer, size_t size)
{
    name_is(buffer, size, NULL);
    const char *table_name = names->policy->syscall_table;
    const struct symbol *table = table_name ? symbols_named(names->symbols, table_name) : NULL;
    if (!table || number >= (table->size ? table->size / ENTRY_SIZE : MAX_ENTRIES))
        return -1;
    uint8_t entry[ENTRY_SIZE];
    if (names->read(names->opaque, table->address + number * ENTRY_SIZE, entry, sizeof entry))
        return -1;
    uint64_t address = 0, offset;
    for (unsigned i = 0; i < ENTRY_SIZE; i++)
        address |= (uint64_t)entry[i] << 8 * i;
    if (is_not_implemented(names->symbols, address))
        return name_is(buffer, size, "ni_syscall");
    const struct symbol *function = symbols_at(names->symbols, address, &offset);
    if (!function || offset)
        return -1;
    for (size_t i = 0; i < PREFIXES; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(function->name, prefixes[i], length) == 0)
            return name_is(buffer, size, function->name + length);
    }
    return name_is(buffer, size, function->name);
}

const char *fault_name(uint64_t cause)
{
    /* Table 3.6 of the privileged specification. */
    static const char *const names[] = {
        [0] = "instruction address misaligned",
        [1] = "instruction access fault",
        [2] = "illegal instruction",
        [3] = "breakpoint",
        [4] = "load address misaligned",
        [5] = "load access fault",
        [6] = "store/AMO address misaligned",
        [7] = "store/AMO access fault",
        [8] = "environment call from U-mode",
        [9] = "environment call from S-mode",
        [11] = "environment call from M-mode",
        [12] = "instruction page fault",
        [13] = "load page fault",
        [15] = "store/AMO page fault",
    };
    return cause < sizeof names / sizeof names[0] ? names[cause] : NULL;
}

const char *exception_name(uint64_t number)
{
    /* Table B1-4 of the ARMv7-M Architecture Reference Manual. */
    static const char *const names[] = {
        [1] = "reset",    [2] = "NMI",        [3] = "HardFault", [4] = "MemManage",
        [5] = "BusFault", [6] = "UsageFault", [11] = "SVCall",   [12] = "DebugMonitor",
        [14] = "PendSV",  [15] = "SysTick",
    };
    return number < sizeof names / sizeof names[0] ? names[number] : NULL;
}

const char *interrupt_name(uint64_t number)
{
    switch (number) {
    case 1:
    case 3:
        return "software";
    case 5:
    case 7:
        return "timer";
    case 9:
    case 11:
        return "external";
    }
    return NULL;
}

int request_name(const struct request_names *names, enum request_kind kind, uint64_t number,
                 char *buffer, size_t size)
{
    switch (kind) {
    case REQUEST_SYSCALL:
        return syscall_name(names, number, buffer, size);
    case REQUEST_FAULT:
        return name_is(buffer, size, fault_name(number));
    case REQUEST_INTERRUPT:
        return name_is(buffer, size, interrupt_name(number));
    case REQUEST_FUNCTION:
        return name_is(buffer, size,
                       number < names->policy->function_count ? names->policy->functions[number]
                                                              : NULL);
    case REQUEST_KINDS:
        break;
    }
    return name_is(buffer, size, NULL);
}

const char *request_kind_name(enum request_kind kind)
{
    static const char *const names[] = {
        [REQUEST_SYSCALL] = "syscall",
        [REQUEST_FAULT] = "fault",
        [REQUEST_INTERRUPT] = "interrupt",
        [REQUEST_FUNCTION] = "function",
    };
    return names[kind];
}
