/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"

int app_task(const char *name, void (*entry)(uint32_t arg), uint32_t arg, unsigned priority)
{
    int task = HYPNOS_NONE;
    transaction(task)
    {
        task = hypnos_task_create(name, entry, arg, priority);
    }
    if (task < 0)
        hypnos_lost("task %s (none left)", name);
    return task;
}

int app_queue(unsigned length, unsigned item_size)
{
    int queue = HYPNOS_NONE;
    transaction(queue)
    {
        queue = hypnos_queue_create(length, item_size);
    }
    if (queue < 0)
        hypnos_lost("queue (no room for %u items of %u bytes)", length, item_size);
    return queue;
}

void app_join(int task)
{
    int end = HYPNOS_NONE;
    transaction(end)
    {
        end = hypnos_task_join(task, HYPNOS_FOREVER);
    }
    app_expect("a task's end", HYPNOS_OK, (uint32_t)end);
}

void app_send(int queue, const void *item)
{
    app_expect("queue", HYPNOS_OK, (uint32_t)hypnos_queue_send(queue, item, HYPNOS_FOREVER));
}

void app_receive(int queue, void *item)
{
    app_expect("queue", HYPNOS_OK, (uint32_t)hypnos_queue_receive(queue, item, HYPNOS_FOREVER));
}

void app_expect(const char *what, uint32_t expected, uint32_t found)
{
    if (found != expected)
        hypnos_lost("%s (expected %d, found %d)", what, (int)expected, (int)found);
}
