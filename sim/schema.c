/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/schema.h"

#include <string.h>

#include "cpu/cortexm.h"
#include "devices/pl011.h"
#include "devices/registers.h"
#include "power/list.h"
#include "power/nvm.h"
#include "power/supply.h"
#include "power/trace.h"
#include "sim/config.h"
#include "sim/units.h"

#define PAGE_SIZE       UINT64_C(4096)
#define MAX_ADDRESS     ((UINT64_C(1) << 56) - 1) /* RISC-V: 56 bits of physical address */
#define MAX_REGION_SIZE (UINT64_C(1) << 40)
#define MAX_COUNT       (UINT64_C(1) << 62)
#define MAX_FILE        4095

static const char *const cpus[] = {
    [CPU_RV64GC] = "rv64gc", [CPU_CORTEX_M3] = "cortex-m3", [CPU_CORTEX_M4] = "cortex-m4", NULL};
static const char *const memory_kinds[] = {"volatile", "nonvolatile", "rom", NULL};
static const char *const device_kinds[] = {[DEVICE_VIRTIO_BLK] = "virtio-blk",
                                           [DEVICE_VIRTIO_RNG] = "virtio-rng",
                                           [DEVICE_PL011] = "pl011",
                                           [DEVICE_STELLARIS_GPTM] = "stellaris-gptm",
                                           [DEVICE_STELLARIS_SYSCTL] = "stellaris-sysctl",
                                           [DEVICE_CMSDK_UART] = "cmsdk-uart",
                                           [DEVICE_CMSDK_TIMER] = "cmsdk-timer",
                                           [DEVICE_CMSDK_DUALTIMER] = "cmsdk-dualtimer",
                                           [DEVICE_MPS2_SCC] = "mps2-scc",
                                           [DEVICE_MPS2_FPGAIO] = "mps2-fpgaio",
                                           [DEVICE_REGISTERS] = "registers",
                                           [DEVICE_BITBAND] = "bitband",
                                           NULL};
static const char *const pl011_variants[] = {
    [PL011_ARM] = "arm", [PL011_LUMINARY] = "luminary", NULL};
static const char *const untils[] = {
    [UNTIL_POWEROFF] = "poweroff", [UNTIL_CONSOLE] = "console", NULL};
static const char *const page_modes[] = {[PAGES_OPEN] = "open",
                                         [PAGES_ARMED] = "armed",
                                         [PAGES_PRECISE] = "precise",
                                         [PAGES_HOOKED] = "hooked",
                                         NULL};
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

static const char *const nvm_torns[] = {
    [NVM_TORN_NONE] = "none", [NVM_TORN_PREFIX] = "prefix", [NVM_TORN_RANDOM] = "random", NULL};
static const char *const nvm_dirties[] = {
    [NVM_DIRTY_LOST] = "lost", [NVM_DIRTY_RANDOM] = "random", [NVM_DIRTY_KEPT] = "kept", NULL};
static const char *const randoms[] = {[POLICY_NOT_RANDOM] = "none",
                                      [POLICY_EXPONENTIAL] = "exponential",
                                      [POLICY_UNIFORM] = "uniform",
                                      NULL};
static const char *const list_units[] = {
    [LIST_CYCLES] = "cycles", [LIST_S] = "s",   [LIST_MS] = "ms",
    [LIST_US] = "us",         [LIST_NS] = "ns", NULL};
static const char *const trace_formats[] = {[TRACE_DETECT] = "detect",
                                            [TRACE_MEMENTOS] = "mementos",
                                            [TRACE_CSV] = "csv",
                                            [TRACE_SURFACE] = "surface",
                                            NULL};
static const char *const supply_inputs[] = {
    [SUPPLY_DIODE] = "diode", [SUPPLY_CONVERTER] = "converter", NULL};

/* Columns of a row. */
#define KEY(path_, type_, help_) .path = path_, .type = type_, .help = help_
#define DEFAULT(text)            .fallback = text
#define RANGE(low, high)         .min = low, .max = high
#define AT(type_, field)         .offset = offsetof(type_, field), .size = sizeof(((type_ *)0)->field)
#define CONFIG(field)            AT(struct config, field)
#define REGION(field)            AT(struct config_region, field)
#define LOAD(field)              AT(struct config_load, field)
#define DEVICE(field)            AT(struct config_device, field)
#define REGISTER(field)          AT(struct config_register, field)
#define STEP(field)              AT(struct config_step, field)
#define INVERSE(field)           AT(struct policy_inverse, field)
#define POWER(field)             CONFIG(power.field)
#define NVM(field)               AT(struct policy_nvm, field)
#define CUT(field)               AT(struct policy_cut, field)
#define ENERGY(field)            AT(struct policy_region, field)
#define COUNTER(field)           AT(struct policy_counter, field)
#define GIVEN(type_, field)      .given_offset = offsetof(type_, field)
#define ELEMENT(type_)           .size = sizeof(type_) /* an array's element, itself the value */
#define ELEMENTS(field, counter)                                                              \
    .offset = offsetof(struct config, field), .size = sizeof(((struct config *)0)->field[0]), \
    .count_offset = offsetof(struct config, counter)

static const struct key keys[] = {
    {KEY("", KEY_OBJECT,
         "A run of the simulator: a machine, what it executes, what is expected of it.")},
    {KEY("$schema", KEY_STRING, "For editors; not used."), RANGE(0, MAX_FILE)},

    {KEY("machine", KEY_OBJECT, "The machine itself.")},
    {KEY("machine.board", KEY_STRING,
         "Devices and their addresses, compatible with QEMU's board of that name: virt, "
         "lm3s6965evb, mps2-an386; apollo4-like; or a file (with \"/\" in its name or \".json\" at "
         "its end) like those in configs/boards. The config's own keys win, member by member; null "
         "takes away what the board has."),
     DEFAULT("virt"), RANGE(1, MAX_FILE), CONFIG(machine.board)},
    {KEY("machine.cpu", KEY_ENUM, "What executes; the board says it."), DEFAULT("rv64gc"),
     .choices = cpus, CONFIG(machine.cpu)},
    {KEY("machine.clock", KEY_FREQUENCY, "Cortex-M: core clock."), DEFAULT("16MHz"),
     RANGE(1000, UINT64_C(10000000000)), CONFIG(machine.clock_hz)},
    {KEY("machine.reference_clock", KEY_FREQUENCY, "Cortex-M: SysTick's other clock; 0Hz: none."),
     DEFAULT("0Hz"), RANGE(0, UINT64_C(10000000000)), CONFIG(machine.reference_hz)},
    {KEY("machine.lines", KEY_INTEGER, "Cortex-M: number of external interrupts."), DEFAULT("32"),
     RANGE(1, CORTEXM_MAX_LINES), CONFIG(machine.lines)},
    {KEY("machine.priority_bits", KEY_INTEGER, "Cortex-M: how many are implemented."), DEFAULT("3"),
     RANGE(2, 8), CONFIG(machine.priority_bits)},
    {KEY("machine.vectors", KEY_ADDRESS, "Cortex-M: address of the vector table at reset."),
     DEFAULT("0"), RANGE(0, UINT32_MAX), CONFIG(machine.vectors)},
    {KEY("machine.cycles", KEY_BOOLEAN,
         "Cortex-M: count cycles as the core would take; false: each instruction takes one."),
     DEFAULT("true"), CONFIG(machine.cycles)},
    {KEY("machine.harts", KEY_INTEGER, "Number of harts (hardware threads)."), DEFAULT("1"),
     RANGE(1, CONFIG_MAX_HARTS), CONFIG(machine.harts)},
    {KEY("machine.mips", KEY_INTEGER,
         "Speed of each hart in virtual time: millions of instructions per second."),
     DEFAULT("100"), RANGE(1, 100000), CONFIG(machine.mips)},
    {KEY("machine.quantum", KEY_COUNT,
         "Instructions that a hart executes before it is the next one's turn."),
     DEFAULT("10000"), RANGE(1, 1000000000), CONFIG(machine.quantum)},
    {KEY("machine.seed", KEY_INTEGER, "Seed of all randomness that the guest can see."),
     DEFAULT("1"), RANGE(0, SCHEMA_SAFE_INTEGER), CONFIG(machine.seed)},

    {KEY("memory", KEY_ARRAY, "Regions of guest-physical memory."),
     DEFAULT("[{\"name\": \"dram\", \"base\": \"0x80000000\", \"size\": \"256M\"}]"),
     RANGE(1, CONFIG_MAX_REGIONS), ELEMENTS(memory, memory_count)},
    {KEY("memory[]", KEY_OBJECT, "One region; regions do not overlap.")},
    {KEY("memory[].name", KEY_NAME, "Its name in messages and reports."), .flags = KEY_REQUIRED,
     REGION(name)},
    {KEY("memory[].base", KEY_ADDRESS, "First guest-physical address, a multiple of 4K."),
     .flags = KEY_REQUIRED, RANGE(0, MAX_ADDRESS), REGION(base)},
    {KEY("memory[].size", KEY_SIZE, "Size, a multiple of 4K."), .flags = KEY_REQUIRED,
     RANGE(PAGE_SIZE, MAX_REGION_SIZE), REGION(size)},
    {KEY("memory[].kind", KEY_ENUM,
         "volatile: RAM that a power cut erases; nonvolatile: RAM that keeps its contents; rom: "
         "read-only."),
     DEFAULT("volatile"), .choices = memory_kinds, REGION(kind)},
    {KEY("memory[].fill", KEY_ADDRESS,
         "The 4 bytes that it is filled with before images are loaded."),
     DEFAULT("0"), RANGE(0, UINT32_MAX), REGION(fill)},

    {KEY("load", KEY_ARRAY, "Images that are in memory when the machine starts."),
     .flags = KEY_REQUIRED, RANGE(1, CONFIG_MAX_LOADS), ELEMENTS(load, load_count)},
    {KEY("load[]", KEY_OBJECT, "One image. At most one firmware, one kernel and one initrd.")},
    {KEY("load[].firmware", KEY_FILE,
         "ELF or raw file that runs first, in M-mode; \"opensbi\" is the packaged OpenSBI."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].kernel", KEY_FILE, "ELF, Linux Image (plain or gzip) or raw file."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].initrd", KEY_FILE, "Initial RAM disk of a Linux kernel."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].raw", KEY_FILE, "Any file, copied to the address as it is."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_FILE), .needs = "address", LOAD(file)},
    {KEY("load[].address", KEY_ADDRESS,
         "Guest-physical address; without it the board chooses. ELF files go where they say."),
     RANGE(0, MAX_ADDRESS), LOAD(address),
     .given_offset = offsetof(struct config_load, has_address)},

    {KEY("bootargs", KEY_STRING, "The kernel's command line."), DEFAULT(""), RANGE(0, 4095),
     CONFIG(bootargs)},
    {KEY("system_map", KEY_FILE, "System.map of the kernel, for symbols."), RANGE(1, MAX_FILE),
     CONFIG(system_map)},

    {KEY("devices", KEY_MAP,
         "Devices that the board does not have by itself, under names of your choice."),
     RANGE(0, CONFIG_MAX_DEVICES), ELEMENTS(devices, device_count)},
    {KEY("devices.*", KEY_OBJECT, "One device.")},
    {KEY("devices.*.type", KEY_ENUM, "What it is."), .flags = KEY_REQUIRED, .choices = device_kinds,
     DEVICE(kind)},
    {KEY("devices.*.file", KEY_FILE, "Raw disk image."), .flags = KEY_REQUIRED, RANGE(1, MAX_FILE),
     .only = "virtio-blk", DEVICE(file)},
    {KEY("devices.*.read_only", KEY_BOOLEAN, "The guest cannot write to it."), DEFAULT("false"),
     .only = "virtio-blk", DEVICE(read_only)},
    {KEY("devices.*.overlay", KEY_BOOLEAN,
         "The guest's writes stay in memory; the file is not changed."),
     DEFAULT("true"), .only = "virtio-blk", DEVICE(overlay)},
    {KEY("devices.*.legacy", KEY_BOOLEAN, "virtio-mmio version 1 (legacy) instead of 2."),
     DEFAULT("false"), DEVICE(legacy)},
    {KEY("devices.*.base", KEY_ADDRESS,
         "Microcontrollers: address of its registers, a multiple of 4K."),
     RANGE(0, UINT32_MAX), DEVICE(base), GIVEN(struct config_device, has_base)},
    {KEY("devices.*.size", KEY_SIZE, "registers: bytes, a multiple of 4K."), .only = "registers",
     .flags = KEY_REQUIRED, RANGE(PAGE_SIZE, REGISTERS_MAX_SIZE), DEVICE(size)},
    {KEY("devices.*.irq", KEY_INTEGER, "Its interrupt."), RANGE(0, CORTEXM_MAX_LINES - 1),
     DEVICE(irq.line), GIVEN(struct config_device, irq.connected)},
    {KEY("devices.*.irq_b", KEY_INTEGER, "Interrupt of timer B."), .only = "stellaris-gptm",
     RANGE(0, CORTEXM_MAX_LINES - 1), DEVICE(irq_b.line),
     GIVEN(struct config_device, irq_b.connected)},
    {KEY("devices.*.irq_receive", KEY_INTEGER, "Its interrupt when a byte has arrived."),
     .only = "cmsdk-uart", RANGE(0, CORTEXM_MAX_LINES - 1), DEVICE(irq_receive.line),
     GIVEN(struct config_device, irq_receive.connected)},
    {KEY("devices.*.irq_transmit", KEY_INTEGER, "And when one was sent."), .only = "cmsdk-uart",
     RANGE(0, CORTEXM_MAX_LINES - 1), DEVICE(irq_transmit.line),
     GIVEN(struct config_device, irq_transmit.connected)},
    {KEY("devices.*.irq_overrun", KEY_INTEGER, "And when one was lost."), .only = "cmsdk-uart",
     RANGE(0, CORTEXM_MAX_LINES - 1), DEVICE(irq_overrun.line),
     GIVEN(struct config_device, irq_overrun.connected)},
    {KEY("devices.*.console", KEY_BOOLEAN, "A UART that the console is connected to."),
     DEFAULT("false"), DEVICE(console)},
    {KEY("devices.*.variant", KEY_ENUM, "Whose it is."), .only = "pl011", DEFAULT("arm"),
     .choices = pl011_variants, DEVICE(variant)},
    {KEY("devices.*.id", KEY_ADDRESS, "What it says that the FPGA image is."), .only = "mps2-scc",
     DEFAULT("0"), RANGE(0, UINT32_MAX), DEVICE(id)},
    {KEY("devices.*.of", KEY_ADDRESS, "The megabyte of which each word here is one bit."),
     .only = "bitband", .flags = KEY_REQUIRED, RANGE(0, UINT32_MAX), DEVICE(of)},
    {KEY("devices.*.registers", KEY_ARRAY,
         "Those that do more than to hold what is written to them."),
     .only = "registers", RANGE(0, CONFIG_MAX_REGISTERS),
     .offset = offsetof(struct config_device, registers), .size = sizeof(struct config_register),
     .count_offset = offsetof(struct config_device, register_count)},
    {KEY("devices.*.registers[]", KEY_OBJECT, "One register of 32 bits.")},
    {KEY("devices.*.registers[].at", KEY_ADDRESS, "Its offset, a multiple of 4."),
     .flags = KEY_REQUIRED, RANGE(0, REGISTERS_MAX_SIZE), REGISTER(at)},
    {KEY("devices.*.registers[].reset", KEY_ADDRESS, "Its value at power-on."), DEFAULT("0"),
     RANGE(0, UINT32_MAX), REGISTER(reset)},
    {KEY("devices.*.registers[].ones", KEY_ADDRESS, "Bits that always read 1."), DEFAULT("0"),
     RANGE(0, UINT32_MAX), REGISTER(ones)},
    {KEY("devices.*.registers[].fixed", KEY_ADDRESS, "Bits that writes do not change."),
     DEFAULT("0"), RANGE(0, UINT32_MAX), REGISTER(fixed)},
    {KEY("devices.*.registers[].mirrors", KEY_ADDRESS,
         "It reads what is in the register at this offset, but for its fixed bits."),
     RANGE(0, REGISTERS_MAX_SIZE), REGISTER(mirrors), GIVEN(struct config_register, has_mirrors)},

    {KEY("run", KEY_OBJECT, "How long to run, and who types.")},
    {KEY("run.until", KEY_ENUM,
         "When the run is over: the guest has switched off, or the console has shown "
         "expect.console."),
     DEFAULT("poweroff"), .choices = untils, CONFIG(run.until)},
    {KEY("run.max_insns", KEY_COUNT, "Stop after so many instructions; 0: no limit."), DEFAULT("0"),
     RANGE(0, MAX_COUNT), CONFIG(run.max_insns)},
    {KEY("run.stuck_insns", KEY_COUNT,
         "Stop after so many instructions without progress; 0: never."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), CONFIG(run.stuck_insns)},
    {KEY("run.script", KEY_ARRAY, "What to wait for and to type on the console, step by step."),
     RANGE(0, CONFIG_MAX_SCRIPT), ELEMENTS(run.script, run.script_count)},
    {KEY("run.script[]", KEY_OBJECT, "One step: wait for `expect`, then type `send`.")},
    {KEY("run.script[].expect", KEY_STRING, "Text that the guest prints."), .flags = KEY_ANY_OF,
     RANGE(1, 4096), STEP(expect)},
    {KEY("run.script[].send", KEY_STRING, "Text to type; \\n is the return key."),
     .flags = KEY_ANY_OF, RANGE(0, 65536), STEP(send)},
    {KEY("run.script[].timeout", KEY_DURATION, "How long to wait, in virtual time; 0: for ever."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), .needs = "expect", STEP(timeout_ns)},
    {KEY("run.pages", KEY_ENUM,
         "How RAM is mapped, for tests and benchmarks: open; armed at each trap; precise; or open "
         "with the engine's own hooks on each access."),
     DEFAULT("open"), .choices = page_modes, CONFIG(run.pages)},

    {KEY("expect", KEY_OBJECT, "What makes the run a success.")},
    {KEY("expect.console", KEY_STRING, "Text that the guest must print."), RANGE(1, 4096),
     CONFIG(expect.console)},
    {KEY("expect.exit", KEY_INTEGER, "Exit code with which the guest must power off."),
     RANGE(0, 65535), CONFIG(expect.exit),
     .given_offset = offsetof(struct config, expect.has_exit)},

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
    {KEY("inject.task", KEY_STRING, "Only in the thread of this name (Linux)."), RANGE(1, 15),
     CONFIG(inject.task)},
    {KEY("inject.register", KEY_SYMBOL, "flip: the register, such as a0."), CONFIG(inject.reg)},
    {KEY("inject.bit", KEY_INTEGER, "flip: the bit."), RANGE(0, 63), CONFIG(inject.bit)},
    {KEY("inject.address", KEY_PLACE, "wild: symbol, symbol+0x10 or address to store to."),
     CONFIG(inject.address_symbol), .number_offset = offsetof(struct config, inject.address)},
    {KEY("inject.value", KEY_ADDRESS, "wild: the 8 bytes that are stored."), DEFAULT("0"),
     RANGE(0, UINT64_MAX), CONFIG(inject.value)},

    {KEY("power", KEY_OBJECT,
         "Power failures: what survives them, when they happen, what it costs.")},
    {KEY("power.enabled", KEY_BOOLEAN,
         "Whether power is modelled; false where the section is not there at all."),
     DEFAULT("true"), POWER(enabled)},
    {KEY("power.preset", KEY_STRING,
         "What to start from: hypnos, intos, or a file (with \"/\" in its name or \".json\" at its "
         "end) like those in configs/presets. The section's own keys win, member by member; null "
         "takes away what the preset says."),
     RANGE(1, MAX_FILE)},
    {KEY("power.seed", KEY_INTEGER, "Seed of noise, torn writes and random cuts."), DEFAULT("1"),
     RANGE(0, SCHEMA_SAFE_INTEGER), POWER(seed)},
    {KEY("power.off_time", KEY_DURATION, "How long power stays off, where no cut says otherwise."),
     DEFAULT("10ms"), RANGE(0, MAX_COUNT), POWER(off_ns)},
    {KEY("power.max_lives", KEY_COUNT, "The run fails after so many lives; 0: no limit."),
     DEFAULT("1M"), RANGE(0, MAX_COUNT), POWER(max_lives)},
    {KEY("power.stuck_lives", KEY_COUNT,
         "The run fails after so many lives without progress; 0: never."),
     DEFAULT("100"), RANGE(0, MAX_COUNT), POWER(stuck_lives)},
    {KEY("power.progress", KEY_ARRAY,
         "Functions whose execution is progress, such as a transaction's commit. Without any, "
         "console output that was not there before, or non-volatile contents that differ from "
         "those at "
         "recent cuts."),
     RANGE(0, POWER_MAX_PATTERNS), ELEMENTS(power.progress, power.progress_count)},
    {KEY("power.progress[]", KEY_SYMBOL, "A function."), ELEMENT(const char *)},
    {KEY("power.nvm", KEY_OBJECT, "Non-volatile memory.")},
    {KEY("power.nvm.ranges", KEY_ARRAY,
         "Memory that survives a power cut, beside regions of kind nonvolatile."),
     RANGE(0, POWER_MAX_RANGES), ELEMENTS(power.nvm.ranges, power.nvm.range_count)},
    {KEY("power.nvm.ranges[]", KEY_OBJECT, "One range.")},
    {KEY("power.nvm.ranges[].section", KEY_STRING, "A section of the kernel's ELF file."),
     .flags = KEY_ONE_OF, RANGE(1, 255), NVM(section)},
    {KEY("power.nvm.ranges[].symbol", KEY_SYMBOL, "A variable, as large as its symbol says."),
     .flags = KEY_ONE_OF, NVM(symbol)},
    {KEY("power.nvm.ranges[].region", KEY_NAME, "A region of section `memory`."),
     .flags = KEY_ONE_OF, NVM(region)},
    {KEY("power.nvm.ranges[].base", KEY_ADDRESS, "An address; `size` says how much."),
     .flags = KEY_ONE_OF, RANGE(0, MAX_ADDRESS), .needs = "size", NVM(base)},
    {KEY("power.nvm.ranges[].size", KEY_SIZE, "Size from `base`."), RANGE(1, MAX_REGION_SIZE),
     .needs = "base", NVM(size)},
    {KEY("power.nvm.ranges[].file", KEY_FILE,
         "Raw image of the range's contents before the first life."),
     RANGE(1, MAX_FILE), NVM(file)},
    {KEY("power.nvm.ranges[].save", KEY_BOOLEAN,
         "The file need not be there, and gets the contents at the end of the run."),
     DEFAULT("false"), .needs = "file", NVM(save)},
    {KEY("power.nvm.atomic", KEY_INTEGER,
         "Bytes that are written as a whole or not at all: 1, 2, 4, 8 or 16."),
     DEFAULT("4"), RANGE(1, 16), POWER(nvm.atomic)},
    {KEY("power.nvm.torn", KEY_ENUM,
         "What a cut in the middle of a store leaves. none: all of it; prefix: its first atomic "
         "units "
         "are new; random: any of them are."),
     DEFAULT("none"), .choices = nvm_torns, POWER(nvm.torn)},
    {KEY("power.nvm.wear_line", KEY_INTEGER,
         "Bytes that wear together, a power of two; 0: not counted."),
     DEFAULT("16"), RANGE(0, 4096), POWER(nvm.wear_line)},
    {KEY("power.nvm.cache", KEY_OBJECT, "A write-back cache before the non-volatile memory.")},
    {KEY("power.nvm.cache.lines", KEY_INTEGER, "Lines, a power of two; 0: no cache."), DEFAULT("0"),
     RANGE(0, 65536), POWER(nvm.cache.lines)},
    {KEY("power.nvm.cache.ways", KEY_INTEGER, "Associativity, a power of two; 0: full."),
     DEFAULT("0"), RANGE(0, NVM_MAX_WAYS), POWER(nvm.cache.ways)},
    {KEY("power.nvm.cache.line", KEY_INTEGER, "Bytes in a line, a power of two."), DEFAULT("32"),
     RANGE(4, NVM_MAX_LINE), POWER(nvm.cache.line)},
    {KEY("power.nvm.cache.dirty", KEY_ENUM,
         "What a cut does to lines that are not written back yet: all lost, each lost or not, or "
         "kept."),
     DEFAULT("lost"), .choices = nvm_dirties, POWER(nvm.cache.dirty)},
    {KEY("power.nvm.cache.flush", KEY_SYMBOL,
         "A function at whose entry all dirty lines are written back."),
     POWER(nvm.cache.flush)},
    {KEY("power.cuts", KEY_ARRAY, "When power fails by plan. The first that is due ends a life."),
     RANGE(0, POWER_MAX_CUTS), ELEMENTS(power.cuts, power.cut_count)},
    {KEY("power.cuts[]", KEY_OBJECT, "One source of cuts.")},
    {KEY("power.cuts[].at", KEY_OBJECT, "Once, at a certain point."), .flags = KEY_ONE_OF,
     GIVEN(struct policy_cut, has_at)},
    {KEY("power.cuts[].at.instruction", KEY_COUNT, "After so many instructions."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_COUNT), CUT(at.insn), GIVEN(struct policy_cut, at.has_insn)},
    {KEY("power.cuts[].at.time", KEY_DURATION, "At this virtual time."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_COUNT), CUT(at.time_ns), GIVEN(struct policy_cut, at.has_time)},
    {KEY("power.cuts[].at.nvm_write", KEY_COUNT, "Right after this store to non-volatile memory."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_COUNT), CUT(at.nvm_write),
     GIVEN(struct policy_cut, at.has_nvm_write)},
    {KEY("power.cuts[].at.symbol", KEY_PLACE,
         "Before the instruction at a function or a function+0x10."),
     .flags = KEY_ONE_OF, CUT(at.symbol), .number_offset = offsetof(struct policy_cut, at.offset)},
    {KEY("power.cuts[].at.nth", KEY_COUNT, "The nth time that it is reached."), DEFAULT("1"),
     RANGE(1, MAX_COUNT), .needs = "symbol", CUT(at.nth)},
    {KEY("power.cuts[].every", KEY_DURATION, "Each life lasts so long."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_COUNT), CUT(every_ns)},
    {KEY("power.cuts[].random", KEY_ENUM, "Each life lasts a random time."), .flags = KEY_ONE_OF,
     DEFAULT("none"), .choices = randoms, CUT(random)},
    {KEY("power.cuts[].mean", KEY_DURATION, "Of exponential."), RANGE(1, MAX_COUNT),
     .needs = "random", CUT(mean_ns)},
    {KEY("power.cuts[].min", KEY_DURATION, "Shortest life."), RANGE(0, MAX_COUNT),
     .needs = "random", CUT(min_ns)},
    {KEY("power.cuts[].max", KEY_DURATION, "Longest life; exponential: 0 is no limit."),
     RANGE(0, MAX_COUNT), .needs = "random", CUT(max_ns)},
    {KEY("power.cuts[].list", KEY_FILE,
         "CSV or JSON file of on-times (and off-times), or of absolute times."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), CUT(list)},
    {KEY("power.cuts[].unit", KEY_ENUM, "Unit of a list of bare numbers."), DEFAULT("ms"),
     .choices = list_units, .needs = "list", CUT(list_unit)},
    {KEY("power.cuts[].repeat", KEY_BOOLEAN, "At its end the list begins again."), DEFAULT("false"),
     .needs = "list", CUT(repeat)},
    {KEY("power.cuts[].count", KEY_COUNT, "Cuts at most; 0: no limit."), DEFAULT("0"),
     RANGE(0, MAX_COUNT), CUT(count)},
    {KEY("power.cuts[].life", KEY_COUNT,
         "`at` counts from the start of this life, the first being 1; 0: from the start of the "
         "run."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), .needs = "at", CUT(life)},
    {KEY("power.cuts[].each_life", KEY_BOOLEAN, "`at` counts from the start of each life."),
     DEFAULT("false"), .needs = "at", CUT(each_life)},
    {KEY("power.cuts[].torn", KEY_BOOLEAN,
         "at.nvm_write: in the middle of the store, see nvm.torn."),
     DEFAULT("false"), .needs = "at", CUT(torn)},
    {KEY("power.cuts[].off_time", KEY_DURATION, "How long power stays off."), RANGE(0, MAX_COUNT),
     CUT(off_ns), GIVEN(struct policy_cut, has_off)},
    {KEY("power.cuts_from", KEY_SYMBOL,
         "A function before whose first execution power does not fail by plan."),
     POWER(cuts_from)},
    {KEY("power.supply", KEY_OBJECT,
         "A capacitor that a harvester charges and the machine empties."),
     GIVEN(struct config, power.supply.enabled)},
    {KEY("power.supply.preset", KEY_STRING,
         "fused, shepherd-diode, shepherd-bq25504, shepherd-bq25570 or fr5994-launchpad; the keys "
         "below win."),
     RANGE(1, 64), POWER(supply.preset)},
    {KEY("power.supply.trace", KEY_FILE, "What the harvester gives, over time."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), POWER(supply.trace)},
    {KEY("power.supply.harvest", KEY_POWER, "Or a constant power."), .flags = KEY_ONE_OF,
     RANGE(0, MAX_COUNT), POWER(supply.harvest_pw)},
    {KEY("power.supply.format", KEY_ENUM, "Of the trace."), DEFAULT("detect"),
     .choices = trace_formats, .needs = "trace", POWER(supply.format)},
    {KEY("power.supply.once", KEY_BOOLEAN,
         "Nothing comes after the trace's end; else it begins again."),
     DEFAULT("false"), .needs = "trace", POWER(supply.once)},
    {KEY("power.supply.linear", KEY_BOOLEAN, "Values between samples are interpolated, not held."),
     DEFAULT("false"), .needs = "trace", POWER(supply.linear)},
    {KEY("power.supply.load", KEY_RESISTANCE, "Behind which a trace of voltages was recorded."),
     DEFAULT("30kOhm"), RANGE(1, MAX_COUNT), .needs = "trace", POWER(supply.load_mohm)},
    {KEY("power.supply.scale", KEY_INTEGER, "Per cent of the trace's power that there is."),
     DEFAULT("100"), RANGE(1, 1000000), .needs = "trace", POWER(supply.scale)},
    {KEY("power.supply.capacitor", KEY_CAPACITANCE, "Its capacitance."), RANGE(1, MAX_COUNT),
     POWER(supply.picofarads), GIVEN(struct config, power.supply.has_capacitor)},
    {KEY("power.supply.on", KEY_VOLTAGE, "The machine is switched on at this voltage."),
     RANGE(1, 1000000000), POWER(supply.on_uv), GIVEN(struct config, power.supply.has_on)},
    {KEY("power.supply.off", KEY_VOLTAGE, "And off at this one."), RANGE(0, 1000000000),
     POWER(supply.off_uv), GIVEN(struct config, power.supply.has_off)},
    {KEY("power.supply.start", KEY_VOLTAGE, "Of the capacitor when the run begins."),
     RANGE(0, 1000000000), POWER(supply.start_uv), GIVEN(struct config, power.supply.has_start)},
    {KEY("power.supply.max", KEY_VOLTAGE, "What exceeds it is burnt; 0V: no limit."),
     RANGE(0, 1000000000), POWER(supply.max_uv), GIVEN(struct config, power.supply.has_max)},
    {KEY("power.supply.brownout", KEY_VOLTAGE,
         "Off at once, also where the thresholds are looked at now and then only; 0V: none."),
     RANGE(0, 1000000000), POWER(supply.brownout_uv),
     GIVEN(struct config, power.supply.has_brownout)},
    {KEY("power.supply.leakage", KEY_CURRENT, "Out of the capacitor, at all times."),
     RANGE(0, MAX_COUNT), POWER(supply.leak_pa), GIVEN(struct config, power.supply.has_leak)},
    {KEY("power.supply.input", KEY_ENUM,
         "diode: the harvester sees the capacitor's voltage; converter: its best point is held."),
     DEFAULT("converter"), .choices = supply_inputs, POWER(supply.input),
     GIVEN(struct config, power.supply.has_input)},
    {KEY("power.supply.diode", KEY_VOLTAGE, "The diode's drop."), RANGE(0, 1000000000),
     POWER(supply.diode_uv), GIVEN(struct config, power.supply.has_diode)},
    {KEY("power.supply.input_efficiency", KEY_INTEGER, "Of the converter, per cent."),
     RANGE(1, 100), POWER(supply.input_percent),
     GIVEN(struct config, power.supply.has_input_percent)},
    {KEY("power.supply.output_efficiency", KEY_INTEGER,
         "From the capacitor to the machine, per cent."),
     RANGE(1, 100), POWER(supply.output_percent),
     GIVEN(struct config, power.supply.has_output_percent)},
    {KEY("power.supply.patience", KEY_DURATION, "Waiting longer for the on-voltage is hopeless."),
     DEFAULT("60min"), RANGE(1, MAX_COUNT), POWER(supply.limit_ns)},
    {KEY("power.energy", KEY_OBJECT, "What instructions and accesses cost."),
     GIVEN(struct config, power.energy.enabled)},
    {KEY("power.energy.preset", KEY_STRING, "msp430fr5994-like, apollo4-like or cortex-m0-fused."),
     RANGE(1, 64), POWER(energy.preset)},
    {KEY("power.energy.cycle", KEY_ENERGY, "Of a core cycle that is awake."), RANGE(0, UINT32_MAX),
     POWER(energy.cycle_fj), GIVEN(struct config, power.energy.has_cycle)},
    {KEY("power.energy.sleep", KEY_POWER, "While the core waits for an interrupt."),
     RANGE(0, MAX_COUNT), POWER(energy.sleep_pw), GIVEN(struct config, power.energy.has_sleep)},
    {KEY("power.energy.regions", KEY_MAP, "By name of a memory region."),
     RANGE(0, POWER_MAX_REGIONS), ELEMENTS(power.energy.regions, power.energy.region_count)},
    {KEY("power.energy.regions.*", KEY_OBJECT, "What its accesses cost.")},
    {KEY("power.energy.regions.*.role", KEY_STRING,
         "What it is in the preset, whose costs it has; or the keys below."),
     RANGE(1, 31), ENERGY(role)},
    {KEY("power.energy.regions.*.open", KEY_BOOLEAN,
         "Accesses are not looked at one by one, which is faster; all that are open cost the "
         "same."),
     DEFAULT("false"), ENERGY(open)},
    {KEY("power.energy.regions.*.read", KEY_ENERGY, "Of a load, of up to 4 bytes."), DEFAULT("0fJ"),
     RANGE(0, UINT32_MAX), ENERGY(read_fj)},
    {KEY("power.energy.regions.*.write", KEY_ENERGY, "Of a store, of up to 4 bytes."),
     DEFAULT("0fJ"), RANGE(0, UINT32_MAX), ENERGY(write_fj)},
    {KEY("power.energy.regions.*.fetch", KEY_ENERGY, "Of 4 bytes of code."), DEFAULT("0fJ"),
     RANGE(0, UINT32_MAX), ENERGY(fetch_fj)},
    {KEY("power.energy.regions.*.read_wait", KEY_INTEGER, "Wait states of a load, cycles."),
     DEFAULT("0"), RANGE(0, 10000), ENERGY(read_ticks)},
    {KEY("power.energy.regions.*.write_wait", KEY_INTEGER, "Of a store."), DEFAULT("0"),
     RANGE(0, 10000), ENERGY(write_ticks)},
    {KEY("power.energy.regions.*.fetch_wait", KEY_INTEGER, "Of 4 bytes of code."), DEFAULT("0"),
     RANGE(0, 10000), ENERGY(fetch_ticks)},
    {KEY("power.energy.logging", KEY_ARRAY,
         "Functions whose energy counts as logging; \"*\" at the end: all that begin so."),
     RANGE(0, POWER_MAX_PATTERNS),
     ELEMENTS(power.energy.logging.names, power.energy.logging.count)},
    {KEY("power.energy.logging[]", KEY_STRING, "A function."), RANGE(1, 255),
     ELEMENT(const char *)},
    {KEY("power.energy.recovery", KEY_ARRAY, "Likewise, as recovery."),
     RANGE(0, POWER_MAX_PATTERNS),
     ELEMENTS(power.energy.recovery.names, power.energy.recovery.count)},
    {KEY("power.energy.recovery[]", KEY_STRING, "A function."), RANGE(1, 255),
     ELEMENT(const char *)},
    {KEY("power.later_lives", KEY_OBJECT,
         "How lives after the first begin, for images whose reset code would overwrite what "
         "survived.")},
    {KEY("power.later_lives.zero", KEY_ARRAY, "ELF sections that are filled with zeros."),
     RANGE(0, POWER_MAX_SECTIONS), ELEMENTS(power.later.zero, power.later.zero_count)},
    {KEY("power.later_lives.zero[]", KEY_STRING, "A section."), RANGE(1, 255),
     ELEMENT(const char *)},
    {KEY("power.later_lives.reload", KEY_ARRAY,
         "ELF sections that are filled with what the file has, where they are when running."),
     RANGE(0, POWER_MAX_SECTIONS), ELEMENTS(power.later.reload, power.later.reload_count)},
    {KEY("power.later_lives.reload[]", KEY_STRING, "A section."), RANGE(1, 255),
     ELEMENT(const char *)},
    {KEY("power.later_lives.entry", KEY_SYMBOL,
         "Function to start at, instead of the reset vector."),
     POWER(later.entry)},
    {KEY("power.later_lives.sp", KEY_SYMBOL,
         "Symbol that the stack pointer starts at, instead of what the vector table has."),
     .needs = "entry", POWER(later.sp)},
    {KEY("power.counters", KEY_MAP, "Events in the guest to count, under names of your choice."),
     RANGE(0, POWER_MAX_COUNTERS), ELEMENTS(power.counters, power.counter_count)},
    {KEY("power.counters.*", KEY_OBJECT, "One counter.")},
    {KEY("power.counters.*.symbol", KEY_SYMBOL, "The function whose entry is counted."),
     .flags = KEY_REQUIRED, COUNTER(symbol)},
    {KEY("power.counters.*.sum", KEY_SYMBOL, "A register whose value is added up, such as r1."),
     COUNTER(sum)},

    {KEY("report", KEY_OBJECT, "What is left behind for people to read.")},
    {KEY("report.dir", KEY_FILE,
         "Directory for the reports, made if it is not there. Files that are in it stay."),
     RANGE(1, MAX_FILE), CONFIG(report.dir)},
};

#define KEY_COUNT_ALL (sizeof keys / sizeof *keys)

const struct key *schema_root(void)
{
    return &keys[0];
}

static bool is_child(const struct key *parent, const struct key *key)
{
    size_t length = strlen(parent->path);
    if (strncmp(key->path, parent->path, length))
        return false;
    const char *rest = key->path + length;
    if (!strcmp(rest, "[]"))
        return length > 0;
    if (length > 0 && *rest++ != '.')
        return false;
    return *rest && !rest[strcspn(rest, ".[")];
}

const struct key *schema_child(const struct key *parent, const struct key *previous)
{
    for (const struct key *key = (previous ? previous : parent) + 1; key < keys + KEY_COUNT_ALL;
         key++) {
        if (is_child(parent, key))
            return key;
    }
    return NULL;
}

const struct key *schema_member(const struct key *parent, const char *name)
{
    const struct key *key = schema_child(parent, NULL);
    if (parent->type == KEY_ARRAY || parent->type == KEY_MAP)
        return key;
    while (key && strcmp(schema_name(key), name))
        key = schema_child(parent, key);
    return key;
}

const char *schema_name(const struct key *key)
{
    const char *dot = strrchr(key->path, '.');
    return dot ? dot + 1 : key->path;
}

const char *schema_elsewhere(const char *name)
{
    for (const struct key *key = keys + 1; key < keys + KEY_COUNT_ALL; key++) {
        if (!strpbrk(key->path, "[*") && !strcmp(schema_name(key), name))
            return key->path;
    }
    return NULL;
}

bool schema_name_is_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= SCHEMA_NAME_MAX && !name[length];
}

bool schema_symbol_is_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$@");
    return length > 0 && length <= SCHEMA_SYMBOL_MAX &&
           (!name[length] || (name[length] == '?' && !name[length + 1]));
}

bool schema_units(enum key_type type, int *units)
{
    if (type < KEY_SIZE || type > KEY_ENERGY)
        return false;
    *units = (int)UNITS_SIZE + (int)(type - KEY_SIZE);
    return true;
}

bool schema_is_text(enum key_type type)
{
    return type == KEY_STRING || type == KEY_NAME || type == KEY_FILE || type == KEY_ENUM ||
           type == KEY_SYMBOL || type == KEY_PLACE;
}
