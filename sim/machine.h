/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_MACHINE_H
#define IASO_SIM_MACHINE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "devices/block.h"
#include "devices/device.h"
#include "mem/arena.h"
#include "mem/memory.h"
#include "recovery/inject.h"
#include "recovery/recovery.h"
#include "sim/boot.h"
#include "sim/clock.h"
#include "sim/config.h"
#include "sim/console.h"
#include "sim/semihosting.h"
#include "sim/symbols.h"
#include "sim/tasks.h"

struct failures;
struct lives;
struct snapshot;

#define MACHINE_MAX_DEVICES 48

/* Why a run ended. */
enum machine_end {
    END_NONE,        /* still running */
    END_POWEROFF,    /* the guest switched off; machine.exit_code says how */
    END_EXPECTED,    /* the console showed what was expected, and run.until is "console" */
    END_LIMIT,       /* run.max_insns was reached */
    END_STUCK,       /* no progress for run.stuck_insns instructions */
    END_PANIC,       /* the guest called its function `panic` */
    END_LOCKED,      /* the core locked up; the error says where */
    END_DEAD,        /* all harts wait and nothing can ever wake them */
    END_QUIT,        /* the user asked for it */
    END_TIMEOUT,     /* a script step timed out */
    END_UNPOWERED,   /* the supply can never switch on again; lives_verdict() says why */
    END_NO_PROGRESS, /* life after life without any */
    END_LIVES,       /* power.max_lives were not enough */
    END_INTERRUPT,   /* SIGINT or SIGTERM */
    END_FAULT,       /* the simulator itself failed */
};

/*
 * One machine: a board assembled from a config. Owns everything it points to except the config and
 * the console, which must outlive it.
 */
struct machine {
    const struct config *config;
    struct console *console;
    struct clock clock;
    struct memory *mem;
    struct symbols *symbols;
    struct tasks *tasks; /* NULL if the guest is not a Linux with BTF */
    struct cpu *harts[CONFIG_MAX_HARTS];
    unsigned hart_count;
    struct riscv_shared *riscv;
    struct device *devices[MACHINE_MAX_DEVICES];
    size_t device_count;
    struct device *clint, *uart;               /* NULL: none */
    struct semihosting semihosting;            /* Cortex-M */
    struct lives *lives;                       /* NULL: power never fails */
    struct block *blocks[MACHINE_MAX_DEVICES]; /* what the disks hold */
    size_t block_count;
    struct boot_plan plan;

    /* State of the run */
    struct machine_turn {
        bool active;
        unsigned hart; /* whose turn it is */
        bool resumed;  /* the hart was paused in its turn and goes on from clock.now */
        bool held;     /* ... by machine_go(): it goes on as if nothing had been */
        uint64_t from, until;
        uint64_t reached; /* by the harts before it */
        uint64_t next_poll;
        bool yield; /* machine_yield() */
    } turn;
    enum machine_end end;
    unsigned exit_code; /* of the guest */
    unsigned reboots;
    bool reboot_wanted;
    struct machine_progress {
        uint64_t idle_skips; /* times that virtual time jumped because every hart waited */
        uint64_t user_traps; /* system calls and faults of user mode */
        struct progress_mark {
            uint64_t insns, output, idle_skips, user_traps;
        } mark; /* when there was the last sign of it */
    } counters;
    struct machine_typed { /* what the guest's UART took from the console so far */
        uint8_t *bytes;
        size_t taken, count, room; /* taken < count: it will take these again */
    } typed;
    struct snapshot *snapshots; /* sim/snapshot.h: the newest, which leads to the others */
    struct snapshot *spare_snapshots;
    struct arena *arena;       /* what recovery, inject and profiles know; NULL: none is on */
    struct recovery *recovery; /* NULL: off */
    struct inject *inject;     /* NULL: no faults; else there may be one, see config->inject */
    struct recovery_observers observers; /* of recovery */
    struct failures *failures;           /* with recovery */
    uint64_t panic_function;             /* its address, 0: none */
    uint64_t panic_at;                   /* tick at which a panicking guest is stopped, or 0 */
    unsigned panic_hart;
    char *panic_report; /* malloc'ed: registers and backtrace where it panicked */

    /* Page modes other than open */
    uint64_t first_writes, precise_accesses;
    uint8_t scratch[4096];
};

/* Builds the board and loads the images. NULL and err on failure. The console is attached later. */
struct machine *machine_new(const struct config *config, struct error *err);
void machine_attach(struct machine *machine, struct console *console);
void machine_free(struct machine *machine);

/* Called now and then, between turns; `opaque` as given to machine_go(). */
typedef void (*machine_tick_fn)(void *opaque, const struct machine *machine);

/* Before the first machine_go(), once, when the console is attached. */
int machine_start(struct machine *machine, struct error *err);

/*
 * Runs to the end, and returns why; or to where the first basic block begins with machine_insns()
 * >= insns, and returns END_NONE (UINT64_MAX: never). That is no more than a pause: a run in pieces
 * equals a run in one, bit for bit. With several harts the block is the first of the hart that
 * runs. With END_FAULT and END_LOCKED err says what failed.
 */
enum machine_end machine_go(struct machine *machine, uint64_t insns, machine_tick_fn tick,
                            void *opaque, struct error *err);

/* For use in a tick: machine_go() returns END_NONE before the next turn. */
void machine_yield(struct machine *machine);

/* The smallest step: an instruction of a Cortex-M, a basic block of a RISC-V hart; or, if all harts
 * wait, up to the next event. As a pause, it makes no difference to what follows. */
enum machine_end machine_step(struct machine *machine, machine_tick_fn tick, void *opaque,
                              struct error *err);

/* SIGINT and SIGTERM end the run with END_INTERRUPT, from the first call to the second. */
struct machine_signals {
    struct sigaction old_int, old_term;
};
void machine_catch_signals(struct machine_signals *signals);
void machine_release_signals(const struct machine_signals *signals);
bool machine_interrupted(void);

/* The run is over, whatever machine_go() said: what is to be settled and saved at its end. Returns
 * machine->end. */
enum machine_end machine_finish(struct machine *machine, struct error *err);

/* All of the above; SIGINT and SIGTERM end the run. */
enum machine_end machine_run(struct machine *machine, machine_tick_fn tick, void *opaque,
                             struct error *err);

/* For use within listeners: what machine_insns() was when the block that now runs began, so that
 * machine_go() to there stops before it. Between turns, an earlier block. */
uint64_t machine_position(const struct machine *machine);

/* As at power-on: devices, and whatever they and the core wait for. The hart is reset by itself. */
void machine_reset_devices(struct machine *machine);

/* The guest prints a byte on its console. */
void machine_output(struct machine *machine, uint8_t byte);

/* Is there input that the guest has not taken yet? */
bool machine_has_input(const struct machine *machine);
size_t machine_take_input(struct machine *machine, uint8_t *bytes, size_t size);

/* Instructions executed by all harts. */
uint64_t machine_insns(const struct machine *machine);

/* Registers of each hart and a symbolised backtrace, as text; malloc'ed. */
char *machine_describe(struct machine *machine);

#endif
