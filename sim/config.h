/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CONFIG_H
#define IASO_SIM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/framebuffer.h"
#include "mem/error.h"
#include "mem/memory.h"
#include "power/policy.h"
#include "recovery/policy.h"

#define CONFIG_MAX_REGIONS   32
#define CONFIG_MAX_LOADS     32
#define CONFIG_MAX_DEVICES   32
#define CONFIG_MAX_SCRIPT    256
#define CONFIG_MAX_HARTS     8
#define CONFIG_MAX_REGISTERS 32
#define CONFIG_MAX_EXPECT    32
#define CONFIG_MAX_DEPTH     3
#define CAMPAIGN_MAX_TEXTS   8

/* Each fault of a campaign strikes once with recovery and once without. */
enum campaign_mode {
    CAMPAIGN_ON,
    CAMPAIGN_OFF,
    CAMPAIGN_MODES,
};

/*
 * A run, as the user described it: the JSON file after validation, with every default filled in and
 * every size and time in its base unit. Plain data; strings belong to the config and live as long
 * as it does. File names are as in the JSON file, relative to the current directory.
 */
struct config {
    const char *path;      /* of the JSON file, for messages */
    const char *effective; /* the JSON text, with all that it starts from and --set merged in */

    struct {
        const char *board; /* "virt", one of configs/boards, or a file */
        enum cpu_kind {
            CPU_RV64GC,
            CPU_CORTEX_M3,
            CPU_CORTEX_M4,
        } cpu;
        unsigned harts; /* 1 to CONFIG_MAX_HARTS */
        uint64_t mips;  /* RV64GC: virtual million instructions per second and hart, 1 to 100000 */

        /* Cortex-M only */
        uint64_t clock_hz;      /* core cycles per second of virtual time */
        uint64_t reference_hz;  /* SysTick's reference clock; 0: none */
        unsigned lines;         /* external interrupts */
        unsigned priority_bits; /* implemented */
        uint64_t vectors;       /* address of the vector table at reset */
        bool cycles;            /* time is cycles; false: an instruction takes one */

        uint64_t quantum; /* instructions per turn with several harts */
        uint64_t seed;    /* of everything random that the guest can see */
    } machine;

    struct config_region {
        const char *name;
        uint64_t base, size; /* bytes */
        enum region_kind kind;
        bool nonvolatile;         /* keeps its contents in a power cut: of ROM as well */
        uint64_t fill;            /* 32 bits that it is filled with before images are loaded */
    } memory[CONFIG_MAX_REGIONS]; /* sorted by base, not overlapping */
    size_t memory_count;

    struct config_load {
        enum load_kind {
            LOAD_FIRMWARE, /* runs first, in M-mode; "opensbi" names the packaged one */
            LOAD_KERNEL,
            LOAD_INITRD,
            LOAD_RAW,
        } kind;
        const char *file;
        bool has_address;
        uint64_t address;
    } load[CONFIG_MAX_LOADS];
    size_t load_count;

    const char *bootargs;   /* "" if none */
    const char *system_map; /* NULL if none */

    struct config_device {
        const char *name; /* the key, such as "disk0" */
        enum device_kind {
            DEVICE_VIRTIO_BLK,
            DEVICE_VIRTIO_RNG,
            DEVICE_PL011,
            DEVICE_STELLARIS_GPTM,
            DEVICE_STELLARIS_SYSCTL,
            DEVICE_CMSDK_UART,
            DEVICE_CMSDK_TIMER,
            DEVICE_CMSDK_DUALTIMER,
            DEVICE_MPS2_SCC,
            DEVICE_MPS2_FPGAIO,
            DEVICE_REGISTERS,
            DEVICE_BITBAND,
            DEVICE_FRAMEBUFFER, /* on any board */
        } kind;
        const char *file; /* virtio-blk */
        bool read_only;   /* virtio-blk */
        bool overlay;     /* virtio-blk: writes stay in memory; default true */
        bool legacy;      /* virtio-mmio version 1 instead of 2 */

        /* Microcontrollers' devices */
        bool has_base;
        uint64_t base, size; /* guest-physical; size 0: the type says */
        struct config_irq {
            bool connected;
            unsigned line;
        } irq, irq_b, irq_receive, irq_transmit, irq_overrun;
        bool console; /* a UART that is the console */
        int variant;  /* enum pl011_variant */
        uint64_t id;  /* mps2-scc */
        uint64_t of;  /* bitband: what it is an alias of */
        struct config_register {
            uint64_t at, reset, ones, fixed, mirrors; /* see devices/registers.h */
            bool has_mirrors;
        } registers[CONFIG_MAX_REGISTERS];
        size_t register_count;

        struct framebuffer screen; /* simple-framebuffer */
    } devices[CONFIG_MAX_DEVICES];
    size_t device_count;

    struct {
        uint64_t max_insns;   /* 0: no limit */
        uint64_t stuck_insns; /* end the run after so many without progress; 0: never */
        enum run_until {
            UNTIL_POWEROFF,
            UNTIL_CONSOLE, /* until the console has shown expect.console */
        } until;
        struct config_step {
            const char *expect;  /* NULL: go on at once */
            const char *send;    /* NULL: only wait */
            uint64_t timeout_ns; /* virtual; 0: no limit */
        } script[CONFIG_MAX_SCRIPT];
        size_t script_count;
        enum page_mode { /* how the guest's RAM is mapped; for tests and benchmarks */
            PAGES_OPEN,
            PAGES_ARMED,   /* all pages armed at each trap */
            PAGES_PRECISE, /* all pages precise */
            PAGES_HOOKED,  /* open, with the engine's per-access hooks */
        } pages;
    } run;

    struct {
        const char *console; /* text that must appear; NULL: anything */
        bool has_exit;
        unsigned exit;           /* the guest's exit code, default 0 */
        struct config_memory {   /* what memory must hold at the end */
            const char *symbol;  /* NULL: at `base` */
            uint64_t base, size; /* size 0: the symbol's */
            uint64_t value;
            bool has_value;
            const char *bytes; /* hexadecimal; NULL: not this */
            bool uncut;        /* as in the run without power cuts, which `iaso sweep` knows */
        } memory[CONFIG_MAX_EXPECT];
        size_t memory_count;
    } expect;

    struct recovery_policy recovery;
    struct inject_policy inject;
    struct campaign_policy {
        uint64_t faults;   /* how many */
        unsigned kinds;    /* 1 << (enum inject_kind - 1) */
        uint64_t seed;     /* of the draw */
        const char *from;  /* console text from which on faults fall; NULL: from the start */
        const char *until; /* console text from which on none fall; NULL: to the end */
        /* Console texts: a program says that it failed; a check says that data are wrong. */
        const char *failed[CAMPAIGN_MAX_TEXTS], *wrong[CAMPAIGN_MAX_TEXTS];
        size_t failed_count, wrong_count;
        uint64_t hang;  /* a run that executes so many times as much as without the fault hangs */
        unsigned modes; /* 1 << enum campaign_mode */
    } campaign;
    struct power_policy power;

    /* Which crash states `iaso sweep` explores. */
    struct {
        unsigned depth;               /* cuts in a run, at most */
        uint64_t every;               /* of the writes in the window: each nth */
        uint64_t sample, seed;        /* so many of them, by chance; 0: all */
        const char *from, *until;     /* functions; NULL: from the start, to the end */
        uint64_t after_ns, before_ns; /* 0: to the end */
        uint64_t children;            /* cuts that are made in each later life */
        unsigned subsets;             /* of dirty lines that are kept, beside none and all */
        bool torn;
        unsigned patience; /* runs longer than so many times the uncut one have failed */
    } sweep;

    struct {              /* of `--display` */
        const char *font; /* file; NULL: one that is installed */
        enum display_fault {
            DISPLAY_BUG,
            DISPLAY_NULL,
            DISPLAY_SKIP,
            DISPLAY_HANG,
        } fault;      /* what its key F does */
        double speed; /* virtual time by real time at the start; 0: as fast as it goes */
        bool paused;  /* at the start */
    } display;

    struct {
        const char *dir; /* NULL: no reports; else there is a directory of that name, or nothing */
        uint64_t trace_events; /* that its trace may have */
    } report;

    void *storage; /* owns the strings */
};

/*
 * Reads, overrides and validates. `overrides` are "path=value" strings as given to --set, applied
 * in order; the value is JSON, or plain text if it does not parse as JSON or if the key wants some
 * text and the JSON is no string (bootargs=1). On failure *config
 * is empty and err holds one line: file, JSON path, what was expected, what was found, and the
 * nearest known key for a typo. Nothing of the machine is built.
 */
int config_load(struct config *config, const char *path, const char *const *overrides,
                size_t override_count, struct error *err);
void config_free(struct config *config);

/* The device in a virtio-mmio slot of board virt, in the config's order; NULL: none. */
const struct config_device *config_virtio(const struct config *config, unsigned slot);

/* A JSON Schema (draft 2020-12) of the table that config_load() validates with; malloc'ed. */
char *config_schema(void);

#endif
