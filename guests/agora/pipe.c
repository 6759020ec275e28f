/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pipe: bytes in their order. */
#include "kernel.h"
#include "syscalls.h"

#define PIPE_SIZE 64

static struct {
    struct spinlock lock;
    struct wait_queue not_full, not_empty;
    uint8_t bytes[PIPE_SIZE];
    uint64_t in, out; /* ever */
    uint64_t in_hash, out_hash;
} pipe;

int64_t sys_pipe_write(uint64_t bytes, uint64_t size)
{
    if (!user_owns(bytes, size))
        return -EFAULT;
    uint64_t flags = spin_lock(&pipe.lock);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t byte = ((const uint8_t *)bytes)[i];
        while (pipe.in - pipe.out == PIPE_SIZE)
            sleep_on(&pipe.not_full, &pipe.lock);
        pipe.bytes[pipe.in++ % PIPE_SIZE] = byte;
        pipe.in_hash = stream_hash(pipe.in_hash, byte);
        wake_one(&pipe.not_empty);
    }
    spin_unlock(&pipe.lock, flags);
    return (int64_t)size;
}

int64_t sys_pipe_read(uint64_t bytes, uint64_t size)
{
    if (!user_owns(bytes, size))
        return -EFAULT;
    uint64_t done = 0;
    uint64_t flags = spin_lock(&pipe.lock);
    while (pipe.in == pipe.out)
        sleep_on(&pipe.not_empty, &pipe.lock);
    while (done < size && pipe.in != pipe.out) {
        uint8_t byte = pipe.bytes[pipe.out++ % PIPE_SIZE];
        pipe.out_hash = stream_hash(pipe.out_hash, byte);
        ((uint8_t *)bytes)[done++] = byte;
    }
    wake_one(&pipe.not_full);
    spin_unlock(&pipe.lock, flags);
    return (int64_t)done;
}

struct counts pipe_in_counts(void)
{
    return (struct counts){pipe.in, pipe.in_hash};
}

struct counts pipe_out_counts(void)
{
    return (struct counts){pipe.out, pipe.out_hash};
}

bool pipe_is_sound(void)
{
    uint64_t flags = spin_lock(&pipe.lock);
    uint64_t hash = pipe.out_hash;
    for (uint64_t i = pipe.out; i != pipe.in; i++)
        hash = stream_hash(hash, pipe.bytes[i % PIPE_SIZE]);
    bool sound = pipe.in - pipe.out <= PIPE_SIZE && hash == pipe.in_hash;
    spin_unlock(&pipe.lock, flags);
    return sound;
}
