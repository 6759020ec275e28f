/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/recovery.h"

#include <string.h>

#include "recovery/engine.h"

#define LEVEL_USER       0
#define LEVEL_SUPERVISOR 1
#define LEVEL_MACHINE    3

/* Turns that a hart whose request has failed waits for the others. */
#define MAX_WAITS 1000

#define CAUSE_BREAKPOINT 3
#define CAUSE_ECALL_USER 8

/* ---- Accounts ------------------------------------------------------------------------------ */

static struct account_where where_is(const struct recovery *recovery, const struct lane *lane)
{
    const struct thread *thread = lane->thread;
    struct account_where where = {.where = WHERE_OUTSIDE, .thread = thread ? thread->id : 0};
    const struct domain *domain = thread ? thread->now.top : NULL;
    if (lane->firmware)
        where.reason = OUTSIDE_FIRMWARE;
    else if (lane->user)
        where.where = WHERE_USER;
    else if (!recovery->any_request)
        where.reason = OUTSIDE_BOOT;
    else if (lane->mode == MODE_EXEMPT || (domain && domain->independent))
        where.reason = OUTSIDE_EXEMPT;
    else if (domain && domain->lost)
        where.reason = OUTSIDE_AFTER_OUTPUT;
    else if (!domain)
        where.reason = thread && thread->idle ? OUTSIDE_IDLE : OUTSIDE_THREAD;
    else {
        where.where = WHERE_INSIDE;
        where.kind = domain->kind;
        where.number = domain->number;
    }
    return where;
}

void recovery_charge(struct recovery *recovery, unsigned hart)
{
    struct lane *lane = &recovery->lanes[hart];
    const struct cpu_counts *now = &recovery->options.harts[hart]->counts;
    const struct account_counts counts = {
        .insns = now->insns - lane->charged.insns,
        .loads = now->loads - lane->charged.loads,
        .stores = now->stores - lane->charged.stores,
        .cycles = now->cycles - lane->charged.cycles,
    };
    if (counts.insns < UINT64_C(1) << 63) /* not after a rewind */
        account_charge(recovery->account, &lane->where, &counts);
    lane->charged = (struct account_counts){now->insns, now->loads, now->stores, now->cycles};
    lane->where = where_is(recovery, lane);
    cpu_profile_inside(recovery->options.harts[hart], lane->where.where == WHERE_INSIDE);
}

/* After each event: who accesses memory now, and whose account it goes to. */
static void changed(struct recovery *recovery, unsigned hart)
{
    track_apply(recovery, hart);
    recovery_charge(recovery, hart);
}

/* ---- Asking for a pause -------------------------------------------------------------------- */

static void ask(struct recovery *recovery, unsigned hart, enum request what, struct domain *domain)
{
    struct lane *lane = &recovery->lanes[hart];
    if (lane->asked != ASK_NOTHING)
        return;
    lane->asked = what;
    lane->asked_for = domain;
    cpu_pause(recovery->options.harts[hart]);
}

static void fail(struct recovery *recovery, unsigned hart, const char *what)
{
    struct lane *lane = &recovery->lanes[hart];
    const struct cpu *cpu = recovery->options.harts[hart];
    if (lane->calling) {
        cpu_pause(recovery->options.harts[hart]); /* the call has failed */
        return;
    }
    if (lane->thread && lane->thread->lost)
        return;
    if (lane->refused_at && lane->refused_at == cpu->counts.insns)
        return; /* announced once more, after it was refused */
    lane->failure = what;
    ask(recovery, hart, ASK_FAILURE, NULL);
}

bool recovery_pausing(const struct recovery *recovery, unsigned hart)
{
    return recovery->lanes[hart].asked != ASK_NOTHING || recovery->lanes[hart].calling;
}

/* Guest functions are called during a rollback. No other hart may be where it holds a lock of the
 * scheduler's, or in its firmware; but do not wait for ever. */
static bool is_quiet(struct recovery *recovery, unsigned hart)
{
    for (unsigned i = 0; i < recovery->options.hart_count; i++) {
        const struct lane *lane = &recovery->lanes[i];
        if (i != hart && (lane->firmware || (lane->thread && lane->thread->now.exempt)) &&
            !cpu_idle(recovery->options.harts[i]) && recovery->waits < MAX_WAITS) {
            recovery->waits++;
            return false;
        }
    }
    recovery->waits = 0;
    return true;
}

bool recovery_waits(const struct recovery *recovery, unsigned hart)
{
    return recovery->lanes[hart].asked == ASK_FAILURE;
}

int recovery_paused(struct recovery *recovery, unsigned hart, struct error *err)
{
    struct lane *lane = &recovery->lanes[hart];
    enum request asked = lane->asked;
    lane->asked = ASK_NOTHING;
    switch (asked) {
    case ASK_NOTHING:
        return 0;
    case ASK_FAILURE:
        if (!is_quiet(recovery, hart))
            lane->asked = ASK_FAILURE; /* once more in its next turn */
        else
            rollback_failure(recovery, hart);
        return 0;
    case ASK_PUT_BACK:
        rollback_put_back(recovery, hart);
        return 0;
    case ASK_REWIND:
        return torture_rewind(recovery, hart, err);
    }
    return 0;
}

/* ---- Threads ------------------------------------------------------------------------------- */

static bool identity(struct recovery *recovery, unsigned hart, uint64_t *id)
{
    const struct recovery_policy *policy = recovery->policy;
    struct cpu *cpu = recovery->options.harts[hart];
    switch (policy->thread.by) {
    case THREAD_BY_REGISTER:
        *id = cpu_general(cpu, recovery->identity_register);
        break;
    case THREAD_BY_STACK:
        *id = cpu_general(cpu, REGISTER_SP) & ~(policy->thread.stack_size - 1);
        break;
    case THREAD_BY_SYMBOL:
        if (cpu_read_virtual(cpu, recovery->mem,
                             recovery->identity_symbol + hart * policy->thread.stride, id,
                             sizeof *id))
            return false;
        break;
    }
    return *id && (!policy->thread.kernel_half || *id >> 63);
}

/* An interrupt that leads to another thread has done its work: what is left of it, when its thread
 * runs again, is not worth that everybody else waits for it. False if its domain is to be executed
 * again: then nothing has happened. */
static bool end_interrupt(struct recovery *recovery, unsigned hart)
{
    struct thread_state *now = &recovery->lanes[hart].thread->now;
    struct domain *domain = now->top;
    if (!domain || domain->kind != REQUEST_INTERRUPT)
        return true;
    if (torture_wants(recovery, domain)) {
        ask(recovery, hart, ASK_REWIND, domain);
        return false;
    }
    for (unsigned i = 0; i < now->frame_count; i++) {
        if (now->frames[i].domain == domain) {
            now->frames[i].kind = FRAME_TRAP;
            now->frames[i].domain = NULL;
        }
    }
    domain_end(recovery, domain);
    return true;
}

static void on_context(void *opaque, unsigned hart)
{
    struct recovery *recovery = opaque;
    struct lane *lane = &recovery->lanes[hart];
    uint64_t id = 0, insns = recovery->options.harts[hart]->counts.insns;
    if (lane->firmware || lane->calling || !identity(recovery, hart, &id) ||
        (lane->thread && lane->thread->id == id))
        return;
    struct thread *thread = thread_find(recovery, id);
    if (!thread)
        return;
    if (lane->thread && !end_interrupt(recovery, hart))
        return;
    if (lane->thread) {
        lane->thread->now.ran += insns - lane->since;
        lane->thread->left_at = recovery->options.clock->now;
    }
    lane->thread = thread;
    lane->since = insns;
    if (is_observed(recovery))
        observe_switch(recovery, hart);
    changed(recovery, hart);
    if (thread->put_back && !is_unbroken(thread))
        ask(recovery, hart, ASK_PUT_BACK, NULL);
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void forget_frame(struct thread_state *now, const struct frame *frame)
{
    now->exempt -= frame->kind == FRAME_EXEMPT;
    now->unbroken -= frame->kind == FRAME_UNBROKEN;
}

static struct frame *push(struct thread *thread)
{
    struct thread_state *now = &thread->now;
    if (now->frame_count == MAX_FRAMES) { /* forget the oldest that has no domain, if any */
        unsigned i = 0;
        while (i < MAX_FRAMES && now->frames[i].domain)
            i++;
        if (i == MAX_FRAMES)
            return NULL;
        forget_frame(now, &now->frames[i]);
        memmove(now->frames + i, now->frames + i + 1, (MAX_FRAMES - i - 1) * sizeof *now->frames);
        now->frame_count--;
    }
    struct frame *frame = &now->frames[now->frame_count++];
    *frame = (struct frame){0};
    return frame;
}

/* Leaves the frames from `index` on, without having returned from those above it. False if the
 * domain of that one is to be executed again: then nothing has happened. */
static bool pop_to(struct recovery *recovery, unsigned hart, unsigned index)
{
    struct thread_state *now = &recovery->lanes[hart].thread->now;
    struct domain *domain = NULL;
    for (unsigned i = index; i < now->frame_count && !domain; i++)
        domain = now->frames[i].domain;
    if (domain && torture_wants(recovery, domain)) {
        ask(recovery, hart, ASK_REWIND, domain);
        return false;
    }
    for (unsigned i = index; i < now->frame_count; i++)
        forget_frame(now, &now->frames[i]);
    now->frame_count = index;
    if (domain)
        domain_end(recovery, domain);
    return true;
}

void recovery_begin_trap(struct recovery *recovery, unsigned hart, enum request_kind kind,
                         uint64_t number)
{
    struct frame *frame = push(recovery->lanes[hart].thread);
    if (!frame)
        return;
    frame->kind = FRAME_DOMAIN;
    recovery->lanes[hart].thread->now.frame_count--;
    frame->domain = domain_open(recovery, hart, kind, number, false);
    recovery->lanes[hart].thread->now.frame_count++;
    if (!frame->domain)
        frame->kind = FRAME_TRAP;
    else
        torture_open(recovery, frame->domain);
    track_apply(recovery, hart);
}

static void on_trap_entry(void *opaque, unsigned hart, const struct trap *trap)
{
    struct recovery *recovery = opaque;
    const struct recovery_policy *policy = recovery->policy;
    struct lane *lane = &recovery->lanes[hart];
    if (trap->to == LEVEL_MACHINE) {
        lane->firmware = true;
        changed(recovery, hart);
        return;
    }
    lane->user = false;
    if (!lane->thread || lane->calling) {
        recovery_charge(recovery, hart);
        return;
    }
    bool from_user = trap->from == LEVEL_USER;
    enum request_kind kind = trap->interrupt                   ? REQUEST_INTERRUPT
                             : trap->cause == CAUSE_ECALL_USER ? REQUEST_SYSCALL
                                                               : REQUEST_FAULT;
    bool begins = trap->interrupt ? policy->interrupts : policy->traps && from_user;
    if (begins) {
        uint64_t number = kind == REQUEST_SYSCALL
                              ? cpu_general(recovery->options.harts[hart], REGISTER_A7)
                              : trap->cause;
        recovery_begin_trap(recovery, hart, kind, number);
    } else {
        struct frame *frame = push(lane->thread);
        if (frame)
            frame->kind = FRAME_TRAP;
    }
    changed(recovery, hart);
    if (!from_user && !trap->interrupt && trap->cause == CAUSE_BREAKPOINT &&
        policy->failure.breakpoints)
        fail(recovery, hart, "breakpoint");
}

static void on_trap_return(void *opaque, unsigned hart, unsigned from, unsigned to)
{
    struct recovery *recovery = opaque;
    struct lane *lane = &recovery->lanes[hart];
    if (from == LEVEL_MACHINE) {
        lane->firmware = false;
        lane->user = to == LEVEL_USER;
        track_leave_firmware(recovery, hart);
        changed(recovery, hart);
        if (lane->thread && lane->thread->put_back && !is_unbroken(lane->thread))
            ask(recovery, hart, ASK_PUT_BACK, NULL);
        return;
    }
    if (!lane->thread || lane->calling)
        return;
    struct thread_state *now = &lane->thread->now;
    unsigned index = 0;
    if (to != LEVEL_USER) {
        index = now->frame_count;
        while (index > 0 && now->frames[index - 1].kind != FRAME_TRAP &&
               now->frames[index - 1].kind != FRAME_DOMAIN)
            index--;
        if (!index)
            return;
        index--;
    }
    if (!pop_to(recovery, hart, index))
        return;
    lane->user = to == LEVEL_USER;
    if (lane->user)
        lane->thread->lost = false;
    changed(recovery, hart);
    if (lane->thread->put_back && !is_unbroken(lane->thread))
        ask(recovery, hart, ASK_PUT_BACK, NULL);
}

/* ---- Functions ----------------------------------------------------------------------------- */

/* Watches where the function returns to, on all harts: the thread may migrate. */
static struct frame *push_function(struct recovery *recovery, unsigned hart, int kind)
{
    struct cpu *cpu = recovery->options.harts[hart];
    uint64_t ra = cpu_general(cpu, REGISTER_RA);
    for (unsigned i = 0; i < recovery->options.hart_count; i++)
        if (cpu_watch(recovery->options.harts[i], ra))
            return NULL;
    struct frame *frame = push(recovery->lanes[hart].thread);
    if (frame) {
        frame->kind = kind;
        frame->ra = ra;
        frame->sp = cpu_general(cpu, REGISTER_SP);
    }
    return frame;
}

/* A function that opens a domain. */
static void enter(struct recovery *recovery, unsigned hart, const struct point *point)
{
    bool inverse = point->kind == POINT_INVERSE;
    struct thread_state *now = &recovery->lanes[hart].thread->now;
    struct frame *frame = push_function(recovery, hart, inverse ? FRAME_INVERSE : FRAME_FUNCTION);
    if (!frame)
        return;
    frame->index = point->index;
    frame->argument = cpu_general(recovery->options.harts[hart], REGISTER_A0);
    now->frame_count--;
    frame->domain = domain_open(recovery, hart, REQUEST_FUNCTION, point->index, inverse);
    now->frame_count += frame->domain != NULL;
    if (frame->domain && !inverse)
        torture_open(recovery, frame->domain);
    changed(recovery, hart);
}

/* The thread has returned from the function of its frame `index`. */
static void leave(struct recovery *recovery, unsigned hart, unsigned index)
{
    struct thread *thread = recovery->lanes[hart].thread;
    const struct frame frame = thread->now.frames[index];
    uint64_t result = cpu_general(recovery->options.harts[hart], REGISTER_A0);
    struct domain *parent = frame.domain ? frame.domain->parent : NULL;
    bool lost = frame.domain && frame.domain->lost;
    if (frame.kind == FRAME_CHECK && result) {
        fail(recovery, hart, "check");
        if (recovery_pausing(recovery, hart))
            return;
    }
    if (!pop_to(recovery, hart, index))
        return;
    if (frame.kind == FRAME_INVERSE && parent && !parent->lost && !lost) {
        bool by_result = recovery->policy->inverses[frame.index].argument == INVERSE_RESULT;
        uint64_t argument = by_result ? result : frame.argument;
        if ((argument || !by_result) &&
            domain_add_inverse(recovery, parent, recovery->undos[frame.index], argument))
            domain_lose(recovery, parent, REFUSED_OTHER);
    }
    changed(recovery, hart);
    if (thread->put_back && !is_unbroken(thread))
        ask(recovery, hart, ASK_PUT_BACK, NULL);
}

static void arrive(struct recovery *recovery, unsigned hart, const struct point *point)
{
    struct thread *thread = recovery->lanes[hart].thread;
    if (point->kind == POINT_FAILURE) {
        fail(recovery, hart, point->name);
        return;
    }
    if (!thread || is_exempt(thread))
        return;
    switch (point->kind) {
    case POINT_REQUEST:
    case POINT_INVERSE:
        enter(recovery, hart, point);
        break;
    case POINT_EXEMPT:
        if (push_function(recovery, hart, FRAME_EXEMPT))
            thread->now.exempt++;
        changed(recovery, hart);
        break;
    case POINT_UNBROKEN:
        if (push_function(recovery, hart, FRAME_UNBROKEN))
            thread->now.unbroken++;
        break;
    case POINT_CHECK:
        push_function(recovery, hart, FRAME_CHECK);
        break;
    case POINT_ENDLESS:
        if (pop_to(recovery, hart, 0))
            changed(recovery, hart);
        break;
    case POINT_FAILURE:
        break;
    }
}

static void on_watched(void *opaque, unsigned hart, uint64_t pc)
{
    struct recovery *recovery = opaque;
    struct lane *lane = &recovery->lanes[hart];
    if (lane->thread && !lane->calling) {
        const struct thread_state *now = &lane->thread->now;
        uint64_t sp = cpu_general(recovery->options.harts[hart], REGISTER_SP);
        for (unsigned i = now->frame_count; i > 0; i--) {
            const struct frame *frame = &now->frames[i - 1];
            if (frame->kind >= FRAME_FUNCTION && frame->ra == pc && frame->sp == sp) {
                leave(recovery, hart, i - 1);
                break;
            }
        }
    }
    const struct point *end = recovery->points + recovery->point_count;
    for (const struct point *point = points_at(recovery, pc);
         point < end && point->address == pc && lane->asked == ASK_NOTHING; point++)
        if (!lane->calling || point->kind == POINT_FAILURE)
            arrive(recovery, hart, point);
}

/* ---- The run loop's side ------------------------------------------------------------------- */

static bool hangs(const struct recovery *recovery, unsigned hart)
{
    uint64_t limit = recovery->policy->failure.hang_insns;
    const struct lane *lane = &recovery->lanes[hart];
    if (!limit || recovery->options.clock->now < recovery->hang_ticks || !lane->thread ||
        lane->user || lane->thread->lost || !lane->thread->now.top)
        return false;
    uint64_t ran =
        lane->thread->now.ran + recovery->options.harts[hart]->counts.insns - lane->since;
    for (const struct domain *domain = lane->thread->now.top; domain; domain = domain->parent)
        if (domain->kind != REQUEST_INTERRUPT && ran - domain->ran > limit)
            return true;
    return false;
}

void recovery_turn(struct recovery *recovery, unsigned hart)
{
    recovery->active = hart;
    track_apply(recovery, hart);
    if (hangs(recovery, hart)) {
        recovery->lanes[hart].failure = "hang";
        rollback_failure(recovery, hart);
    }
}

void recovery_between(struct recovery *recovery)
{
    for (unsigned i = 0; i < recovery->options.hart_count; i++)
        if (recovery->lanes[i].thread && cpu_idle(recovery->options.harts[i]))
            recovery->lanes[i].thread->idle = true;
    recovery->active = recovery->options.hart_count;
    domain_settle_old(recovery);
    track_outside(recovery);
}

void recovery_finish(struct recovery *recovery)
{
    for (unsigned i = 0; i < recovery->options.hart_count; i++)
        recovery_charge(recovery, i);
    output_finish(recovery);
}

const struct recovery_counts *recovery_counts(const struct recovery *recovery)
{
    return &recovery->counts;
}

const struct account *recovery_account(const struct recovery *recovery)
{
    return recovery->account;
}

/* ---- Life ---------------------------------------------------------------------------------- */

static int listen(struct recovery *recovery, struct error *err)
{
    const struct cpu_listener listener = {
        .trap_entry = on_trap_entry,
        .trap_return = on_trap_return,
        .watched = on_watched,
        .context = on_context,
        .opaque = recovery,
    };
    if (track_listen(recovery))
        return error_set(err, "out of memory");
    for (unsigned i = 0; i < recovery->options.hart_count; i++) {
        struct cpu *cpu = recovery->options.harts[i];
        if (cpu_listen(cpu, &listener))
            return error_set(err, "too many listeners");
        for (size_t k = 0; k < recovery->point_count; k++)
            if (cpu_watch(cpu, recovery->points[k].address))
                return error_set(err, "out of memory");
    }
    return 0;
}

struct recovery *recovery_new(const struct recovery_options *options, struct error *err)
{
    struct recovery *recovery = arena_zeroed(options->arena, 1, sizeof *recovery);
    if (!recovery) {
        error_set(err, "out of memory");
        return NULL;
    }
    recovery->options = *options;
    recovery->arena = options->arena;
    recovery->policy = options->policy;
    recovery->mem = options->mem;
    recovery->threads_end = &recovery->threads;
    recovery->active = options->hart_count;
    recovery->sweep_at = 256;
    recovery->log = log_new(options->arena, options->mem, track_released, recovery);
    recovery->account = account_new(options->arena);
    recovery->undos = arena_zeroed(options->arena, POLICY_MAX_FUNCTIONS, sizeof *recovery->undos);
    recovery->outside_epoch = memory_new_epoch(options->mem);
    recovery->uart = OUTPUT_BARRIER;
    recovery->hang_ticks = clock_ticks(options->clock, options->policy->failure.hang_from_ns);
    recovery->linger_ticks = clock_ticks(options->clock, options->policy->linger_ns);
    for (size_t i = 0; i < options->policy->output_count; i++)
        if (!strcmp(options->policy->outputs[i].device, "uart0"))
            recovery->uart = options->policy->outputs[i].policy;
    if (options->policy->thread.by == THREAD_BY_REGISTER)
        recovery->identity_register =
            (unsigned)cpu_general_number(options->harts[0], options->policy->thread.name);
    if (!options->policy->track && options->policy->torture == TORTURE_OFF)
        error_set(err, "recovery.track: expected true, as long as recovery.torture is off: without "
                       "it a rollback would undo what other threads did");
    else if (!recovery->log || !recovery->account || !recovery->undos)
        error_set(err, "out of memory");
    else if (!points_find(recovery, err) && !listen(recovery, err))
        return recovery;
    return NULL;
}

const struct account_where *recovery_where(const struct recovery *recovery, unsigned hart)
{
    return &recovery->lanes[hart].where;
}
