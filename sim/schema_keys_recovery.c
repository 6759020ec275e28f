/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sections `recovery`, `inject` and `campaign`. */
#include "sim/schema_keys.h"

static const char *const thread_bys[] = {[THREAD_BY_REGISTER] = "register",
                                         [THREAD_BY_STACK] = "stack",
                                         [THREAD_BY_SYMBOL] = "symbol",
                                         NULL};
static const char *const inverse_arguments[] = {
    [INVERSE_RESULT] = "result", [INVERSE_FIRST] = "first", NULL};
static const char *const output_policies[] = {
    [OUTPUT_BARRIER] = "barrier", [OUTPUT_DEFER] = "defer", [OUTPUT_IGNORE] = "ignore", NULL};
static const char *const failure_policies[] = {
    [FAILURE_ERROR] = "error", [FAILURE_RETRY] = "retry", NULL};
static const char *const tortures[] = {
    [TORTURE_OFF] = "off", [TORTURE_ROLLBACK_RETRY] = "rollback-retry", NULL};
static const char *const request_kinds[] = {[REQUEST_SYSCALL] = "syscall",
                                            [REQUEST_FAULT] = "fault",
                                            [REQUEST_INTERRUPT] = "interrupt",
                                            [REQUEST_FUNCTION] = "function",
                                            NULL};
static const char *const inject_kinds[] = {
    [INJECT_NONE] = "none", [INJECT_NULL] = "null", [INJECT_FLIP] = "flip", [INJECT_WILD] = "wild",
    [INJECT_SKIP] = "skip", [INJECT_BUG] = "bug",   [INJECT_HANG] = "hang", NULL};
static const char *const fault_kinds[] = {"null", "flip", "wild", "skip", "bug", "hang", NULL};
static const char *const campaign_modes[] = {
    [CAMPAIGN_ON] = "on", [CAMPAIGN_OFF] = "off", [CAMPAIGN_MODES] = NULL};

#define INVERSE(field) AT(struct policy_inverse, field)

static const struct key rows[] = {
    {KEY("recovery", KEY_OBJECT,
         "Recovery domains: what they cover and what happens on a failure.")},
    {KEY("recovery.enabled", KEY_BOOLEAN,
         "Whether there are any; false where the section is not there at all."),
     DEFAULT("true"), CONFIG(recovery.enabled)},
    {KEY("recovery.preset", KEY_STRING,
         "What to start from: linux-riscv64, xv6-like, by-stack, by-symbol, or a file (with \"/\" "
         "in "
         "its name or \".json\" at its end) like those in configs/presets. The section's own keys "
         "win, member by member; null takes away what the preset says."),
     RANGE(1, MAX_FILE)},
    {KEY("recovery.track", KEY_BOOLEAN,
         "Track which thread depends on whose writes; without it nobody depends on anybody."),
     DEFAULT("true"), CONFIG(recovery.track)},
    {KEY("recovery.thread", KEY_OBJECT, "How threads are told apart.")},
    {KEY("recovery.thread.by", KEY_ENUM,
         "register: the value of a register; stack: the stack pointer, rounded down to stack_size; "
         "symbol: the 8 bytes at a symbol."),
     DEFAULT("register"), .choices = thread_bys, CONFIG(recovery.thread.by)},
    {KEY("recovery.thread.name", KEY_SYMBOL, "The register (default tp), or the symbol."),
     CONFIG(recovery.thread.name)},
    {KEY("recovery.thread.kernel_half", KEY_BOOLEAN,
         "Only values with the highest bit set are threads, as in Linux."),
     DEFAULT("false"), CONFIG(recovery.thread.kernel_half)},
    {KEY("recovery.thread.stack_size", KEY_SIZE, "Size of each thread's stack, a power of two."),
     DEFAULT("16K"), RANGE(256, UINT64_C(1) << 30), CONFIG(recovery.thread.stack_size)},
    {KEY("recovery.thread.stride", KEY_SIZE,
         "Distance from one hart's symbol to the next one's; 0: they share one."),
     DEFAULT("0"), RANGE(0, UINT64_C(1) << 30), CONFIG(recovery.thread.stride)},
    {KEY("recovery.syscall_table", KEY_SYMBOL,
         "Array of function pointers from which system calls get their names in reports."),
     CONFIG(recovery.syscall_table)},
    {KEY("recovery.requests", KEY_OBJECT, "What begins a request, and with it a domain.")},
    {KEY("recovery.requests.traps", KEY_BOOLEAN, "Traps from user mode do."), DEFAULT("true"),
     CONFIG(recovery.traps)},
    {KEY("recovery.requests.interrupts", KEY_BOOLEAN, "Interrupts do."), DEFAULT("true"),
     CONFIG(recovery.interrupts)},
    {KEY("recovery.requests.functions", KEY_ARRAY,
         "Functions that do. A \"?\" at the end of a name: only if the kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS), ELEMENTS(recovery.functions, recovery.function_count)},
    {KEY("recovery.requests.functions[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.exempt", KEY_ARRAY,
         "Functions that are neither logged nor tracked until they return. A \"?\" at the end of a "
         "name: only if the kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS), ELEMENTS(recovery.exempt, recovery.exempt_count)},
    {KEY("recovery.exempt[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.unbroken", KEY_ARRAY,
         "Functions around exempt ones that a thread which is rolled back while another one runs "
         "finishes first. A \"?\" at the end of a name: only if the kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS), ELEMENTS(recovery.unbroken, recovery.unbroken_count)},
    {KEY("recovery.unbroken[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.endless", KEY_ARRAY,
         "Functions that are entered when a request ends without returning, such as a thread's "
         "exit. A \"?\" at the end of a name: only if the kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS), ELEMENTS(recovery.endless, recovery.endless_count)},
    {KEY("recovery.endless[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.inverse", KEY_ARRAY,
         "Functions that are not rolled back, but taken back by calling another."),
     RANGE(0, POLICY_MAX_FUNCTIONS), ELEMENTS(recovery.inverses, recovery.inverse_count)},
    {KEY("recovery.inverse[]", KEY_OBJECT, "One such pair.")},
    {KEY("recovery.inverse[].call", KEY_SYMBOL,
         "The function, such as kmalloc. A \"?\" at the end of a name: only if the kernel has it."),
     .flags = KEY_REQUIRED, INVERSE(call)},
    {KEY("recovery.inverse[].undo", KEY_SYMBOL,
         "What takes it back, such as kfree. A \"?\" at the end of a name: only if the kernel has "
         "it."),
     .flags = KEY_REQUIRED, INVERSE(undo)},
    {KEY("recovery.inverse[].argument", KEY_ENUM,
         "What undo is called with: the result of call (nothing is to be undone if it is 0), or "
         "call's first argument."),
     DEFAULT("result"), .choices = inverse_arguments, INVERSE(argument)},
    {KEY("recovery.output", KEY_MAP,
         "By device (uart0, clint, plic, rtc, test and those in `devices`), what its output does "
         "to "
         "the domain. Devices that are not named are barriers."),
     RANGE(0, POLICY_MAX_OUTPUTS), ELEMENTS(recovery.outputs, recovery.output_count)},
    {KEY("recovery.output.*", KEY_ENUM,
         "barrier: what came before can no longer be undone; defer (uart0 only): held until "
         "commit, "
         "dropped on abort; ignore: the device does not mind."),
     .choices = output_policies, AT(struct policy_output, policy)},
    {KEY("recovery.failure", KEY_OBJECT, "What counts as a failure of the kernel.")},
    {KEY("recovery.failure.functions", KEY_ARRAY,
         "Functions that are entered when the kernel is lost. A \"?\" at the end of a name: only "
         "if the kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS),
     ELEMENTS(recovery.failure.functions, recovery.failure.function_count)},
    {KEY("recovery.failure.functions[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.failure.checks", KEY_ARRAY,
         "Functions that return 0 when all is well. A \"?\" at the end of a name: only if the "
         "kernel has it."),
     RANGE(0, POLICY_MAX_FUNCTIONS),
     ELEMENTS(recovery.failure.checks, recovery.failure.check_count)},
    {KEY("recovery.failure.checks[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("recovery.failure.breakpoints", KEY_BOOLEAN, "An EBREAK in the kernel is a failure."),
     DEFAULT("true"), CONFIG(recovery.failure.breakpoints)},
    {KEY("recovery.failure.hang", KEY_COUNT,
         "A request that has executed so many instructions has failed; 0: never."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), CONFIG(recovery.failure.hang_insns)},
    {KEY("recovery.failure.hang_from", KEY_DURATION,
         "Virtual time before which no request hangs, such as those of a boot that take long."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), CONFIG(recovery.failure.hang_from_ns)},
    {KEY("recovery.on_failure", KEY_ENUM,
         "error: the caller of the failed request gets `error`; retry: first it is executed again, "
         "up to `retries` times."),
     DEFAULT("error"), .choices = failure_policies, CONFIG(recovery.on_failure)},
    {KEY("recovery.error", KEY_SIGNED, "Result of a failed system call; -5 is Linux's EIO."),
     DEFAULT("-5"), RANGE((uint64_t)-4095, (uint64_t)-1), CONFIG(recovery.error)},
    {KEY("recovery.retries", KEY_INTEGER, "How often a failed request is executed again."),
     DEFAULT("1"), RANGE(0, 1000), CONFIG(recovery.retries)},
    {KEY("recovery.innocents", KEY_ENUM,
         "What happens to requests that depend on the failed one: retry, transparently, or error."),
     DEFAULT("retry"), .choices = failure_policies, CONFIG(recovery.innocents)},
    {KEY("recovery.wake", KEY_SYMBOL,
         "Function that makes a sleeping thread run, such as wake_up_process. A \"?\" at the end "
         "of a name: only if the kernel has it."),
     CONFIG(recovery.wake)},
    {KEY("recovery.linger", KEY_DURATION,
         "Virtual time that others may depend on a request whose thread does not run; then it "
         "commits up to where it is. 0: for ever."),
     DEFAULT("100ms"), RANGE(0, MAX_COUNT), CONFIG(recovery.linger_ns)},
    {KEY("recovery.log_limit", KEY_SIZE,
         "What the log of one domain may hold; a domain that needs more commits up to there."),
     DEFAULT("64M"), RANGE(PAGE_SIZE, MAX_REGION_SIZE), CONFIG(recovery.log_limit)},
    {KEY("recovery.torture", KEY_ENUM,
         "rollback-retry: domains are rolled back at their end and executed again, without a "
         "fault."),
     DEFAULT("off"), .choices = tortures, CONFIG(recovery.torture)},
    {KEY("recovery.torture_every", KEY_COUNT, "1: each domain; n: each nth."), DEFAULT("1"),
     RANGE(1, MAX_COUNT), CONFIG(recovery.torture_every)},
    {KEY("recovery.torture_kinds", KEY_SET, "Kinds of requests whose domains are tortured."),
     DEFAULT("[\"syscall\", \"fault\", \"interrupt\", \"function\"]"), .choices = request_kinds,
     RANGE(1, REQUEST_KINDS), CONFIG(recovery.torture_kinds)},
    {KEY("recovery.by_function", KEY_BOOLEAN,
         "Account reads and writes by kernel function as well."),
     DEFAULT("false"), CONFIG(recovery.by_function)},
    {KEY("recovery.costs", KEY_OBJECT,
         "Cost model of the overhead report, in guest cycles: what each event would cost a guest "
         "that did by itself what the simulator does for it.")},
    {KEY("recovery.costs.domain", KEY_INTEGER, "Opening a domain: saving the registers."),
     DEFAULT("200"), RANGE(0, 1000000000), CONFIG(recovery.costs.domain)},
    {KEY("recovery.costs.store", KEY_INTEGER, "A store inside a domain: logging it."),
     DEFAULT("12"), RANGE(0, 1000000000), CONFIG(recovery.costs.store)},
    {KEY("recovery.costs.load", KEY_INTEGER, "A load inside a domain: looking up its writer."),
     DEFAULT("4"), RANGE(0, 1000000000), CONFIG(recovery.costs.load)},
    {KEY("recovery.costs.log_byte", KEY_INTEGER,
         "Each byte of log; pages are logged whole here, as a software log would not."),
     DEFAULT("0"), RANGE(0, 1000000000), CONFIG(recovery.costs.log_byte)},
    {KEY("recovery.costs.dependency", KEY_INTEGER, "Each new dependency."), DEFAULT("60"),
     RANGE(0, 1000000000), CONFIG(recovery.costs.dependency)},
    {KEY("recovery.costs.commit", KEY_INTEGER, "Committing a domain."), DEFAULT("100"),
     RANGE(0, 1000000000), CONFIG(recovery.costs.commit)},

    {KEY("inject", KEY_OBJECT, "One fault, to see what recovery makes of it.")},
    {KEY("inject.kind", KEY_ENUM,
         "none; null: a load from address 0; flip: a bit of a register; wild: a store anywhere; "
         "skip: the instruction is not executed; bug: an EBREAK; hang: an endless loop."),
     .flags = KEY_REQUIRED, .choices = inject_kinds, CONFIG(inject.kind)},
    {KEY("inject.at", KEY_PLACE, "The instruction: a function, or a function+0x10."),
     .flags = KEY_REQUIRED, CONFIG(inject.symbol),
     .number_offset = offsetof(struct config, inject.offset)},
    {KEY("inject.nth", KEY_COUNT, "The nth time that it is executed inside a request."),
     DEFAULT("1"), RANGE(1, MAX_COUNT), CONFIG(inject.nth)},
    {KEY("inject.after", KEY_COUNT,
         "Times before all harts have executed so many instructions do not count."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), CONFIG(inject.after)},
    {KEY("inject.task", KEY_STRING, "Only in the thread of this name (Linux)."), RANGE(1, 15),
     CONFIG(inject.task)},
    {KEY("inject.register", KEY_SYMBOL, "flip: the register, such as a0."), CONFIG(inject.reg)},
    {KEY("inject.bit", KEY_INTEGER, "flip: the bit."), RANGE(0, 63), CONFIG(inject.bit)},
    {KEY("inject.address", KEY_PLACE, "wild: symbol, symbol+0x10 or address to store to."),
     CONFIG(inject.address_symbol), .number_offset = offsetof(struct config, inject.address)},
    {KEY("inject.value", KEY_ADDRESS, "wild: the 8 bytes that are stored."), DEFAULT("0"),
     RANGE(0, UINT64_MAX), CONFIG(inject.value)},

    {KEY("campaign", KEY_OBJECT,
         "Of `iaso inject CONFIG --campaign`: faults drawn at random from what the kernel executes "
         "inside recovery domains.")},
    {KEY("campaign.faults", KEY_COUNT, "How many."), DEFAULT("1000"), RANGE(1, 100000),
     CONFIG(campaign.faults)},
    {KEY("campaign.kinds", KEY_SET, "What they may be; see inject.kind."),
     DEFAULT("[\"null\", \"flip\", \"wild\", \"skip\", \"bug\", \"hang\"]"), .choices = fault_kinds,
     RANGE(1, 6), CONFIG(campaign.kinds)},
    {KEY("campaign.seed", KEY_INTEGER, "Seed of the draw."), DEFAULT("1"),
     RANGE(0, SCHEMA_SAFE_INTEGER), CONFIG(campaign.seed)},
    {KEY("campaign.from", KEY_STRING,
         "Text on the console from which on faults strike; without it, from the first request on."),
     RANGE(1, 4095), CONFIG(campaign.from)},
    {KEY("campaign.until", KEY_STRING,
         "Text on the console from which on none strike, and everything must be right: the guest "
         "checks itself. Without it, they strike up to the end."),
     RANGE(1, 4095), CONFIG(campaign.until)},
    {KEY("campaign.failed", KEY_ARRAY,
         "Texts on the console that say that a program has failed, or the kernel has met an "
         "error."),
     RANGE(0, CAMPAIGN_MAX_TEXTS), ELEMENTS(campaign.failed, campaign.failed_count)},
    {KEY("campaign.failed[]", KEY_STRING, "A text."), RANGE(1, 4095), ELEMENT(const char *)},
    {KEY("campaign.wrong", KEY_ARRAY, "Texts on the console that say that data are wrong."),
     RANGE(0, CAMPAIGN_MAX_TEXTS), ELEMENTS(campaign.wrong, campaign.wrong_count)},
    {KEY("campaign.wrong[]", KEY_STRING, "A text."), RANGE(1, 4095), ELEMENT(const char *)},
    {KEY("campaign.hang", KEY_INTEGER,
         "A run hangs that executes so many times what it executes without the fault, from there "
         "on."),
     DEFAULT("3"), RANGE(2, 1000), CONFIG(campaign.hang)},
    {KEY("campaign.recovery", KEY_SET, "Each fault strikes with recovery, without, or both."),
     DEFAULT("[\"on\", \"off\"]"), .choices = campaign_modes, RANGE(1, 2), CONFIG(campaign.modes)},
};

const struct schema_table schema_recovery = SCHEMA_TABLE(rows);
