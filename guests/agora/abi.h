/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel and its user programs agree on. */
#ifndef AGORA_ABI_H
#define AGORA_ABI_H

#include <stdint.h>

enum syscall_number {
    SYS_WRITE,       /* (bytes, size) to the console */
    SYS_GETPID,      /* () */
    SYS_YIELD,       /* () */
    SYS_TICKS,       /* () timer ticks since boot */
    SYS_SLEEP,       /* (ticks) */
    SYS_SPAWN,       /* (function, argument, argument): pid */
    SYS_WAIT,        /* (pid): its exit code */
    SYS_EXIT,        /* (code): returns, see sys_exit() */
    SYS_PARK,        /* (): never returns */
    SYS_COUNTER_ADD, /* (amount) */
    SYS_QUEUE_PUT,   /* (value), blocks while the queue is full */
    SYS_QUEUE_GET,   /* (): value, blocks while it is empty */
    SYS_TRANSFER,    /* (value): adds it to the counter and puts it into the queue */
    SYS_ALLOC,       /* (size): handle */
    SYS_RELEASE,     /* (handle) */
    SYS_FILE_CREATE, /* (name): file number */
    SYS_FILE_WRITE,  /* (file, offset, bytes, size) */
    SYS_FILE_READ,   /* (file, offset, bytes, size): bytes read */
    SYS_FILE_REMOVE, /* (file) */
    SYS_PIPE_WRITE,  /* (bytes, size), blocks until all of them are in */
    SYS_PIPE_READ,   /* (bytes, size): at least one, blocks until there is */
    SYS_INVARIANTS,  /* (): how many invariants of the kernel alone are violated */
    SYS_REPORT,      /* (struct totals): prints all invariants, returns how many are violated */
    SYS_POWER_OFF,   /* (exit code) */
    SYS_COUNT,
};

/* Results below zero; the values are those of Linux. */
enum error {
    ENOENT = 2,
    EIO = 5,
    EAGAIN = 11,
    ENOMEM = 12,
    EFAULT = 14,
    EEXIST = 17,
    EINVAL = 22,
    ENOSPC = 28,
    ENOSYS = 38,
};

#define MAX_THREADS   24 /* that run user code, over a whole run */
#define FILE_NAME_MAX 16 /* with its NUL */
#define FILE_MAX      2048
#define WRITE_MAX     128
#define KEPT_FILES    2

/* What successful calls should have done, as their callers saw it. */
struct totals {
    uint64_t written_calls, written_bytes;
    uint64_t counter_calls, counter_sum;
    uint64_t put_calls, put_sum;
    uint64_t got_calls, got_sum;
    uint64_t alloc_calls, release_calls;
    uint64_t pipe_in, pipe_in_hash;
    uint64_t pipe_out, pipe_out_hash;
    uint64_t threads;                /* spawned */
    uint64_t file_calls, file_bytes; /* written */
    uint64_t kept_sum[KEPT_FILES];   /* file_sum() of the files "kept0", ... */
    uint64_t surprises;              /* results that no correct kernel returns */
    uint64_t ticks_went_back;
};

/* Part of a file's checksum: the sum over all bytes, each told from its neighbours. */
static inline uint64_t file_sum(uint64_t offset, uint8_t byte)
{
    return (offset + 1) * byte;
}

/* Depends on the order of the bytes. */
static inline uint64_t stream_hash(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * 0x100000001b3;
}

#endif
