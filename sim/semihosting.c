/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/semihosting.h"

#include <string.h>

/* "Semihosting operations" */
#define SYS_OPEN          0x01
#define SYS_CLOSE         0x02
#define SYS_WRITEC        0x03
#define SYS_WRITE0        0x04
#define SYS_WRITE         0x05
#define SYS_READ          0x06
#define SYS_READC         0x07
#define SYS_ISERROR       0x08
#define SYS_ISTTY         0x09
#define SYS_SEEK          0x0a
#define SYS_FLEN          0x0c
#define SYS_REMOVE        0x0e
#define SYS_RENAME        0x0f
#define SYS_CLOCK         0x10
#define SYS_TIME          0x11
#define SYS_ERRNO         0x13
#define SYS_GET_CMDLINE   0x15
#define SYS_HEAPINFO      0x16
#define SYS_EXIT          0x18
#define SYS_EXIT_EXTENDED 0x20
#define SYS_ELAPSED       0x30
#define SYS_TICKFREQ      0x31

#define STOPPED_APPLICATION_EXIT 0x20026

#define FAILED UINT32_MAX

/* errno as in most C libraries; the specification names none. */
#define NO_FILE         2
#define BAD_HANDLE      9
#define NOT_PERMITTED   13
#define BAD_ADDRESS     14
#define BAD_ARGUMENT    22
#define TOO_MANY_FILES  24
#define NOT_IMPLEMENTED 38

#define NS_PER_S  1000000000
#define NAME_SIZE 32

enum file_kind {
    FILE_CLOSED,
    FILE_CONSOLE_IN,
    FILE_CONSOLE_OUT,
    FILE_FEATURES,
};

/* "Semihosting extensions": the magic, then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR. */
static const uint8_t features[] = {'S', 'H', 'F', 'B', 0x03};

static uint32_t fail(struct semihosting *semihosting, uint32_t error, uint32_t result)
{
    semihosting->state.error = error;
    return result;
}

/* The words of a parameter block. */
static bool get_words(struct semihosting *semihosting, uint32_t address, uint32_t *words,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[4];
        if (memory_read(semihosting->host.mem, (uint64_t)address + 4 * i, bytes, 4)) {
            semihosting->state.error = BAD_ADDRESS;
            return false;
        }
        words[i] = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                   (uint32_t)bytes[3] << 24;
    }
    return true;
}

/* 0 or FAILED */
static uint32_t put_words(struct semihosting *semihosting, uint32_t address, const uint32_t *words,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t word = words[i];
        uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                            (uint8_t)(word >> 24)};
        if (memory_write(semihosting->host.mem, (uint64_t)address + 4 * i, bytes, 4))
            return fail(semihosting, BAD_ADDRESS, FAILED);
    }
    return 0;
}

static struct semihosting_file *file_of(struct semihosting *semihosting, uint32_t handle)
{
    if (handle >= 1 && handle <= SEMIHOSTING_MAX_FILES &&
        semihosting->state.files[handle - 1].kind != FILE_CLOSED)
        return &semihosting->state.files[handle - 1];
    semihosting->state.error = BAD_HANDLE;
    return NULL;
}

/* What a name and mode stand for, or an error. Modes are those of fopen(): 0 to 3 read. */
static enum file_kind kind_of(const char *name, uint32_t mode, uint32_t *error)
{
    if (!strcmp(name, ":tt"))
        return mode < 4 ? FILE_CONSOLE_IN : FILE_CONSOLE_OUT;
    *error = NO_FILE;
    if (strcmp(name, ":semihosting-features"))
        return FILE_CLOSED;
    *error = NOT_PERMITTED;
    return mode < 2 ? FILE_FEATURES : FILE_CLOSED;
}

static uint32_t sys_open(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t block[3], error = BAD_ARGUMENT; /* name, mode, length */
    char name[NAME_SIZE] = "";
    if (!get_words(semihosting, argument, block, 3))
        return FAILED;
    if (block[1] > 11)
        return fail(semihosting, BAD_ARGUMENT, FAILED);
    if (block[2] >= sizeof name)
        return fail(semihosting, NO_FILE, FAILED);
    if (memory_read(semihosting->host.mem, block[0], name, block[2]))
        return fail(semihosting, BAD_ADDRESS, FAILED);
    enum file_kind kind = kind_of(name, block[1], &error);
    if (kind == FILE_CLOSED)
        return fail(semihosting, error, FAILED);
    for (uint32_t i = 0; i < SEMIHOSTING_MAX_FILES; i++) {
        if (semihosting->state.files[i].kind == FILE_CLOSED) {
            semihosting->state.files[i] = (struct semihosting_file){.kind = (uint8_t)kind};
            return i + 1;
        }
    }
    return fail(semihosting, TOO_MANY_FILES, FAILED);
}

static uint32_t sys_close(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t handle;
    if (!get_words(semihosting, argument, &handle, 1))
        return FAILED;
    struct semihosting_file *file = file_of(semihosting, handle);
    if (!file)
        return FAILED;
    file->kind = FILE_CLOSED;
    return 0;
}

/* Sends up to `length` bytes, at most up to a 0 with `string`; returns how many were not sent. */
static uint32_t send(struct semihosting *semihosting, uint32_t address, uint32_t length,
                     bool string)
{
    const struct semihosting_host *host = &semihosting->host;
    for (uint64_t at = address; length; at++, length--) {
        uint8_t byte;
        if (memory_read(host->mem, at, &byte, 1))
            return fail(semihosting, BAD_ADDRESS, length);
        if (string && !byte)
            break;
        if (host->output)
            host->output(host->opaque, byte);
    }
    return length;
}

static uint32_t sys_write(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t block[3]; /* handle, address, length */
    if (!get_words(semihosting, argument, block, 3))
        return FAILED;
    const struct semihosting_file *file = file_of(semihosting, block[0]);
    if (!file)
        return block[2];
    if (file->kind != FILE_CONSOLE_OUT)
        return fail(semihosting, BAD_HANDLE, block[2]);
    return send(semihosting, block[1], block[2], false);
}

static size_t take_input(const struct semihosting *semihosting, uint8_t *bytes, size_t size)
{
    const struct semihosting_host *host = &semihosting->host;
    return host->input ? host->input(host->opaque, bytes, size) : 0;
}

static size_t take(struct semihosting *semihosting, struct semihosting_file *file, uint8_t *bytes,
                   size_t size)
{
    if (file->kind == FILE_CONSOLE_IN)
        return take_input(semihosting, bytes, size);
    size_t left = sizeof features - file->position;
    if (size > left)
        size = left;
    memcpy(bytes, features + file->position, size);
    file->position += (uint32_t)size;
    return size;
}

static uint32_t sys_read(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t block[3]; /* handle, address, length */
    if (!get_words(semihosting, argument, block, 3))
        return FAILED;
    struct semihosting_file *file = file_of(semihosting, block[0]);
    uint32_t length = block[2];
    if (!file)
        return length;
    if (file->kind == FILE_CONSOLE_OUT)
        return fail(semihosting, BAD_HANDLE, length);
    for (uint64_t at = block[1]; length;) {
        uint8_t bytes[256];
        size_t wanted = length < sizeof bytes ? length : sizeof bytes;
        if (!memory_host(semihosting->host.mem, at, wanted))
            return fail(semihosting, BAD_ADDRESS, length);
        size_t got = take(semihosting, file, bytes, wanted);
        if (!got)
            break;
        if (memory_write(semihosting->host.mem, at, bytes, got))
            return fail(semihosting, BAD_ADDRESS, length);
        at += got;
        length -= (uint32_t)got;
    }
    return length;
}

static uint32_t sys_readc(struct semihosting *semihosting)
{
    uint8_t byte;
    return take_input(semihosting, &byte, 1) ? byte : FAILED;
}

static uint32_t sys_iserror(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t status;
    return !get_words(semihosting, argument, &status, 1) || status >> 31;
}

static uint32_t sys_istty(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t handle;
    if (!get_words(semihosting, argument, &handle, 1))
        return FAILED;
    const struct semihosting_file *file = file_of(semihosting, handle);
    return file ? file->kind != FILE_FEATURES : FAILED;
}

static uint32_t sys_seek(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t block[2]; /* handle, position */
    if (!get_words(semihosting, argument, block, 2))
        return FAILED;
    struct semihosting_file *file = file_of(semihosting, block[0]);
    if (!file)
        return FAILED;
    if (file->kind != FILE_FEATURES || block[1] > sizeof features)
        return fail(semihosting, BAD_ARGUMENT, FAILED);
    file->position = block[1];
    return 0;
}

static uint32_t sys_flen(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t handle;
    if (!get_words(semihosting, argument, &handle, 1))
        return FAILED;
    const struct semihosting_file *file = file_of(semihosting, handle);
    if (!file)
        return FAILED;
    return file->kind == FILE_FEATURES ? sizeof features : 0;
}

static uint32_t sys_get_cmdline(struct semihosting *semihosting, uint32_t argument)
{
    const char *line = semihosting->host.command_line ? semihosting->host.command_line : "";
    uint32_t block[2]; /* buffer, its size; then the length without the 0 */
    size_t length = strlen(line);
    if (!get_words(semihosting, argument, block, 2))
        return FAILED;
    if (block[1] <= length)
        return fail(semihosting, BAD_ARGUMENT, FAILED);
    if (memory_write(semihosting->host.mem, block[0], line, length + 1))
        return fail(semihosting, BAD_ADDRESS, FAILED);
    block[1] = (uint32_t)length;
    return put_words(semihosting, argument, block, 2);
}

static uint32_t sys_heapinfo(struct semihosting *semihosting, uint32_t argument)
{
    const uint32_t unknown[4] = {0}; /* heap base and limit, stack base and limit */
    uint32_t block;
    if (!get_words(semihosting, argument, &block, 1))
        return FAILED;
    return put_words(semihosting, block, unknown, 4);
}

static void quit(const struct semihosting *semihosting, uint32_t reason, uint32_t code)
{
    if (semihosting->host.exited)
        semihosting->host.exited(semihosting->host.opaque,
                                 reason == STOPPED_APPLICATION_EXIT ? code : 1);
}

static uint32_t sys_exit_extended(struct semihosting *semihosting, uint32_t argument)
{
    uint32_t block[2]; /* reason, exit code */
    if (!get_words(semihosting, argument, block, 2))
        return FAILED;
    quit(semihosting, block[0], block[1]);
    return 0;
}

static uint64_t elapsed_ns(const struct semihosting *semihosting)
{
    const struct clock *clock = semihosting->host.clock;
    return clock_ns(clock, clock->now - semihosting->state.start);
}

static uint32_t sys_elapsed(struct semihosting *semihosting, uint32_t argument)
{
    uint64_t ns = elapsed_ns(semihosting);
    return put_words(semihosting, argument, (const uint32_t[]){(uint32_t)ns, (uint32_t)(ns >> 32)},
                     2);
}

uint32_t semihosting_call(struct semihosting *semihosting, uint32_t operation, uint32_t argument)
{
    if (!memory_power(semihosting->host.mem))
        return 0;
    switch (operation) {
    case SYS_OPEN:
        return sys_open(semihosting, argument);
    case SYS_CLOSE:
        return sys_close(semihosting, argument);
    case SYS_WRITEC:
        send(semihosting, argument, 1, false);
        return 0;
    case SYS_WRITE0:
        send(semihosting, argument, UINT32_MAX, true);
        return 0;
    case SYS_WRITE:
        return sys_write(semihosting, argument);
    case SYS_READ:
        return sys_read(semihosting, argument);
    case SYS_READC:
        return sys_readc(semihosting);
    case SYS_ISERROR:
        return sys_iserror(semihosting, argument);
    case SYS_ISTTY:
        return sys_istty(semihosting, argument);
    case SYS_SEEK:
        return sys_seek(semihosting, argument);
    case SYS_FLEN:
        return sys_flen(semihosting, argument);
    case SYS_REMOVE:
    case SYS_RENAME:
        return fail(semihosting, NO_FILE, NO_FILE);
    case SYS_CLOCK:
        return (uint32_t)(elapsed_ns(semihosting) / (NS_PER_S / 100));
    case SYS_TIME:
        return (uint32_t)(semihosting->host.epoch_s + elapsed_ns(semihosting) / NS_PER_S);
    case SYS_ERRNO:
        return semihosting->state.error;
    case SYS_GET_CMDLINE:
        return sys_get_cmdline(semihosting, argument);
    case SYS_HEAPINFO:
        return sys_heapinfo(semihosting, argument);
    case SYS_EXIT:
        quit(semihosting, argument, 0);
        return 0;
    case SYS_EXIT_EXTENDED:
        return sys_exit_extended(semihosting, argument);
    case SYS_ELAPSED:
        return sys_elapsed(semihosting, argument);
    case SYS_TICKFREQ:
        return NS_PER_S;
    default:
        return fail(semihosting, NOT_IMPLEMENTED, FAILED);
    }
}

void semihosting_reset(struct semihosting *semihosting)
{
    semihosting->state = (struct semihosting_state){.start = semihosting->host.clock->now};
}

void semihosting_init(struct semihosting *semihosting, const struct semihosting_host *host)
{
    semihosting->host = *host;
    semihosting_reset(semihosting);
}
