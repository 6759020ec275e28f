/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/folded.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/names.h"

#define NAME_SIZE  256
#define FIRST_ROOM 256

struct node {
    uint32_t parent, frame;
    uint32_t recent;         /* the child that was pushed last; 0: none */
    uint32_t child, sibling; /* while they are written: the first, the next; 0: none */
    int64_t values[FOLDED_COLUMNS];
};

struct folded {
    struct names frames;
    struct node *nodes;
    size_t node_count, node_room;
    uint32_t *node_slots; /* open addressing, twice the room; 0: free */
    bool full;
};

struct folded *folded_new(void)
{
    struct folded *folded = calloc(1, sizeof *folded);
    if (!folded)
        return NULL;
    folded->node_room = FIRST_ROOM;
    folded->nodes = calloc(FIRST_ROOM, sizeof *folded->nodes);
    folded->node_slots = calloc(2 * FIRST_ROOM, sizeof *folded->node_slots);
    folded->node_count = 1;
    if (folded->nodes && folded->node_slots)
        return folded;
    folded_free(folded);
    return NULL;
}

void folded_free(struct folded *folded)
{
    if (!folded)
        return;
    names_free(&folded->frames);
    free(folded->nodes);
    free(folded->node_slots);
    free(folded);
}

/* ---- Frames -------------------------------------------------------------------------------- */

static void clean(const char *name, char out[NAME_SIZE])
{
    size_t i = 0;
    for (; name[i] && i < NAME_SIZE - 1; i++) {
        unsigned char c = (unsigned char)name[i];
        out[i] = c == ';' ? ':' : c == ' ' ? '_' : c < ' ' || c == 0x7f ? '?' : (char)c;
    }
    out[i] = 0;
    if (!i)
        memcpy(out, "?", 2);
}

uint32_t folded_frame(struct folded *folded, const char *name)
{
    char cleaned[NAME_SIZE];
    clean(name, cleaned);
    uint32_t frame = names_add(&folded->frames, cleaned);
    folded->full |= frame == NAMES_FULL;
    return frame;
}

/* ---- Stacks -------------------------------------------------------------------------------- */

static uint32_t *node_slot(const struct folded *folded, uint32_t parent, uint32_t frame)
{
    uint64_t key = (uint64_t)parent << 32 | frame;
    for (uint64_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;; i++) {
        uint32_t *slot = &folded->node_slots[i & (2 * folded->node_room - 1)];
        const struct node *node = &folded->nodes[*slot];
        if (!*slot || (node->parent == parent && node->frame == frame))
            return slot;
    }
}

static bool grow_nodes(struct folded *folded)
{
    size_t room = 2 * folded->node_room;
    struct node *nodes =
        room < UINT32_MAX / 4 ? realloc(folded->nodes, room * sizeof *nodes) : NULL;
    if (nodes)
        folded->nodes = nodes;
    uint32_t *slots = nodes ? calloc(2 * room, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(folded->node_slots);
    folded->node_slots = slots;
    folded->node_room = room;
    for (size_t i = 1; i < folded->node_count; i++)
        *node_slot(folded, nodes[i].parent, nodes[i].frame) = (uint32_t)i;
    return true;
}

uint32_t folded_push(struct folded *folded, uint32_t node, uint32_t frame)
{
    uint32_t recent = folded->nodes[node].recent;
    if (recent && folded->nodes[recent].frame == frame)
        return recent;
    uint32_t *slot = node_slot(folded, node, frame);
    if (*slot)
        return folded->nodes[node].recent = *slot;
    if (folded->full || (folded->node_count == folded->node_room && !grow_nodes(folded))) {
        folded->full = true;
        return node;
    }
    uint32_t made = (uint32_t)folded->node_count++;
    folded->nodes[made] = (struct node){.parent = node, .frame = frame};
    *node_slot(folded, node, frame) = made;
    return made;
}

void folded_add(struct folded *folded, uint32_t node, unsigned column, int64_t value)
{
    folded->nodes[node].values[column] += value;
}

/* ---- Writing ------------------------------------------------------------------------------- */

struct named {
    const char *name;
    uint32_t node;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* Links each node's children in order of their names. */
static int link_children(struct folded *folded)
{
    struct named *all = malloc(folded->node_count * sizeof *all);
    if (!all)
        return -1;
    folded->nodes[0].child = 0;
    for (size_t i = 1; i < folded->node_count; i++) {
        folded->nodes[i].child = folded->nodes[i].sibling = 0;
        all[i - 1] = (struct named){folded->frames.all[folded->nodes[i].frame], (uint32_t)i};
    }
    qsort(all, folded->node_count - 1, sizeof *all, by_name);
    for (size_t i = folded->node_count - 1; i--;) {
        struct node *node = &folded->nodes[all[i].node];
        node->sibling = folded->nodes[node->parent].child;
        folded->nodes[node->parent].child = all[i].node;
    }
    free(all);
    return 0;
}

static void write_path(const struct folded *folded, uint32_t node, FILE *out)
{
    if (folded->nodes[node].parent) {
        write_path(folded, folded->nodes[node].parent, out);
        fputc(';', out);
    }
    fputs(folded->frames.all[folded->nodes[node].frame], out);
}

static uint64_t rounded(uint64_t value, uint64_t unit)
{
    return value / unit + (value % unit >= unit - unit / 2);
}

static void write_node(const struct folded *folded, uint32_t node, const char *root,
                       uint64_t number, FILE *out)
{
    if (root)
        fputs(root, out);
    if (root && node)
        fputc(';', out);
    if (node)
        write_path(folded, node, out);
    fprintf(out, " %" PRIu64 "\n", number);
}

int folded_write(struct folded *folded, unsigned column, const char *root, uint64_t unit, FILE *out)
{
    if (folded->full || link_children(folded))
        return -1;
    char prefix[NAME_SIZE];
    clean(root ? root : "all", prefix);
    uint64_t sum = 0;
    for (uint32_t node = 0;;) {
        int64_t value = folded->nodes[node].values[column];
        if (value > 0) {
            uint64_t number = rounded(sum + (uint64_t)value, unit) - rounded(sum, unit);
            sum += (uint64_t)value;
            if (number)
                write_node(folded, node, root || !node ? prefix : NULL, number, out);
        }
        if (folded->nodes[node].child) {
            node = folded->nodes[node].child;
            continue;
        }
        while (node && !folded->nodes[node].sibling)
            node = folded->nodes[node].parent;
        if (!node)
            return 0;
        node = folded->nodes[node].sibling;
    }
}
