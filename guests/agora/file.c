/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files in memory: fixed inodes, blocks from the allocator, a checksum of each content. */
#include "kernel.h"
#include "syscalls.h"

#define FILES      8
#define BLOCK_SIZE 256
#define BLOCKS     (FILE_MAX / BLOCK_SIZE)

struct file {
    bool used;
    char name[FILE_NAME_MAX];
    uint64_t size, sum;
    uint8_t *blocks[BLOCKS]; /* NULL where nothing was written */
};

static struct {
    struct mutex lock;
    struct file files[FILES];
    struct counts written;
} fs;

static bool same_name(const char *a, const char *b)
{
    for (unsigned i = 0; i < FILE_NAME_MAX; i++) {
        if (a[i] != b[i])
            return false;
        if (!a[i])
            return true;
    }
    return true;
}

static struct file *find(const char *name)
{
    for (unsigned i = 0; i < FILES; i++)
        if (fs.files[i].used && same_name(fs.files[i].name, name))
            return &fs.files[i];
    return NULL;
}

static struct file *file_of(uint64_t number)
{
    return number < FILES && fs.files[number].used ? &fs.files[number] : NULL;
}

static uint8_t byte_at(const struct file *file, uint64_t offset)
{
    const uint8_t *block = file->blocks[offset / BLOCK_SIZE];
    return block ? block[offset % BLOCK_SIZE] : 0;
}

static uint64_t sum_of(const struct file *file)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < file->size; i++)
        sum += file_sum(i, byte_at(file, i));
    return sum;
}

static void empty(struct file *file)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        if (file->blocks[i])
            kfree(file->blocks[i]);
    *file = (struct file){0};
}

/* ---- With the lock held -------------------------------------------------------------------- */

static int64_t create(const char *name)
{
    if (find(name))
        return -EEXIST;
    for (unsigned i = 0; i < FILES; i++) {
        if (!fs.files[i].used) {
            fs.files[i].used = true;
            memcpy(fs.files[i].name, name, FILE_NAME_MAX);
            return i;
        }
    }
    return -ENOSPC;
}

static bool add_blocks(struct file *file, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        if (file->blocks[i])
            continue;
        uint8_t *block = kalloc(BLOCK_SIZE);
        if (!block)
            return false; /* those that there are stay, empty */
        file->blocks[i] = memset(block, 0, BLOCK_SIZE);
    }
    return true;
}

static int64_t write(struct file *file, uint64_t offset, const uint8_t *bytes, uint64_t size)
{
    if (!add_blocks(file, offset / BLOCK_SIZE, (offset + size - 1) / BLOCK_SIZE))
        return -ENOSPC;
    uint64_t change = 0;
    for (uint64_t i = offset; i < offset + size; i++) {
        uint8_t *byte = &file->blocks[i / BLOCK_SIZE][i % BLOCK_SIZE];
        change += file_sum(i, bytes[i - offset]) - file_sum(i, *byte);
        *byte = bytes[i - offset];
    }
    if (offset + size > file->size)
        file->size = offset + size;
    fs.written.calls++;
    if (fault_due(FAULT_NULL))
        fault_null();
    fs.written.sum += size;
    file->sum += change;
    return (int64_t)size;
}

/* ---- System calls -------------------------------------------------------------------------- */

int64_t sys_file_create(uint64_t name)
{
    char copy[FILE_NAME_MAX];
    if (!user_owns(name, FILE_NAME_MAX))
        return -EFAULT;
    memcpy(copy, (const char *)name, sizeof copy);
    copy[sizeof copy - 1] = 0;
    mutex_lock(&fs.lock);
    int64_t result = create(copy);
    mutex_unlock(&fs.lock);
    return result;
}

int64_t sys_file_write(uint64_t number, uint64_t offset, uint64_t bytes, uint64_t size)
{
    if (!user_owns(bytes, size))
        return -EFAULT;
    if (!size || size > FILE_MAX || offset > FILE_MAX - size)
        return -EINVAL;
    mutex_lock(&fs.lock);
    struct file *file = file_of(number);
    int64_t result = file ? write(file, offset, (const uint8_t *)bytes, size) : -ENOENT;
    mutex_unlock(&fs.lock);
    return result;
}

int64_t sys_file_read(uint64_t number, uint64_t offset, uint64_t bytes, uint64_t size)
{
    if (!user_owns(bytes, size))
        return -EFAULT;
    int64_t result = -ENOENT;
    mutex_lock(&fs.lock);
    const struct file *file = file_of(number);
    if (file)
        for (result = 0; (uint64_t)result < size && offset < file->size; result++)
            ((uint8_t *)bytes)[result] = byte_at(file, offset++);
    mutex_unlock(&fs.lock);
    return result;
}

int64_t sys_file_remove(uint64_t number)
{
    mutex_lock(&fs.lock);
    struct file *file = file_of(number);
    if (file)
        empty(file);
    mutex_unlock(&fs.lock);
    return file ? 0 : -ENOENT;
}

/* ---- At the end ---------------------------------------------------------------------------- */

struct counts file_counts(void)
{
    return fs.written;
}

uint64_t file_kept_sum(const char *name)
{
    mutex_lock(&fs.lock);
    const struct file *file = find(name);
    uint64_t sum = file ? sum_of(file) : 0;
    mutex_unlock(&fs.lock);
    return sum;
}

bool files_are_sound(void)
{
    bool sound = true;
    mutex_lock(&fs.lock);
    for (unsigned i = 0; i < FILES; i++)
        sound &= fs.files[i].sum == sum_of(&fs.files[i]);
    mutex_unlock(&fs.lock);
    return sound;
}

void files_remove_all(void)
{
    mutex_lock(&fs.lock);
    for (unsigned i = 0; i < FILES; i++)
        empty(&fs.files[i]);
    mutex_unlock(&fs.lock);
}
