/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REQUESTS_H
#define IASO_SIM_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "recovery/policy.h"
#include "sim/symbols.h"

/*
 * Names of requests, for people. What has no name gets "" and -1: a request is known by its kind
 * and number anyway.
 */

/* Where names come from. */
struct request_names {
    const struct recovery_policy *policy;
    const struct symbols *symbols;
    /* Copies guest-virtual memory of the kernel; returns 0 if all of it could be read. */
    int (*read)(void *opaque, uint64_t gva, void *buffer, size_t size);
    void *opaque;
};

/* The function that entry `number` of policy->syscall_table points to, without what a Linux or
 * teaching kernel puts before the name ("__riscv_sys_", "__se_sys_", "__do_sys_", "sys_"). */
int syscall_name(const struct request_names *names, uint64_t number, char *buffer, size_t size);

/* A cause of the RISC-V privileged specification, such as "load page fault"; NULL if reserved. */
const char *fault_name(uint64_t cause);

/* "software", "timer" or "external", of any level; NULL for other numbers. */
const char *interrupt_name(uint64_t number);

/* An exception of an ARMv7-M, such as "SVCall"; NULL for external interrupts. */
const char *exception_name(uint64_t number);

/* Of any kind. */
int request_name(const struct request_names *names, enum request_kind kind, uint64_t number,
                 char *buffer, size_t size);

/* "syscall", "fault", "interrupt", "function". */
const char *request_kind_name(enum request_kind kind);

#endif
