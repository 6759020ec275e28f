/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_POLICY_H
#define IASO_POWER_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a config says about power: section `power`, plain data with every default filled in. Strings
 * belong to the config. Durations are in nanoseconds of virtual time, see sim/units.h for the other
 * units; "given" says whether the key is there.
 */
#define POWER_MAX_RANGES   32
#define POWER_MAX_CUTS     64
#define POWER_MAX_SECTIONS 16
#define POWER_MAX_COUNTERS 32
#define POWER_MAX_PATTERNS 32
#define POWER_MAX_REGIONS  16

/* A range of non-volatile memory: exactly one of section, symbol and region is not NULL, or `size`
 * is not 0. */
struct policy_nvm {
    const char *section, *symbol, *region;
    uint64_t base, size;
    const char *file; /* its contents before the run; NULL: as loaded */
    bool save;        /* and afterwards */
};

struct policy_cut {
    struct {
        uint64_t insn, time_ns, nvm_write;
        bool has_insn, has_time, has_nvm_write;
        const char *symbol;
        uint64_t offset, nth;
    } at;
    bool has_at;
    uint64_t every_ns; /* 0: not periodic */
    enum policy_random {
        POLICY_NOT_RANDOM,
        POLICY_EXPONENTIAL,
        POLICY_UNIFORM,
    } random;
    uint64_t mean_ns, min_ns, max_ns;
    const char *list; /* file; NULL: none */
    int list_unit;    /* enum list_unit of numbers without a unit */
    bool repeat;
    uint64_t count; /* cuts at most, 0: no limit */
    uint64_t life;  /* `at` counts from the start of this life; 0: of the run */
    bool each_life; /* `at` counts from the start of each life */
    bool torn;
    unsigned units; /* of a torn store, which are new; as nvm.torn says without has_units */
    bool has_units;
    int dirty; /* enum nvm_dirty; as nvm.cache.dirty says without has_dirty */
    uint64_t dirty_seed;
    bool has_dirty;
    uint64_t off_ns;
    bool has_off;
};

struct policy_patterns {
    const char *names[POWER_MAX_PATTERNS]; /* functions; "*" at the end stands for any ending */
    size_t count;
};

struct power_policy {
    bool enabled;
    uint64_t seed;
    uint64_t off_ns;                          /* how long power stays off where nothing else says */
    uint64_t max_lives;                       /* the run fails after so many; 0: no limit */
    uint64_t stuck_lives;                     /* and after so many without progress; 0: never */
    const char *progress[POWER_MAX_PATTERNS]; /* functions whose execution is progress */
    size_t progress_count;
    const char *recovered; /* function that the guest executes when it has recovered; NULL: none */

    struct {
        struct policy_nvm ranges[POWER_MAX_RANGES];
        size_t range_count;
        unsigned atomic; /* bytes */
        int torn;        /* enum nvm_torn */
        unsigned wear_line;
        struct {
            unsigned lines, ways, line; /* lines 0: no cache; ways 0: fully associative */
            int dirty;                  /* enum nvm_dirty */
            const char *flush;          /* a function at whose entry dirty lines are written */
        } cache;
    } nvm;

    const char *cuts_from; /* function; no cut before its first execution. NULL: at any time */
    struct policy_cut cuts[POWER_MAX_CUTS];
    size_t cut_count;

    struct {
        bool enabled;       /* there is a section `supply` */
        const char *preset; /* NULL: none */
        const char *trace;  /* file */
        int format;         /* enum trace_format */
        bool once, linear;
        uint64_t harvest_pw; /* a constant instead of a trace */
        uint64_t load_mohm;  /* TRACE_VOLTAGE: the resistance */
        unsigned scale;      /* per cent of the trace's power */
        uint64_t picofarads, on_uv, off_uv, start_uv, max_uv, brownout_uv, leak_pa, diode_uv;
        bool has_capacitor, has_on, has_off, has_start, has_max, has_brownout, has_leak, has_diode;
        int input; /* enum supply_input */
        bool has_input;
        unsigned input_percent, output_percent;
        bool has_input_percent, has_output_percent;
        uint64_t limit_ns; /* waiting longer for the on-voltage is hopeless */
    } supply;

    struct {
        bool enabled;       /* there is a section `energy` */
        const char *preset; /* NULL: none */
        uint64_t cycle_fj, sleep_pw;
        bool has_cycle, has_sleep;
        struct policy_region {
            const char *name; /* of the memory region */
            const char *role; /* of the preset; NULL: the values below */
            bool open;        /* counted as a whole, at full speed */
            uint64_t read_fj, write_fj, fetch_fj;
            unsigned read_ticks, write_ticks, fetch_ticks; /* wait states */
        } regions[POWER_MAX_REGIONS];
        size_t region_count;
        struct policy_patterns logging, recovery; /* functions whose energy is for that */
    } energy;

    /* How lives after the first begin; without any of it, like the first. */
    struct {
        const char *zero[POWER_MAX_SECTIONS], *reload[POWER_MAX_SECTIONS];
        size_t zero_count, reload_count;
        const char *entry; /* function; NULL: the reset vector */
        const char *sp;    /* symbol; NULL: the vector table's */
    } later;

    /* Events in the guest that are counted. */
    struct policy_counter {
        const char *name;
        const char *symbol;
        const char *sum; /* a register whose value is added up; NULL: none */
    } counters[POWER_MAX_COUNTERS];
    size_t counter_count;
};

#endif
