/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recovery/engine.h"

/*
 * Recovery domains on harts that a test moves by hand: it takes traps, calls functions and accesses
 * memory as a guest would, and the harts keep a TLB as a back end would.
 */
#define PAGE  UINT64_C(4096)
#define PAGES 64
#define BASE  UINT64_C(0x80000000)
#define HARTS 3

#define HANDLER   UINT64_C(0xffffffff80001000) /* where traps go */
#define USER_PC   UINT64_C(0x10000)
#define INTERRUPT 5
#define ERROR     (-5)
#define EIO       ((uint64_t)ERROR)

#define RA 1
#define SP 2
#define TP 4
#define S0 8
#define A0 10
#define A7 17

/* Addresses of the guest's functions and variables. */
static const struct {
    const char *name;
    uint64_t address;
} symbols[] = {
    {"request", 0xffffffff80002000}, {"schedule", 0xffffffff80002100},
    {"alloc", 0xffffffff80002200},   {"free", 0xffffffff80002300},
    {"lock", 0xffffffff80002400},    {"unlock", 0xffffffff80002500},
    {"die", 0xffffffff80002600},     {"check", 0xffffffff80002700},
    {"wake", 0xffffffff80002800},    {"other_request", 0xffffffff80002900},
    {"forever", 0xffffffff80002a00}, {"switch", 0xffffffff80002b00},
    {"current", BASE + 8 * PAGE},
};

struct hart {
    struct cpu cpu;
    struct registers {
        uint64_t x[32], pc, epc;
        unsigned level, previous_level;
    } now;
    bool paused, idle;
    uint64_t watched[64];
    size_t watched_count;
    struct grant tlb[PAGES];
    uint64_t seen_withdrawals, seen_handovers;
};

static struct {
    struct arena *arena;
    struct memory *mem;
    struct clock clock;
    struct recovery_policy policy;
    struct hart harts[HARTS];
    struct cpu *cpus[HARTS];
    struct recovery *recovery;
    unsigned running; /* HARTS: none */
    struct {
        unsigned hart;
        uint64_t function, argument;
    } calls[64];
    size_t call_count;
    uint64_t stored_by_call; /* an address, or 0 */
    struct recovery_observers observers;
    struct recovery_observer observer;
    struct tell { /* what became of a domain in a rollback */
        const char *what, *how, *failure;
        bool has_domain;
        uint64_t domain, number, thread;
        enum request_kind kind;
    } tells[64];
    size_t tell_count;
    char output[256];
    size_t output_count;
    unsigned checkpoints, rewinds; /* that exist; that were done */
} m;

/* ---- A hart ---- */

static struct hart *hart_of(struct cpu *cpu)
{
    return (struct hart *)cpu;
}

static bool is_idle(struct cpu *cpu)
{
    return hart_of(cpu)->idle;
}

static int watch(struct cpu *cpu, uint64_t gva)
{
    struct hart *hart = hart_of(cpu);
    for (size_t i = 0; i < hart->watched_count; i++)
        if (hart->watched[i] == gva)
            return 0;
    cr_assert_lt(hart->watched_count, 64);
    hart->watched[hart->watched_count++] = gva;
    return 0;
}

static void pause_hart(struct cpu *cpu)
{
    hart_of(cpu)->paused = true;
}

static size_t state_size(struct cpu *cpu)
{
    (void)cpu;
    return sizeof(struct registers);
}

static void save(struct cpu *cpu, void *state)
{
    memcpy(state, &hart_of(cpu)->now, sizeof(struct registers));
}

static void adopt(struct cpu *cpu, const void *state)
{
    memcpy(&hart_of(cpu)->now, state, sizeof(struct registers));
}

static uint64_t general(struct cpu *cpu, unsigned number)
{
    return hart_of(cpu)->now.x[number];
}

static int general_number(const char *name)
{
    return strcmp(name, "tp") == 0 ? TP : strcmp(name, "a0") == 0 ? A0 : -1;
}

static int write_register(struct cpu *cpu, const char *name, uint64_t value)
{
    int number = general_number(name);
    if (strcmp(name, "pc") == 0)
        hart_of(cpu)->now.pc = value;
    else if (number >= 0)
        hart_of(cpu)->now.x[number] = value;
    else
        return -1;
    return 0;
}

static void leave_trap(struct cpu *cpu, bool step_over)
{
    struct registers *now = &hart_of(cpu)->now;
    now->pc = now->epc + (step_over ? 4 : 0);
    now->level = now->previous_level;
}

static uint64_t pc_of(struct cpu *cpu)
{
    return hart_of(cpu)->now.pc;
}

static int translate(struct cpu *cpu, uint64_t gva, uint64_t *gpa)
{
    (void)cpu;
    *gpa = gva;
    return 0;
}

static void store_raw(struct hart *hart, uint64_t gpa, unsigned size, uint64_t value);

static int call_guest(struct cpu *cpu, const struct cpu_call *call, uint64_t *result,
                      struct error *err)
{
    (void)err;
    cr_assert_lt(m.call_count, 64);
    m.calls[m.call_count].hart = cpu->number;
    m.calls[m.call_count].function = call->function;
    m.calls[m.call_count++].argument = call->arguments[0];
    if (m.stored_by_call)
        store_raw(hart_of(cpu), m.stored_by_call, 8, call->arguments[0]);
    *result = 0;
    return 0;
}

static const struct cpu_ops ops = {
    .name = "made by hand",
    .idle = is_idle,
    .watch = watch,
    .pause = pause_hart,
    .state_size = state_size,
    .save = save,
    .restore = adopt,
    .adopt = adopt,
    .general = general,
    .general_number = general_number,
    .write = write_register,
    .leave_trap = leave_trap,
    .call = call_guest,
    .pc = pc_of,
    .translate = translate,
};

/* ---- What the machine does for recovery ---- */

static int symbol(void *opaque, const char *name, uint64_t *address, struct error *err)
{
    cr_assert_eq(opaque, &m);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (strcmp(symbols[i].name, name) == 0) {
            *address = symbols[i].address;
            return 0;
        }
    }
    return error_set(err, "expected a symbol of the guest, found \"%s\"", name);
}

static uint64_t address_of(const char *name)
{
    uint64_t address = 0;
    cr_assert_eq(symbol(&m, name, &address, NULL), 0);
    return address;
}

struct machine_state {
    struct registers registers[HARTS];
    struct cpu_counts counts[HARTS];
};

static void *take_checkpoint(void *opaque)
{
    (void)opaque;
    struct machine_state *state = arena_alloc(m.arena, sizeof *state);
    cr_assert_not_null(state);
    for (unsigned i = 0; i < HARTS; i++) {
        state->registers[i] = m.harts[i].now;
        state->counts[i] = m.harts[i].cpu.counts;
    }
    m.checkpoints++;
    return state;
}

static int go_back(void *opaque, const void *checkpoint)
{
    (void)opaque;
    const struct machine_state *state = checkpoint;
    for (unsigned i = 0; i < HARTS; i++) {
        m.harts[i].now = state->registers[i];
        m.harts[i].cpu.counts = state->counts[i];
    }
    m.rewinds++;
    return 0;
}

static void discard(void *opaque, void *checkpoint)
{
    (void)opaque;
    m.checkpoints--;
    arena_free(m.arena, checkpoint);
}

static uint64_t count_insns(void *opaque)
{
    (void)opaque;
    uint64_t sum = 0;
    for (unsigned i = 0; i < HARTS; i++)
        sum += m.harts[i].cpu.counts.insns;
    return sum;
}

static void put_output(void *opaque, uint8_t byte)
{
    (void)opaque;
    cr_assert_lt(m.output_count, sizeof m.output - 1);
    m.output[m.output_count++] = (char)byte;
}

static void add_tell(const struct observed_failure *failure, const struct observed_member *member)
{
    bool refused = failure->reason != REFUSED_REASONS;
    struct tell *tell = &m.tells[m.tell_count++];
    cr_assert_leq(m.tell_count, 64);
    *tell = (struct tell){
        .what = refused            ? "refused"
                : member->innocent ? "innocent"
                                   : "failed",
        .how = refused         ? refused_name(failure->reason)
               : member->error ? "error"
                               : "retry",
        .failure = failure->what,
        .has_domain = member,
        .thread = failure->thread,
    };
    if (member) {
        tell->domain = member->domain.id;
        tell->number = member->domain.number;
        tell->kind = member->domain.kind;
        tell->thread = member->domain.thread;
    }
}

static void on_failed(void *opaque, const struct observed_failure *failure)
{
    (void)opaque;
    if (failure->reason == REFUSED_REASONS) {
        for (size_t i = 0; i < failure->member_count; i++)
            add_tell(failure, &failure->members[i]);
        return;
    }
    const struct observed_member *failed = NULL;
    for (size_t i = 0; i < failure->member_count; i++)
        if (failure->members[i].role == ROLE_FAILED)
            failed = &failure->members[i];
    add_tell(failure, failed);
}

/* ---- A machine ---- */

static void set_up(void)
{
    memset(&m, 0, sizeof m);
    m.arena = arena_open(ARENA_RESERVE, NULL);
    cr_assert_not_null(m.arena);
    m.mem = memory_new(12);
    cr_assert_not_null(m.mem);
    cr_assert_eq(memory_add(m.mem, "ram", BASE, PAGES * PAGE, REGION_RAM, false, NULL), 0);
    for (unsigned i = 0; i < HARTS; i++) {
        m.harts[i].cpu.ops = &ops;
        m.harts[i].cpu.number = i;
        m.harts[i].now.pc = USER_PC;
        m.cpus[i] = &m.harts[i].cpu;
    }
    m.running = HARTS;
    m.policy = (struct recovery_policy){
        .enabled = true,
        .track = true,
        .thread = {.by = THREAD_BY_REGISTER, .name = "tp"},
        .traps = true,
        .interrupts = true,
        .functions = {"other_request", "request"},
        .function_count = 2,
        .exempt = {"schedule"},
        .exempt_count = 1,
        .endless = {"forever"},
        .endless_count = 1,
        .inverses = {{"alloc", "free", INVERSE_RESULT}, {"lock", "unlock", INVERSE_FIRST}},
        .inverse_count = 2,
        .outputs = {{"uart0", OUTPUT_DEFER}},
        .output_count = 1,
        .failure = {.functions = {"die"},
                    .function_count = 1,
                    .checks = {"check"},
                    .check_count = 1,
                    .breakpoints = true},
        .on_failure = FAILURE_ERROR,
        .error = ERROR,
        .innocents = FAILURE_RETRY,
        .wake = "wake",
        .log_limit = UINT64_C(1) << 30,
        .torture_every = 1,
        .torture_kinds = (1 << REQUEST_KINDS) - 1,
    };
}

static void tear_down(void)
{
    memory_free(m.mem);
    arena_close(m.arena);
}

TestSuite(recovery, .init = set_up, .fini = tear_down);

static const char *device(void *opaque, const struct region *region)
{
    (void)opaque;
    return region->name;
}

static struct recovery *make(struct error *err)
{
    const struct recovery_options options = {
        .arena = m.arena,
        .policy = &m.policy,
        .mem = m.mem,
        .harts = m.cpus,
        .hart_count = HARTS,
        .clock = &m.clock,
        .host =
            {
                .symbol = symbol,
                .checkpoint = take_checkpoint,
                .rewind = go_back,
                .discard = discard,
                .insns = count_insns,
                .device = device,
                .output = put_output,
                .opaque = &m,
            },
        .observers = &m.observers,
    };
    m.observer.failed = on_failed;
    m.observers.first = NULL;
    observers_add(&m.observers, &m.observer);
    return recovery_new(&options, err);
}

/* From now on the hart runs. */
static void turn(unsigned hart)
{
    if (m.running == hart)
        return;
    if (m.running < HARTS)
        cr_assert_not(m.harts[m.running].paused, "it was asked to pause");
    m.running = hart;
    recovery_turn(m.recovery, hart);
    if (m.harts[hart].seen_handovers != *memory_handovers(m.mem))
        m.harts[hart].seen_withdrawals = UINT64_MAX;
    m.harts[hart].seen_handovers = *memory_handovers(m.mem);
}

static void between(void)
{
    m.running = HARTS;
    recovery_between(m.recovery);
}

/* The thread, which has the stack of that number, runs on the hart now. */
static void run_thread(unsigned hart, uint64_t thread)
{
    turn(hart);
    m.harts[hart].now.x[TP] = thread;
    m.harts[hart].now.x[SP] = thread << 16 | 0x8000;
    cpu_announce_context(m.cpus[hart]);
}

/* Threads 1, 2 and 3 on harts 0, 1 and 2, in user mode. */
static void start(void)
{
    struct error err = {""};
    m.recovery = make(&err);
    cr_assert_not_null(m.recovery, "%s", err.text);
    for (unsigned i = 0; i < HARTS; i++)
        run_thread(i, i + 1);
}

static const struct recovery_counts *counts(void)
{
    return recovery_counts(m.recovery);
}

static uint64_t held(void)
{
    return log_bytes(m.recovery->log);
}

static void expect_nothing_left(void)
{
    cr_expect_eq(held(), 0, "%lu bytes", held());
    cr_expect_null(m.recovery->oldest);
    cr_expect_null(m.recovery->newest);
    cr_expect_eq(m.recovery->shared_pages, 0);
    for (unsigned page = 0; page < PAGES; page++) {
        cr_expect_eq(memory_owner(m.mem, BASE + page * PAGE), 0, "page %u", page);
        cr_expect_neq(memory_state(m.mem, BASE + page * PAGE), PAGE_PRECISE, "page %u", page);
    }
}

/* ---- What a guest does ---- */

static struct registers *registers(unsigned hart)
{
    return &m.harts[hart].now;
}

static void step(unsigned hart)
{
    turn(hart);
    cr_assert_not(m.harts[hart].paused, "it was asked to pause");
    m.harts[hart].cpu.counts.insns++;
    m.clock.now++;
}

static struct grant *look_up(struct hart *hart, uint64_t gpa, enum access_kind kind)
{
    if (hart->seen_withdrawals != *memory_withdrawals(m.mem))
        memset(hart->tlb, 0, sizeof hart->tlb);
    hart->seen_withdrawals = *memory_withdrawals(m.mem);
    struct grant *grant = &hart->tlb[(gpa - BASE) / PAGE];
    if (kind == ACCESS_WRITE ? grant->write : grant->read)
        return grant;
    struct grant granted = memory_translate(m.mem, gpa, kind, true);
    cr_assert(granted.read);
    if (hart->seen_withdrawals != *memory_withdrawals(m.mem))
        memset(hart->tlb, 0, sizeof hart->tlb);
    hart->seen_withdrawals = *memory_withdrawals(m.mem);
    *grant = granted;
    return grant;
}

static void store_raw(struct hart *hart, uint64_t gpa, unsigned size, uint64_t value)
{
    if (look_up(hart, gpa, ACCESS_WRITE)->precise)
        memory_access(m.mem, gpa, size, ACCESS_WRITE, value);
    else
        memory_load(m.mem, gpa, &value, size); /* nobody hears of it */
}

/* Address of a word of a page. */
static uint64_t at(unsigned page, unsigned offset)
{
    return BASE + page * PAGE + offset;
}

static void store(unsigned hart, uint64_t gpa, uint64_t value)
{
    step(hart);
    store_raw(&m.harts[hart], gpa, 8, value);
}

static void store_byte(unsigned hart, uint64_t gpa, uint8_t value)
{
    step(hart);
    store_raw(&m.harts[hart], gpa, 1, value);
}

static uint64_t load(unsigned hart, uint64_t gpa)
{
    step(hart);
    uint64_t value = 0;
    if (look_up(&m.harts[hart], gpa, ACCESS_READ)->precise)
        return memory_access(m.mem, gpa, 8, ACCESS_READ, 0);
    cr_assert_eq(memory_read(m.mem, gpa, &value, 8), 0);
    return value;
}

/* As the test sees it. */
static uint64_t peek(uint64_t gpa)
{
    uint64_t value;
    cr_assert_eq(memory_read(m.mem, gpa, &value, 8), 0);
    return value;
}

static void trap(unsigned hart, bool interrupt, uint64_t cause)
{
    step(hart);
    struct registers *now = registers(hart);
    const struct trap what = {
        .interrupt = interrupt, .cause = cause, .pc = now->pc, .from = now->level, .to = 1};
    now->epc = now->pc;
    now->previous_level = now->level;
    now->pc = HANDLER;
    now->level = 1;
    cpu_announce_entry(m.cpus[hart], &what);
}

static void system_call(unsigned hart, uint64_t number)
{
    registers(hart)->x[A7] = number;
    trap(hart, false, 8);
}

static void trap_return(unsigned hart, uint64_t pc, unsigned level)
{
    step(hart);
    registers(hart)->pc = pc;
    registers(hart)->level = level;
    cpu_announce_return(m.cpus[hart], 1, level);
}

/* Back to user mode. */
static void end_request(unsigned hart)
{
    trap_return(hart, USER_PC + 4, 0);
}

static void arrive(unsigned hart, uint64_t pc)
{
    step(hart);
    registers(hart)->pc = pc;
    for (size_t i = 0; i < m.harts[hart].watched_count; i++)
        if (m.harts[hart].watched[i] == pc)
            cpu_announce_watched(m.cpus[hart], pc);
}

static void call(unsigned hart, const char *function, uint64_t ra, uint64_t argument)
{
    registers(hart)->x[RA] = ra;
    registers(hart)->x[A0] = argument;
    arrive(hart, address_of(function));
}

static void ret(unsigned hart, uint64_t ra, uint64_t result)
{
    registers(hart)->x[A0] = result;
    arrive(hart, ra);
}

/* The run loop's part after a hart has paused. */
static void handle_pause(unsigned hart)
{
    cr_assert_eq(m.running, hart);
    cr_assert(m.harts[hart].paused, "it was not asked to pause");
    cr_assert(recovery_pausing(m.recovery, hart));
    m.harts[hart].paused = false;
    struct error err = {""};
    cr_assert_eq(recovery_paused(m.recovery, hart, &err), 0, "%s", err.text);
    cr_assert_not(recovery_pausing(m.recovery, hart));
    m.running = HARTS;
    turn(hart);
}

static void die(unsigned hart)
{
    call(hart, "die", 0x77777777, 0);
    handle_pause(hart);
}

static void expect_tell(size_t index, const char *what, const char *how, uint64_t thread)
{
    cr_assert_lt(index, m.tell_count, "told of %zu", m.tell_count);
    cr_expect_str_eq(m.tells[index].what, what, "%zu: %s", index, m.tells[index].what);
    cr_expect_str_eq(m.tells[index].how, how, "%zu: %s", index, m.tells[index].how);
    cr_expect_eq(m.tells[index].thread, thread, "%zu: %lu", index, m.tells[index].thread);
}

/* The system call has returned the error. */
static void expect_error(unsigned hart)
{
    cr_expect_eq(registers(hart)->x[A0], EIO, "a0 = 0x%lx", registers(hart)->x[A0]);
    cr_expect_eq(registers(hart)->pc, registers(hart)->epc + 4);
    cr_expect_eq(registers(hart)->level, 0);
}

/* The request begins once more. */
static void expect_retry(unsigned hart, unsigned open_domains)
{
    cr_expect_eq(registers(hart)->pc, HANDLER, "pc 0x%lx", registers(hart)->pc);
    cr_expect_eq(registers(hart)->level, 1);
    unsigned open = 0;
    const struct thread *thread = m.recovery->lanes[hart].thread;
    for (const struct domain *domain = thread->now.top; domain; domain = domain->parent)
        open++;
    cr_expect_eq(open, open_domains, "%u domains are open", open);
}

/* ---- One thread ---- */

Test(recovery, a_request_commits)
{
    start();
    store(0, at(0, 0), 1); /* user mode, before any request */
    system_call(0, 64);
    store(0, at(0, 0), 2);
    store(0, at(1, 8), 3);
    cr_expect_eq(load(0, at(1, 8)), 3);
    cr_expect_gt(held(), 2 * PAGE);
    cr_expect_neq(memory_owner(m.mem, at(1, 0)), 0);
    end_request(0);
    cr_expect_eq(counts()->domains[REQUEST_SYSCALL], 1);
    cr_expect_eq(counts()->committed, 1);
    cr_expect_eq(counts()->lingered, 0);
    cr_expect_eq(counts()->log_pages, 2);
    cr_expect_eq(counts()->log_bytes, 2 * PAGE);
    cr_expect_eq(counts()->max_depth, 1);
    cr_expect_eq(peek(at(0, 0)), 2);
    cr_expect_eq(peek(at(1, 8)), 3);
    cr_expect_eq(m.tell_count, 0);
    expect_nothing_left();
    const struct account_row *row = account_request(recovery_account(m.recovery), 0);
    cr_assert_not_null(row);
    cr_expect_eq(row->where.number, 64);
    cr_expect_eq(row->domains, 1);
    cr_expect_eq(row->pages, 2);
}

Test(recovery, kinds_of_requests)
{
    start();
    system_call(0, 1);
    end_request(0);
    trap(0, false, 13);
    end_request(0);
    trap(0, true, INTERRUPT);
    end_request(0);
    call(0, "request", 0x100, 0);
    ret(0, 0x100, 0);
    for (unsigned kind = 0; kind < REQUEST_KINDS; kind++)
        cr_expect_eq(counts()->domains[kind], 1, "%u", kind);
    cr_expect_eq(counts()->committed, 4);
    expect_nothing_left();
}

Test(recovery, only_what_the_policy_calls_a_request)
{
    m.policy.traps = m.policy.interrupts = false;
    start();
    system_call(0, 1);
    trap(0, true, INTERRUPT);
    store(0, at(0, 0), 1);
    trap_return(0, HANDLER + 8, 1);
    end_request(0);
    cr_expect_eq(recovery_domains(counts()), 0);
    cr_expect_eq(held(), 0);
}

Test(recovery, a_failed_request_returns_the_error)
{
    start();
    store(0, at(0, 0), 1);
    registers(0)->x[S0] = 0x1234;
    registers(0)->x[A0] = 0x4321;
    system_call(0, 64);
    store(0, at(0, 0), 2);
    store(0, at(5, 16), 3);
    registers(0)->x[S0] = 0;
    call(0, "die", 0x100, 0);
    cr_expect(m.harts[0].paused);
    cr_expect(recovery_pausing(m.recovery, 0));
    cr_expect_eq(peek(at(0, 0)), 2); /* nothing happens before */
    handle_pause(0);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(5, 16)), 0);
    expect_error(0);
    cr_expect_eq(registers(0)->x[S0], 0x1234);
    cr_expect_eq(counts()->faults, 1);
    cr_expect_eq(counts()->recovered, 1);
    cr_expect_eq(counts()->aborted, 1);
    cr_expect_eq(counts()->rolled_back, 1);
    cr_expect_eq(counts()->cascades, 0);
    cr_expect_eq(counts()->cascade_max, 1);
    cr_expect_eq(counts()->committed, 0);
    cr_assert_eq(m.tell_count, 1);
    expect_tell(0, "failed", "error", 1);
    cr_expect_str_eq(m.tells[0].failure, "die");
    cr_expect(m.tells[0].has_domain);
    cr_expect_eq(m.tells[0].domain, 1);
    cr_expect_eq(m.tells[0].kind, REQUEST_SYSCALL);
    cr_expect_eq(m.tells[0].number, 64);
    expect_nothing_left();
    /* And life goes on. */
    system_call(0, 64);
    store(0, at(0, 0), 7);
    end_request(0);
    cr_expect_eq(peek(at(0, 0)), 7);
    cr_expect_eq(counts()->committed, 1);
}

Test(recovery, a_nested_interrupt_is_absorbed)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    trap(0, true, INTERRUPT);
    store(0, at(0, 8), 2);
    store(0, at(1, 0), 3);
    trap_return(0, HANDLER + 8, 1);
    cr_expect_eq(counts()->committed, 1);
    cr_expect_eq(counts()->max_depth, 2);
    store(0, at(1, 8), 4); /* on a page that only the interrupt had saved */
    store(0, at(2, 0), 5);
    die(0);
    for (unsigned page = 0; page < 3; page++) {
        cr_expect_eq(peek(at(page, 0)), 0, "page %u", page);
        cr_expect_eq(peek(at(page, 8)), 0, "page %u", page);
    }
    cr_assert_eq(m.tell_count, 1);
    expect_error(0);
    expect_nothing_left();
}

Test(recovery, a_nested_interrupt_that_fails_is_retried_alone)
{
    m.policy.retries = 1;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    trap(0, true, INTERRUPT);
    store(0, at(0, 8), 2);
    store(0, at(1, 0), 3);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(0, 8)), 0);
    cr_expect_eq(peek(at(1, 0)), 0);
    expect_tell(0, "failed", "retry", 1);
    expect_retry(0, 2);
    store(0, at(0, 8), 4);
    trap_return(0, HANDLER + 8, 1);
    end_request(0);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(0, 8)), 4);
    expect_nothing_left();
}

Test(recovery, a_trap_within_the_kernel_is_no_request)
{
    start();
    system_call(0, 1);
    trap(0, false, 13); /* a fault on user memory, say */
    store(0, at(0, 0), 1);
    trap_return(0, HANDLER + 8, 1);
    store(0, at(0, 8), 2);
    cr_expect_eq(recovery_domains(counts()), 1);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(0, 8)), 0);
    expect_nothing_left();
}

Test(recovery, ways_to_fail)
{
    m.policy.failure.hang_insns = 1000;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    trap(0, false, 3); /* BUG() */
    handle_pause(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    expect_error(0);

    system_call(0, 2);
    store(0, at(0, 0), 2);
    call(0, "check", 0x100, 0);
    ret(0, 0x100, 0); /* all is well */
    call(0, "check", 0x100, 0);
    ret(0, 0x100, 1);
    handle_pause(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    expect_error(0);

    system_call(0, 3);
    store(0, at(0, 0), 3);
    m.harts[0].cpu.counts.insns += 900;
    turn(1);
    turn(0);
    cr_expect_eq(peek(at(0, 0)), 3);
    m.harts[0].cpu.counts.insns += 200;
    turn(1);
    turn(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    expect_error(0);

    static const char *const failures[] = {"breakpoint", "check", "hang"};
    cr_assert_eq(m.tell_count, 3);
    for (size_t i = 0; i < 3; i++) {
        expect_tell(i, "failed", "error", 1);
        cr_expect_str_eq(m.tells[i].failure, failures[i]);
    }
    expect_nothing_left();
}

Test(recovery, a_request_that_ends_without_returning)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "forever", 0x100, 0);
    cr_expect_eq(counts()->committed, 1);
    expect_nothing_left();
}

/* ---- Functions ---- */

Test(recovery, a_function_returns_the_error)
{
    start();
    registers(0)->level = 1;
    call(0, "request", 0x5000, 11);
    registers(0)->x[S0] = 5;
    store(0, at(0, 0), 1);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(registers(0)->pc, 0x5000);
    cr_expect_eq(registers(0)->x[A0], EIO);
    cr_expect_eq(registers(0)->x[S0], 0);
    cr_expect_eq(m.tells[0].kind, REQUEST_FUNCTION);
    cr_expect_eq(m.tells[0].number, 1); /* the second in the list */
    expect_nothing_left();
}

Test(recovery, a_function_is_called_again)
{
    m.policy.on_failure = FAILURE_RETRY;
    m.policy.retries = 1;
    start();
    registers(0)->level = 1;
    for (unsigned i = 0; i < 2; i++) {
        call(0, "request", 0x5000, 11);
        store(0, at(0, 0), 1);
        die(0);
        cr_expect_eq(peek(at(0, 0)), 0);
    }
    expect_tell(0, "failed", "retry", 1);
    expect_tell(1, "failed", "error", 1);
    cr_expect_eq(registers(0)->pc, 0x5000);
    expect_nothing_left();
}

Test(recovery, a_nested_function_fails_alone)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "request", 0x5000, 0);
    store(0, at(0, 8), 2);
    store(0, at(1, 0), 3);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(0, 8)), 0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(registers(0)->x[A0], EIO);
    /* The caller cannot live with the error. */
    store(0, at(1, 8), 4);
    store(0, at(0, 16), 5);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(1, 8)), 0);
    cr_expect_eq(peek(at(0, 16)), 0);
    expect_error(0);
    expect_nothing_left();
}

/* ---- Retries ---- */

Test(recovery, so_many_retries)
{
    m.policy.on_failure = FAILURE_RETRY;
    m.policy.retries = 3;
    start();
    for (unsigned round = 0; round < 2; round++) {
        m.tell_count = 0;
        system_call(0, 1);
        for (unsigned i = 0; i < 4; i++) {
            if (i)
                expect_retry(0, 1);
            store(0, at(0, 0), 1 + i);
            die(0);
            cr_expect_eq(peek(at(0, 0)), 0);
            expect_tell(i, "failed", i < 3 ? "retry" : "error", 1);
        }
        expect_error(0);
        expect_nothing_left();
    }
}

Test(recovery, each_request_has_its_own_retries)
{
    m.policy.on_failure = FAILURE_RETRY;
    m.policy.retries = 1;
    start();
    for (unsigned i = 0; i < 5; i++) {
        system_call(0, 1);
        die(0);
        expect_tell(i, "failed", "retry", 1);
        end_request(0);
    }
    cr_expect_eq(counts()->committed, 5);
    expect_nothing_left();
}

/* ---- Refusals ---- */

static void expect_refused(enum refused_reason reason, uint64_t thread)
{
    cr_expect_eq(counts()->refused[reason], 1, "%s", refused_name(reason));
    cr_expect_eq(recovery_refused(counts()), 1);
    cr_expect_eq(counts()->recovered, 0);
    cr_expect_eq(counts()->faults, 1);
    expect_tell(0, "refused", refused_name(reason), thread);
}

Test(recovery, refused_without_a_request)
{
    start();
    store(0, at(0, 0), 1);
    die(0);
    expect_refused(REFUSED_NO_DOMAIN, 1);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(registers(0)->pc, address_of("die"));
}

Test(recovery, refused_in_exempt_code)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "schedule", 0x5000, 0);
    die(0);
    expect_refused(REFUSED_EXEMPT, 1);
    cr_expect_eq(peek(at(0, 0)), 1);
}

Test(recovery, refused_when_the_log_is_full)
{
    m.policy.log_limit = 4 * PAGE;
    start();
    system_call(0, 1);
    for (unsigned i = 0; i < 10; i++) {
        store(0, at(i, 0), 1);
        cr_expect_leq(held(), 5 * PAGE);
    }
    cr_expect_eq(held(), 0);
    die(0);
    expect_refused(REFUSED_LOG_LIMIT, 1);
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(peek(at(i, 0)), 1);
    /* The guest is on its own until the request is over, however often it fails. */
    call(0, "die", 0x100, 0);
    cr_expect_not(m.harts[0].paused);
    end_request(0);
    expect_nothing_left();
    system_call(0, 1);
    store(0, at(0, 0), 2);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 1);
    expect_error(0);
}

/* Words count as well as pages. */
Test(recovery, refused_when_the_log_is_full_of_words)
{
    m.policy.log_limit = 2 * PAGE;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 8));
    for (unsigned i = 2; i < PAGE / 8; i++) {
        store(1, at(0, 8 * i), 2);
        cr_assert_leq(held(), 3 * PAGE);
    }
    die(1);
    expect_refused(REFUSED_LOG_LIMIT, 2);
    cr_expect_eq(peek(at(0, 16)), 2);
    cr_expect_eq(counts()->log_bytes_peak > PAGE, true);
    end_request(1);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(0, 16)), 2);
    expect_nothing_left();
}

Test(recovery, refused_when_read_from_outside)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    registers(1)->level = 1; /* a kernel thread */
    load(1, at(0, 8));       /* other bytes */
    cr_expect_gt(held(), 0);
    load(1, at(0, 0));
    cr_expect_eq(held(), 0);
    store(0, at(0, 16), 2);
    die(0);
    expect_refused(REFUSED_OUTSIDE, 1);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(0, 16)), 2);
    end_request(0);
    expect_nothing_left();
    cr_expect_eq(counts()->committed, 0);
}

Test(recovery, refused_when_overwritten_from_outside)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    registers(1)->level = 1;
    store(1, at(0, 0), 2);
    die(0);
    expect_refused(REFUSED_OUTSIDE, 1);
    cr_expect_eq(peek(at(0, 0)), 2);
}

Test(recovery, devices_are_outside)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    between();
    const uint8_t byte = 9; /* DMA beside what it wrote, then over it */
    cr_assert_eq(memory_write(m.mem, at(0, 8), &byte, 1), 0);
    cr_expect_gt(held(), 0);
    cr_assert_eq(memory_write(m.mem, at(0, 0), &byte, 1), 0);
    cr_expect_eq(held(), 0);
    die(0);
    expect_refused(REFUSED_OUTSIDE, 1);
    cr_expect_eq(peek(at(0, 0)), 9);
    cr_expect_eq(peek(at(0, 8)), 9);
}

Test(recovery, what_devices_wrote_beside_it_stays)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    between();
    const uint8_t byte = 9;
    cr_assert_eq(memory_write(m.mem, at(0, 8), &byte, 1), 0);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(0, 8)), 9);
    expect_nothing_left();
}

/* ---- Exempt code ---- */

Test(recovery, exempt_code_is_not_logged)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "schedule", 0x5000, 0);
    store(0, at(0, 8), 2); /* on a page that the request had saved */
    store(0, at(0, 0), 3); /* over what it wrote */
    store(0, at(1, 0), 4);
    trap(0, true, INTERRUPT); /* a request as any other */
    cr_expect_eq(recovery_domains(counts()), 2);
    store(0, at(2, 0), 5);
    trap_return(0, HANDLER + 8, 1);
    store(0, at(2, 16), 9); /* exempt again */
    ret(0, 0x5000, 0);
    store(0, at(0, 16), 6);
    store(0, at(1, 8), 7);
    store(0, at(2, 8), 8);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 3);
    cr_expect_eq(peek(at(0, 8)), 2);
    cr_expect_eq(peek(at(1, 0)), 4);
    cr_expect_eq(peek(at(2, 0)), 0);
    cr_expect_eq(peek(at(2, 16)), 9);
    cr_expect_eq(peek(at(0, 16)), 0);
    cr_expect_eq(peek(at(1, 8)), 0);
    cr_expect_eq(peek(at(2, 8)), 0);
    expect_error(0);
    expect_nothing_left();
}

Test(recovery, exempt_code_is_not_tracked)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    call(1, "schedule", 0x5000, 0);
    cr_expect_eq(load(1, at(0, 0)), 1);
    ret(1, 0x5000, 0);
    cr_expect_eq(counts()->dependencies, 0);
    end_request(1);
    cr_expect_eq(counts()->committed, 1);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_assert_eq(m.tell_count, 1);
    expect_nothing_left();
}

/* ---- Two threads ---- */

Test(recovery, who_read_it_is_rolled_back_too)
{
    start();
    store(1, at(2, 0), 1);
    registers(1)->x[S0] = 0x99;
    system_call(0, 64);
    store(0, at(0, 0), 1);
    system_call(1, 63);
    store(1, at(1, 0), 2);
    cr_expect_eq(load(1, at(0, 0)), 1);
    load(1, at(0, 0));
    cr_expect_eq(counts()->dependencies, 1);
    store(1, at(2, 0), 3);
    registers(1)->x[S0] = 0;
    registers(1)->pc = HANDLER + 64;
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(peek(at(2, 0)), 1);
    expect_error(0);
    expect_retry(1, 1);
    cr_expect_eq(registers(1)->x[S0], 0x99);
    cr_expect_eq(registers(1)->x[A7], 63);
    cr_assert_eq(m.tell_count, 2);
    expect_tell(0, "failed", "error", 1);
    expect_tell(1, "innocent", "retry", 2);
    cr_expect_eq(counts()->cascades, 1);
    cr_expect_eq(counts()->cascade_domains, 2);
    cr_expect_eq(counts()->cascade_max, 2);
    cr_expect_eq(counts()->recovered, 1);
    cr_expect_eq(counts()->rolled_back, 2);
    /* The innocent one ends well this time. */
    store(1, at(1, 0), 4);
    cr_expect_eq(load(1, at(0, 0)), 0);
    end_request(1);
    cr_expect_eq(peek(at(1, 0)), 4);
    cr_expect_eq(counts()->committed, 1);
    expect_nothing_left();
}

/* They are told, and put back, in the order in which they were opened. */
Test(recovery, the_innocent_was_there_first)
{
    start();
    system_call(1, 63);
    system_call(0, 64);
    store(0, at(0, 0), 1);
    load(1, at(0, 0));
    die(0);
    cr_assert_eq(m.tell_count, 2);
    expect_tell(0, "innocent", "retry", 2);
    expect_tell(1, "failed", "error", 1);
    expect_error(0);
    expect_retry(1, 1);
}

Test(recovery, who_wrote_over_it_is_rolled_back_too)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 0x1111111111111111);
    system_call(1, 1);
    store_byte(1, at(0, 3), 0x22);
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(counts()->cascade_max, 2);
    expect_retry(1, 1);
    end_request(1);
    expect_nothing_left();
}

/* Nor the other way round. */
Test(recovery, the_writer_does_not_depend_on_the_reader)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    die(1);
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_assert_eq(m.tell_count, 1);
    expect_error(1);
    end_request(0);
    expect_nothing_left();
}

Test(recovery, other_bytes_of_the_page_do_not_matter)
{
    start();
    system_call(0, 1);
    store_byte(0, at(0, 0), 1);
    system_call(1, 1);
    store_byte(1, at(0, 1), 2);
    cr_expect_eq(load(1, at(0, 8)), 0);
    store(1, at(0, 16), 3);
    store_byte(0, at(0, 2), 4);
    cr_expect_eq(counts()->dependencies, 0);
    cr_expect_eq(counts()->conflicts, 1);
    cr_expect_eq(counts()->shared_pages_peak, 1);
    die(0);
    cr_assert_eq(m.tell_count, 1);
    cr_expect_eq(peek(at(0, 0)), 0x0200);
    cr_expect_eq(peek(at(0, 16)), 3);
    end_request(1);
    cr_expect_eq(counts()->committed, 1);
    expect_nothing_left();
}

Test(recovery, what_did_not_change_does_not_matter)
{
    start();
    store(0, at(0, 0), 7);
    system_call(0, 1);
    store(0, at(0, 0), 7);
    system_call(1, 1);
    load(1, at(0, 0));
    store(0, at(0, 0), 7); /* shared or not */
    load(1, at(0, 0));
    cr_expect_eq(counts()->dependencies, 0);
    die(0);
    cr_assert_eq(m.tell_count, 1);
    end_request(1);
    expect_nothing_left();
}

Test(recovery, accesses_across_words)
{
    start();
    system_call(0, 1);
    store_byte(0, at(0, 8), 1);
    system_call(1, 1);
    load(1, at(0, 1)); /* up to byte 8 */
    cr_expect_eq(counts()->dependencies, 1);
    system_call(2, 1);
    store(2, at(0, 9), 2);
    cr_expect_eq(counts()->dependencies, 1);
    die(2);
    cr_expect_eq(peek(at(0, 9)), 0);
    cr_expect_eq(peek(at(0, 8)), 1);
    die(0);
    cr_expect_eq(counts()->cascade_max, 2);
    cr_expect_eq(peek(at(0, 8)), 0);
}

Test(recovery, a_chain_of_three)
{
    start();
    for (unsigned i = 0; i < 3; i++)
        system_call(i, 1);
    store(0, at(0, 0), 1);
    store(1, at(1, 0), load(1, at(0, 0)) + 1);
    store(2, at(2, 0), load(2, at(1, 0)) + 1);
    cr_expect_eq(peek(at(2, 0)), 3);
    cr_expect_eq(counts()->dependencies, 2);
    die(0);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(peek(at(i, 0)), 0);
    cr_expect_eq(m.tell_count, 3);
    expect_error(0);
    expect_retry(1, 1);
    expect_retry(2, 1);
    end_request(1);
    end_request(2);
    expect_nothing_left();
}

Test(recovery, on_each_other)
{
    start();
    system_call(0, 1);
    system_call(1, 1);
    store(0, at(0, 0), 1);
    store(1, at(1, 0), 2);
    load(0, at(1, 0));
    load(1, at(0, 0));
    cr_expect_eq(counts()->dependencies, 2);
    end_request(1);
    cr_expect_eq(counts()->committed, 0);
    end_request(0);
    cr_expect_eq(counts()->committed, 2);
    expect_nothing_left();
}

Test(recovery, innocents_may_get_the_error_too)
{
    m.policy.innocents = FAILURE_ERROR;
    start();
    system_call(0, 1);
    system_call(1, 1);
    trap(2, true, INTERRUPT); /* has nobody to give an error to */
    store(0, at(0, 0), 1);
    load(1, at(0, 0));
    load(2, at(0, 0));
    die(0);
    expect_tell(0, "failed", "error", 1);
    expect_tell(1, "innocent", "error", 2);
    expect_tell(2, "innocent", "retry", 3);
    expect_error(1);
    expect_retry(2, 1);
    end_request(2);
    expect_nothing_left();
}

Test(recovery, a_nested_child_of_the_innocent)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    store(1, at(1, 0), 2);
    trap(1, true, INTERRUPT);
    load(1, at(0, 0));
    trap_return(1, HANDLER + 8, 1);
    store(1, at(1, 8), 3);
    die(0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(peek(at(1, 8)), 0);
    expect_retry(1, 1);
    cr_expect_eq(m.tell_count, 2);
}

Test(recovery, only_the_nested_child_of_the_innocent)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    store(1, at(1, 0), 2);
    trap(1, true, INTERRUPT);
    load(1, at(0, 0));
    store(1, at(1, 8), 3);
    die(0);
    cr_expect_eq(peek(at(1, 0)), 2);
    cr_expect_eq(peek(at(1, 8)), 0);
    expect_retry(1, 2);
    cr_expect_eq(m.tells[1].kind, REQUEST_INTERRUPT);
    trap_return(1, HANDLER + 8, 1);
    end_request(1);
    expect_nothing_left();
}

/* A thread goes back to the first of its requests that is rolled back. */
Test(recovery, two_requests_of_one_innocent)
{
    m.policy.on_failure = FAILURE_RETRY;
    m.policy.retries = 1;
    start();
    registers(0)->x[S0] = 1;
    system_call(0, 1);
    store(0, at(3, 0), 1);
    system_call(1, 1);
    store(1, at(0, 0), 1);
    load(0, at(0, 0));
    registers(0)->x[S0] = 2;
    trap(0, true, INTERRUPT);
    store(0, at(3, 8), 1);
    die(1);
    cr_expect_eq(m.tell_count, 3);
    expect_tell(0, "innocent", "retry", 1);
    expect_tell(1, "failed", "retry", 2);
    expect_tell(2, "innocent", "retry", 1);
    cr_expect_eq(peek(at(3, 0)), 0);
    cr_expect_eq(peek(at(3, 8)), 0);
    expect_retry(0, 1);
    expect_retry(1, 1);
    cr_expect_eq(registers(0)->x[S0], 1);
    cr_expect_eq(m.recovery->lanes[0].thread->now.frame_count, 1);
    end_request(0);
    end_request(1);
    expect_nothing_left();
}

/* ---- Lingering ---- */

Test(recovery, it_commits_after_what_it_depends_on)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    end_request(1);
    cr_expect_eq(counts()->lingered, 1);
    cr_expect_eq(counts()->committed, 0);
    store(1, at(1, 0), 3); /* user mode */
    uint64_t pages = held() / PAGE;
    store(1, at(2, 0), 4); /* is logged */
    cr_expect_eq(held() / PAGE, pages + 1);
    end_request(0);
    cr_expect_eq(counts()->committed, 2);
    cr_expect_gt(counts()->linger_ticks, 0);
    cr_expect_eq(peek(at(1, 0)), 3);
    cr_expect_eq(peek(at(2, 0)), 4);
    expect_nothing_left();
    store(1, at(2, 0), 5);
    cr_expect_eq(held(), 0);
}

Test(recovery, back_from_user_mode)
{
    start();
    registers(1)->x[S0] = 1;
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 63);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    end_request(1);
    registers(1)->x[S0] = 2;
    store(1, at(1, 0), 3);
    store(1, at(2, 0), 4);
    die(0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(peek(at(2, 0)), 0);
    expect_retry(1, 1);
    cr_expect_eq(registers(1)->x[S0], 1);
    cr_expect_eq(registers(1)->x[A7], 63);
    end_request(1);
    cr_expect_eq(counts()->committed, 1);
    expect_nothing_left();
}

Test(recovery, back_over_several_requests)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    for (unsigned i = 0; i < 5; i++) {
        registers(1)->x[S0] = i;
        system_call(1, 100 + i);
        if (i == 1)
            load(1, at(0, 0));
        store(1, at(1 + i, 0), 1 + i);
        end_request(1);
    }
    cr_expect_eq(counts()->committed, 1);
    cr_expect_eq(counts()->lingered, 4);
    die(0);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(peek(at(1 + i, 0)), i ? 0 : 1, "%u", i);
    expect_retry(1, 1);
    cr_expect_eq(registers(1)->x[S0], 1);
    cr_expect_eq(registers(1)->x[A7], 101);
    cr_expect_eq(counts()->cascade_max, 5);
    end_request(1);
    expect_nothing_left();
}

/* The later request fails for a reason of its own; what lingers is still at stake. */
Test(recovery, an_error_beside_what_lingers)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    end_request(1); /* lingers */
    system_call(1, 2);
    store(1, at(2, 0), 3);
    die(1);
    expect_error(1);
    cr_expect_eq(peek(at(1, 0)), 2);
    cr_expect_eq(peek(at(2, 0)), 0);
    store(1, at(2, 0), 4); /* user mode, logged */
    store(1, at(1, 8), 5);
    die(0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(peek(at(1, 8)), 0);
    cr_expect_eq(peek(at(2, 0)), 0);
    expect_retry(1, 1);
    end_request(1);
    expect_nothing_left();
}

Test(recovery, read_from_outside_while_it_lingers)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    end_request(1);
    registers(2)->level = 1;
    load(2, at(1, 0)); /* then what it depends on is lost as well */
    cr_expect_eq(held(), 0);
    die(0);
    expect_refused(REFUSED_OUTSIDE, 1);
    cr_expect_eq(peek(at(0, 0)), 1);
    end_request(0);
    expect_nothing_left();
}

/* ---- Threads that do not run ---- */

static void sleep_in_request(unsigned hart, uint64_t other)
{
    call(hart, "schedule", 0x5000, 0);
    run_thread(hart, other);
}

static void wake_up(unsigned hart, uint64_t thread)
{
    run_thread(hart, thread);
    ret(hart, 0x5000, 0);
}

Test(recovery, a_sleeper_is_put_back_when_it_runs_again)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    registers(1)->x[S0] = 7;
    system_call(1, 63);
    load(1, at(0, 0));
    store(1, at(1, 0), 2);
    registers(1)->x[S0] = 8;
    sleep_in_request(1, 9);
    struct registers before = *registers(1);
    m.stored_by_call = at(1, 8); /* what the guest's function does stays */
    die(0);
    cr_assert_eq(m.call_count, 1);
    cr_expect_eq(m.calls[0].function, address_of("wake"));
    cr_expect_eq(m.calls[0].argument, 2);
    cr_expect_eq(m.calls[0].hart, 0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(1, 0)), 0);
    cr_expect_eq(peek(at(1, 8)), 2);
    cr_expect_eq(memcmp(&before, registers(1), sizeof before), 0); /* another thread's */
    wake_up(1, 2);
    handle_pause(1);
    expect_retry(1, 1);
    cr_expect_eq(registers(1)->x[S0], 7);
    cr_expect_eq(registers(1)->x[TP], 2);
    end_request(1);
    expect_nothing_left();
}

Test(recovery, a_sleeper_gets_the_error_on_another_hart)
{
    m.policy.innocents = FAILURE_ERROR;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 63);
    load(1, at(0, 0));
    sleep_in_request(1, 9);
    die(0);
    wake_up(2, 2);
    handle_pause(2);
    expect_error(2);
    cr_expect_eq(registers(2)->x[TP], 2);
    expect_nothing_left();
}

Test(recovery, a_sleeper_is_put_back_further)
{
    start();
    system_call(2, 1);
    store(2, at(2, 0), 5);
    system_call(1, 63);
    load(1, at(2, 0));
    store(1, at(1, 0), 7);
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(1, "request", 0x6000, 0);
    load(1, at(0, 0));
    load(1, at(2, 0));
    sleep_in_request(1, 9);
    die(0); /* takes the function with it only */
    cr_expect_eq(m.tell_count, 2);
    cr_expect_eq(peek(at(1, 0)), 7);
    die(2); /* and this one the system call */
    cr_expect_eq(m.tell_count, 4);
    cr_expect_eq(peek(at(1, 0)), 0);
    wake_up(1, 2);
    handle_pause(1);
    expect_retry(1, 1);
    cr_expect_eq(registers(1)->x[A7], 63);
    end_request(1);
    expect_nothing_left();
}

Test(recovery, a_sleeper_is_given_up_in_time)
{
    m.clock.rate = 1000000000;
    m.policy.linger_ns = 1000;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    end_request(1); /* lingers */
    sleep_in_request(0, 9);
    m.clock.now += 500;
    between();
    cr_expect_gt(held(), 0);
    m.clock.now += 600;
    between();
    cr_expect_eq(held(), 0);
    cr_expect_eq(counts()->committed, 1);
    wake_up(0, 1);
    die(0);
    expect_refused(REFUSED_LINGER, 1);
    cr_expect_eq(peek(at(0, 0)), 1);
    end_request(0);
    expect_nothing_left();
}

/* Guest functions are called only while no other hart is in exempt code. */
Test(recovery, a_failure_waits_for_the_other_harts)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    call(1, "schedule", 0x5000, 0);
    turn(0);
    call(0, "die", 0x100, 0);
    m.harts[0].paused = false;
    cr_assert_eq(recovery_paused(m.recovery, 0, NULL), 0);
    cr_expect(recovery_waits(m.recovery, 0));
    cr_expect_eq(peek(at(0, 0)), 1);
    cr_expect_eq(m.tell_count, 0);
    ret(1, 0x5000, 0);
    turn(0);
    cr_assert_eq(recovery_paused(m.recovery, 0, NULL), 0);
    cr_expect_not(recovery_waits(m.recovery, 0));
    cr_expect_eq(peek(at(0, 0)), 0);
    expect_error(0);
    end_request(1);
    expect_nothing_left();
}

/* ---- Open domains and their inverses ---- */

Test(recovery, inverses_are_called_newest_first)
{
    start();
    system_call(0, 1);
    call(0, "alloc", 0x5000, 100);
    ret(0, 0x5000, 0xaaa);
    call(0, "lock", 0x5100, 0xbbb);
    ret(0, 0x5100, 0);
    call(0, "alloc", 0x5000, 100);
    ret(0, 0x5000, 0); /* there was none */
    trap(0, true, INTERRUPT);
    call(0, "alloc", 0x5000, 100);
    ret(0, 0x5000, 0xccc);
    trap_return(0, HANDLER + 8, 1);
    die(0);
    static const struct {
        const char *function;
        uint64_t argument;
    } expected[] = {{"free", 0xccc}, {"unlock", 0xbbb}, {"free", 0xaaa}};
    cr_assert_eq(m.call_count, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(m.calls[i].function, address_of(expected[i].function), "%zu", i);
        cr_expect_eq(m.calls[i].argument, expected[i].argument, "%zu", i);
    }
    expect_error(0);
    expect_nothing_left();
}

Test(recovery, no_inverse_of_what_committed)
{
    start();
    system_call(0, 1);
    call(0, "alloc", 0x5000, 100);
    ret(0, 0x5000, 0xaaa);
    end_request(0);
    system_call(0, 1);
    die(0);
    cr_expect_eq(m.call_count, 0);
    expect_nothing_left();
}

Test(recovery, what_an_open_domain_did_stays)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "alloc", 0x5000, 100);
    store(0, at(0, 8), 2); /* on a page of its caller's */
    store(0, at(1, 0), 3);
    ret(0, 0x5000, at(1, 0));
    store(0, at(0, 16), 4);
    store(0, at(1, 8), 5); /* the caller's again, on a page that the open domain had saved */
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(0, 8)), 2);
    cr_expect_eq(peek(at(0, 16)), 0);
    cr_expect_eq(peek(at(1, 0)), 3);
    cr_expect_eq(peek(at(1, 8)), 0);
    cr_expect_eq(m.call_count, 1);
    expect_nothing_left();
}

Test(recovery, an_open_domain_that_fails_is_rolled_back)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "alloc", 0x5000, 100);
    store(0, at(0, 8), 2);
    die(0);
    cr_expect_eq(peek(at(0, 8)), 0);
    cr_expect_eq(registers(0)->pc, 0x5000);
    cr_expect_eq(registers(0)->x[A0], EIO);
    cr_expect_eq(peek(at(0, 0)), 1);
    end_request(0);
    cr_expect_eq(m.call_count, 0);
    expect_nothing_left();
}

Test(recovery, readers_of_an_open_domain_do_not_depend_once_it_is_done)
{
    start();
    system_call(0, 1);
    call(0, "alloc", 0x5000, 100);
    store(0, at(0, 0), 2);
    ret(0, 0x5000, 0xaaa);
    system_call(1, 1);
    load(1, at(0, 0));
    die(0);
    cr_expect_eq(m.tell_count, 1);
    end_request(1);
    expect_nothing_left();
}

/* ---- Output ---- */

static void print(unsigned hart, const char *text)
{
    turn(hart);
    for (; *text; text++)
        recovery_output(m.recovery, (uint8_t)*text);
}

static void expect_output(const char *text)
{
    cr_expect_str_eq(m.output, text, "\"%s\"", m.output);
}

Test(recovery, output_waits_for_the_commit)
{
    start();
    print(0, "a");
    expect_output("a");
    system_call(0, 1);
    print(0, "bc");
    trap(0, true, INTERRUPT);
    print(0, "d");
    trap_return(0, HANDLER + 8, 1);
    expect_output("a");
    end_request(0);
    expect_output("abcd");
    system_call(0, 1);
    print(0, "lost");
    die(0);
    expect_output("abcd");
    print(0, "e");
    expect_output("abcde");
}

Test(recovery, output_keeps_its_order)
{
    start();
    system_call(0, 1);
    print(0, "a");
    system_call(1, 1);
    print(1, "b");
    system_call(2, 1);
    print(2, "c");
    print(0, "d");
    end_request(1);
    expect_output("");
    between();
    recovery_output(m.recovery, '.'); /* somebody outside */
    expect_output("");
    die(0);
    expect_output("b");
    end_request(2);
    expect_output("bc.");
}

Test(recovery, output_of_what_lingers)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    system_call(1, 1);
    load(1, at(0, 0));
    print(1, "a");
    end_request(1);
    print(1, "b");
    expect_output("");
    end_request(0);
    expect_output("ab");
}

Test(recovery, output_of_a_request_that_cannot_be_undone)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    print(0, "a");
    registers(1)->level = 1;
    load(1, at(0, 0));
    expect_output("a");
    print(0, "b");
    expect_output("ab");
}

Test(recovery, all_is_sent_at_the_end)
{
    start();
    system_call(0, 1);
    for (unsigned i = 0; i < 25; i++)
        print(0, "0123456789" + i % 10);
    expect_output("");
    recovery_finish(m.recovery);
    cr_expect_gt(m.output_count, 100);
}

Test(recovery, output_that_is_not_held_back)
{
    m.policy.outputs[0].policy = OUTPUT_IGNORE;
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    print(0, "a");
    expect_output("a");
    die(0);
    cr_expect_eq(peek(at(0, 0)), 0);
    expect_output("a");
}

/* ---- Who is who ---- */

Test(recovery, threads_by_register)
{
    m.policy.thread.kernel_half = true;
    start();
    cr_expect_eq(m.recovery->thread_count, 0); /* 1, 2 and 3 are of user mode */
    system_call(0, 1);
    cr_expect_eq(recovery_domains(counts()), 0);
    end_request(0);
    run_thread(0, UINT64_C(0xffffffd000000001));
    system_call(0, 1);
    cr_expect_eq(recovery_domains(counts()), 1);
    cr_expect_eq(m.recovery->lanes[0].thread->id, UINT64_C(0xffffffd000000001));
}

Test(recovery, threads_by_stack)
{
    m.policy.thread.by = THREAD_BY_STACK;
    m.policy.thread.name = NULL;
    m.policy.thread.stack_size = 0x4000;
    start();
    struct thread *first = m.recovery->lanes[0].thread;
    cr_assert_not_null(first);
    cr_expect_eq(first->id, 0x18000);
    turn(0);
    registers(0)->x[SP] = 0x1bff0; /* on the same one */
    registers(0)->x[TP] = 77;
    cpu_announce_context(m.cpus[0]);
    cr_expect_eq(m.recovery->lanes[0].thread, first);
    registers(0)->x[SP] = 0x1c000;
    cpu_announce_context(m.cpus[0]);
    cr_expect_neq(m.recovery->lanes[0].thread, first);
    registers(0)->x[SP] = 0x18010;
    cpu_announce_context(m.cpus[0]);
    cr_expect_eq(m.recovery->lanes[0].thread, first);
}

Test(recovery, threads_by_symbol)
{
    m.policy.thread.by = THREAD_BY_SYMBOL;
    m.policy.thread.name = "current";
    m.policy.thread.stride = 16;
    for (uint64_t i = 0, id; i < HARTS; i++) {
        id = 0x100 + i;
        cr_assert_eq(memory_load(m.mem, address_of("current") + 16 * i, &id, 8), 0);
    }
    start();
    for (unsigned i = 0; i < HARTS; i++)
        cr_expect_eq(m.recovery->lanes[i].thread->id, 0x100 + i);
    turn(1);
    store(1, address_of("current") + 16, 0x100);
    cpu_announce_context(m.cpus[1]);
    cr_expect_eq(m.recovery->lanes[1].thread, m.recovery->lanes[0].thread);
    store(1, address_of("current") + 16, 0); /* none: as it was */
    cpu_announce_context(m.cpus[1]);
    cr_expect_eq(m.recovery->lanes[1].thread->id, 0x100);
}

Test(recovery, a_thread_migrates)
{
    start();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    call(0, "schedule", 0x5000, 0);
    struct registers saved = *registers(0);
    run_thread(0, 9);
    *registers(2) = saved;
    run_thread(2, 1);
    ret(2, 0x5000, 0);
    store(2, at(0, 8), 2);
    store(2, at(1, 0), 3);
    cr_expect_eq(counts()->dependencies, 0);
    die(2);
    cr_expect_eq(peek(at(0, 0)), 0);
    cr_expect_eq(peek(at(0, 8)), 0);
    cr_expect_eq(peek(at(1, 0)), 0);
    expect_error(2);
    cr_expect_eq(registers(2)->x[TP], 1);
    expect_nothing_left();
}

/* ---- Names that the guest does not have ---- */

static void expect_unknown(const char *path, const char **name)
{
    const char *good = *name;
    struct error err = {""};
    char expected[200];
    *name = "nosuch";
    cr_assert_null(make(&err));
    snprintf(expected, sizeof expected,
             "recovery.%s: expected a symbol of the guest, found \"nosuch\"", path);
    cr_expect_str_eq(err.text, expected, "%s", err.text);
    *name = good;
}

Test(recovery, unknown_symbols)
{
    expect_unknown("requests.functions[1]", &m.policy.functions[1]);
    expect_unknown("exempt[0]", &m.policy.exempt[0]);
    expect_unknown("endless[0]", &m.policy.endless[0]);
    expect_unknown("failure.functions[0]", &m.policy.failure.functions[0]);
    expect_unknown("failure.checks[0]", &m.policy.failure.checks[0]);
    expect_unknown("inverse[1].undo", &m.policy.inverses[1].undo);
    expect_unknown("inverse[1].call", &m.policy.inverses[1].call);
    expect_unknown("wake", &m.policy.wake);
    m.policy.thread.by = THREAD_BY_SYMBOL;
    expect_unknown("thread.name", &m.policy.thread.name);
    m.policy.thread.by = THREAD_BY_REGISTER;
    m.policy.exempt[0] = "nosuch?"; /* may be missing */
    start();
    system_call(0, 1);
    end_request(0);
    cr_expect_eq(counts()->committed, 1);
}

/* ---- Torture ---- */

static void tortured_request(unsigned hart, uint64_t value)
{
    system_call(hart, 1);
    store(hart, at(hart, 0), value);
    trap(hart, true, INTERRUPT);
    store(hart, at(hart, 8), value);
    store(hart, at(4, 8 * hart), value); /* shared */
    trap_return(hart, HANDLER + 8, 1);
}

Test(recovery, torture_goes_back_once)
{
    m.policy.torture = TORTURE_ROLLBACK_RETRY;
    m.policy.torture_kinds = 1 << REQUEST_SYSCALL;
    start();
    size_t used = 0;
    for (uint64_t round = 1; round < 200; round++) {
        unsigned hart = round % 2;
        if (round == 100)
            used = arena_used(m.arena);
        tortured_request(1 - hart, round); /* the other one is in the middle of a request */
        store(hart, at(5, 0), round);
        struct registers before = *registers(hart);
        uint64_t insns = m.harts[hart].cpu.counts.insns;
        tortured_request(hart, round);
        cr_expect_eq(m.checkpoints, 2);
        end_request(hart);
        cr_assert(m.harts[hart].paused);
        handle_pause(hart);
        cr_expect_eq(m.rewinds, 2 * round - 1);
        cr_expect_eq(registers(hart)->pc, HANDLER);
        cr_expect_eq(registers(hart)->x[S0], before.x[S0]);
        cr_expect_eq(m.harts[hart].cpu.counts.insns, insns + 1);
        cr_expect_eq(peek(at(hart, 0)), round - 1, "%lu", round);
        cr_expect_eq(peek(at(hart, 8)), round - 1);
        cr_expect_eq(peek(at(4, 8 * hart)), round - 1);
        cr_expect_eq(peek(at(1 - hart, 0)), round);
        cr_expect_eq(peek(at(4, 8 * (1 - hart))), round);
        cr_expect_eq(peek(at(5, 0)), round);

        store(hart, at(hart, 0), round);
        trap(hart, true, INTERRUPT);
        store(hart, at(hart, 8), round);
        store(hart, at(4, 8 * hart), round);
        trap_return(hart, HANDLER + 8, 1);
        end_request(hart);
        cr_assert_not(m.harts[hart].paused, "once is enough");

        end_request(1 - hart); /* this one is from before: back beyond the other's end */
        cr_assert(m.harts[1 - hart].paused);
        handle_pause(1 - hart);
        cr_expect_eq(peek(at(1 - hart, 0)), round - 1);
        cr_expect_eq(peek(at(hart, 0)), round - 1);
        cr_expect_eq(peek(at(5, 0)), round - 1);
        /* The same once more, and nobody is asked again. */
        store(1 - hart, at(1 - hart, 0), round);
        trap(1 - hart, true, INTERRUPT);
        store(1 - hart, at(1 - hart, 8), round);
        store(1 - hart, at(4, 8 * (1 - hart)), round);
        trap_return(1 - hart, HANDLER + 8, 1);
        store(hart, at(5, 0), round);
        tortured_request(hart, round);
        end_request(hart);
        cr_assert_not(m.harts[hart].paused);
        end_request(1 - hart);
        cr_assert_not(m.harts[1 - hart].paused);
        cr_assert_eq(m.checkpoints, 0);
        cr_assert_eq(held(), 0);
    }
    cr_expect_eq(counts()->rolled_back, 2 * 199);
    cr_expect_leq(arena_used(m.arena), used + used / 4);
}

/* ---- For long ---- */

Test(recovery, ten_thousand_domains_leave_nothing)
{
    start();
    size_t used = 0;
    for (unsigned i = 0; i < 10000; i++) {
        unsigned hart = i % 2;
        if (i == 1000)
            used = arena_used(m.arena);
        system_call(hart, i % 300);
        store(hart, at(i % 8, 8 * (i % 13)), i);
        if (i % 3 == 0) {
            trap(hart, true, INTERRUPT);
            store(hart, at(i % 7, 800), i);
            trap_return(hart, HANDLER + 8, 1);
        }
        if (i % 5 == 0) {
            call(hart, "alloc", 0x5000, 0);
            store(hart, at(i % 6, 1600), i);
            ret(hart, 0x5000, 0xaaa);
        }
        if (i % 7 == 0)
            die(hart);
        else
            end_request(hart);
        m.tell_count = m.call_count = 0;
        cr_assert_eq(held(), 0);
    }
    expect_nothing_left();
    cr_expect_eq(arena_used(m.arena), used);
    size_t spare = 0;
    for (const struct domain *domain = m.recovery->spare; domain; domain = domain->next)
        spare++;
    cr_expect_leq(spare, 8);
    cr_expect_eq(m.recovery->thread_count, 3);
    cr_expect_eq(counts()->aborted, 10000 / 7 + 1);
    recovery_finish(m.recovery);
}

Test(recovery, many_that_depend_on_each_other)
{
    start();
    size_t used = 0;
    for (unsigned round = 0; round < 500; round++) {
        if (round == 130)
            used = arena_used(m.arena);
        for (unsigned i = 0; i < HARTS; i++)
            system_call(i, round % 100);
        for (unsigned i = 0; i < 20; i++) {
            unsigned hart = (round + i * 7) % HARTS;
            uint64_t gpa = at(i % 5, 8 * (round % 3));
            store(hart, gpa, load(hart, gpa) + 1);
        }
        if (round % 4 == 0)
            die(round % HARTS);
        for (unsigned i = 0; i < HARTS; i++)
            if (registers(i)->level)
                end_request(i);
        m.tell_count = 0;
        cr_assert_eq(held(), 0, "%u", round);
    }
    expect_nothing_left();
    cr_expect_eq(arena_used(m.arena), used);
    cr_expect_gt(counts()->dependencies, 500);
}

/* ---- Observers ---- */

/* What an observer was told, in words. */
static struct story {
    char text[2000];
    size_t length;
} story;

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(story.text + story.length, sizeof story.text - story.length, format, arguments);
    va_end(arguments);
    cr_assert_lt(story.length + (size_t)length, sizeof story.text);
    story.length += (size_t)length;
}

static void expect_story(const char *expected)
{
    cr_expect_str_eq(story.text, expected, "told:     %s\nexpected: %s", story.text, expected);
    memset(&story, 0, sizeof story);
}

static void note_opened(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)opaque;
    note("opened %lu hart %u thread %lu %d.%lu", domain->id, hart, domain->thread, domain->kind,
         domain->number);
    note(domain->parent ? " in %lu; " : "; ", domain->parent);
}

static void note_closed(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)opaque;
    (void)hart;
    note("closed %lu log %lu%s; ", domain->id, domain->log_bytes, domain->lost ? " lost" : "");
}

static void note_lingers(void *opaque, const struct observed_domain *domain)
{
    (void)opaque;
    note("lingers %lu; ", domain->id);
}

static void note_committed(void *opaque, const struct observed_domain *domain)
{
    (void)opaque;
    note("committed %lu; ", domain->id);
}

static void note_lost(void *opaque, const struct observed_domain *domain, enum refused_reason why)
{
    (void)opaque;
    note("lost %lu %s; ", domain->id, refused_name(why));
}

static void note_aborted(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)opaque;
    (void)hart;
    note("aborted %lu; ", domain->id);
}

static void note_depends(void *opaque, unsigned hart, const struct observed_domain *domain,
                         const struct observed_domain *on)
{
    (void)opaque;
    note("%lu depends on %lu hart %u; ", domain->id, on->id, hart);
}

static void note_failed(void *opaque, const struct observed_failure *failure)
{
    static const char *const roles[ROLES] = {"failed", "dependent", "later"};
    (void)opaque;
    note("failure %s thread %lu %s:", failure->what, failure->thread,
         failure->reason != REFUSED_REASONS ? refused_name(failure->reason)
         : failure->error                   ? "error"
                                            : "retry");
    for (size_t i = 0; i < failure->member_count; i++) {
        const struct observed_member *member = &failure->members[i];
        note(" %lu %s%s%s%s,", member->domain.id, roles[member->role],
             member->innocent ? " innocent" : "", member->entry ? " entry" : "",
             member->error ? " error" : "");
    }
    for (size_t i = 0; i < failure->edge_count; i++)
        note(" %zu-%zu", failure->edges[i].domain, failure->edges[i].on);
    note("; ");
}

static void note_switched(void *opaque, unsigned hart, uint64_t thread)
{
    (void)opaque;
    note("hart %u runs %lu; ", hart, thread);
}

static void note_rewound(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)opaque;
    note("hart %u goes back to %lu; ", hart, domain->id);
}

static struct recovery_observer teller = {
    .opened = note_opened,
    .closed = note_closed,
    .lingers = note_lingers,
    .committed = note_committed,
    .lost = note_lost,
    .aborted = note_aborted,
    .depends = note_depends,
    .failed = note_failed,
    .switched = note_switched,
    .rewound = note_rewound,
};

static void start_observed(void)
{
    start();
    memset(&story, 0, sizeof story);
    observers_add(&m.observers, &teller);
}

Test(recovery, observers_are_told_of_lives)
{
    start_observed();
    run_thread(0, 7);
    system_call(0, 64);
    store(0, at(0, 0), 1);
    trap(0, true, INTERRUPT);
    trap_return(0, HANDLER + 8, 1);
    system_call(1, 63);
    load(1, at(0, 0));
    end_request(1);
    expect_story(
        "hart 0 runs 7; opened 1 hart 0 thread 7 0.64; "
        "opened 2 hart 0 thread 7 2.5 in 1; closed 2 log 0; committed 2; "
        "opened 3 hart 1 thread 2 0.63; 3 depends on 1 hart 1; closed 3 log 0; lingers 3; ");
    end_request(0);
    expect_story("closed 1 log 4096; committed 1; committed 3; ");
    expect_nothing_left();
}

Test(recovery, observers_are_told_of_failures)
{
    start_observed();
    system_call(0, 64);
    store(0, at(0, 0), 1);
    system_call(1, 63);
    load(1, at(0, 0));
    trap(1, true, INTERRUPT);
    expect_story("opened 1 hart 0 thread 1 0.64; opened 2 hart 1 thread 2 0.63; "
                 "2 depends on 1 hart 1; opened 3 hart 1 thread 2 2.5 in 2; ");
    die(0);
    expect_story("failure die thread 1 error: 1 failed entry error, 2 dependent innocent entry, "
                 "3 later innocent, 1-0; aborted 1; aborted 2; aborted 3; "
                 "opened 4 hart 1 thread 2 0.63; ");
}

Test(recovery, observers_are_told_of_what_is_lost)
{
    start_observed();
    system_call(0, 64);
    store(0, at(0, 0), 1);
    registers(1)->level = 1; /* a kernel thread */
    load(1, at(0, 0));
    die(0);
    end_request(0);
    expect_story("opened 1 hart 0 thread 1 0.64; lost 1 outside; "
                 "failure die thread 1 outside: 1 failed entry,; closed 1 log 4096 lost; ");
}

Test(recovery, observers_are_told_of_torture)
{
    m.policy.torture = TORTURE_ROLLBACK_RETRY;
    m.policy.torture_kinds = 1 << REQUEST_SYSCALL;
    start_observed();
    system_call(0, 1);
    store(0, at(0, 0), 1);
    end_request(0);
    expect_story("opened 1 hart 0 thread 1 0.1; ");
    handle_pause(0);
    end_request(0);
    expect_story("hart 0 goes back to 1; hart 0 runs 1; hart 1 runs 2; hart 2 runs 3; "
                 "closed 1 log 4096; committed 1; ");
}

Test(recovery, observers_come_and_go)
{
    start_observed();
    struct recovery_observer second = {.opened = note_opened}, third = {.closed = note_closed};
    observers_add(&m.observers, &second);
    observers_add(&m.observers, &third);
    observers_remove(&m.observers, &teller);
    observers_remove(&m.observers, &teller); /* is not there */
    system_call(0, 64);
    end_request(0);
    expect_story("opened 1 hart 0 thread 1 0.64; closed 1 log 0; ");
    observers_remove(&m.observers, &third);
    observers_remove(&m.observers, &second);
    observers_remove(&m.observers, &m.observer);
    system_call(0, 64);
    end_request(0);
    expect_story("");
}
