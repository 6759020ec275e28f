// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists in NV memory. A move takes up to eight stores. It needs no undo record: the forward links
 * always make up a whole list, and the node's `list` tells how far the move got (see list_move).
 */
#include "ktx.h"

void list_init(struct list *list, bool sorted)
{
    STORE(list->head.next, &list->head);
    STORE(list->head.prev, &list->head);
    STORE(list->head.list, list);
    STORE(list->head.key, sorted);
}

struct node *list_first(const struct list *list)
{
    struct node *first = list->head.next;
    return first == &list->head ? NULL : first;
}

/* After which node of the list this one belongs. If it is linked there already, it is found there.
 */
static struct node *position(struct list *list, const struct node *node)
{
    if (!list->head.key)
        return list->head.prev == node ? node->prev : list->head.prev;
    struct node *at = &list->head;
    while (at->next != &list->head && at->next != node && (int32_t)(at->next->key - node->key) <= 0)
        at = at->next;
    return at;
}

static inline void put(void *at, const void *value, bool logged)
{
    if (logged)
        hypnos_log_kernel(at);
    *(volatile uint32_t *)at = (uint32_t)value;
}

/*
 * What an interrupted move left behind:
 *   node->list is where it was   some of the first two stores are done: they may be done again, as
 *                                the node's own links are still as they were
 *   node->list is NULL           it is out. Either it is reachable from before: then what is left
 *                                to do are the back link and `list`; or it is not: then its own
 *                                links do not matter yet
 *   node->list is where it goes  all is done
 */
void list_move(struct node *node, struct list *to, bool logged)
{
    if (node->list == to)
        return;
    if (node->list) {
        put(&node->prev->next, node->next, logged);
        put(&node->next->prev, node->prev, logged);
        put(&node->list, NULL, logged);
    }
    if (!to)
        return;
    struct node *before = position(to, node);
    if (before->next != node) {
        put(&node->next, before->next, logged);
        put(&node->prev, before, logged);
        put(&before->next, node, logged);
    }
    put(&node->next->prev, node, logged);
    put(&node->list, to, logged);
}
