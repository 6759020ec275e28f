/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/log_stacks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/attach.h"
#include "sim/backtrace.h"
#include "sim/report/folded.h"

#define MAX_FRAMES  64
#define BUCKETS     4096
#define REGISTER_RA 1
#define REGISTER_SP 2
#define REGISTER_S0 8

/* A domain that has logged something and was not counted yet. */
struct pending {
    uint64_t id, bytes;
    uint32_t root; /* node: task, request */
    struct pending *next;
    struct {
        uint32_t node;
        uint64_t bytes;
    } * items;
    size_t count, room;
};

/* Frames by a number that they stand for: an address, a request. Open addressing. */
struct known {
    struct {
        uint64_t key;
        uint32_t frame; /* + 1; 0: free */
    } * slots;
    size_t count, room; /* room is a power of two */
};

struct log_stacks {
    struct machine *machine;
    struct folded *folded;
    struct recovery_observer observer;
    struct request_names names;
    struct known functions, requests;
    uint32_t user, unknown, again; /* frames */
    struct pending *buckets[BUCKETS], *spare;
    bool failed; /* out of memory */
};

/* ---- The guest's memory -------------------------------------------------------------------- */

/* As the hart sees it; the page that was read last is at hand. */
struct view {
    struct cpu *cpu;
    const struct memory *mem;
    uint64_t page_size, page; /* guest-virtual; 1: none */
    const uint8_t *host;
};

static int read_virtual(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    struct view *view = opaque;
    uint64_t offset = gva & (view->page_size - 1), page = gva - offset, gpa;
    if (offset + size > view->page_size)
        return cpu_read_virtual(view->cpu, view->mem, gva, buffer, size);
    if (view->page != page) {
        view->page = 1;
        if (view->cpu->ops->translate(view->cpu, page, &gpa))
            return -1;
        view->host = memory_host(view->mem, gpa, view->page_size);
        if (!view->host)
            return -1;
        view->page = page;
    }
    memcpy(buffer, view->host + offset, size);
    return 0;
}

static struct view view_of(const struct log_stacks *stacks, struct cpu *cpu)
{
    return (struct view){cpu, stacks->machine->mem, memory_page_size(stacks->machine->mem), 1,
                         NULL};
}

/* ---- Frames -------------------------------------------------------------------------------- */

static uint32_t *find(struct log_stacks *stacks, struct known *known, uint64_t key)
{
    if (2 * known->count >= known->room) {
        struct known larger = {.room = known->room ? 2 * known->room : 1024};
        larger.slots = calloc(larger.room, sizeof *larger.slots);
        stacks->failed |= !larger.slots;
        if (!larger.slots)
            return NULL;
        for (size_t i = 0; i < known->room; i++)
            if (known->slots[i].frame)
                *find(stacks, &larger, known->slots[i].key) = known->slots[i].frame;
        larger.count = known->count;
        free(known->slots);
        *known = larger;
    }
    for (uint64_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;; i++) {
        size_t at = i & (known->room - 1);
        if (!known->slots[at].frame)
            known->slots[at].key = key;
        if (known->slots[at].key == key)
            return &known->slots[at].frame;
    }
}

static uint32_t function_frame(struct log_stacks *stacks, const struct backtrace_frame *frame)
{
    uint64_t address = frame->address - (frame->is_return ? 1 : 0);
    uint32_t *known = find(stacks, &stacks->functions, address);
    if (known && *known)
        return *known - 1;
    const struct symbol *symbol = symbols_at(stacks->machine->symbols, address, NULL);
    uint32_t made = folded_frame(stacks->folded, symbol ? symbol->name : "[no_symbol]");
    if (known) {
        *known = made + 1;
        stacks->functions.count++;
    }
    return made;
}

static uint32_t request_frame(struct log_stacks *stacks, const struct observed_domain *domain)
{
    uint32_t *known =
        find(stacks, &stacks->requests, domain->number * REQUEST_KINDS + (uint64_t)domain->kind);
    if (known && *known)
        return *known - 1;
    char name[256], text[300];
    const char *kind = request_kind_name(domain->kind);
    if (request_name(&stacks->names, domain->kind, domain->number, name, sizeof name) == 0)
        snprintf(text, sizeof text, "%s:%s", kind, name);
    else
        snprintf(text, sizeof text, "%s:%" PRIu64, kind, domain->number);
    uint32_t made = folded_frame(stacks->folded, text);
    if (known) {
        *known = made + 1;
        stacks->requests.count++;
    }
    return made;
}

static uint32_t root_of(struct log_stacks *stacks, struct cpu *cpu,
                        const struct observed_domain *domain)
{
    struct view view = view_of(stacks, cpu);
    char name[TASKS_COMM_SIZE], text[32];
    int pid;
    bool is_task = stacks->machine->tasks && tasks_name(stacks->machine->tasks, read_virtual, &view,
                                                        domain->thread, name, &pid) == 0;
    snprintf(text, sizeof text, "thread 0x%" PRIx64, domain->thread);
    uint32_t task = folded_frame(stacks->folded, is_task && *name ? name : text);
    return folded_push(stacks->folded, folded_push(stacks->folded, 0, task),
                       request_frame(stacks, domain));
}

/* ---- Domains ------------------------------------------------------------------------------- */

static struct pending **pending_of(struct log_stacks *stacks, uint64_t id)
{
    struct pending **link = &stacks->buckets[id % BUCKETS];
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static struct pending *make_pending(struct log_stacks *stacks, uint64_t id)
{
    struct pending *pending = stacks->spare;
    if (pending)
        stacks->spare = pending->next;
    else
        pending = calloc(1, sizeof *pending);
    stacks->failed |= !pending;
    if (!pending)
        return NULL;
    pending->id = id;
    pending->bytes = pending->count = 0;
    pending->next = stacks->buckets[id % BUCKETS];
    return stacks->buckets[id % BUCKETS] = pending;
}

static void drop(struct log_stacks *stacks, struct pending **link)
{
    struct pending *pending = *link;
    *link = pending->next;
    pending->next = stacks->spare;
    stacks->spare = pending;
}

static void note(struct log_stacks *stacks, struct pending *pending, uint32_t node, uint64_t bytes)
{
    if (pending->count && pending->items[pending->count - 1].node == node) {
        pending->items[pending->count - 1].bytes += bytes;
    } else {
        if (pending->count == pending->room) {
            size_t room = 2 * pending->room + 16;
            void *items = realloc(pending->items, room * sizeof *pending->items);
            stacks->failed |= !items;
            if (!items)
                return;
            pending->items = items;
            pending->room = room;
        }
        pending->items[pending->count].node = node;
        pending->items[pending->count++].bytes = bytes;
    }
    pending->bytes += bytes;
}

/* ---- What is told -------------------------------------------------------------------------- */

static uint32_t stack_of(struct log_stacks *stacks, unsigned hart, uint32_t root,
                         enum request_kind kind)
{
    struct cpu *cpu = stacks->machine->harts[hart];
    if (recovery_where(stacks->machine->recovery, hart)->where == WHERE_USER)
        return folded_push(stacks->folded, root, stacks->user);
    struct view view = view_of(stacks, cpu);
    const struct backtrace_start start = {
        .pc = cpu_block_pc(cpu),
        .ra = cpu_general(cpu, REGISTER_RA),
        .sp = cpu_general(cpu, REGISTER_SP),
        .fp = cpu_general(cpu, REGISTER_S0),
    };
    struct backtrace_frame frames[MAX_FRAMES];
    bool whole;
    size_t count = backtrace_follow(&start, stacks->machine->symbols, read_virtual, &view, frames,
                                    MAX_FRAMES, &whole);
    for (size_t i = 1; i < count && kind != REQUEST_SYSCALL && kind != REQUEST_FUNCTION; i++) {
        if (frames[i].is_return)
            continue;
        count = i;
        whole = true;
    }
    for (size_t i = 1; i < count; i++) { /* a kernel in the upper half is called by nobody else */
        if (frames[i].address >> 63 == frames[0].address >> 63)
            continue;
        count = i;
        whole = false;
    }
    uint32_t node = whole ? root : folded_push(stacks->folded, root, stacks->unknown);
    while (count--)
        node = folded_push(stacks->folded, node, function_frame(stacks, &frames[count]));
    return node;
}

static void on_logged(void *opaque, unsigned hart, const struct observed_domain *domain,
                      uint64_t bytes)
{
    struct log_stacks *stacks = opaque;
    if (hart >= stacks->machine->hart_count)
        return;
    struct pending *pending = *pending_of(stacks, domain->id);
    if (!pending) {
        pending = make_pending(stacks, domain->id);
        if (!pending)
            return;
        pending->root = root_of(stacks, stacks->machine->harts[hart], domain);
    }
    note(stacks, pending, stack_of(stacks, hart, pending->root, domain->kind), bytes);
}

static void on_counted(void *opaque, const struct observed_domain *domain)
{
    struct log_stacks *stacks = opaque;
    struct pending **link = pending_of(stacks, domain->id);
    uint64_t bytes = 0;
    if (*link) {
        const struct pending *pending = *link;
        for (size_t i = 0; i < pending->count; i++)
            folded_add(stacks->folded, pending->items[i].node, 0, (int64_t)pending->items[i].bytes);
        bytes = pending->bytes;
        drop(stacks, link);
    }
    if (domain->log_bytes != bytes)
        folded_add(stacks->folded, folded_push(stacks->folded, 0, stacks->again), 0,
                   (int64_t)(domain->log_bytes - bytes));
}

static void on_aborted(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)hart;
    struct pending **link = pending_of(opaque, domain->id);
    if (*link)
        drop(opaque, link);
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct log_stacks *log_stacks_new(struct machine *machine, struct error *err)
{
    err->text[0] = 0;
    if (!machine->recovery)
        return NULL;
    struct log_stacks *stacks = calloc(1, sizeof *stacks);
    if (stacks)
        stacks->folded = folded_new();
    if (!stacks || !stacks->folded) {
        free(stacks);
        error_set(err, "out of memory");
        return NULL;
    }
    stacks->machine = machine;
    stacks->names = attach_request_names(machine);
    stacks->user = folded_frame(stacks->folded, "[user]");
    stacks->unknown = folded_frame(stacks->folded, "[unknown]");
    stacks->again = folded_frame(stacks->folded, "[again]");
    stacks->observer = (struct recovery_observer){
        .logged = on_logged, .counted = on_counted, .aborted = on_aborted, .opaque = stacks};
    observers_add(&machine->observers, &stacks->observer);
    return stacks;
}

void log_stacks_free(struct log_stacks *stacks)
{
    if (!stacks)
        return;
    observers_remove(&stacks->machine->observers, &stacks->observer);
    for (size_t i = 0; i < BUCKETS; i++)
        while (stacks->buckets[i])
            drop(stacks, &stacks->buckets[i]);
    for (struct pending *pending = stacks->spare, *next; pending; pending = next) {
        next = pending->next;
        free(pending->items);
        free(pending);
    }
    free(stacks->functions.slots);
    free(stacks->requests.slots);
    folded_free(stacks->folded);
    free(stacks);
}

int log_stacks_write(struct log_stacks *stacks, FILE *out, struct error *err)
{
    if (stacks->failed || folded_write(stacks->folded, 0, NULL, 1, out))
        return error_set(err, "out of memory for stacks");
    return 0;
}
