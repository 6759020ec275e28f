/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts and supplies, each with where its values are from. */
#include <string.h>

#include "power/energy.h"
#include "power/supply.h"

/* ---- Supplies ------------------------------------------------------------------------------ */

static const struct supply_preset supplies[] = {
    {
        .name = "fused",
        .source = "Fused (github.com/UoS-EEC/fused), config/config.yaml.in: capacitor 4.7 uF, "
                  "SVSVon 3.5 V, PMMOff 1.8 V, VMAX 3.6 V, ExtIcc 25 uA",
        .assumed = "the supervisor only says when to start; the core runs down to 1.8 V",
        .config = {.farads = 4.7e-6,
                   .on_volts = 3.5,
                   .off_volts = 1.8,
                   .max_volts = 3.6,
                   .input = SUPPLY_CONVERTER,
                   .input_efficiency = 1,
                   .output_efficiency = 1,
                   .leak_amps = 25e-6},
    },
    {
        .name = "shepherd-diode",
        .source = "Shepherd (shepherd_core, virtual_source_fixture.yaml), diode+capacitor: 10 uF, "
                  "2.8 / 2.2 V, 0.3 V drop",
        .config = {.farads = 10e-6,
                   .on_volts = 2.8,
                   .off_volts = 2.2,
                   .input = SUPPLY_DIODE,
                   .diode_volts = 0.3,
                   .input_efficiency = 1,
                   .output_efficiency = 1},
    },
    {
        .name = "shepherd-bq25504",
        .source = "Shepherd, BQ25504: 22 uF, 2.6 / 2.3 V, checked each 64 ms, 330 nA leakage",
        .assumed = "boost converter's efficiency 0.8 (a table of 0.0 to 0.9 there); brown-out at "
                   "1.8 V",
        .config = {.farads = 22e-6,
                   .on_volts = 2.6,
                   .off_volts = 2.3,
                   .brownout_volts = 1.8,
                   .check_ns = 64000000,
                   .input = SUPPLY_CONVERTER,
                   .input_efficiency = 0.8,
                   .output_efficiency = 1,
                   .leak_amps = 330e-9},
    },
    {
        .name = "shepherd-bq25570",
        .source = "Shepherd, BQ25570: 33 uF, 3.0 / 2.4 V, 2.2 V output, converter 0.93 at best, "
                  "input up to 5.1 V",
        .assumed = "boost converter's efficiency 0.8, buck converter's 0.9; leakage and check "
                   "interval as BQ25504's, which it inherits",
        .config = {.farads = 33e-6,
                   .on_volts = 3.0,
                   .off_volts = 2.4,
                   .max_volts = 5.1,
                   .brownout_volts = 2.2,
                   .check_ns = 64000000,
                   .input = SUPPLY_CONVERTER,
                   .input_efficiency = 0.8,
                   .output_efficiency = 0.9,
                   .leak_amps = 330e-9},
    },
    {
        .name = "fr5994-launchpad",
        .source = "BAO: 11.5 uF and 30,992 nJ in a full charge; MSP430FR5994 datasheet (TI "
                  "SLASE54): 1.8 V to 3.6 V",
        .assumed = "on at the voltage from which 30,992 nJ lead down to 1.8 V, which is 2.94 V",
        .config = {.farads = 11.5e-6,
                   .on_volts = 2.9377,
                   .off_volts = 1.8,
                   .max_volts = 3.6,
                   .input = SUPPLY_CONVERTER,
                   .input_efficiency = 1,
                   .output_efficiency = 1},
    },
};

const struct supply_preset *supply_preset_at(size_t index)
{
    return index < sizeof supplies / sizeof supplies[0] ? &supplies[index] : NULL;
}

const struct supply_preset *supply_preset(const char *name)
{
    for (size_t i = 0; i < sizeof supplies / sizeof supplies[0]; i++)
        if (strcmp(supplies[i].name, name) == 0)
            return &supplies[i];
    return NULL;
}

/* ---- Parts --------------------------------------------------------------------------------- */

static const struct energy_preset parts[] = {
    {
        .name = "msp430fr5994-like",
        .source = "MSP430FR5994 datasheet (TI SLASE54): LPM3 500 nA, 16 MHz, FRAM 125 ns an "
                  "access, one wait state above 8 MHz; Fused (github.com/UoS-EEC/fused), "
                  "config/config.yaml.in, fitted to a LaunchPad: 0.2013 nJ an idle cycle, SRAM "
                  "0.1981 nJ an access, FRAM cache miss 0.6347 nJ, cache hit 0.2116 nJ, write "
                  "0.6823 nJ",
        .assumed = "sleep at 3.0 V; instructions are fetched from FRAM through a cache that hits "
                   "in three of four, hence 0.3174 nJ and no wait state for 4 bytes",
        .hz = 16000000,
        .cycle_fj = 201281,
        .sleep_nw = 1500,
        .regions = {{"sram", {{0, 198117}, {0, 198117}, {0, 198117}}},
                    {"nvm", {{1, 634670}, {1, 682317}, {0, 317361}}}},
    },
    {
        .name = "apollo4-like",
        .source = "96 MHz as in INTOS (OSDI 2024); MRAM 0.3 pJ a bit read and 6 pJ a bit "
                  "written, SRAM 0.33 pJ a bit: Liu et al., Ambient Energy Harvesting "
                  "Nonvolatile Processors, DAC 2015, as Fused uses them",
        .assumed = "everything that is specific to the part, as no public figures for its energy "
                   "per access were found: 4 uA/MHz at 1.8 V awake, 5 uW asleep, wait states",
        .hz = 96000000,
        .cycle_fj = 7200,
        .sleep_nw = 5000,
        .regions = {{"tcm", {{0, 5250}, {0, 5250}, {0, 5250}}},
                    {"sram", {{1, 10560}, {1, 10560}, {1, 10560}}},
                    {"nvm", {{2, 9600}, {4, 192000}, {0, 9600}}}},
    },
    {
        .name = "cortex-m0-fused",
        .source = "Fused (github.com/UoS-EEC/fused), config/config.yaml.in, Cm0TestBoard: 8 MHz, "
                  "SRAM 0.4 nJ, NVM 0.8 nJ read, 4.0 nJ written",
        .assumed = "a cycle costs nothing beyond its accesses, and sleep nothing, as there",
        .hz = 8000000,
        .regions = {{"sram", {{0, 400000}, {0, 400000}, {0, 400000}}},
                    {"nvm", {{0, 800000}, {0, 4000000}, {0, 800000}}}},
    },
};

const struct energy_preset *energy_preset_at(size_t index)
{
    return index < sizeof parts / sizeof parts[0] ? &parts[index] : NULL;
}

const struct energy_preset *energy_preset(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

const struct energy_costs *energy_preset_costs(const struct energy_preset *preset, const char *role)
{
    for (size_t i = 0; i < ENERGY_PRESET_ROLES && preset->regions[i].role; i++)
        if (strcmp(preset->regions[i].role, role) == 0)
            return &preset->regions[i].costs;
    return NULL;
}
