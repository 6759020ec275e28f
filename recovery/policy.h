/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_POLICY_H
#define IASO_RECOVERY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the user wants of recovery domains: section `recovery` of the config, after its preset was
 * filled in. Plain data; names are the guest's symbols and belong to the config.
 */
#define POLICY_MAX_FUNCTIONS 32
#define POLICY_MAX_OUTPUTS   16

/* How threads are told apart. */
enum thread_by {
    THREAD_BY_REGISTER, /* the value of `name` ("tp"), where `kernel_half` allows it */
    THREAD_BY_STACK,    /* the stack pointer, rounded down to stack_size */
    THREAD_BY_SYMBOL,   /* the 8 bytes at symbol `name` + hart * stride */
};

enum output_policy {
    OUTPUT_BARRIER, /* what came before can no longer be undone */
    OUTPUT_DEFER,   /* held until commit, dropped on abort; for the UART only */
    OUTPUT_IGNORE,  /* the device does not mind */
};

enum failure_policy {
    FAILURE_ERROR, /* the caller gets `error` */
    FAILURE_RETRY, /* executed again up to `retries` times, then as FAILURE_ERROR */
};

enum torture {
    TORTURE_OFF,
    TORTURE_ROLLBACK_RETRY, /* each domain is rolled back at its end and executed again */
};

/* Kinds of requests; a bit each in torture_kinds. */
enum request_kind {
    REQUEST_SYSCALL,   /* environment call from user mode */
    REQUEST_FAULT,     /* any other exception from user mode */
    REQUEST_INTERRUPT, /* whatever was interrupted */
    REQUEST_FUNCTION,  /* a function named in the config */
    REQUEST_KINDS,
};

struct recovery_policy {
    bool enabled;
    bool track; /* dependencies; without it threads are not told apart and nobody depends */

    struct {
        enum thread_by by;
        const char *name;
        bool kernel_half; /* only values with bit 63 set are threads (Linux's tp) */
        uint64_t stack_size, stride;
    } thread;

    const char *syscall_table; /* array of function pointers that names system calls; NULL: none */
    bool traps, interrupts;    /* which of them begin requests */
    const char *functions[POLICY_MAX_FUNCTIONS]; /* which begin requests too */
    size_t function_count;
    const char *endless[POLICY_MAX_FUNCTIONS]; /* entered when a request ends without returning */
    size_t endless_count;
    const char *exempt[POLICY_MAX_FUNCTIONS]; /* neither logged nor tracked until they return */
    size_t exempt_count;
    const char *unbroken[POLICY_MAX_FUNCTIONS]; /* a thread that is put back finishes these first */
    size_t unbroken_count;
    struct policy_inverse {
        const char *call, *undo; /* functions; undo(argument) takes back what call did */
        enum inverse_argument {
            INVERSE_RESULT, /* of call; nothing is to be undone if it is 0 */
            INVERSE_FIRST,  /* call's first argument */
        } argument;
    } inverses[POLICY_MAX_FUNCTIONS];
    size_t inverse_count;

    struct policy_output {
        const char *device; /* "uart0", "disk0", "clint", "plic", "rtc", "test", ... */
        enum output_policy policy;
    } outputs[POLICY_MAX_OUTPUTS];
    size_t output_count;

    struct {
        const char *functions[POLICY_MAX_FUNCTIONS]; /* entered when the kernel is lost */
        size_t function_count;
        const char *checks[POLICY_MAX_FUNCTIONS]; /* functions that return 0 when all is well */
        size_t check_count;
        bool breakpoints;      /* EBREAK in the kernel is a failure */
        uint64_t hang_insns;   /* a request that executed so many has failed; 0: never */
        uint64_t hang_from_ns; /* virtual time before which none has */
    } failure;

    enum failure_policy on_failure;
    int64_t error; /* what the caller of a failed system call gets, such as -5 */
    unsigned retries;
    enum failure_policy innocents; /* FAILURE_RETRY: always transparently */
    const char *wake;              /* function that makes a sleeping thread run; NULL: none */

    uint64_t linger_ns; /* virtual time that others may depend on a thread that does not run; 0: for
                           ever */
    uint64_t log_limit; /* bytes of log that one domain may hold */

    enum torture torture;
    uint64_t torture_every; /* 1: each domain, n: each nth */
    unsigned torture_kinds; /* 1 << enum request_kind */

    bool by_function; /* account reads and writes by kernel function, too */

    /* Software cost model: what each event would cost the guest, in cycles, had it done by itself
     * what the simulator does for it. */
    struct policy_costs {
        uint64_t domain, store, load, log_byte, dependency, commit;
    } costs;
};

enum inject_kind {
    INJECT_NONE,
    INJECT_NULL, /* a load from address 0 */
    INJECT_FLIP, /* one bit of a register */
    INJECT_WILD, /* a store of `value` to `address` */
    INJECT_SKIP, /* the instruction is not executed */
    INJECT_BUG,  /* EBREAK */
    INJECT_HANG, /* an endless loop */
};

/* One fault: section `inject` of the config. */
struct inject_policy {
    enum inject_kind kind;
    const char *symbol;         /* at this function ... */
    uint64_t offset;            /* ... plus so many bytes */
    uint64_t nth;               /* the nth time that it is executed inside a request, from 1 */
    uint64_t after;             /* not counted before all harts have executed so many */
    const char *task;           /* of this thread name only (Linux), NULL: any */
    const char *reg;            /* INJECT_FLIP */
    unsigned bit;               /* INJECT_FLIP */
    const char *address_symbol; /* INJECT_WILD: `address` counts from there; NULL: from 0 */
    uint64_t address, value;    /* INJECT_WILD */
};

#endif
